/**
 * What goes wrong between a plugin and its ledger, at each step: every promise settles, every transfer ends as
 * documented, and the books are the ledger's. Faults are ordered of the simulator.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Transfer } from 'sluice/plugin'
import { LEDGERS_MAX, type XrpLedgerFaults } from 'sluice/testing/xrp'
import { decode } from 'xrpl'
import { type Party, payment, soon, Stage, XRP } from './stage.js'

let stage: Stage

before(async () => {
  stage = await Stage.open({ simulated: true })
})
after(() => stage.end())
afterEach(() => {
  for (const name of ['onRequest', 'onEvents', 'withhold'] as const) delete faults()[name]
})

/** Ledgers close here faster than a plugin connects again. */
const patient = { limits: { validationLedgersMax: 1000 } }

/** Counts the transactions that reach the server. */
let submitted = 0

function faults(): XrpLedgerFaults {
  assert.ok(stage.sim)
  return stage.sim.faults
}

/** The account that a request is about, or whose transaction it submits. */
function senderOf(request: Readonly<Record<string, unknown>>): unknown {
  return request['command'] === 'submit' ? decode(String(request['tx_blob']))['Account'] : request['account']
}

function countSubmitted(): void {
  submitted = 0
  faults().onRequest = (request) => {
    if (request['command'] === 'submit') submitted += 1
    return 'answer'
  }
}

/** Pays once, whatever it takes; gives the two parties. */
async function pay(alice: Party, bob: Party): Promise<void> {
  const { transfer, fulfillment } = await payment(stage, bob)
  bob.plugin.once('incoming_prepare', ({ id }: Transfer) => {
    bob.plugin.fulfillCondition(id, fulfillment).catch(() => undefined)
  })
  await stage.settled(alice.plugin.sendTransfer(transfer))
  await alice.next('outgoing_fulfill')
  await bob.next('incoming_fulfill')
}

/** The ledger has moved one payment of 1000 drops, and charged for one escrow and its finish. */
async function paidOnce(alice: Party, bob: Party): Promise<void> {
  assert.equal(await stage.balance(alice.address), 100n * XRP - 1010n)
  assert.equal(await stage.balance(bob.address), 100n * XRP + 650n)
  assert.equal(await stage.escrows(alice.address), 0)
}

describe('a connection that is cut', () => {
  for (const fate of ['cut-before', 'cut-after'] as const) {
    for (const command of ['submit', 'account_tx'] as const) {
      for (const nth of [1, 2]) {
        it(`${fate} at ${command} ${nth} costs nothing but time`, async () => {
          const [alice, bob] = [await stage.party(patient), await stage.party(patient)]
          let seen = 0
          faults().onRequest = (request) => {
            if (request['command'] !== command) return 'answer'
            seen += 1
            return seen === nth ? fate : 'answer'
          }
          await pay(alice, bob)
          assert.ok(seen >= nth)
          await paidOnce(alice, bob)
        })
      }
    }
  }

  it('again and again leaves both sides with one payment', async () => {
    const [alice, bob] = [await stage.party(patient), await stage.party(patient)]
    const cutting = setInterval(() => stage.sim?.dropConnections(), 400)
    try {
      await pay(alice, bob)
    } finally {
      clearInterval(cutting)
    }
    await stage.reconnect()
    await paidOnce(alice, bob)
  })
})

describe('stream messages', () => {
  it('twice, late and in another order change nothing', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    let former: readonly Record<string, unknown>[] = []
    faults().onEvents = (events) => {
      const told = [...events.toReversed(), ...events, ...former]
      former = events
      return told
    }
    await pay(alice, bob)
    await paidOnce(alice, bob)
    assert.equal(bob.events.filter(([name]) => name === 'incoming_prepare').length, 1)
    assert.equal(alice.events.filter(([name]) => name === 'outgoing_fulfill').length, 1)
  })

  it('that tell of no transaction are enough', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    faults().onEvents = (events) => events.filter((event) => event['type'] === 'ledgerClosed')
    await pay(alice, bob)
    await paidOnce(alice, bob)
  })
})

