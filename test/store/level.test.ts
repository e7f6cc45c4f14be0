/** The level store: the suite, who may open it, and what it does about damage. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { ClassicLevel } from 'classic-level'
import { LevelStore } from 'sluice/store/level'
import { testLedgerStore } from 'sluice/testing'

async function temporary(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'sluice-level-'))
}

async function temporaryFor(context: TestContext): Promise<string> {
  const directory = await temporary()
  context.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Changes the database below a store, as a failing disk or another program would. */
async function tamper(
  directory: string,
  change: (db: ClassicLevel<string, Uint8Array>) => Promise<void>,
): Promise<void> {
  const db = new ClassicLevel<string, Uint8Array>(directory, { keyEncoding: 'utf8', valueEncoding: 'view' })
  await change(db)
  await db.close()
}

async function readAll(store: LevelStore): Promise<number[]> {
  const found: number[] = []
  for await (const batch of (await store.open()).batches) found.push(batch.seq)
  return found
}

testLedgerStore({
  name: 'level',
  create: async () => {
    const parent = await temporary()
    const directory = join(parent, 'deep', 'ledger')
    const store = new LevelStore(directory)
    return {
      store,
      reopen: () => new LevelStore(directory),
      cleanup: async () => {
        await store.close()
        await rm(parent, { recursive: true, force: true })
      },
    }
  },
})

test('a locked directory is refused with what to do', async (context) => {
  const directory = await temporaryFor(context)
  const store = new LevelStore(directory)
  await store.open()
  await assert.rejects(new LevelStore(directory).open(), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'STORE_LOCKED')
    assert.match(error.message, /end that process, or choose another directory/)
    return true
  })
  await store.close()
})

test('a damaged batch is refused, and named', async (context) => {
  const directory = await temporaryFor(context)
  const store = new LevelStore(directory)
  await store.open()
  for (let seq = 1; seq <= 3; seq++) await store.append({ seq, bytes: Uint8Array.of(seq, seq, seq) })
  await store.close()
  const key = `b${'2'.padStart(16, '0')}`
  await tamper(directory, async (db) => {
    const value = (await db.get(key)) ?? new Uint8Array(0)
    value[9] = (value[9] ?? 0) ^ 1
    await db.put(key, value)
  })
  await assert.rejects(readAll(store), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'STORE_CORRUPT')
    assert.ok(error.message.includes(key))
    return true
  })
  await store.close()
})

test('a batch under the number of another is refused', async (context) => {
  const directory = await temporaryFor(context)
  const store = new LevelStore(directory)
  await store.open()
  await store.append({ seq: 1, bytes: Uint8Array.of(1) })
  await store.close()
  await tamper(directory, async (db) => {
    const value = (await db.get(`b${'1'.padStart(16, '0')}`)) ?? new Uint8Array(0)
    await db.put(`b${'2'.padStart(16, '0')}`, value)
  })
  await assert.rejects(readAll(store), { code: 'STORE_CORRUPT' })
  await store.close()
})

test("another format, and another program's directory, are refused", async (context) => {
  const directory = await temporaryFor(context)
  await tamper(directory, (db) => db.put('format', new TextEncoder().encode('sluice-ledger 2')))
  await assert.rejects(new LevelStore(directory).open(), { code: 'STORE_FORMAT' })
  const other = await temporaryFor(context)
  await tamper(other, (db) => db.put('somebody', Uint8Array.of(1)))
  await assert.rejects(new LevelStore(other).open(), { code: 'STORE_FORMAT' })
})

test('a path that is no directory is refused, and the store can be tried again', async (context) => {
  const directory = await temporaryFor(context)
  const path = join(directory, 'file')
  await writeFile(path, 'text')
  const store = new LevelStore(path)
  await assert.rejects(store.open(), { code: 'STORE_FAILED' })
  await rm(path)
  assert.deepEqual(await readAll(store), [])
  await store.close()
})
