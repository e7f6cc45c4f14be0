/** Deposits, withdrawals and settlements over a test ledger: every drop is on one book, once. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { SettlementError } from 'sluice/xrp'
import { Bank } from './settlement-stage.js'
import { Stage, XRP } from './stage.js'

let stage: Stage

before(async () => {
  stage = await Stage.open()
})
after(() => stage.end())

/** Runs a case with a bank of its own. */
async function withBank(options: Parameters<typeof Bank.open>[1], run: (bank: Bank) => Promise<void>): Promise<void> {
  const bank = await Bank.open(stage, options)
  try {
    await run(bank)
  } finally {
    await bank.end()
  }
}

describe('a deposit', () => {
  it('is on the balance once it is validated', async () => {
    await withBank({}, async (bank) => {
      const alice = await bank.customer('alice')
      const settled = await stage.settled(alice.settler.deposit(5n * XRP))
      assert.deepEqual([settled.direction, settled.units, settled.drops], ['deposit', 5n * XRP, 5n * XRP])
      assert.equal(settled.balance, 5n * XRP)
      assert.equal(bank.balance('alice'), 5n * XRP)
      assert.equal(await stage.balance(alice.address), 95n * XRP - 10n)
      await bank.agrees()
    })
  })

  it('without a tag, or with one that nobody has, is on no balance until the operator says whose it is', async () => {
    await withBank({}, async (bank) => {
      const alice = await bank.customer('alice')
      const { address, tag } = await alice.settler.terms()
      const payment = { TransactionType: 'Payment', Destination: address, Amount: '3000000' }
      await stage.transact(alice.secret, payment)
      await stage.transact(alice.secret, { ...payment, Amount: '2000000', DestinationTag: tag === 1 ? 2 : 1 })
      await stage.until(() => bank.settlement.unclaimed().length === 2)
      const [bigger, smaller] = bank.settlement.unclaimed()
      assert.deepEqual([bigger?.drops, bigger?.tag, bigger?.from], [3n * XRP, undefined, alice.address])
      assert.deepEqual([smaller?.drops, smaller?.tag], [2n * XRP, tag === 1 ? 2 : 1])
      assert.equal(bank.balance('alice'), 0n)
      assert.equal(await bank.settlement.claim(bigger?.hash ?? '', 'alice'), 3n * XRP)
      await assert.rejects(bank.settlement.claim(bigger?.hash ?? '', 'alice'), { code: 'SETTLEMENT_REFUSED' })
      assert.equal(bank.balance('alice'), 3n * XRP)
      await bank.agrees({ unclaimed: 2n * XRP })
    })
  })

  it('by an escrow with the tag counts when it is finished', async () => {
    await withBank({}, async (bank) => {
      const alice = await bank.customer('alice')
      const { address, tag } = await alice.settler.terms()
      const FinishAfter = Math.floor((await stage.time()) / 1000) - 946_684_800 + 1
      const escrow = { TransactionType: 'EscrowCreate', Destination: address, DestinationTag: tag, Amount: '4000000' }
      const sequence = await stage.sequence(alice.address)
      assert.equal(await stage.transact(alice.secret, { ...escrow, FinishAfter }), 'tesSUCCESS')
      await stage.close()
      await stage.close()
      const finish = { TransactionType: 'EscrowFinish', Owner: alice.address, OfferSequence: sequence }
      assert.equal(await stage.transact(alice.secret, finish), 'tesSUCCESS')
      await stage.until(() => bank.balance('alice') === 4n * XRP)
      await bank.agrees()
    })
  })

  it('that came while the host was down is credited at its next start, and once however often it starts', async () => {
    await withBank({}, async (bank) => {
      const alice = await bank.customer('alice')
      const { address, tag } = await alice.settler.terms()
      const pay = async (): Promise<string> =>
        stage.transact(alice.secret, {
          TransactionType: 'Payment',
          Destination: address,
          DestinationTag: tag,
          Amount: '1000000',
        })
      await bank.settlement.close()
      await pay()
      await pay()
      await bank.settlement.open()
      assert.equal(bank.balance('alice'), 2n * XRP)
      await pay()
      await stage.until(() => bank.balance('alice') === 3n * XRP)
      for (let start = 0; start < 3; start++) {
        await bank.restart()
        await stage.close()
        assert.equal(bank.balance('alice'), 3n * XRP)
      }
      await bank.agrees()
    })
  })

  it('keeps the tag of an account over restarts, and gives no two accounts the same', async () => {
    await withBank({}, async (bank) => {
      const tags = new Map<string, number>()
      for (const name of ['alice', 'bob', 'carol']) tags.set(name, (await bank.settlement.termsFor(name)).tag)
      assert.equal(new Set(tags.values()).size, 3)
      await bank.restart()
      for (const [name, tag] of tags) assert.equal((await bank.settlement.termsFor(name)).tag, tag)
    })
  })

  it('moves nothing at a rate that the holder did not agree to', async () => {
    const asset = { code: 'USD', scale: 9 }
    await withBank({ asset, settlement: { rate: '0.52 USD per XRP' } }, async (bank) => {
      const greedy = await bank.customer('alice', { rate: '0.53 USD per XRP' })
      await assert.rejects(greedy.settler.deposit(1n), { code: 'SETTLEMENT_RATE', message: /0\.52 USD per XRP/ })
      const naive = await bank.customer('bob')
      await assert.rejects(naive.settler.deposit(1n), { code: 'SETTLEMENT_RATE' })
      assert.equal(await stage.balance(naive.address), 100n * XRP)
      const agreed = await bank.customer('carol', { rate: '0.52 USD per XRP' })
      const settled = await stage.settled(agreed.settler.deposit(1_000_000_000n))
      assert.equal(settled.drops, 1_923_077n)
      assert.equal(settled.units, 1_000_000_040n)
      assert.equal(settled.balance, 1_000_000_040n)
      const out = await stage.settled(agreed.settler.settle())
      assert.deepEqual([out.drops, out.units, out.balance], [1_923_077n, 1_000_000_040n, 0n])
      assert.equal(await stage.balance(bank.address), 100n * XRP - 10n)
    })
  })
})

