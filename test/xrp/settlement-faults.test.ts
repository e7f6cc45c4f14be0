/**
 * What goes wrong while money moves between the two ledgers, at each step: nothing is paid or credited twice, nothing is
 * lost, and the two ledgers agree to the drop. Faults are ordered of the simulator.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import type { XrpLedgerFaults } from 'sluice/testing/xrp'
import { type LedgerStore, MemoryStore } from 'sluice/store'
import { type Dial, dialServer, readDeposit, type ValidatedTransaction } from 'sluice/xrp'
import { decode } from 'xrpl'
import { Bank, type BankOptions, type Customer } from './settlement-stage.js'
import { apiVersion, Stage, XRP } from './stage.js'

let stage: Stage
const banks: Bank[] = []

before(async () => {
  stage = await Stage.open({ simulated: true })
})
after(() => stage.end())
afterEach(async () => {
  for (const name of ['onRequest', 'onEvents', 'withhold'] as const) delete faults()[name]
  stage.sim?.setLoad({ server: 1, openLedger: 1 })
  for (const bank of banks.splice(0)) await bank.end()
})

function faults(): XrpLedgerFaults {
  assert.ok(stage.sim)
  return stage.sim.faults
}

async function openBank(options?: BankOptions, store?: LedgerStore): Promise<Bank> {
  const bank = await Bank.open(stage, options, store)
  banks.push(bank)
  return bank
}

/** A bank with a customer who has 5 XRP there. */
async function prepaid(store?: LedgerStore): Promise<[Bank, Customer]> {
  const bank = await openBank({}, store)
  const alice = await bank.customer('alice')
  await stage.settled(alice.settler.deposit(5n * XRP))
  return [bank, alice]
}

function twoXrp(alice: Customer) {
  return { account: 'alice', id: randomBytes(16), units: 2n * XRP, to: alice.address, tag: undefined }
}

/** Alice has her two XRP on exactly one of the two ledgers; every drop that the host spent is a fee of 10. */
async function agree(bank: Bank, alice: Customer): Promise<'paid' | 'not paid'> {
  const payments = BigInt(bank.hosted.ledger.account('alice')?.balance ?? 0n) === 3n * XRP ? 1n : 0n
  assert.equal(bank.balance('alice'), payments === 1n ? 3n * XRP : 5n * XRP)
  assert.equal(await stage.balance(alice.address), 95n * XRP - 10n + payments * 2n * XRP)
  await bank.agrees({ fees: 10n * (await bank.transactions()) })
  return payments === 1n ? 'paid' : 'not paid'
}

/** A store whose owner dies at one of its commits: before that is durable, or after. */
class MortalStore implements LedgerStore {
  readonly #inner = new MemoryStore({ warn: () => undefined })
  /** Commits that are left; then it dies. */
  left = Infinity
  diesAfter = false

  readonly open = async () => this.#inner.open()
  readonly snapshot = async (...args: Parameters<LedgerStore['snapshot']>) => this.#inner.snapshot(...args)
  readonly drop = async (...args: Parameters<LedgerStore['drop']>) => this.#inner.drop(...args)
  readonly close = async () => this.#inner.close()

  async append(...args: Parameters<LedgerStore['append']>): Promise<void> {
    if (this.left <= 0) throw new Error('dead')
    this.left -= 1
    if (this.left > 0 || this.diesAfter) await this.#inner.append(...args)
    if (this.left <= 0) throw new Error('dies')
  }
}

