/** What comes back from a store: the same book, by log alone or by snapshots; and what is refused. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Ledger } from 'sluice/ledger'
import type { Batch, LedgerStore, Snapshot } from 'sluice/store'
import { FakeClock } from 'sluice/testing'
import { Book, HOLD_MS, SECOND, id, quietStore, said, text } from './book.js'

/** A store with this content, which takes what it is given and keeps nothing. */
function storeOf(batches: readonly Batch[], snapshot?: Snapshot): LedgerStore {
  return {
    open: async () => ({ snapshot, batches: each(batches) }),
    append: async () => undefined,
    snapshot: async () => undefined,
    drop: async () => undefined,
    close: async () => undefined,
  }
}

async function* each(batches: readonly Batch[]): AsyncGenerator<Batch> {
  yield* batches
}

/** A book with some of everything, and what its store holds. */
async function content(snapshotBytes = 1e9): Promise<{ book: Book; batches: Batch[]; snapshot: Snapshot | undefined }> {
  const store = quietStore()
  const book = await Book.start({ store, snapshotBytes })
  book.prepare(1)
  book.fulfill(1)
  await book.committed()
  book.prepare(2, { payer: 'host' })
  book.prepare(3)
  book.reject(3, { reason: text('a longer reason than fits') })
  await book.committed()
  book.inquire(4)
  book.post(5, -7n)
  book.do({ type: 'note', key: 'k', value: text('v'), expiresAt: book.clock.now() + HOLD_MS })
  book.do({ type: 'freeze', account: 'a', frozen: true })
  book.prepare(6)
  await book.committed()
  const copy = store.copy()
  const log = await copy.open()
  const batches: Batch[] = []
  for await (const batch of log.batches) batches.push(batch)
  return { book, batches, snapshot: log.snapshot }
}

async function opened(store: LedgerStore, clock: FakeClock): Promise<Ledger> {
  const ledger = new Ledger({ store, clock })
  await ledger.open()
  return ledger
}

test('the log alone, and every mix with snapshots, give the same book', async () => {
  for (const snapshotBytes of [1, 100, 400, 1e9]) {
    const { book, batches, snapshot } = await content(snapshotBytes)
    assert.equal(snapshot !== undefined, snapshotBytes < 1e9)
    const ledger = await opened(storeOf(batches, snapshot), book.clock)
    assert.deepEqual(ledger.accounts(), book.ledger.accounts())
    assert.deepEqual(ledger.live(), book.ledger.live())
    assert.equal(ledger.position(), book.ledger.position())
    assert.deepEqual(ledger.note('k'), text('v'))
    for (const number of [1, 2, 3, 4, 5, 6]) {
      assert.deepEqual(ledger.transfer('a', id(number)), book.ledger.transfer('a', id(number)))
    }
    ledger.check()
    await ledger.close()
    await book.ledger.close()
  }
})

test('a batch cut anywhere is refused, and so is one with more behind it', async () => {
  const { book, batches } = await content()
  await book.ledger.close()
  const whole = batches.at(-1)
  assert.ok(whole !== undefined)
  let refused = 0
  for (let length = 0; length < whole.bytes.length; length++) {
    const cut = { seq: whole.seq, bytes: whole.bytes.subarray(0, length) }
    const outcome = await outcomeOf([...batches.slice(0, -1), cut], book.clock)
    // Cut between two records it is a shorter batch: telling that apart is the store's affair, whose appends are whole.
    assert.ok(outcome === 'LEDGER_CORRUPT' || outcome === 'opened', `${length}: ${outcome}`)
    if (outcome === 'LEDGER_CORRUPT') refused += 1
  }
  assert.ok(refused > 0.9 * whole.bytes.length)
  for (const more of [[0], [255], [5, 0, 0]]) {
    const longer: Batch = { seq: whole.seq, bytes: Uint8Array.from([...whole.bytes, ...more]) }
    assert.equal(await outcomeOf([...batches.slice(0, -1), longer], book.clock), 'LEDGER_CORRUPT')
  }
})

test('a bit that flipped opens a sound book or is refused by its name, and never ends the process', async () => {
  const { book, batches } = await content()
  await book.ledger.close()
  for (const [at, batch] of batches.entries()) {
    for (let bit = 0; bit < 8 * batch.bytes.length; bit += 3) {
      const bytes = batch.bytes.slice()
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const outcome = await outcomeOf(batches.with(at, { seq: batch.seq, bytes }), book.clock)
      assert.ok(['opened', 'LEDGER_CORRUPT', 'INVARIANT'].includes(outcome), outcome)
    }
  }
})

