/** Memory of ended ids: what a busy time took is given back once they are forgotten. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { LedgerStore } from 'sluice/store'
import { Book, HOLD_MS, id } from './book.js'

/** Enough for an index of 1 MiB. */
const IDS = 100_000
const LATER = 200
const LEFT_BYTES_MAX = 200_000

/** Keeps nothing, so that what is measured is the ledger's. */
const nowhere: LedgerStore = {
  open: async () => ({ snapshot: undefined, batches: (async function* () {})() }),
  append: async () => undefined,
  snapshot: async () => undefined,
  drop: async () => undefined,
  close: async () => undefined,
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function bytesOfArrays(): number {
  // Arrays are freed beside the program; the second collection waits for what the first has found.
  collect()
  collect()
  return process.memoryUsage().arrayBuffers
}

test('ids that are forgotten leave no memory behind', async () => {
  const book = await Book.start({ store: nowhere })
  const before = bytesOfArrays()
  const expiresAt = book.clock.now() + HOLD_MS
  for (let number = 1; number <= IDS; number++) {
    book.do({ type: 'post', account: 'a', id: id(number), amount: 0n, expiresAt })
    if (number % 1000 === 0) await book.committed()
  }
  assert.ok(bytesOfArrays() - before > IDS * 80, 'they are remembered')
  book.clock.advance(3 * HOLD_MS)
  // What is said afterwards lets it forget, a little at a time.
  for (let number = 1; number <= LATER; number++) {
    book.do({ type: 'post', account: 'a', id: id(IDS + number), amount: 0n, expiresAt: expiresAt + 4 * HOLD_MS })
    await book.committed()
  }
  const left = bytesOfArrays() - before
  assert.ok(left < LEFT_BYTES_MAX, `${left} bytes are left`)
  await book.ledger.close()
})
