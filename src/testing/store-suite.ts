/**
 * What every ledger store must do, as cases of node:test. Run it against your own store:
 *
 *     testLedgerStore({ name: 'my store', create: async () => ({ store, reopen, cleanup }) })
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Ledger } from '../ledger/index.js'
import type { Batch, LedgerStore } from '../store/index.js'

export interface StoreFixture {
  /** A new and empty store, not open. */
  readonly store: LedgerStore
  /** The same content as another process would find it; called only after the one before was closed. */
  readonly reopen: () => LedgerStore
  readonly cleanup: () => Promise<void>
}

export interface StoreSubject {
  readonly name: string
  readonly create: () => Promise<StoreFixture>
}

const MANY = 300

/** Bytes that differ from batch to batch and take every value. */
function bytesOf(seq: number, length = 257): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seq * 13) & 255)
}

function batch(seq: number): Batch {
  return { seq, bytes: bytesOf(seq) }
}

function plain({ seq, bytes }: Batch): [number, string] {
  return [seq, Buffer.from(bytes).toString('hex')]
}

async function fill(store: LedgerStore, from: number, to: number): Promise<void> {
  for (let seq = from; seq <= to; seq++) await store.append(batch(seq))
}

interface Content {
  readonly snapshot: [number, string] | undefined
  readonly batches: [number, string][]
}

async function read(store: LedgerStore): Promise<Content> {
  const log = await store.open()
  const found: [number, string][] = []
  for await (const one of log.batches) found.push(plain(one))
  return { snapshot: log.snapshot === undefined ? undefined : plain(log.snapshot), batches: found }
}

function batches(from: number, to: number): [number, string][] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => plain(batch(from + i)))
}

/** After a `drop` of what is before `from`: a store may keep more, for instance what an older snapshot needs. */
function isTail(found: readonly [number, string][], from: number, to: number): void {
  const first = found[0]?.[0] ?? to + 1
  assert.ok(first <= from, 'nothing more was dropped than was asked for')
  assert.deepEqual(found, batches(first, to))
}

