/** Accounts, movements in one phase, and notes. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { BALANCE_MAX, Book, CREDIT, HOLD_MS, SECOND, id, said, text } from './book.js'

const open = (account: string) => ({ type: 'open', account, creditLimit: 1n, balanceMax: 2n }) as const

test('an account is opened once, and shows what it is', async () => {
  const book = await Book.start()
  assert.equal(said(book.do(open('a'))), 'ACCOUNT_EXISTS')
  assert.equal(said(book.do(open(''))), 'INVALID')
  assert.equal(said(book.do(open('x'.repeat(1024)))), 'INVALID')
  assert.equal(said(book.do(open('\ud800'))), 'INVALID')
  assert.equal(said(book.do({ ...open('b'), creditLimit: 2n ** 63n })), 'INVALID')
  assert.equal(said(book.do({ ...open('b'), balanceMax: -(2n ** 63n) })), 'INVALID')
  assert.equal(said(book.do(open('ß and ☃'))), 'done')
  assert.deepEqual(book.a, {
    account: 'a',
    creditLimit: CREDIT,
    balanceMax: BALANCE_MAX,
    frozen: false,
    balance: 0n,
    heldOut: 0n,
    heldIn: 0n,
    fulfilledIn: 0n,
    fulfilledOut: 0n,
    posted: 0n,
    live: 0,
    remembered: 0,
  })
  const again = await book.restart()
  assert.deepEqual(
    again.ledger.accounts().map(({ account }) => account),
    ['a', 'ß and ☃'],
  )
  await again.ledger.close()
})

test('every command on an account that is not there is refused', async () => {
  const book = await Book.start()
  book.do({ type: 'close', account: 'a' })
  const decisions = [
    book.prepare(1),
    book.fulfill(1),
    book.reject(1),
    book.inquire(1),
    book.post(1, 1n),
    book.do({ type: 'limit', account: 'a', creditLimit: 1n, balanceMax: 1n }),
    book.do({ type: 'freeze', account: 'a', frozen: true }),
    book.do({ type: 'close', account: 'a' }),
  ]
  assert.deepEqual(
    decisions.map(said),
    decisions.map(() => 'ACCOUNT_NOT_FOUND'),
  )
  assert.equal(book.ledger.account('a'), undefined)
  assert.deepEqual(book.ledger.accounts(), [])
  assert.deepEqual(book.ledger.live('a'), [])
  await book.ledger.close()
})

test('a frozen account starts nothing new, and what lives may end', async () => {
  const book = await Book.start()
  book.prepare(1)
  book.prepare(2)
  book.prepare(3, { expiresAt: book.clock.now() + SECOND })
  book.do({ type: 'freeze', account: 'a', frozen: true })
  const again = await book.restart()
  assert.equal(again.a.frozen, true)
  assert.equal(said(again.prepare(4)), 'ACCOUNT_FROZEN')
  assert.equal(said(again.prepare(4, { payer: 'host' })), 'ACCOUNT_FROZEN')
  assert.equal(said(again.post(4, -1n)), 'ACCOUNT_FROZEN')
  assert.equal(said(again.post(4, 1n)), 'done posted')
  assert.equal(said(again.fulfill(1)), 'done fulfilled')
  assert.equal(said(again.reject(2)), 'done rejected')
  again.clock.advance(SECOND)
  assert.equal(again.a.live, 0)
  again.do({ type: 'freeze', account: 'a', frozen: false })
  assert.equal(said(again.prepare(5)), 'done')
  await again.ledger.close()
})

test('an account is closed only when nothing is in it', async () => {
  const book = await Book.start()
  book.prepare(1)
  assert.equal(said(book.do({ type: 'close', account: 'a' })), 'ACCOUNT_IN_USE')
  book.fulfill(1)
  assert.equal(said(book.do({ type: 'close', account: 'a' })), 'ACCOUNT_IN_USE')
  book.post(2, 10n)
  assert.equal(said(book.do({ type: 'close', account: 'a' })), 'done')
  const again = await book.restart()
  assert.deepEqual(again.ledger.accounts(), [])
  await again.ledger.close()
})

test('an account that is opened again can not be made to repeat what the old one did', async () => {
  const book = await Book.start({ snapshotBytes: 1 })
  const expiresAt = book.clock.now() + HOLD_MS
  book.prepare(1, { expiresAt })
  book.fulfill(1)
  book.post(2, 10n, expiresAt)
  book.do({ type: 'close', account: 'a' })
  await book.committed()
  const again = await book.restart()
  assert.equal(said(again.do({ type: 'open', account: 'a', creditLimit: CREDIT, balanceMax: 0n })), 'done')
  assert.equal(said(again.prepare(1, { expiresAt })), 'repeated fulfilled')
  assert.equal(said(again.post(2, 10n, expiresAt)), 'repeated posted')
  assert.equal(again.a.balance, 0n)
  await again.ledger.close()
})

test('closed accounts are forgotten when their ids are', async () => {
  const rememberMs = 10 * SECOND
  const book = await Book.start({ snapshotBytes: 1, limits: { accountsMax: 1, rememberMs } })
  book.post(1, 0n)
  book.do({ type: 'close', account: 'a' })
  /** Later, after a snapshot of that time. */
  const openAfter = async (ms: number): Promise<string> => {
    book.clock.advance(ms)
    book.do({ type: 'note', key: 'k', value: text('v'), expiresAt: book.clock.now() + 1 })
    await book.committed()
    return said(book.do(open('b')))
  }
  assert.equal(await openAfter(0), 'TOO_MANY_ACCOUNTS')
  assert.equal(await openAfter(HOLD_MS), 'TOO_MANY_ACCOUNTS')
  assert.equal(await openAfter(rememberMs - 1), 'TOO_MANY_ACCOUNTS')
  assert.equal(await openAfter(1), 'done')
  const again = await book.restart()
  assert.deepEqual(
    again.ledger.accounts().map(({ account }) => account),
    ['b'],
  )
  await again.ledger.close()
})

