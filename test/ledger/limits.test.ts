/** Limits gate what is new, in both directions, and never what exists; a refused id leaves nothing behind. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { LEDGER_LIMITS, Ledger } from 'sluice/ledger'
import { BALANCE_MAX, Book, CREDIT, HOLD_MS, quietStore, said } from './book.js'

test('the holder pays as far as balance less held and credit go', async () => {
  const book = await Book.start()
  assert.equal(said(book.prepare(1, { amount: CREDIT + 1n })), 'INSUFFICIENT_BALANCE')
  assert.equal(said(book.prepare(1, { amount: CREDIT - 1n })), 'done')
  assert.equal(said(book.prepare(2, { amount: 2n })), 'INSUFFICIENT_BALANCE')
  assert.equal(said(book.prepare(2, { amount: 1n })), 'done')
  assert.equal(said(book.prepare(3, { amount: 1n })), 'INSUFFICIENT_BALANCE')
  assert.equal(said(book.prepare(3, { amount: 0n })), 'done')
  book.fulfill(1)
  assert.equal(said(book.prepare(4, { amount: 1n })), 'INSUFFICIENT_BALANCE', 'a capture gives nothing back')
  book.reject(2)
  assert.equal(said(book.prepare(4, { amount: 1n })), 'done', 'a rejection does')
  await book.ledger.close()
})

test('the host pays as far as balance and held stay below the balance limit', async () => {
  const book = await Book.start()
  assert.equal(said(book.prepare(1, { payer: 'host', amount: BALANCE_MAX + 1n })), 'BALANCE_LIMIT')
  assert.equal(said(book.prepare(1, { payer: 'host', amount: BALANCE_MAX })), 'done')
  assert.equal(said(book.prepare(2, { payer: 'host', amount: 1n })), 'BALANCE_LIMIT')
  book.fulfill(1, { by: 'holder' })
  assert.equal(said(book.prepare(2, { payer: 'host', amount: 1n })), 'BALANCE_LIMIT')
  await book.ledger.close()
})

test('what is pending in the other direction gives no relief', async () => {
  const book = await Book.start()
  book.prepare(1, { payer: 'host', amount: 400n })
  assert.equal(said(book.prepare(2, { amount: CREDIT + 1n })), 'INSUFFICIENT_BALANCE')
  assert.equal(said(book.prepare(2, { amount: CREDIT })), 'done')
  assert.equal(said(book.prepare(3, { payer: 'host', amount: 101n })), 'BALANCE_LIMIT')
  await book.ledger.close()
})

test('a refused prepare leaves nothing behind, and repeating it is refused again', async () => {
  const book = await Book.start()
  const before = book.a
  const expiresAt = book.clock.now() + HOLD_MS
  for (let i = 0; i < 3; i++) {
    assert.equal(said(book.prepare(1, { amount: CREDIT + 1n, expiresAt })), 'INSUFFICIENT_BALANCE')
    assert.equal(said(book.fulfill(1)), 'TRANSFER_NOT_FOUND')
    assert.deepEqual(book.a, before)
  }
  const again = await book.restart()
  assert.equal(said(again.prepare(1, { amount: CREDIT + 1n, expiresAt })), 'INSUFFICIENT_BALANCE')
  assert.equal(again.ledger.transfer('a', new Uint8Array(16)), undefined)
  assert.equal(said(again.prepare(1, { amount: 1n })), 'done', 'the id is free for another content')
  await again.ledger.close()
})

test('a lowered limit stops new transfers, not those that live, and not a restart', async () => {
  const book = await Book.start()
  book.prepare(1, { amount: 900n })
  book.prepare(2, { payer: 'host', amount: 400n })
  book.do({ type: 'limit', account: 'a', creditLimit: 0n, balanceMax: 0n })
  const again = await book.restart()
  assert.deepEqual(again.money, [0n, 900n, 400n])
  assert.equal(said(again.prepare(3, { amount: 1n })), 'INSUFFICIENT_BALANCE')
  assert.equal(said(again.prepare(3, { payer: 'host', amount: 1n })), 'BALANCE_LIMIT')
  assert.equal(said(again.fulfill(1)), 'done fulfilled')
  assert.equal(said(again.fulfill(2, { by: 'holder' })), 'done fulfilled')
  const third = await again.restart()
  assert.deepEqual(third.money, [-500n, 0n, 0n])
  await third.ledger.close()
})

test('a negative credit limit asks for a deposit that stays', async () => {
  const book = await Book.start()
  book.do({ type: 'limit', account: 'a', creditLimit: -50n, balanceMax: BALANCE_MAX })
  book.post(1, 80n)
  assert.equal(said(book.prepare(2, { amount: 31n })), 'INSUFFICIENT_BALANCE')
  assert.equal(said(book.prepare(2, { amount: 30n })), 'done')
  await book.ledger.close()
})

test('a hold may not be longer than holdMsMax', async () => {
  const book = await Book.start()
  const { holdMsMax } = LEDGER_LIMITS
  assert.equal(said(book.prepare(1, { expiresAt: book.clock.now() + holdMsMax + 1 })), 'HOLD_TOO_LONG')
  assert.equal(said(book.prepare(1, { expiresAt: book.clock.now() + holdMsMax })), 'done')
  assert.equal(said(book.post(2, 1n, book.clock.now() + holdMsMax + 1)), 'HOLD_TOO_LONG')
  await book.ledger.close()
})

test('an account has so many live transfers, and remembers so many', async () => {
  const book = await Book.start({ limits: { livePerAccountMax: 2, rememberedPerAccountMax: 4 } })
  book.prepare(1)
  book.prepare(2)
  assert.equal(said(book.prepare(3)), 'TOO_MANY_TRANSFERS')
  book.fulfill(1)
  book.fulfill(2)
  assert.equal(said(book.prepare(3)), 'done')
  assert.equal(said(book.inquire(4)), 'done rejected')
  for (const decision of [book.prepare(5), book.inquire(5), book.post(5, 1n)]) {
    assert.equal(said(decision), 'TOO_MANY_TRANSFERS', 'three remembered, and one that will be')
  }
  assert.equal(said(book.fulfill(3)), 'done fulfilled', 'what lives may always end')
  await book.committed()
  book.clock.advance(10 * 60_000)
  assert.equal(book.a.remembered, 0)
  assert.equal(said(book.prepare(5)), 'done')
  await book.ledger.close()
})

test('a ledger has so many accounts', async () => {
  const book = await Book.start({ limits: { accountsMax: 2 } })
  const open = { type: 'open', creditLimit: 0n, balanceMax: 0n } as const
  assert.equal(said(book.do({ ...open, account: 'b' })), 'done')
  assert.equal(said(book.do({ ...open, account: 'c' })), 'TOO_MANY_ACCOUNTS')
  await book.ledger.close()
})

test('so many records may wait for the store; then nothing is added, but what lives may end', async () => {
  const book = await Book.start({ batchRecordsMax: 2 })
  book.prepare(1)
  book.prepare(2)
  assert.equal(said(book.prepare(3)), 'BUSY')
  assert.equal(said(book.post(3, 1n)), 'BUSY')
  assert.equal(said(book.fulfill(1)), 'done fulfilled')
  assert.equal(said(book.reject(2)), 'done rejected')
  await book.committed()
  assert.equal(said(book.prepare(3)), 'done')
  await book.ledger.close()
})

test('limits that are no whole numbers are refused', () => {
  for (const holdMsMax of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => new Ledger({ store: quietStore(), limits: { holdMsMax } }), { code: 'LEDGER_LIMITS' })
  }
})
