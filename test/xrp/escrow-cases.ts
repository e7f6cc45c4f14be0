/** What a server does with escrows: the rows of its table, each with fresh accounts. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { hashes, Wallet } from 'xrpl'
import type { Json, ServerCase, TestServer } from './test-server.js'

const PREIMAGE = Buffer.alloc(32, 7)

function conditionOf(preimage: Buffer): string {
  const hash = createHash('sha256').update(preimage).digest('hex')
  return `A0258020${hash}8101${preimage.length.toString(16)}`.toUpperCase()
}

const fulfillmentOf = (preimage: Buffer): string =>
  Buffer.concat([Buffer.of(0xa0, preimage.length + 2, 0x80, preimage.length), preimage])
    .toString('hex')
    .toUpperCase()

const CONDITION = conditionOf(PREIMAGE)
const PROOF = { Condition: CONDITION, Fulfillment: fulfillmentOf(PREIMAGE) }
const AMOUNT = 1_000_000n
/** Far enough, in seconds. */
const LATER = 3600

/** Fee of a finish with a fulfillment of so many bytes. */
const finishFee = (server: TestServer, bytes = 36): bigint => server.baseFee * BigInt(33 + Math.floor(bytes / 16))

const create = (destination: Wallet, closeTime: number, fields: Json = {}): Json => ({
  TransactionType: 'EscrowCreate',
  Amount: String(AMOUNT),
  Destination: destination.address,
  Condition: CONDITION,
  CancelAfter: closeTime + LATER,
  ...fields,
})

const finish = (server: TestServer, escrow: Held, fields: Json = {}): Json => ({
  TransactionType: 'EscrowFinish',
  Owner: escrow.owner.address,
  OfferSequence: escrow.sequence,
  Fee: String(finishFee(server)),
  ...PROOF,
  ...fields,
})

const cancel = (escrow: Held): Json => ({
  TransactionType: 'EscrowCancel',
  Owner: escrow.owner.address,
  OfferSequence: escrow.sequence,
})

interface Held {
  readonly owner: Wallet
  readonly destination: Wallet
  readonly sequence: number
}

/** An escrow in a validated ledger. `fields` may ask for the close time of the ledger before it. */
async function held(server: TestServer, fields: (closeTime: number) => Json = () => ({})): Promise<Held> {
  const owner = await server.funded()
  const destination = await server.funded()
  const { sequence } = await server.account(owner.address)
  const { closeTime } = await server.validated()
  await server.expect(owner, create(destination, closeTime, fields(closeTime)), 'tesSUCCESS')
  return { owner, destination, sequence }
}

/** A case about what becomes of one escrow. */
const of = (name: string, run: (server: TestServer, escrow: Held) => Promise<unknown>): ServerCase => ({
  name,
  run: async (server) => {
    await run(server, await held(server))
  },
})

/** A case about one EscrowCreate that does not succeed, of an account that could have paid. */
const refused = (
  name: string,
  result: string,
  fields: (closeTime: number, server: TestServer) => Json,
): ServerCase => ({
  name,
  run: async (server) => {
    const owner = await server.funded(AMOUNT * 2n, 1)
    const destination = await server.funded()
    const { closeTime } = await server.validated()
    await server.expect(owner, create(destination, closeTime, fields(closeTime, server)), result)
  },
})

const without = (...names: readonly string[]): Json => Object.fromEntries(names.map((name) => [name, undefined]))

/** The account may spend this, and the fee, and keeps the reserve for one entry. */
const ALL = (server: TestServer): bigint => AMOUNT * 2n - server.baseFee

