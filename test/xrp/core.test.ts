/** The parts of the link over the XRP Ledger that take values and return values; and its record. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MemoryStore } from 'sluice/store'
import {
  Account,
  advance,
  classOf,
  conditionHex,
  Fees,
  finishFee,
  fromLedgerTime,
  fulfillmentHex,
  memosBytes,
  readClosedLedger,
  readCondition,
  readFulfillment,
  readTransaction,
  readTransferMemos,
  Sequences,
  type SlotEvent,
  type SlotState,
  toLedgerTime,
  transferMemos,
  XrpRecord,
} from 'sluice/xrp'
import { EVENTS, type Json, TRAFFIC } from './recorded.js'

describe('the condition', () => {
  it('is the fixed bytes around the hash, and back', () => {
    const preimage = new Uint8Array(32)
    assert.equal(fulfillmentHex(preimage), `A0228020${'00'.repeat(32)}`)
    const hash = createHash('sha256').update(preimage).digest()
    assert.equal(conditionHex(hash), `A0258020${hash.toString('hex').toUpperCase()}810120`)
    assert.deepEqual(Buffer.from(readCondition(conditionHex(hash)) ?? []), hash)
    assert.deepEqual(readFulfillment(fulfillmentHex(preimage)), preimage)
  })

  it('of another type, length or form is none', () => {
    const good = conditionHex(new Uint8Array(32))
    for (const bad of [
      '',
      7,
      undefined,
      good.slice(2),
      `${good}00`,
      good.replace('810120', '810121'),
      good.replace('00', 'G0'),
    ]) {
      assert.equal(readCondition(bad), undefined)
    }
    assert.ok(readCondition(good.toLowerCase()))
  })

  it('costs the measured fee to fulfil', () => {
    assert.equal(finishFee(36) * 10n, 350n)
    assert.equal(finishFee(104), 39n)
  })
})

it('times are floored to seconds of the ledger, and have 32 bits', () => {
  assert.equal(toLedgerTime(Date.parse('2000-01-01T00:00:00.999Z')), 0)
  assert.equal(toLedgerTime(Date.parse('1999-12-31T23:59:59Z')), undefined)
  assert.equal(toLedgerTime(fromLedgerTime(0xffff_ffff)), 0xffff_ffff)
  assert.equal(toLedgerTime(fromLedgerTime(0xffff_ffff) + 1000), undefined)
})

describe('memos', () => {
  const id = new Uint8Array(16).fill(7)

  it('come back as they were written, and are counted as the ledger counts them', () => {
    const written = { id, packet: Uint8Array.of(1, 2, 3), custom: Uint8Array.of(123, 125) }
    assert.deepEqual(readTransferMemos(transferMemos(written)), written)
    // Measured: a type of 34 characters with 980 bytes of data passes, with 990 it does not; the limit is 1024.
    const one = (bytes: number): number =>
      memosBytes([{ Memo: { MemoType: 'AA'.repeat(34), MemoData: 'BB'.repeat(bytes) } }])
    assert.equal(one(980), 1021)
    assert.equal(one(990), 1031)
  })

  it('of strangers never throw', () => {
    fc.assert(
      fc.property(fc.anything(), (memos) => {
        readTransferMemos(memos)
      }),
    )
    const [ilp] = transferMemos({ id: undefined, packet: Uint8Array.of(1), custom: undefined })
    assert.equal(readTransferMemos([{ Memo: { ...ilp?.Memo, MemoData: 'FF' } }]), undefined)
    assert.equal(readTransferMemos([null, 7, {}, ilp])?.packet.length, 1)
  })
})

describe('sequence numbers', () => {
  it('are given out in order, and those given back first', () => {
    const sequences = new Sequences(5)
    assert.deepEqual([sequences.take(), sequences.take(), sequences.take()], [5, 6, 7])
    sequences.release(6)
    assert.equal(sequences.lowestFree, 6)
    assert.equal(sequences.take(), 6)
    assert.equal(sequences.take(), 8)
    // The last ones leave no gap.
    sequences.release(7)
    sequences.release(8)
    assert.equal(sequences.lowestFree, undefined)
    assert.equal(sequences.next, 7)
  })

  it('of other programs are skipped, and gaps are found', () => {
    const sequences = new Sequences(5)
    sequences.take()
    sequences.used(9)
    assert.equal(sequences.take(), 10)
    sequences.sync(12, new Set([12, 15]))
    assert.deepEqual([sequences.take(), sequences.take(), sequences.take()], [13, 14, 16])
  })

  it('are never two at once', () => {
    const step = fc.oneof(
      fc.constant({ do: 'take' as const, n: 0 }),
      fc.record({ do: fc.constantFrom('release' as const, 'used' as const, 'sync' as const), n: fc.nat(20) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const sequences = new Sequences(1)
        const open = new Set<number>()
        let next = 1
        for (const { do: what, n } of steps) {
          const one = [...open][n % Math.max(1, open.size)]
          if (what === 'take') {
            const taken = sequences.take()
            assert.ok(!open.has(taken) && taken >= next)
            open.add(taken)
          } else if (what === 'release' && one !== undefined) {
            open.delete(one)
            sequences.release(one)
          } else if (what === 'used') {
            // The ledger applies them in order.
            open.delete(next)
            sequences.used(next)
            next += 1
          } else sequences.sync(next, open)
        }
        for (const sequence of open) assert.ok(sequence < sequences.next)
      }),
    )
  })
})

describe('a transaction on its way', () => {
  const transaction = { hash: 'AB', result: 'tesSUCCESS' } as Extract<SlotState, { at: 'validated' }>['transaction']
  const answered = (result: string): SlotEvent => ({ type: 'answered', result })
  const read = (ledgerIndex: number): SlotEvent => ({ type: 'read', ledgerIndex, lastLedger: 20 })
  const used = (ours: boolean): SlotEvent => ({ type: 'used', transaction, ours })
  const submitted: SlotEvent = { type: 'submitted' }
  const tooDear: SlotEvent = { type: 'unaffordable', result: 'x' }

  const rows: [name: string, events: SlotEvent[], at: SlotState['at']][] = [
    ['accepted', [submitted, answered('tesSUCCESS')], 'provisional'],
    ['claimed', [submitted, answered('tecNO_DST')], 'provisional'],
    ['queued', [submitted, answered('terQUEUED')], 'provisional'],
    ['in a ledger', [submitted, answered('tesSUCCESS'), used(true)], 'validated'],
    ['in a ledger before any answer', [submitted, used(true), answered('tefPAST_SEQ')], 'validated'],
    ['submitted again when it is applied', [submitted, answered('tesSUCCESS'), answered('tefPAST_SEQ')], 'provisional'],
    ['refused for good', [submitted, answered('temBAD_AMOUNT')], 'dead'],
    ['refused after it was accepted', [submitted, answered('tesSUCCESS'), answered('tefMAX_LEDGER')], 'provisional'],
    ['bad after it was accepted', [submitted, answered('tesSUCCESS'), answered('tefFAILURE')], 'provisional'],
    ['wrong key', [submitted, answered('tefBAD_AUTH')], 'dead'],
    ['waiting', [submitted, answered('terPRE_SEQ'), read(19)], 'waiting'],
    ['past its last ledger', [submitted, answered('terPRE_SEQ'), read(20)], 'expired'],
    ['accepted, and past its last ledger', [submitted, answered('tesSUCCESS'), read(20)], 'expired'],
    ['never answered', [submitted, read(20)], 'expired'],
    ['overtaken', [submitted, answered('tefPAST_SEQ'), used(false)], 'taken'],
    ['too dear', [submitted, answered('telINSUF_FEE_P'), tooDear], 'dead'],
    ['too dear after it was accepted', [submitted, answered('tesSUCCESS'), tooDear], 'provisional'],
    ['bad after an answer was lost', [submitted, submitted, answered('temBAD_FEE')], 'waiting'],
    ['too dear after an answer was lost', [submitted, submitted, answered('telINSUF_FEE_P'), tooDear], 'waiting'],
    ['too dear after it had to wait', [submitted, answered('terPRE_SEQ'), tooDear], 'waiting'],
    ['bad when it is asked again', [submitted, answered('telINSUF_FEE_P'), submitted, answered('temBAD')], 'dead'],
    [
      'bad after the second answer was lost',
      [submitted, answered('telINSUF_FEE_P'), submitted, submitted, answered('temBAD')],
      'waiting',
    ],
  ]
  for (const [name, events, at] of rows) {
    it(`${name}: ${at}`, () => {
      assert.equal(events.reduce<SlotState>(advance, { at: 'prepared' }).at, at)
    })
  }

  it('has a class for every result that was recorded, and for what servers may say one day', () => {
    const results = TRAFFIC.map(({ res }) => (res?.['result'] as Json | undefined)?.['engine_result'])
    for (const result of results) if (typeof result === 'string') assert.ok(classOf(result))
    assert.equal(classOf('xyzNEW'), 'later')
    assert.equal(classOf('terNO_ACCOUNT'), 'later')
    assert.equal(classOf('telCAN_NOT_QUEUE_FEE'), 'fee')
  })
})

describe('fees', () => {
  it('follow base, units and load, rounded up, up to the limit', () => {
    const fees = new Fees(1000n)
    assert.equal(fees.fee(35n), 350n)
    fees.setLoad(1.5)
    assert.equal(fees.fee(1n), 15n)
    fees.setLoad(2.00001)
    assert.equal(fees.fee(35n), 701n)
    fees.setLoad(4)
    assert.equal(fees.fee(35n), undefined)
    fees.setLoad(Number.NaN)
    assert.equal(fees.fee(1n), 40n)
  })

  it('rise by a quarter at least when one was too low', () => {
    const fees = new Fees(100n)
    assert.equal(fees.raised(1n, 10n), 13n)
    fees.setLoad(5)
    assert.equal(fees.raised(1n, 10n), 50n)
    assert.equal(fees.raised(1n, 90n), undefined)
  })
})

it('what an account can pay is what the ledger lets it: the measured rows', () => {
  const account = new Account()
  account.setReserves({ base: 1_000_000n, increment: 200_000n })
  assert.equal(account.affords(1n, 10n, 1, []), 'no account')
  account.setState({ balance: 2_000_010n, sequence: 1, ownerCount: 0 })
  // One that leaves exactly the reserve passes; a drop more does not.
  assert.equal(account.affords(800_000n, 10n, 1, []), 'yes')
  assert.equal(account.affords(800_001n, 10n, 1, []), 'funds')
  account.setState({ balance: 1_400_009n, sequence: 1, ownerCount: 1 })
  assert.equal(account.affords(1n, 10n, 1, []), 'reserve')
  account.setState({ balance: 2_000_010n, sequence: 1, ownerCount: 0 })
  assert.equal(account.affords(500_000n, 10n, 1, [{ drops: 500_010n, owns: 1 }]), 'funds')
})

describe("a server's messages", () => {
  it('that were recorded are read: transactions with their effects, ledgers with their times', () => {
    for (const event of EVENTS) {
      if (event['type'] === 'ledgerClosed') assert.equal(readClosedLedger(event)?.index, event['ledger_index'])
      else {
        const transaction = readTransaction(event)
        assert.equal(transaction?.hash, event['hash'])
        assert.equal(transaction?.result, event['engine_result'])
        assert.ok(transaction?.nodes.some(({ entryType }) => entryType === 'AccountRoot'))
      }
    }
  })

  it('in the first version of the interface have their fields elsewhere', () => {
    const event = EVENTS.find(({ type }) => type === 'transaction') ?? {}
    const { tx_json, hash, ...rest } = event
    const flat = { ...rest, transaction: { ...(tx_json as Json), hash } }
    assert.deepEqual({ ...readTransaction(flat), fields: 0 }, { ...readTransaction(event), fields: 0 })
  })

  it('that are not validated, or anything else, are none', () => {
    const event = EVENTS.find(({ type }) => type === 'transaction') ?? {}
    assert.equal(readTransaction({ ...event, validated: false }), undefined)
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), (message) => {
        readTransaction({ ...message, validated: true })
        readClosedLedger(message)
      }),
    )
  })
})

describe('the record', () => {
  it('has after a restart what was saved, through snapshots too', async () => {
    const store = new MemoryStore({ warn: () => undefined })
    const record = new XrpRecord(store)
    await record.open()
    for (let i = 0; i < 12_000; i++) record.put(`a/${i % 7}`, { i })
    await record.saved()
    record.delete('a/3')
    record.put('b/1', { deep: { text: 'ü' } })
    await record.close()
    const again = new XrpRecord(store)
    await again.open()
    assert.equal([...again.list('a/')].length, 6)
    assert.equal(again.get('a/3'), undefined)
    assert.deepEqual(again.get('b/1'), { deep: { text: 'ü' } })
    assert.deepEqual(again.get('a/1'), { i: 11_999 - ((11_999 - 1) % 7) })
    again.put('c', {})
    await again.close()
  })

  it('refuses what it does not know, and says when it cannot write', async () => {
    const store = new MemoryStore({ warn: () => undefined })
    await store.open()
    await store.append({ seq: 1, bytes: randomBytes(10) })
    await store.close()
    await assert.rejects(new XrpRecord(store).open(), { code: 'XRP_RECORD' })
    const full = new MemoryStore({ warn: () => undefined })
    full.append = async () => {
      throw new Error('disk full')
    }
    const record = new XrpRecord(full)
    await record.open()
    record.put('a', {})
    await assert.rejects(record.saved(), { code: 'XRP_RECORD' })
  })
})