describe('a withdrawal', () => {
  it('leaves the balance, and reaches the holder', async () => {
    await withBank({}, async (bank) => {
      const alice = await bank.customer('alice')
      await stage.settled(alice.settler.deposit(5n * XRP))
      const settled = await stage.settled(alice.settler.withdraw(2n * XRP))
      assert.deepEqual([settled.units, settled.drops, settled.balance], [2n * XRP, 2n * XRP, 3n * XRP])
      assert.equal(await stage.balance(alice.address), 97n * XRP - 10n)
      const rest = await stage.settled(alice.settler.settle())
      assert.equal(rest.balance, 0n)
      assert.equal(await stage.balance(alice.address), 100n * XRP - 10n)
      await bank.agrees({ fees: 20n })
      assert.equal((await alice.settler.settle()).direction, 'none')
    })
  })

  it('is not more than balance less holds, nor less than the host pays out', async () => {
    await withBank({}, async (bank) => {
      const alice = await bank.customer('alice')
      await stage.settled(alice.settler.deposit(5n * XRP))
      const prepared = bank.hosted.ledger.execute({
        type: 'prepare',
        account: 'alice',
        id: randomBytes(16),
        payer: 'holder',
        amount: 2n * XRP,
        condition: randomBytes(32),
        expiresAt: Date.now() + 60_000,
        memo: new Uint8Array(0),
      })
      assert.ok(prepared.ok)
      await assert.rejects(alice.settler.withdraw(3n * XRP + 1n), { code: 'SETTLEMENT_FUNDS' })
      await assert.rejects(alice.settler.withdraw(999n), { code: 'SETTLEMENT_FUNDS' })
      assert.equal((await stage.settled(alice.settler.withdraw('all'))).units, 3n * XRP)
      await assert.rejects(alice.settler.withdraw('all'), { code: 'SETTLEMENT_FUNDS' })
      assert.equal(bank.balance('alice'), 2n * XRP)
      await bank.agrees({ fees: 10n })
    })
  })

  it('is never paid from credit', async () => {
    await withBank({ creditLimit: 50n * XRP }, async (bank) => {
      const alice = await bank.customer('alice')
      await assert.rejects(alice.settler.withdraw(1n * XRP), { code: 'SETTLEMENT_FUNDS' })
    })
  })

  it('to where no payment can go is refused before anything moves', async () => {
    await withBank({}, async (bank) => {
      const alice = await bank.customer('alice')
      await stage.settled(alice.settler.deposit(5n * XRP))
      const strict = await bank.customer('bob')
      await stage.transact(strict.secret, { TransactionType: 'AccountSet', SetFlag: 1 })
      for (const to of ['rrrrrrrrrrrrrrrrrrrrrhoLvTp', 'nonsense', bank.address, strict.address]) {
        await assert.rejects(alice.settler.withdraw(1n * XRP, to), { code: 'SETTLEMENT_REFUSED' }, to)
      }
      assert.equal(bank.balance('alice'), 5n * XRP)
      await stage.settled(alice.settler.withdraw(1n * XRP, strict.address, 77))
      assert.equal(await stage.balance(strict.address), 101n * XRP - 400n)
      await bank.agrees({ fees: 10n })
    })
  })

  it('with the same id is paid once', async () => {
    await withBank({}, async (bank) => {
      const alice = await bank.customer('alice')
      await stage.settled(alice.settler.deposit(5n * XRP))
      const request = { account: 'alice', id: randomBytes(16), units: 1n * XRP, to: alice.address, tag: undefined }
      await Promise.all([bank.settlement.payOut(request), bank.settlement.payOut(request)])
      await stage.until(() => bank.settlement.payout('alice', request.id)?.state === 'paid')
      assert.equal((await bank.settlement.payOut(request)).state, 'paid')
      assert.equal(bank.balance('alice'), 4n * XRP)
      assert.equal(await stage.balance(alice.address), 96n * XRP - 10n)
    })
  })

  it('that the host has no XRP for comes back', async () => {
    await withBank({ creditLimit: 0n }, async (bank) => {
      const alice = await bank.customer('alice')
      const post = { type: 'post', account: 'alice', id: randomBytes(16), amount: 500n * XRP } as const
      assert.ok(bank.hosted.ledger.execute({ ...post, expiresAt: Date.now() + 60_000 }).ok)
      await assert.rejects(stage.settled(alice.settler.withdraw(300n * XRP)), {
        code: 'SETTLEMENT_RETURNED',
        message: /XRP_FUNDS/,
      })
      assert.equal(bank.balance('alice'), 500n * XRP)
    })
  })
})