test('a movement is made once, and a debit is within the credit limit', async () => {
  const book = await Book.start()
  const expiresAt = book.clock.now() + HOLD_MS
  assert.equal(said(book.post(1, 100n, expiresAt)), 'done posted')
  assert.equal(said(book.post(1, 100n, expiresAt)), 'repeated posted')
  assert.equal(said(book.post(1, 100n, expiresAt + 1)), 'DUPLICATE_ID')
  assert.deepEqual(book.money, [100n, 0n, 0n])
  assert.equal(book.ledger.position(), -100n)
  book.prepare(2, { amount: 50n })
  assert.equal(said(book.post(3, -1051n)), 'INSUFFICIENT_BALANCE', 'what is held is not there')
  assert.equal(said(book.post(3, -1050n)), 'done posted')
  assert.equal(book.ledger.position(), 950n)
  const again = await book.restart()
  assert.deepEqual(again.money, [-950n, 50n, 0n])
  assert.equal(again.a.posted, -950n)
  assert.equal(said(again.post(1, 100n, expiresAt)), 'repeated posted')
  again.clock.advance(HOLD_MS)
  assert.equal(said(again.post(1, 100n, expiresAt)), 'EXPIRED')
  await again.ledger.close()
})

test('a balance stays below 2^63', async () => {
  const book = await Book.start()
  const most = 2n ** 63n - 1n
  assert.equal(said(book.post(1, most)), 'done posted')
  assert.equal(said(book.post(2, 1n)), 'BALANCE_LIMIT')
  assert.equal(said(book.prepare(3, { payer: 'host', amount: 1n })), 'BALANCE_LIMIT')
  book.do({ type: 'limit', account: 'a', creditLimit: most, balanceMax: most })
  assert.equal(said(book.prepare(3, { payer: 'host', amount: 1n })), 'BALANCE_LIMIT')
  assert.equal(said(book.prepare(4, { amount: 2n ** 64n - 2n })), 'done')
  assert.equal(said(book.prepare(5, { amount: 1n })), 'INSUFFICIENT_BALANCE')
  assert.equal(said(book.fulfill(4)), 'done fulfilled')
  assert.equal(book.a.balance, -most)
  const again = await book.restart()
  assert.equal(again.a.balance, -most)
  await again.ledger.close()
})

test('a note is there until it expires, is replaced, or is forgotten', async () => {
  const book = await Book.start({ limits: { notesMax: 2, memoBytesMax: 10 } })
  const note = (key: string, value: string, ms = HOLD_MS) =>
    said(book.do({ type: 'note', key, value: text(value), expiresAt: book.clock.now() + ms }))
  assert.equal(note('k', 'one'), 'done')
  assert.equal(note('k', 'two'), 'done')
  assert.equal(note('l', 'three', SECOND), 'done')
  assert.equal(note('m', 'four'), 'TOO_MANY_NOTES')
  assert.equal(note('l', 'x', 0), 'EXPIRED')
  assert.equal(note('', 'x'), 'INVALID')
  assert.equal(note('k', 'eleven char'), 'INVALID')
  assert.equal(note('n', ''), 'repeated')
  const again = await book.restart()
  assert.deepEqual(again.ledger.note('k'), text('two'))
  assert.deepEqual(again.ledger.note('l'), text('three'))
  again.clock.step(SECOND)
  assert.equal(again.ledger.note('l'), undefined)
  again.do({ type: 'note', key: 'k', value: text(''), expiresAt: 0 })
  assert.equal(again.ledger.note('k'), undefined)
  await again.ledger.close()
})

test('live transfers are shown as they were prepared', async () => {
  const book = await Book.start()
  const expiresAt = book.clock.now() + HOLD_MS
  book.prepare(1, { expiresAt })
  book.do(open('b'))
  const [transfer] = book.ledger.live('a')
  assert.deepEqual(transfer?.id, id(1))
  assert.deepEqual(transfer?.memo, text('memo 1'))
  assert.deepEqual(book.ledger.transfer('a', id(1)), { state: 'prepared', transfer })
  assert.deepEqual(book.ledger.live(), [transfer])
  assert.deepEqual(book.ledger.live('b'), [])
  assert.equal(book.ledger.transfer('b', id(1)), undefined)
  const again = await book.restart()
  assert.deepEqual(again.ledger.live(), [transfer])
  await again.ledger.close()
})