export const ESCROW_CASES: readonly ServerCase[] = [
  {
    name: 'create: the amount leaves the balance, an entry is owned, listed by owner and destination',
    run: async (server) => {
      const owner = await server.funded()
      const destination = await server.funded()
      const before = await server.account(owner.address)
      const { closeTime } = await server.validated()
      const { hash } = await server.expect(owner, create(destination, closeTime), 'tesSUCCESS')
      assert.deepEqual(await server.account(owner.address), {
        balance: before.balance - AMOUNT - server.baseFee,
        sequence: before.sequence + 1,
        ownerCount: 1,
      })
      assert.equal((await server.account(destination.address)).ownerCount, 0)
      const key = hashes.hashEscrow(owner.address, before.sequence)
      for (const account of [owner.address, destination.address]) {
        const answer = await server.ask('account_objects', { account, type: 'escrow', ledger_index: 'validated' })
        const [entry, ...others] = answer['account_objects'] as readonly Json[]
        assert.equal(entry?.['index'], key)
        assert.equal(entry['PreviousTxnID'], hash)
        assert.equal(others.length, 0)
      }
      const named = { escrow: { owner: owner.address, seq: before.sequence }, ledger_index: 'validated' }
      const { node } = (await server.ask('ledger_entry', named)) as { node: Json }
      assert.equal(node['Amount'], String(AMOUNT))
      assert.equal(node['Condition'], CONDITION)
    },
  },
  of('finish with a wrong preimage', (server, escrow) => {
    const Fulfillment = fulfillmentOf(Buffer.alloc(32, 8))
    return server.expect(escrow.destination, finish(server, escrow, { Fulfillment }), 'tecCRYPTOCONDITION_ERROR')
  }),
  of('finish with another condition and its preimage', (server, escrow) => {
    const other = Buffer.alloc(32)
    const fields = { Condition: conditionOf(other), Fulfillment: fulfillmentOf(other) }
    return server.expect(escrow.destination, finish(server, escrow, fields), 'tecCRYPTOCONDITION_ERROR')
  }),
  of('finish without condition and fulfillment', (server, escrow) =>
    server.expect(
      escrow.destination,
      finish(server, escrow, without('Condition', 'Fulfillment')),
      'tecCRYPTOCONDITION_ERROR',
    ),
  ),
  of('finish with a fulfillment and no condition', (server, escrow) =>
    server.expect(escrow.destination, finish(server, escrow, without('Condition')), 'temMALFORMED'),
  ),
  of('finish with a condition and no fulfillment', (server, escrow) =>
    server.expect(escrow.destination, finish(server, escrow, without('Fulfillment')), 'temMALFORMED'),
  ),
  of('finish for a drop less than its fee', (server, escrow) => {
    const Fee = String(finishFee(server) - 1n)
    return server.expect(escrow.destination, finish(server, escrow, { Fee }), 'telINSUF_FEE_P')
  }),
  of('finish for its fee: the destination is paid; finish and cancel after that', async (server, escrow) => {
    const { owner, destination } = escrow
    const before = await server.account(destination.address)
    const { hash } = await server.expect(destination, finish(server, escrow), 'tesSUCCESS')
    const after = await server.account(destination.address)
    assert.equal(after.balance, before.balance + AMOUNT - finishFee(server))
    assert.equal((await server.account(owner.address)).ownerCount, 0)
    const found = await server.lookUp(hash)
    assert.ok(found)
    const nodes = found.meta['AffectedNodes'] as readonly Json[]
    const deleted = nodes.flatMap(({ DeletedNode: node }) => (node === undefined ? [] : [node as Json]))
    assert.deepEqual(
      deleted.map((node) => node['LedgerIndex']),
      [hashes.hashEscrow(owner.address, escrow.sequence)],
    )
    await server.expect(destination, finish(server, escrow), 'tecNO_TARGET')
    await server.expect(owner, cancel(escrow), 'tecNO_TARGET')
    assert.equal(
      (await server.fails('ledger_entry', { escrow: { owner: owner.address, seq: escrow.sequence } })).error,
      'entryNotFound',
    )
  }),
  of('finish by a third account', async (server, escrow) => {
    const stranger = await server.funded()
    const before = await server.account(escrow.destination.address)
    await server.expect(stranger, finish(server, escrow), 'tesSUCCESS')
    assert.equal((await server.account(escrow.destination.address)).balance, before.balance + AMOUNT)
  }),
  {
    name: 'finish with a preimage of 100 bytes',
    run: async (server) => {
      const preimage = Buffer.alloc(100, 1)
      const proof = { Condition: conditionOf(preimage), Fulfillment: fulfillmentOf(preimage) }
      const escrow = await held(server, () => ({ Condition: proof.Condition }))
      const Fee = finishFee(server, 104)
      await server.expect(
        escrow.destination,
        finish(server, escrow, { ...proof, Fee: String(Fee - 1n) }),
        'telINSUF_FEE_P',
      )
      await server.expect(escrow.destination, finish(server, escrow, { ...proof, Fee: String(Fee) }), 'tesSUCCESS')
    },
  },
  {
    name: 'create for an account that is not there',
    run: async (server) => {
      const owner = await server.funded()
      const { closeTime } = await server.validated()
      await server.expect(owner, create(Wallet.generate(), closeTime), 'tecNO_DST')
    },
  },
  refused('create of nothing', 'temBAD_AMOUNT', () => ({ Amount: '0' })),
  refused('create without any time', 'temBAD_EXPIRATION', () => without('CancelAfter')),
  refused('create without condition and FinishAfter', 'temMALFORMED', () => without('Condition')),
  refused('create with a malformed condition', 'temMALFORMED', () => ({ Condition: 'A02580' })),
  refused('create to be cancelled when it may be finished', 'temBAD_EXPIRATION', (closeTime) => ({
    FinishAfter: closeTime + LATER,
  })),
  refused('create with a CancelAfter long past', 'tecNO_PERMISSION', (closeTime) => ({ CancelAfter: closeTime - 100 })),
  refused('create with a FinishAfter long past', 'tecNO_PERMISSION', (closeTime) => ({ FinishAfter: closeTime - 100 })),
  refused('create of more than there is', 'tecUNFUNDED', () => ({ Amount: String(AMOUNT * 2000n) })),
  refused('create that leaves a drop less than the reserve', 'tecUNFUNDED', (_closeTime, server) => ({
    Amount: String(ALL(server) + 1n),
  })),
  {
    name: 'create that leaves exactly the reserve; a second one below it',
    run: async (server) => {
      const owner = await server.funded(AMOUNT * 2n, 1)
      const destination = await server.funded()
      const { closeTime } = await server.validated()
      await server.expect(owner, create(destination, closeTime, { Amount: String(ALL(server)) }), 'tesSUCCESS')
      await server.expect(owner, create(destination, closeTime), 'tecINSUFFICIENT_RESERVE')
    },
  },
  {
    name: 'create for oneself, and finish',
    run: async (server) => {
      const owner = await server.funded()
      const before = await server.account(owner.address)
      const { closeTime } = await server.validated()
      await server.expect(owner, create(owner, closeTime), 'tesSUCCESS')
      assert.equal((await server.account(owner.address)).ownerCount, 1)
      await server.expect(owner, finish(server, { owner, destination: owner, sequence: before.sequence }), 'tesSUCCESS')
      const { balance, ownerCount } = await server.account(owner.address)
      assert.deepEqual([balance, ownerCount], [before.balance - server.baseFee - finishFee(server), 0])
    },
  },
  {
    name: 'cancel early, finish late, cancel by a third account: refunded to the owner',
    run: async (server) => {
      const early = await held(server)
      await server.expect(early.owner, cancel(early), 'tecNO_PERMISSION')
      let cancelAfter = 0
      const escrow = await held(server, (closeTime) => ({ CancelAfter: (cancelAfter = closeTime + 15) }))
      await server.acceptUntil(cancelAfter)
      await server.expect(escrow.destination, finish(server, escrow), 'tecNO_PERMISSION')
      const stranger = await server.funded()
      const before = await server.account(escrow.owner.address)
      await server.expect(stranger, cancel(escrow), 'tesSUCCESS')
      const after = await server.account(escrow.owner.address)
      assert.deepEqual(after, { ...before, balance: before.balance + AMOUNT, ownerCount: 0 })
    },
  },
  {
    name: 'create with CancelAfter = parent close time, and one second earlier',
    run: async (server) => {
      const owner = await server.funded()
      const destination = await server.funded()
      await server.undisturbed(async () => {
        const { closeTime } = await server.validated()
        await server.expect(owner, create(destination, closeTime, { CancelAfter: closeTime }), 'tesSUCCESS')
      })
      await server.undisturbed(async () => {
        const { closeTime } = await server.validated()
        await server.expect(owner, create(destination, closeTime, { CancelAfter: closeTime - 1 }), 'tecNO_PERMISSION')
      })
    },
  },
  {
    name: 'finish when parent close time = CancelAfter; cancel not before the next',
    run: async (server) => {
      await server.undisturbed(async () => {
        const { late, escrow, cancelAfter } = await twoThatEndTogether(server)
        assert.equal((await reach(server, cancelAfter)).closeTime, cancelAfter)
        const refusal = await server.submit(late.owner, cancel(late))
        assert.equal(refusal.result, 'tecNO_PERMISSION')
        await server.expect(escrow.destination, finish(server, escrow), 'tesSUCCESS')
        assert.equal((await server.lookUp(refusal.hash))?.result, 'tecNO_PERMISSION')
        await server.expect(late.owner, cancel(late), 'tesSUCCESS')
      })
    },
  },
  {
    name: 'finish when parent close time = FinishAfter, and after the next close',
    run: async (server) => {
      await server.undisturbed(async () => {
        let finishAfter = 0
        const escrow = await held(server, (closeTime) => ({ FinishAfter: (finishAfter = closeTime + AHEAD) }))
        assert.equal((await reach(server, finishAfter)).closeTime, finishAfter)
        await server.expect(escrow.destination, finish(server, escrow), 'tecNO_PERMISSION')
        await server.expect(escrow.destination, finish(server, escrow), 'tesSUCCESS')
      })
    },
  },
  {
    name: 'a destination that requires a tag: create without it, and with it',
    run: async (server) => {
      const owner = await server.funded()
      const destination = await server.funded()
      await server.expect(destination, { TransactionType: 'AccountSet', SetFlag: 1 }, 'tesSUCCESS')
      const { closeTime } = await server.validated()
      await server.expect(owner, create(destination, closeTime), 'tecDST_TAG_NEEDED')
      await server.expect(owner, create(destination, closeTime, { DestinationTag: 0 }), 'tesSUCCESS')
    },
  },
  of('a destination that has deposit authorisation: finish by the sender, and by itself', async (server, escrow) => {
    await server.expect(escrow.destination, { TransactionType: 'AccountSet', SetFlag: 9 }, 'tesSUCCESS')
    await server.expect(escrow.owner, finish(server, escrow), 'tecNO_PERMISSION')
    await server.expect(escrow.destination, finish(server, escrow), 'tesSUCCESS')
  }),
]

/** Seconds that a close time is ahead of others after so many quick closes: it moves by one, unless the clock overtakes it. */
const AHEAD = 30

/** Closes ledgers until this time, which is hit unless the clock overtakes the close times. */
const reach = (server: TestServer, time: number): ReturnType<TestServer['acceptUntil']> => server.acceptUntil(time - 1)

async function twoThatEndTogether(server: TestServer): Promise<{ escrow: Held; late: Held; cancelAfter: number }> {
  let cancelAfter = 0
  const escrow = await held(server, (closeTime) => ({ CancelAfter: (cancelAfter = closeTime + AHEAD) }))
  const late = await held(server, () => ({ CancelAfter: cancelAfter }))
  return { escrow, late, cancelAfter }
}