/** Defines the suite. Every case makes its own store by `create`. */
export function testLedgerStore(subject: StoreSubject): void {
  const test = (name: string, run: (fixture: StoreFixture) => Promise<void>): void => {
    void it(name, async () => {
      const fixture = await subject.create()
      try {
        await run(fixture)
      } finally {
        await fixture.cleanup()
      }
    })
  }

  void describe(`ledger store: ${subject.name}`, () => {
    test('a new store is empty', async ({ store }) => {
      assert.deepEqual(await read(store), { snapshot: undefined, batches: [] })
      await store.close()
    })

    test('batches come back whole and in order', async ({ store, reopen }) => {
      await store.open()
      await fill(store, 1, MANY)
      await store.close()
      const again = reopen()
      assert.deepEqual(await read(again), { snapshot: undefined, batches: batches(1, MANY) })
      await again.close()
    })

    test('an empty batch and a large one come back', async ({ store, reopen }) => {
      await store.open()
      const large = { seq: 2, bytes: bytesOf(2, 1_000_000) }
      await store.append({ seq: 1, bytes: new Uint8Array(0) })
      await store.append(large)
      await store.close()
      const again = reopen()
      assert.deepEqual((await read(again)).batches, [[1, ''], plain(large)])
      await again.close()
    })

    test("the caller's bytes are its own again after an append", async ({ store, reopen }) => {
      await store.open()
      const bytes = bytesOf(1)
      await store.append({ seq: 1, bytes })
      bytes.fill(0)
      await store.append({ seq: 2, bytes: bytesOf(2, 600).subarray(100, 357) })
      await store.close()
      const again = reopen()
      const second = { seq: 2, bytes: bytesOf(2, 600).subarray(100, 357) }
      assert.deepEqual((await read(again)).batches, [plain(batch(1)), plain(second)])
      await again.close()
    })

    test('a log goes on where it ended', async ({ store, reopen }) => {
      await store.open()
      await fill(store, 1, 3)
      await store.close()
      const second = reopen()
      assert.deepEqual((await read(second)).batches, batches(1, 3))
      await fill(second, 4, 5)
      await second.close()
      const third = reopen()
      assert.deepEqual((await read(third)).batches, batches(1, 5))
      await third.close()
    })

    test('the last snapshot comes back, with the batches before and after it', async ({ store, reopen }) => {
      await store.open()
      await fill(store, 1, 4)
      await store.snapshot({ seq: 2, bytes: bytesOf(1000) })
      await store.snapshot({ seq: 4, bytes: bytesOf(2000) })
      await fill(store, 5, 6)
      await store.close()
      const again = reopen()
      assert.deepEqual(await read(again), {
        snapshot: plain({ seq: 4, bytes: bytesOf(2000) }),
        batches: batches(1, 6),
      })
      await again.close()
    })

    test('a snapshot may run beside appends', async ({ store, reopen }) => {
      await store.open()
      await fill(store, 1, 2)
      await Promise.all([store.snapshot({ seq: 2, bytes: bytesOf(9, 300_000) }), fill(store, 3, 20)])
      await store.close()
      const again = reopen()
      assert.deepEqual(await read(again), {
        snapshot: plain({ seq: 2, bytes: bytesOf(9, 300_000) }),
        batches: batches(1, 20),
      })
      await again.close()
    })

    test('a drop forgets only batches before its number', async ({ store, reopen }) => {
      await store.open()
      for (const seq of [10, 20]) {
        await fill(store, seq - 9, seq)
        await store.snapshot({ seq, bytes: bytesOf(seq) })
      }
      await store.drop(8)
      await store.close()
      const again = reopen()
      const content = await read(again)
      assert.deepEqual(content.snapshot, plain({ seq: 20, bytes: bytesOf(20) }))
      assert.deepEqual(content.batches, batches(8, 20))
      await again.close()
    })

    test('after a drop of everything the log goes on', async ({ store, reopen }) => {
      await store.open()
      await fill(store, 1, 10)
      await store.snapshot({ seq: 10, bytes: bytesOf(10) })
      await store.drop(11)
      await store.drop(11)
      await store.close()
      const second = reopen()
      isTail((await read(second)).batches, 11, 10)
      await fill(second, 11, 12)
      await second.snapshot({ seq: 12, bytes: bytesOf(12) })
      await second.drop(12)
      await second.close()
      const third = reopen()
      const content = await read(third)
      assert.deepEqual(content.snapshot, plain({ seq: 12, bytes: bytesOf(12) }))
      isTail(content.batches, 12, 12)
      await third.close()
    })

    test('a second owner is refused until the first has closed', async ({ store, reopen }) => {
      await store.open()
      const other = reopen()
      await assert.rejects(other.open(), { code: 'STORE_LOCKED' })
      await fill(store, 1, 1)
      await store.close()
      assert.deepEqual((await read(other)).batches, batches(1, 1))
      await other.close()
    })

    test('closing twice is fine, and what is closed refuses', async ({ store }) => {
      await store.close()
      await store.open()
      await store.close()
      await store.close()
      await assert.rejects(store.append(batch(1)), { code: 'STORE_CLOSED' })
      await assert.rejects(store.snapshot(batch(1)), { code: 'STORE_CLOSED' })
      await assert.rejects(store.drop(1), { code: 'STORE_CLOSED' })
    })

    test('a ledger finds its accounts again, by snapshot and log', async ({ store, reopen }) => {
      // A snapshot at nearly every commit.
      const first = new Ledger({ store, snapshotBytes: 64 })
      await first.open()
      first.execute({ type: 'open', account: 'alice', creditLimit: 100n, balanceMax: 1000n })
      for (let i = 0; i < 20; i++) {
        const id = bytesOf(i, 16)
        first.execute({ type: 'post', account: 'alice', id, amount: 7n, expiresAt: first.now() + 60_000 })
        await new Promise<void>((resolve) => first.committed(resolve))
      }
      const seen = first.account('alice')
      await first.close()
      const second = new Ledger({ store: reopen() })
      await second.open()
      assert.deepEqual(second.account('alice'), seen)
      second.check()
      await second.close()
    })
  })
}
