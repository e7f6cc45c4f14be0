/** Group commit: what shares a batch, who is told when, and what a failure does. */
import assert from 'node:assert/strict'
import test from 'node:test'
import type { Ledger } from 'sluice/ledger'
import { GatedStore } from 'sluice/testing'
import { Book, HOLD_MS, id, quietStore, said, text } from './book.js'

/** A book whose turns end when the test says so. */
class Turns {
  #deferred: (() => void)[] = []
  readonly defer = (run: () => void): void => {
    this.#deferred.push(run)
  }

  end(): void {
    const deferred = this.#deferred
    this.#deferred = []
    for (const run of deferred) run()
  }
}

/** Lets promises settle, and the turn that they begin end; no timer is waited for. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
}

async function gated(): Promise<{ book: Book; store: GatedStore; memory: ReturnType<typeof quietStore> }> {
  const memory = quietStore()
  const store = new GatedStore(memory)
  store.held = false
  const book = await Book.start({ store })
  store.held = true
  return { book, store, memory }
}

function tell(ledger: Ledger, told: string[], what: string): void {
  ledger.committed(() => told.push(what))
}

test('nobody is told before the commit, and then in order', async () => {
  const { book, store } = await gated()
  const told: string[] = []
  book.prepare(1)
  tell(book.ledger, told, 'one')
  book.fulfill(1)
  tell(book.ledger, told, 'two')
  assert.equal(said(book.prepare(2, { amount: 10_000n })), 'INSUFFICIENT_BALANCE')
  tell(book.ledger, told, 'refused')
  await settle()
  assert.deepEqual(told, [])
  assert.equal(store.waiting.length, 1)
  store.release()
  await settle()
  assert.deepEqual(told, ['one', 'two', 'refused'])
  assert.equal(store.waiting.length, 0)
  await book.ledger.close()
})

test('what is executed in one turn shares one commit; the next gathers while one is in flight', async () => {
  const { book, store } = await gated()
  const told: string[] = []
  for (let number = 1; number <= 5; number++) book.prepare(number)
  await settle()
  assert.equal(store.waiting.length, 1)
  for (let number = 6; number <= 9; number++) {
    book.prepare(number)
    await settle()
  }
  tell(book.ledger, told, 'second')
  assert.deepEqual(
    store.waiting.map(({ seq }) => seq),
    [2],
  )
  store.release()
  await settle()
  assert.deepEqual(told, [])
  assert.deepEqual(
    store.waiting.map(({ seq }) => seq),
    [3],
  )
  store.release()
  await settle()
  assert.deepEqual(told, ['second'])
  await book.ledger.close()
})

test('a query alone waits for the commit in flight whose state it shows', async () => {
  const { book, store } = await gated()
  const told: string[] = []
  book.prepare(1)
  await settle()
  assert.equal(book.a.heldOut, 10n)
  tell(book.ledger, told, 'balance')
  await settle()
  assert.deepEqual(told, [])
  store.release()
  await settle()
  assert.deepEqual(told, ['balance'])
  assert.equal(store.waiting.length, 0, 'and makes no commit of its own')
  await book.ledger.close()
})

test('with nothing to commit, telling still waits for the end of the turn, without a batch', async () => {
  const turns = new Turns()
  const store = new GatedStore(quietStore())
  const book = new Book({ store, defer: turns.defer })
  await book.ledger.open()
  const told: string[] = []
  tell(book.ledger, told, 'one')
  tell(book.ledger, told, 'two')
  await settle()
  assert.deepEqual(told, [])
  turns.end()
  assert.deepEqual(told, ['one', 'two'])
  assert.deepEqual(store.waiting, [])
  await book.ledger.close()
})

test('the injected defer decides when the turn ends', async () => {
  const turns = new Turns()
  const store = new GatedStore(quietStore())
  const book = new Book({ store, defer: turns.defer })
  await book.ledger.open()
  book.do({ type: 'open', account: 'a', creditLimit: 100n, balanceMax: 0n })
  await settle()
  book.prepare(1)
  await settle()
  assert.deepEqual(store.waiting, [])
  turns.end()
  assert.equal(store.waiting.length, 1)
  book.fulfill(1)
  store.release()
  await settle()
  assert.equal(store.waiting.length, 0, 'what comes back from the store is gathered for a turn, too')
  turns.end()
  assert.equal(store.waiting.length, 1)
  store.held = false
  store.release()
  await book.ledger.close()
})

test('what is executed while others are told belongs to the next commit', async () => {
  const { book, store } = await gated()
  const told: string[] = []
  book.prepare(1)
  book.ledger.committed(() => {
    told.push('prepared')
    book.fulfill(1)
    tell(book.ledger, told, 'fulfilled')
  })
  tell(book.ledger, told, 'also prepared')
  await settle()
  store.release()
  await settle()
  assert.deepEqual(told, ['prepared', 'also prepared'])
  store.release()
  await settle()
  assert.deepEqual(told, ['prepared', 'also prepared', 'fulfilled'])
  await book.ledger.close()
})

test('a crash before the commit loses what nobody was told, whole', async () => {
  const { book, store, memory } = await gated()
  book.prepare(1)
  book.fulfill(1)
  book.post(2, 100n)
  await settle()
  const lost = new Book({ store: memory.copy(), clock: book.clock }).ledger
  await lost.open()
  assert.deepEqual([lost.account('a')?.balance, lost.account('a')?.remembered], [0n, 0])
  store.release()
  await settle()
  const kept = new Book({ store: memory.copy(), clock: book.clock }).ledger
  await kept.open()
  assert.equal(kept.account('a')?.balance, 90n, 'the capture and the deposit of one turn are one commit')
  await Promise.all([book.ledger.close(), lost.close(), kept.close()])
})

test('after a failed commit nobody is told anything, but that it failed', async () => {
  const { book, store, memory } = await gated()
  const told: string[] = []
  book.ledger.onFailure((error) => told.push(`failed: ${error.message}`))
  book.ledger.onFailure(() => told.push('failed'))()
  book.prepare(1, { expiresAt: book.clock.now() + 10 })
  tell(book.ledger, told, 'prepared')
  await settle()
  book.prepare(2)
  tell(book.ledger, told, 'prepared 2')
  store.fail(new Error('disk full'))
  await settle()
  assert.deepEqual(told, ['failed: disk full'])
  for (const use of [
    () => book.prepare(3),
    () => book.a,
    () => book.ledger.now(),
    () => book.ledger.live(),
    () => book.ledger.position(),
    () => book.ledger.note('k'),
  ]) {
    assert.throws(use, { code: 'LEDGER_FAILED' })
  }
  tell(book.ledger, told, 'never')
  book.clock.advance(HOLD_MS)
  await settle()
  await assert.rejects(book.ledger.open(), { code: 'LEDGER_FAILED' })
  await book.ledger.close()
  assert.deepEqual(told, ['failed: disk full'])
  assert.deepEqual(book.expired, [])
  const again = new Book({ store: memory, clock: book.clock })
  await again.ledger.open()
  assert.deepEqual(again.money, [0n, 0n, 0n], 'a restart recovers what was committed')
  await again.ledger.close()
})

test('a snapshot that fails stops the ledger too', async () => {
  const store = new GatedStore(quietStore())
  store.held = false
  store.snapshot = () => Promise.reject(new Error('no room'))
  const book = new Book({ store, snapshotBytes: 1 })
  await book.ledger.open()
  const failed = new Promise<Error>((resolve) => book.ledger.onFailure(resolve))
  book.do({ type: 'open', account: 'a', creditLimit: 0n, balanceMax: 0n })
  assert.equal((await failed).message, 'no room')
  await book.ledger.close()
})

test('when it fails beside a commit in flight, that commit tells nobody either', async () => {
  const { book, store } = await gated()
  const told: string[] = []
  book.prepare(1)
  tell(book.ledger, told, 'prepared')
  await settle()
  const small = new GatedStore(quietStore())
  small.held = false
  let refuse: (error: Error) => void = () => undefined
  small.snapshot = () => new Promise((_, reject) => (refuse = reject))
  const other = await Book.start({ store: small, snapshotBytes: 1 })
  await settle()
  small.held = true
  other.prepare(1)
  tell(other.ledger, told, 'other prepared')
  await settle()
  assert.equal(small.waiting.length, 1)
  refuse(new Error('no room'))
  await settle()
  small.release()
  store.release()
  await settle()
  assert.deepEqual(told, ['prepared'])
  await Promise.all([book.ledger.close(), other.ledger.close()])
})

test('answers do not wait for a snapshot', async () => {
  let finish: () => void = () => undefined
  const store = new GatedStore(quietStore())
  store.held = false
  let taken = 0
  store.snapshot = () =>
    new Promise((resolve) => {
      taken += 1
      finish = resolve
    })
  const book = await Book.start({ store, snapshotBytes: 1 })
  for (let number = 1; number <= 3; number++) {
    book.prepare(number)
    await book.committed()
  }
  assert.equal(taken, 1, 'one at a time')
  finish()
  await settle()
  book.prepare(4)
  await book.committed()
  assert.equal(taken, 2)
  finish()
  await book.ledger.close()
})

test('closing commits and tells first, refuses after, and may be repeated', async () => {
  const { book, store } = await gated()
  const told: string[] = []
  book.prepare(1)
  tell(book.ledger, told, 'prepared')
  const closed = [book.ledger.close(), book.ledger.close()]
  await settle()
  assert.throws(() => book.prepare(2), { code: 'LEDGER_CLOSED' })
  assert.throws(() => book.ledger.committed(() => undefined), { code: 'LEDGER_CLOSED' })
  store.release()
  await Promise.all(closed)
  await book.ledger.close()
  assert.deepEqual(told, ['prepared'])
  assert.equal(book.clock.pending, 0)
  await book.ledger.open()
  assert.equal(book.a.live, 1, 'it can be opened again')
  await book.ledger.close()
})

test('a ledger that is not open says so, and opens once', async () => {
  const book = new Book()
  assert.throws(() => book.prepare(1), { code: 'LEDGER_NOT_OPEN' })
  assert.throws(() => book.ledger.committed(() => undefined), { code: 'LEDGER_NOT_OPEN' })
  await book.ledger.close()
  await Promise.all([book.ledger.open(), book.ledger.open()])
  await book.ledger.open()
  await book.ledger.close()
})

test('a store that can not be opened leaves a ledger that can be tried again', async () => {
  const memory = quietStore()
  await memory.open()
  const book = new Book({ store: memory })
  await assert.rejects(book.ledger.open(), { code: 'STORE_LOCKED' })
  await memory.close()
  await book.ledger.open()
  await book.ledger.close()
})

test('a listener that is taken away hears nothing', async () => {
  const book = await Book.start()
  let heard = 0
  const stop = book.ledger.onExpired(() => (heard += 1))
  book.prepare(1)
  book.prepare(2, { expiresAt: book.clock.now() + 2 * HOLD_MS })
  await book.committed()
  book.clock.advance(HOLD_MS)
  await book.committed()
  stop()
  book.clock.advance(HOLD_MS)
  await book.committed()
  assert.equal(heard, 1)
  assert.deepEqual(book.expired, [1, 2])
  await book.ledger.close()
})

test('notes and movements of one turn are one commit', async () => {
  const { book, store, memory } = await gated()
  book.post(1, 5n)
  book.do({ type: 'note', key: 'goods', value: text('letter'), expiresAt: book.clock.now() + HOLD_MS })
  await settle()
  assert.equal(store.waiting.length, 1)
  store.release()
  await settle()
  const copy = new Book({ store: memory.copy(), clock: book.clock })
  await copy.ledger.open()
  assert.deepEqual(copy.ledger.note('goods'), text('letter'))
  assert.equal(said(copy.inquire(1)), 'repeated posted')
  assert.equal(copy.ledger.transfer('a', id(1))?.state, 'finished')
  await copy.ledger.close()
  await book.ledger.close()
})