describe('settling', () => {
  it('pays a debt, too', async () => {
    await withBank({ creditLimit: 50n * XRP }, async (bank) => {
      const alice = await bank.customer('alice')
      const post = { type: 'post', account: 'alice', id: randomBytes(16), amount: -7n * XRP } as const
      assert.ok(bank.hosted.ledger.execute({ ...post, expiresAt: Date.now() + 60_000 }).ok)
      const settled = await stage.settled(alice.settler.settle())
      assert.deepEqual([settled.direction, settled.drops, settled.balance], ['deposit', 7n * XRP, 0n])
      assert.equal(await stage.balance(alice.address), 93n * XRP - 10n)
    })
  })

  it('is refused in plain words where the host offers none', async () => {
    await withBank({}, async (bank) => {
      const alice = await bank.customer('alice')
      await bank.settlement.close()
      await assert.rejects(
        alice.settler.deposit(1n * XRP),
        (error) => error instanceof SettlementError && error.code === 'SETTLEMENT_REFUSED',
      )
      await bank.settlement.open()
    })
  })
})

describe('a proof', () => {
  it('is accepted once, for the account of its tag and the amount that arrived', async () => {
    await withBank({ settlement: { credit: 'proof' } }, async (bank) => {
      const alice = await bank.customer('alice')
      const { address, tag } = await alice.settler.terms()
      const fields = { TransactionType: 'Payment', Destination: address, DestinationTag: tag, Amount: '1000000' }
      await stage.transact(alice.secret, fields)
      await stage.until(() => bank.settlement.unclaimed().length === 1)
      const hash = bank.settlement.unclaimed()[0]?.hash ?? ''
      const proof = [{ name: 'sluice.settlement', contentType: 1, data: Buffer.from(hash) }]
      const other = [{ name: 'sluice.settlement', contentType: 1, data: Buffer.from('A'.repeat(64)) }]
      assert.equal(await bank.settlement.acceptSettlement('bob', '1000000', proof), false)
      assert.equal(await bank.settlement.acceptSettlement('alice', '1000001', proof), false)
      assert.equal(await bank.settlement.acceptSettlement('alice', '1000000', other), false)
      assert.equal(await bank.settlement.acceptSettlement('alice', '1000000', []), false)
      assert.equal(await bank.settlement.acceptSettlement('alice', '1000000', proof), true)
      assert.equal(await bank.settlement.acceptSettlement('alice', '1000000', proof), false)
      await bank.restart({ credit: 'proof' })
      assert.equal(await bank.settlement.acceptSettlement('alice', '1000000', proof), false)
    })
  })
})