describe('a plugin that ends and starts again', () => {
  it('as payer, before its escrow is in a ledger', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    const { transfer, fulfillment } = await payment(stage, bob)
    faults().withhold = (tx) => tx['TransactionType'] === 'EscrowCreate'
    countSubmitted()
    const sent = alice.plugin.sendTransfer(transfer).catch((error: Error) => error)
    await stage.until(() => submitted > 0)
    await alice.plugin.disconnect()
    delete faults().withhold
    const again = stage.restart(alice)
    await again.plugin.connect()
    await bob.next('incoming_prepare')
    await stage.settled(bob.plugin.fulfillCondition(transfer.id, fulfillment))
    const [told] = (await again.next('outgoing_fulfill')) as [Transfer]
    assert.equal(told.id, transfer.id)
    await paidOnce(alice, bob)
    await assert.rejects(again.plugin.sendTransfer(transfer), { name: 'DuplicateIdError' })
    void sent
  })

  it('as payer, while its escrow is finished', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    const { transfer, fulfillment } = await payment(stage, bob)
    await stage.settled(alice.plugin.sendTransfer(transfer))
    await bob.next('incoming_prepare')
    await alice.plugin.disconnect()
    await stage.settled(bob.plugin.fulfillCondition(transfer.id, fulfillment))
    const again = stage.restart(alice)
    await again.plugin.connect()
    const [told, preimage] = (await again.next('outgoing_fulfill')) as [Transfer, string]
    assert.equal(told.to, transfer.to)
    assert.equal(preimage, fulfillment)
    assert.equal(await again.plugin.getFulfillment(transfer.id), fulfillment)
    await paidOnce(alice, bob)
  })

  it('as payer without its store cancels what has expired', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    const { transfer } = await payment(stage, bob, { seconds: 40 })
    await stage.settled(alice.plugin.sendTransfer(transfer))
    await alice.plugin.disconnect()
    const again = stage.restart({ ...alice, store: stage.newStore() })
    await again.plugin.connect()
    const [told] = (await again.next('outgoing_cancel')) as [Transfer]
    assert.equal(told.id, transfer.id)
    assert.equal(await stage.balance(alice.address), 100n * XRP - 20n)
  })

  it('as payee is offered again what it has not decided, and not what it has rejected', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    const [one, two] = [await payment(stage, bob), await payment(stage, bob)]
    await stage.settled(Promise.all([one, two].map(async ({ transfer }) => alice.plugin.sendTransfer(transfer))))
    await bob.next('incoming_prepare')
    await bob.next('incoming_prepare')
    await stage.settled(bob.plugin.rejectIncomingTransfer(two.transfer.id, { code: 'F00' }))
    await bob.plugin.disconnect()
    const again = stage.restart(bob)
    await again.plugin.connect()
    const [offered] = (await again.next('incoming_prepare')) as [Transfer]
    assert.equal(offered.id, one.transfer.id)
    await stage.settled(again.plugin.fulfillCondition(one.transfer.id, one.fulfillment))
    assert.equal(again.events.filter(([name]) => name === 'incoming_prepare').length, 1)
  })

  it('as payee carries a finish through', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    const { transfer, fulfillment } = await payment(stage, bob)
    await stage.settled(alice.plugin.sendTransfer(transfer))
    await bob.next('incoming_prepare')
    faults().withhold = (tx) => tx['TransactionType'] === 'EscrowFinish'
    countSubmitted()
    const finishing = bob.plugin.fulfillCondition(transfer.id, fulfillment).catch((error: Error) => error)
    await stage.until(() => submitted > 0)
    await bob.plugin.disconnect()
    delete faults().withhold
    const again = stage.restart(bob)
    await again.plugin.connect()
    await alice.next('outgoing_fulfill')
    await paidOnce(alice, bob)
    void finishing
  })
})

describe('a plugin that is killed', () => {
  for (const role of ['payer', 'payee'] as const) {
    for (const fate of ['cut-before', 'cut-after'] as const) {
      for (let nth = 1; nth <= 5; nth++) {
        it(`as ${role} at request ${nth}, ${fate}, carries on from its store: one payment`, async () => {
          const [alice, bob] = [await stage.party(patient), await stage.party(patient)]
          const { transfer, fulfillment } = await payment(stage, bob)
          const victim = role === 'payer' ? alice : bob
          let again: Party | undefined
          let seen = 0
          const serve = (party: Party): void => {
            party.plugin.on('incoming_prepare', ({ id }: Transfer) => {
              party.plugin.fulfillCondition(id, fulfillment).catch(() => undefined)
            })
          }
          serve(bob)
          faults().onRequest = (request) => {
            if (senderOf(request) !== victim.address) return 'answer'
            seen += 1
            if (seen !== nth) return 'answer'
            // What is not in the store by now is lost, and the old one does nothing more.
            again = stage.restart({ ...victim, store: victim.store.copy() }, patient)
            victim.plugin.disconnect().catch(() => undefined)
            return fate
          }
          alice.plugin.sendTransfer(transfer).catch(() => undefined)
          await stage.until(() => again !== undefined)
          assert.ok(again)
          serve(again)
          await again.plugin.connect()
          const payer = role === 'payer' ? again : alice
          const events = role === 'payer' ? [...alice.events, ...again.events] : alice.events
          const ended = (): boolean => [...events, ...payer.events].some(([name]) => name === 'outgoing_fulfill')
          await stage.until(ended)
          await stage.close()
          await paidOnce(alice, bob)
        })
      }
    }
  }
})