test('a snapshot that is cut, longer, or of another format is refused', async () => {
  const { book, snapshot } = await content(1)
  await book.ledger.close()
  assert.ok(snapshot !== undefined)
  const { seq, bytes } = snapshot
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(await outcomeOf([], book.clock, { seq, bytes: bytes.subarray(0, length) }), 'LEDGER_CORRUPT')
  }
  assert.equal(await outcomeOf([], book.clock, { seq, bytes: Uint8Array.from([...bytes, 0]) }), 'LEDGER_CORRUPT')
  assert.equal(await outcomeOf([], book.clock, { seq, bytes: bytes.with(0, 9) }), 'LEDGER_CORRUPT')
  assert.equal(await outcomeOf([], book.clock, snapshot), 'opened')
})

test('a snapshot whose book does not balance is refused', async () => {
  const { book, snapshot } = await content(1)
  await book.ledger.close()
  assert.ok(snapshot !== undefined)
  const at = Buffer.from(snapshot.bytes).indexOf('-17')
  assert.ok(at > 0, 'the balance is written as digits')
  const bytes = snapshot.bytes.with(at + 2, '8'.charCodeAt(0))
  assert.equal(await outcomeOf([], book.clock, { seq: snapshot.seq, bytes }), 'INVARIANT')
})

test('a log with a hole, or that does not reach back to the snapshot, is refused', async () => {
  const { book, batches, snapshot } = await content(1)
  await book.ledger.close()
  const last = batches.at(-1)
  assert.ok(last !== undefined && snapshot !== undefined)
  assert.equal(await outcomeOf(batches.toSpliced(1, 1), book.clock), 'LEDGER_CORRUPT')
  assert.equal(await outcomeOf(batches.slice(1), book.clock), 'LEDGER_CORRUPT')
  assert.equal(await outcomeOf([{ seq: snapshot.seq + 2, bytes: last.bytes }], book.clock, snapshot), 'LEDGER_CORRUPT')
})

test('a refused store is given back, so that a mended one can be opened', async () => {
  let open = 0
  const broken = storeOf([{ seq: 1, bytes: Uint8Array.of(9) }])
  const store: LedgerStore = {
    ...broken,
    open: () => {
      open += 1
      return broken.open()
    },
    close: async () => {
      open -= 1
    },
  }
  const ledger = new Ledger({ store, clock: new FakeClock() })
  await assert.rejects(ledger.open(), { code: 'LEDGER_CORRUPT' })
  assert.equal(open, 0)
  assert.throws(() => ledger.now(), { code: 'LEDGER_NOT_OPEN' })
})

test('old log is dropped once a snapshot holds it and its ids are forgotten, and not before', async () => {
  const store = quietStore()
  const dropped: number[] = []
  const drop = store.drop.bind(store)
  store.drop = async (seq) => {
    dropped.push(seq)
    await drop(seq)
  }
  const book = await Book.start({ store, snapshotBytes: 2000, limits: { rememberMs: 10 * SECOND } })
  const run = async (from: number, to: number): Promise<void> => {
    for (let number = from; number < to; number++) {
      book.prepare(number, { amount: 0n })
      book.fulfill(number)
      await book.committed()
    }
  }
  await run(0, 200)
  assert.deepEqual(dropped, [], 'their ids are still remembered')
  book.clock.advance(HOLD_MS + 10 * SECOND)
  await run(200, 210)
  assert.equal(dropped.length, 1)
  const kept = await countOf(store.copy())
  assert.ok(kept < 100, `${kept} batches are left of 211`)
  const again = await book.restart({ crash: true })
  assert.equal(said(again.prepare(205, { amount: 0n })), 'repeated fulfilled')
  assert.equal(said(again.fulfill(5)), 'TRANSFER_NOT_FOUND')
  assert.equal(again.a.remembered, 10)
  await again.ledger.close()
  await book.ledger.close()
})

async function countOf(store: LedgerStore): Promise<number> {
  let count = 0
  for await (const _ of (await store.open()).batches) count += 1
  await store.close()
  return count
}

async function outcomeOf(batches: readonly Batch[], clock: FakeClock, snapshot?: Snapshot): Promise<string> {
  const ledger = new Ledger({ store: storeOf(batches, snapshot), clock })
  try {
    await ledger.open()
    ledger.check()
    return 'opened'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  } finally {
    await ledger.close()
  }
}
