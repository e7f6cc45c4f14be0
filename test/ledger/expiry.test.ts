/** Expiry by the host's clock alone: to the millisecond, over restarts and jumps, and what is remembered afterwards. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { LEDGER_LIMITS } from 'sluice/ledger'
import { Book, HOLD_MS, SECOND, said } from './book.js'

test('a transfer is fulfilled until the last millisecond before its expiry, and not at it', async () => {
  const book = await Book.start()
  const expiresAt = book.clock.now() + HOLD_MS
  book.prepare(1, { expiresAt })
  book.prepare(2, { expiresAt })
  book.clock.step(HOLD_MS - 1)
  assert.equal(said(book.fulfill(1)), 'done fulfilled')
  book.clock.step(1)
  assert.equal(said(book.fulfill(2)), 'ALREADY_ROLLED_BACK', 'though no timer has fired yet')
  assert.deepEqual(book.money, [-10n, 0n, 0n])
  await book.committed()
  assert.deepEqual(book.expired, [2])
  book.clock.advance(SECOND)
  await book.committed()
  assert.deepEqual(book.expired, [2], 'it expires once')
  await book.ledger.close()
})

test('a prepare must still be in time', async () => {
  const book = await Book.start()
  assert.equal(said(book.prepare(1, { expiresAt: book.clock.now() })), 'EXPIRED')
  assert.equal(said(book.prepare(1, { expiresAt: book.clock.now() + 1 })), 'done')
  await book.ledger.close()
})

test('expiries are told in order, after their commit', async () => {
  const book = await Book.start()
  for (const [number, seconds] of [
    [1, 3],
    [2, 1],
    [3, 2],
    [4, 9],
  ] as const) {
    book.prepare(number, { expiresAt: book.clock.now() + seconds * SECOND })
  }
  await book.committed()
  book.clock.advance(3 * SECOND)
  assert.deepEqual(book.money, [0n, 10n, 0n])
  assert.deepEqual(book.expired, [], 'nobody is told before the commit')
  await book.committed()
  assert.deepEqual(book.expired, [2, 3, 1])
  await book.ledger.close()
})

test('thousands that are due at once all expire', async () => {
  const book = await Book.start()
  const count = 5000
  for (let number = 1; number <= count; number++) book.prepare(number, { amount: 0n })
  await book.committed()
  book.clock.advance(HOLD_MS)
  while (book.a.live > 0) book.clock.advance(0)
  await book.committed()
  assert.equal(book.expired.length, count)
  await book.ledger.close()
})

test('expiry survives a restart and a crash, also when its time came in between', async () => {
  for (const crash of [false, true]) {
    const book = await Book.start()
    book.prepare(1, { expiresAt: book.clock.now() + 5 * SECOND })
    book.prepare(2, { expiresAt: book.clock.now() + 50 * SECOND })
    await book.committed()
    if (crash) book.ledger.onExpired(() => undefined)
    const closed = crash ? Promise.resolve() : book.ledger.close()
    await closed
    book.clock.step(5 * SECOND)
    const again = await book.restart({ crash })
    again.clock.advance(0)
    await again.committed()
    assert.deepEqual(again.expired, [1])
    assert.deepEqual(again.money, [0n, 10n, 0n])
    again.clock.advance(45 * SECOND)
    await again.committed()
    assert.deepEqual(again.expired, [1, 2])
    assert.deepEqual(again.money, [0n, 0n, 0n])
    await again.ledger.close()
  }
})

test('an expiry far ahead is waited for', async () => {
  const month = 30 * 24 * 3600 * SECOND
  const book = await Book.start({ limits: { holdMsMax: month } })
  book.prepare(1, { expiresAt: book.clock.now() + month })
  await book.committed()
  book.clock.advance(month - 1)
  assert.equal(book.a.live, 1)
  book.clock.advance(1)
  assert.equal(book.a.live, 0)
  await book.ledger.close()
})

test('a clock that is set forward expires within a minute, or with the next command', async () => {
  const book = await Book.start()
  const expiresAt = book.clock.now() + 3000 * SECOND
  book.prepare(1, { expiresAt })
  book.clock.step(3600 * SECOND)
  book.clock.advance(60 * SECOND)
  assert.equal(book.a.live, 0)
  await book.ledger.close()
})

test('a clock that is set back revives nothing, not even after a restart', async () => {
  const book = await Book.start()
  const expiresAt = book.clock.now() + HOLD_MS
  book.prepare(1, { expiresAt })
  book.fulfill(1)
  book.prepare(2, { expiresAt })
  book.clock.advance(HOLD_MS)
  assert.equal(said(book.prepare(3, { expiresAt })), 'EXPIRED')
  await book.committed()
  book.clock.step(-HOLD_MS)
  for (const number of [1, 2, 3]) assert.equal(said(book.prepare(number, { expiresAt })), 'EXPIRED')
  const again = await book.restart({ crash: true })
  assert.equal(again.ledger.now(), expiresAt)
  for (const number of [1, 2, 3]) assert.equal(said(again.prepare(number, { expiresAt })), 'EXPIRED')
  assert.equal(said(again.fulfill(2)), 'ALREADY_ROLLED_BACK')
  assert.deepEqual(again.money, [-10n, 0n, 0n])
  await again.ledger.close()
})

test('a refusal for lateness alone is remembered as time', async () => {
  const book = await Book.start()
  const expiresAt = book.clock.now() + HOLD_MS
  book.clock.step(HOLD_MS)
  assert.equal(said(book.prepare(1, { expiresAt })), 'EXPIRED')
  await book.committed()
  book.clock.step(-HOLD_MS)
  const again = await book.restart({ crash: true })
  assert.equal(said(again.prepare(1, { expiresAt })), 'EXPIRED', 'the clock was set back, the answer was not')
  await again.ledger.close()
})

test('with the clock set back, timers wait for it without spinning', async () => {
  const book = await Book.start()
  book.prepare(1, { expiresAt: book.clock.now() + 5 })
  await book.committed()
  book.clock.step(-10 * SECOND)
  let fired = 0
  for (let ms = 0; ms < 10_004; ms++) {
    const before = book.clock.pending
    book.clock.advance(1)
    if (book.clock.pending !== before) fired += 1
  }
  assert.equal(book.a.live, 1)
  assert.ok(fired < 5)
  book.clock.advance(1)
  assert.equal(book.a.live, 0)
  await book.ledger.close()
})

test('an id answers past its expiry for rememberMs, then nobody knows it', async () => {
  const { rememberMs } = LEDGER_LIMITS
  const book = await Book.start()
  const expiresAt = book.clock.now() + HOLD_MS
  book.prepare(1, { expiresAt })
  book.fulfill(1)
  await book.committed()
  book.clock.advance(HOLD_MS + rememberMs - 1)
  for (const one of [book, await book.restart({ crash: true })]) {
    assert.equal(said(one.fulfill(1)), 'repeated fulfilled')
    assert.equal(said(one.inquire(1, expiresAt)), 'repeated fulfilled')
    assert.equal(said(one.prepare(1, { expiresAt })), 'EXPIRED')
  }
  book.clock.advance(1)
  for (const one of [book, await book.restart({ crash: true })]) {
    assert.equal(said(one.fulfill(1)), 'TRANSFER_NOT_FOUND')
    assert.equal(said(one.inquire(1, expiresAt)), 'EXPIRED', 'it may have been anything')
    assert.equal(said(one.prepare(1, { expiresAt })), 'EXPIRED', 'and it can not be repeated')
  }
  await book.ledger.close()
})

test('an id that never came is expired, as long as it would be remembered if it had come', async () => {
  const { rememberMs } = LEDGER_LIMITS
  const book = await Book.start()
  const expiresAt = book.clock.now() + HOLD_MS
  book.clock.advance(HOLD_MS + rememberMs - 1)
  assert.equal(said(book.inquire(1, expiresAt)), 'repeated expired')
  await book.committed()
  book.clock.step(-HOLD_MS - rememberMs)
  for (const one of [book, await book.restart({ crash: true })]) {
    assert.equal(said(one.prepare(1, { expiresAt })), 'EXPIRED', 'the clock was set back, the answer was not')
  }
  await book.ledger.close()
})

test('an id that was asked for may not be prepared until its expiry, nor is it recorded longer than a hold may be', async () => {
  const book = await Book.start({ limits: { holdMsMax: HOLD_MS } })
  assert.equal(said(book.inquire(1, book.clock.now() + 10 * HOLD_MS)), 'done rejected')
  assert.equal(book.a.remembered, 1)
  await book.committed()
  book.clock.advance(HOLD_MS - 1)
  assert.equal(said(book.prepare(1)), 'ALREADY_ROLLED_BACK')
  book.clock.advance(LEDGER_LIMITS.rememberMs + 1)
  assert.equal(said(book.prepare(1)), 'done')
  await book.ledger.close()
})

test('memory and timers go with what expired', async () => {
  const book = await Book.start()
  for (let number = 1; number <= 2000; number++) {
    book.prepare(number, { amount: 0n })
    book.fulfill(number, { data: new Uint8Array(50) })
  }
  await book.committed()
  assert.equal(book.a.remembered, 2000)
  book.clock.advance(10 * 60 * SECOND)
  assert.equal(book.a.remembered, 0)
  assert.equal(book.clock.pending, 0)
  await book.ledger.close()
})