describe('a host that is killed', () => {
  for (const diesAfter of [false, true]) {
    it(`at any commit of a withdrawal, ${diesAfter ? 'after' : 'before'} it is durable, pays once or not at all`, async () => {
      const ends = new Set<string>()
      for (let commits = 1; commits <= 6; commits++) {
        const store = new MortalStore()
        const [bank, alice] = await prepaid(store)
        store.diesAfter = diesAfter
        store.left = commits
        const request = twoXrp(alice)
        void bank.settlement.payOut(request).catch(() => undefined)
        for (let ledger = 0; ledger < 4; ledger++) {
          await stage.pause()
          await stage.close()
        }
        store.left = Infinity
        await bank.restart()
        await stage.until(() => bank.settlement.payout('alice', request.id)?.state !== 'paying')
        ends.add(await agree(bank, alice))
      }
      assert.deepEqual([...ends].toSorted(), diesAfter ? ['paid'] : ['not paid', 'paid'])
    })

    it(`at any commit of a deposit, ${diesAfter ? 'after' : 'before'} it is durable, credits it once`, async () => {
      for (let commits = 1; commits <= 3; commits++) {
        const store = new MortalStore()
        const [bank, alice] = await prepaid(store)
        const { address, tag } = await alice.settler.terms()
        store.diesAfter = diesAfter
        store.left = commits
        const payment = { TransactionType: 'Payment', Destination: address, DestinationTag: tag, Amount: '1000000' }
        for (let count = 0; count < 3; count++) {
          await stage.transact(alice.secret, payment)
          await stage.pause()
        }
        store.left = Infinity
        await bank.restart()
        assert.equal(bank.balance('alice'), 8n * XRP)
        await bank.agrees()
      }
    })
  }

  it('between debit and payment, and starts long after, has not paid, and puts it back', async () => {
    const [bank, alice] = await prepaid()
    faults().onRequest = ({ command }) => (command === 'submit' ? 'ignore' : 'answer')
    const request = twoXrp(alice)
    assert.equal((await bank.settlement.payOut(request)).state, 'paying')
    await bank.stop()
    delete faults().onRequest
    for (let ledger = 0; ledger < 30; ledger++) await stage.close()
    await bank.restart()
    // The signed payment may be in no ledger any more: it is known not to be, and the units are back.
    await stage.until(() => bank.settlement.payout('alice', request.id)?.state === 'returned')
    assert.equal(await agree(bank, alice), 'not paid')
  })

  it('after the ledger took the payment and before it heard of it, does not pay again', async () => {
    const [bank, alice] = await prepaid()
    const request = twoXrp(alice)
    faults().onEvents = () => []
    await bank.settlement.payOut(request)
    await stage.pause()
    await stage.close()
    assert.equal(bank.settlement.payout('alice', request.id)?.state, 'paying')
    await bank.stop()
    delete faults().onEvents
    for (let ledger = 0; ledger < 30; ledger++) await stage.close()
    await bank.restart()
    assert.equal(bank.settlement.payout('alice', request.id)?.state, 'paid')
    assert.equal(await agree(bank, alice), 'paid')
  })
})

describe('connections that are cut', () => {
  for (const fate of ['cut-before', 'cut-after'] as const) {
    it(`${fate} any request of a withdrawal: it is paid once, or comes back`, async () => {
      for (let cutAt = 1; cutAt <= 4; cutAt++) {
        const [bank, alice] = await prepaid()
        let count = 0
        faults().onRequest = ({ command, account, tx_blob: blob }) => {
          const ours =
            account === bank.address || (blob !== undefined && decode(String(blob))['Account'] === bank.address)
          if (!ours || command === 'ledger_accept') return 'answer'
          count += 1
          return count === cutAt ? fate : 'answer'
        }
        const request = twoXrp(alice)
        await bank.settlement.payOut(request)
        await stage.until(() => bank.settlement.payout('alice', request.id)?.state !== 'paying')
        delete faults().onRequest
        await agree(bank, alice)
      }
    })
  }

  it('an answer that is lost, and a server that then finds it too cheap, do not undo a payment that the ledger takes', async () => {
    const [bank, alice] = await prepaid()
    let submissions = 0
    faults().onRequest = ({ command }) => {
      if (command !== 'submit') return 'answer'
      submissions += 1
      return submissions === 1 ? 'cut-after' : 'answer'
    }
    const request = twoXrp(alice)
    await bank.settlement.payOut(request)
    while (submissions < 1) await stage.pause()
    stage.sim?.setLoad({ server: 1_000_000 })
    // The host comes back and submits the same blob, which is too cheap now; then a ledger takes the first one.
    while (submissions < 2) await stage.pause()
    for (let turn = 0; turn < 5; turn++) await stage.pause()
    assert.equal(bank.settlement.payout('alice', request.id)?.state, 'paying')
    await stage.until(() => bank.settlement.payout('alice', request.id)?.state !== 'paying')
    assert.equal(await agree(bank, alice), 'paid')
  })
})

describe('a payment that never gets into a ledger', () => {
  it('of the host: the units come back, once', async () => {
    const [bank, alice] = await prepaid()
    faults().withhold = ({ Account }) => Account === bank.address
    await assert.rejects(stage.settled(alice.settler.withdraw(2n * XRP)), {
      code: 'SETTLEMENT_RETURNED',
      message: /XRP_NOT_VALIDATED/,
    })
    assert.equal(await agree(bank, alice), 'not paid')
    delete faults().withhold
    assert.equal((await stage.settled(alice.settler.withdraw(2n * XRP))).balance, 3n * XRP)
    await bank.restart()
    assert.equal(await agree(bank, alice), 'paid')
  })

  it('of the holder: nothing was paid, and it is told so', async () => {
    const [bank, alice] = await prepaid()
    faults().withhold = ({ Account }) => Account === alice.address
    await assert.rejects(stage.settled(alice.settler.deposit(1n * XRP)), { code: 'SETTLEMENT_PAYMENT' })
    assert.equal(await agree(bank, alice), 'not paid')
  })
})

