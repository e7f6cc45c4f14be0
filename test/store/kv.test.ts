/** The store over an LPI `_store`: the suite over its three known shapes, and every kind of write that was not whole. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { type KeyValueStore, KvStore } from 'sluice/store'
import { testLedgerStore } from 'sluice/testing'

/** As in seed 002: synchronous functions over an object. */
function syncStore(values: Map<string, string>): KeyValueStore {
  return {
    get: (key) => values.get(key),
    put: (key, value) => values.set(key, value),
    del: (key) => values.delete(key),
  }
}

/** As the in-memory store of seed 000: promises. */
function promiseStore(values: Map<string, string>): KeyValueStore {
  return {
    get: async (key) => values.get(key),
    put: async (key, value) => {
      values.set(key, value)
    },
    del: async (key) => {
      values.delete(key)
    },
  }
}

/** As LevelUP: a missing key is an error. */
function levelUpStore(values: Map<string, string>): KeyValueStore {
  return {
    ...promiseStore(values),
    get: async (key) => {
      const value = values.get(key)
      if (value === undefined) throw Object.assign(new Error(`Key not found [${key}]`), { notFound: true })
      return value
    },
  }
}

for (const [name, shape] of Object.entries({ syncStore, promiseStore, levelUpStore })) {
  testLedgerStore({
    name: `kv over ${name}`,
    create: async () => {
      const values = new Map<string, string>()
      const store = shape(values)
      const first = new KvStore({ store })
      return { store: first, reopen: () => new KvStore({ store }), cleanup: () => first.close() }
    },
  })
}

const LOG = 'sluice-ledger-log-'

/** The content after five batches, a snapshot at 2 and one at 4. */
async function filled(): Promise<Map<string, string>> {
  const values = new Map<string, string>()
  const store = new KvStore({ store: syncStore(values) })
  await store.open()
  for (let seq = 1; seq <= 5; seq++) {
    await store.append({ seq, bytes: Uint8Array.of(seq) })
    if (seq % 2 === 0) await store.snapshot({ seq, bytes: Uint8Array.of(100 + seq) })
  }
  await store.close()
  return values
}

async function read(values: Map<string, string>): Promise<{ snapshot: number | undefined; batches: number[] }> {
  const store = new KvStore({ store: syncStore(values) })
  try {
    const log = await store.open()
    const batches: number[] = []
    for await (const batch of log.batches) batches.push(batch.seq)
    return { snapshot: log.snapshot?.seq, batches }
  } finally {
    await store.close()
  }
}

function tear(values: Map<string, string>, key: string): void {
  const value = values.get(key) ?? ''
  values.set(key, value.slice(0, value.length - 3))
}

test('keys have letters, digits, _ and - only', async () => {
  for (const key of (await filled()).keys()) assert.match(key, /^[A-Za-z0-9_-]+$/)
  assert.throws(() => new KvStore({ store: syncStore(new Map()), prefix: ':tl:' }), { code: 'STORE_KEY' })
})

test('two ledgers may share a _store by prefixes, one after the other', async () => {
  const values = new Map<string, string>()
  for (const prefix of ['a', 'b']) {
    const store = new KvStore({ store: syncStore(values), prefix })
    await store.open()
    await store.append({ seq: 1, bytes: Uint8Array.of(1) })
    await store.close()
  }
  assert.deepEqual([...values.keys()], ['a-log-1', 'b-log-1'])
})

test('a torn tail is left out, and the log goes on from there', async () => {
  const values = await filled()
  tear(values, `${LOG}5`)
  assert.deepEqual(await read(values), { snapshot: 4, batches: [1, 2, 3, 4] })
  assert.equal(values.has(`${LOG}5`), false)
})

test('damage before the tail is refused', async () => {
  for (const seq of [1, 3, 4]) {
    const values = await filled()
    tear(values, `${LOG}${seq}`)
    await assert.rejects(read(values), { code: 'STORE_CORRUPT' })
  }
})

test('a batch that is missing in the middle is refused', async () => {
  for (const seq of [3, 4]) {
    const values = await filled()
    values.delete(`${LOG}${seq}`)
    await assert.rejects(read(values), { code: 'STORE_CORRUPT' })
  }
})

test('a torn snapshot falls back on the one before it, whose batches are still there', async () => {
  const values = await filled()
  const store = new KvStore({ store: syncStore(values) })
  await store.open()
  await store.drop(5)
  await store.close()
  const slots = ['sluice-ledger-snapshot-0', 'sluice-ledger-snapshot-1']
  const last = slots.find(
    (slot) => (values.get(slot) ?? '') !== '' && Buffer.from(values.get(slot) ?? '', 'base64')[12] === 4,
  )
  assert.ok(last !== undefined)
  tear(values, last)
  assert.deepEqual(await read(values), { snapshot: 2, batches: [3, 4, 5] })
})

test('two torn snapshots are refused when the log does not reach back to its beginning', async () => {
  const values = await filled()
  values.delete(`${LOG}1`)
  tear(values, 'sluice-ledger-snapshot-0')
  tear(values, 'sluice-ledger-snapshot-1')
  await assert.rejects(read(values), { code: 'STORE_CORRUPT' })
})

test('what a lost write left behind is not taken for a continuation', async () => {
  const values = await filled()
  const orphan = values.get(`${LOG}5`) ?? ''
  values.delete(`${LOG}5`)
  // The batches 5 and 6 were lost and 7 was not: only its number is changed here, its epoch is the old one.
  values.delete(`${LOG}6`)
  values.set(`${LOG}7`, orphan)
  const store = new KvStore({ store: syncStore(values) })
  await store.open()
  await store.append({ seq: 5, bytes: Uint8Array.of(5) })
  await store.append({ seq: 6, bytes: Uint8Array.of(6) })
  await store.close()
  assert.deepEqual((await read(values)).batches, [1, 2, 3, 4, 5, 6])
})

test('another format is refused', async () => {
  const values = await filled()
  const other = new KvStore({ store: syncStore(values) })
  assert.ok(other)
  const value = Buffer.from(values.get(`${LOG}1`) ?? '', 'base64')
  value[0] = 9
  const { crc32 } = await import('node:zlib')
  value.writeUInt32BE(crc32(value.subarray(0, -4)), value.length - 4)
  values.set(`${LOG}1`, value.toString('base64url'))
  await assert.rejects(read(values), { code: 'STORE_FORMAT' })
})

test('errors of the _store itself are passed on', async () => {
  const broken: KeyValueStore = {
    ...syncStore(new Map()),
    get: () => {
      throw new Error('disk on fire')
    },
  }
  await assert.rejects(new KvStore({ store: broken }).open(), /disk on fire/)
  await assert.rejects(new KvStore({ store: broken }).open(), /disk on fire/, 'and the _store is free again')
})