describe('a ledger that never validates', () => {
  it('a transaction refuses it after its last ledger, and the next one passes', async () => {
    const [alice, bob] = [await stage.party({ limits: { validationLedgersMax: 4 } }), await stage.party()]
    let withheld: unknown
    faults().withhold = (tx) => {
      if (tx['Account'] === alice.address) withheld ??= tx['Sequence']
      return tx['Account'] === alice.address && tx['Sequence'] === withheld && tx['TransactionType'] === 'EscrowCreate'
    }
    const [one, two] = [await payment(stage, bob), await payment(stage, bob)]
    const first = alice.plugin.sendTransfer(one.transfer)
    first.catch(() => undefined)
    const second = alice.plugin.sendTransfer(two.transfer)
    second.catch(() => undefined)
    await stage.settled(Promise.allSettled([first, second]))
    await assert.rejects(first, /XRP_NOT_VALIDATED/)
    delete faults().withhold
    await stage.settled(alice.plugin.sendTransfer((await payment(stage, bob)).transfer))
  })

  it('anything leaves the promise in doubt, and the event follows', async () => {
    const [alice, bob] = [await stage.party({ limits: { ...soon, finalityTimeoutMs: 200 } }), await stage.party()]
    const { transfer } = await payment(stage, bob)
    await assert.rejects(alice.plugin.sendTransfer(transfer), { name: 'UnreachableError', message: /in doubt/ })
    await bob.next('incoming_prepare')
    assert.equal(await stage.escrows(alice.address), 1)
  })
})

describe('the load of a server', () => {
  it('is paid within the limit, and refused above it', async () => {
    const [alice, bob] = [await stage.party({ feeDropsMax: 1000 }), await stage.party()]
    stage.sim?.setLoad({ server: 20 })
    await stage.settled(alice.plugin.sendTransfer((await payment(stage, bob)).transfer))
    assert.equal(await stage.balance(alice.address), 100n * XRP - 1000n - 200n)
    stage.sim?.setLoad({ server: 1000 })
    const refused = alice.plugin.sendTransfer((await payment(stage, bob)).transfer)
    await assert.rejects(stage.settled(refused), /XRP_FEE/)
    stage.sim?.setLoad({ server: 1 })
    // The plugin hears of it after one of the next ledgers.
    let sent = false
    for (let left = 20; left > 0 && !sent; left--) {
      const { transfer } = await payment(stage, bob)
      sent = await stage
        .settled(alice.plugin.sendTransfer(transfer))
        .then(() => true)
        .catch(() => false)
      await stage.close()
    }
    assert.ok(sent)
  })
})

it('a finish that comes too late is told, and the money goes back', async () => {
  const [alice, bob] = [await stage.party(), await stage.party()]
  const { transfer, fulfillment } = await payment(stage, bob, { seconds: 60 })
  await stage.settled(alice.plugin.sendTransfer(transfer))
  await bob.next('incoming_prepare')
  faults().withhold = (tx) => tx['TransactionType'] === 'EscrowFinish'
  const late = bob.plugin.fulfillCondition(transfer.id, fulfillment)
  await assert.rejects(stage.settled(late, 400), { name: 'AlreadyRolledBackError' })
  await alice.next('outgoing_cancel')
  assert.equal(await stage.balance(alice.address), 100n * XRP - 20n)
})

it('a server that has forgotten the ledgers in between is refused: nothing is decided without them', async () => {
  const [alice, bob] = [await stage.party(), await stage.party()]
  const { transfer, fulfillment } = await payment(stage, bob, { seconds: 100_000 })
  await stage.settled(alice.plugin.sendTransfer(transfer))
  await alice.plugin.disconnect()
  await bob.next('incoming_prepare')
  await stage.settled(bob.plugin.fulfillCondition(transfer.id, fulfillment))
  await bob.plugin.disconnect()
  for (let left = LEDGERS_MAX + 10; left > 0; left--) await stage.close()
  await assert.rejects(stage.restart(alice).plugin.connect(), { name: 'UnreachableError', message: /XRP_HISTORY/ })
})

it('a server that is not there is unreachable', async () => {
  const alice = await stage.party()
  await alice.plugin.disconnect()
  const elsewhere = stage.restart(alice, { server: 'ws://127.0.0.1:1' })
  await assert.rejects(elsewhere.plugin.connect(), { name: 'UnreachableError' })
})

it('another program with the same key takes a sequence number, and the transfer goes through', async () => {
  const [alice, bob] = [await stage.party(), await stage.party()]
  await stage.transact(alice.secret, { TransactionType: 'AccountSet' })
  await stage.settled(alice.plugin.sendTransfer((await payment(stage, bob)).transfer))
  assert.equal(await stage.escrows(alice.address), 1)
})
