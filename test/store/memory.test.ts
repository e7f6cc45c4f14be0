/** The memory store: the suite, and that it says what it is. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { MemoryStore } from 'sluice/store'
import { testLedgerStore } from 'sluice/testing'

testLedgerStore({
  name: 'memory',
  create: async () => {
    const store = new MemoryStore({ warn: () => undefined })
    return { store, reopen: () => store, cleanup: () => store.close() }
  },
})

test('it says once that nothing survives', async () => {
  const said: string[] = []
  const store = new MemoryStore({ warn: (message) => said.push(message) })
  await store.open()
  await store.close()
  await store.open()
  await store.close()
  assert.equal(said.length, 1)
  assert.match(said[0] ?? '', /LOST/)
})

test('a copy is what a crash would leave', async () => {
  const store = new MemoryStore({ warn: () => undefined })
  await store.open()
  await store.append({ seq: 1, bytes: Uint8Array.of(1) })
  const copy = store.copy()
  await store.append({ seq: 2, bytes: Uint8Array.of(2) })
  const found: number[] = []
  for await (const batch of (await copy.open()).batches) found.push(batch.seq)
  assert.deepEqual(found, [1])
  await copy.close()
  await store.close()
})