describe('a validated payment without success', () => {
  it('puts the units back, and costs the host the fee', async () => {
    const [bank, alice] = await prepaid()
    const strict = await bank.customer('bob')
    const request = { ...twoXrp(alice), to: strict.address }
    // The receiver asks for a tag between the host's question and its payment.
    faults().withhold = ({ Account }) => Account === bank.address
    await bank.settlement.payOut(request)
    await stage.pause()
    await stage.transact(strict.secret, { TransactionType: 'AccountSet', SetFlag: 1 })
    delete faults().withhold
    await stage.until(() => bank.settlement.payout('alice', request.id)?.state === 'returned')
    assert.match(bank.settlement.payout('alice', request.id)?.why ?? '', /tecDST_TAG_NEEDED/)
    assert.equal(bank.balance('alice'), 5n * XRP)
    assert.equal(await bank.transactions(), 1n)
    await bank.agrees({ fees: 10n })
  })
})

describe('what the server tells', () => {
  it('twice and in another order is credited once', async () => {
    faults().onEvents = (events) => [...events, ...events].toReversed()
    const [bank, alice] = await prepaid()
    await stage.settled(alice.settler.withdraw(2n * XRP))
    assert.equal(await agree(bank, alice), 'paid')
  })

  it('not at all is read when it is asked again', async () => {
    const [bank, alice] = await prepaid()
    const { address, tag } = await alice.settler.terms()
    faults().onEvents = () => []
    const payment = { TransactionType: 'Payment', Destination: address, DestinationTag: tag, Amount: '1000000' }
    await stage.transact(alice.secret, payment)
    await stage.transact(alice.secret, payment)
    delete faults().onEvents
    await stage.until(() => bank.balance('alice') === 7n * XRP)
    await bank.agrees()
  })

  it('of a partial payment counts by what was delivered', async () => {
    const bank = await openBank({ settlement: { dial: claimingMore } })
    const mallory = await bank.customer('mallory')
    const { address, tag } = await mallory.settler.terms()
    const payment = { TransactionType: 'Payment', Destination: address, DestinationTag: tag, Amount: '7' }
    await stage.transact(mallory.secret, payment)
    await stage.until(() => bank.balance('mallory') !== 0n)
    assert.equal(bank.balance('mallory'), 7n)
    await bank.agrees()
  })
})

describe('what counts as a deposit', () => {
  const address = 'rPMh7Pi9ct699iZUTWaytJUoHcJ7cgyziK'
  const payment: ValidatedTransaction = {
    hash: 'A'.repeat(64),
    ledgerIndex: 7,
    result: 'tesSUCCESS',
    type: 'Payment',
    account: 'rrrrrrrrrrrrrrrrrrrrBZbvji',
    sequence: 1,
    fields: { Destination: address, DestinationTag: 5, Amount: '1000000000', Flags: 0x2_0000 },
    nodes: [],
    delivered: 1n,
  }

  it('is what arrived, by a success, here', () => {
    assert.equal(readDeposit(payment, address)?.drops, 1n)
    assert.equal(readDeposit({ ...payment, delivered: undefined }, address), undefined)
    assert.equal(readDeposit({ ...payment, delivered: 0n }, address), undefined)
    assert.equal(readDeposit({ ...payment, result: 'tecPATH_PARTIAL' }, address), undefined)
    assert.equal(readDeposit(payment, payment.account), undefined)
    assert.equal(readDeposit({ ...payment, type: 'CheckCash' }, address), undefined)
  })
})

/** A server that puts a big `Amount` where a little was delivered, as it is with partial payments. */
const claimingMore: Dial = () => {
  const connection = dialServer({ server: stage.url, apiVersion })()
  const request = connection.request.bind(connection)
  connection.request = async (command) => {
    const answer = await request(command)
    if (command['command'] !== 'account_tx') return answer
    return JSON.parse(
      JSON.stringify(answer).replaceAll(/"(Amount|DeliverMax)":"7"/g, '"$1":"7000000000"'),
    ) as typeof answer
  }
  return connection
}
