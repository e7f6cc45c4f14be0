/** The state machine of one id: every operation in every state, before and after a restart (RFC-4, RFC-23 draft 2). */
import assert from 'node:assert/strict'
import test from 'node:test'
import { Book, HOLD_MS, condition, fulfillment, id, said, text } from './book.js'

const NUMBER = 7

/** Ways to bring an id into a state. What is prepared expires at `expiresAt`. */
const STATES = {
  none: () => undefined,
  prepared: (book: Book, expiresAt: number) => assert.equal(said(book.prepare(NUMBER, { expiresAt })), 'done'),
  fulfilled: (book: Book, expiresAt: number) => {
    STATES.prepared(book, expiresAt)
    assert.equal(said(book.fulfill(NUMBER)), 'done fulfilled')
  },
  rejected: (book: Book, expiresAt: number) => {
    STATES.prepared(book, expiresAt)
    assert.equal(said(book.reject(NUMBER)), 'done rejected')
  },
  expired: (book: Book, expiresAt: number) => {
    STATES.prepared(book, expiresAt)
    book.clock.advance(HOLD_MS)
  },
  voided: (book: Book, expiresAt: number) => assert.equal(said(book.inquire(NUMBER, expiresAt)), 'done rejected'),
  posted: (book: Book, expiresAt: number) => assert.equal(said(book.post(NUMBER, 10n, expiresAt)), 'done posted'),
} as const

type StateName = keyof typeof STATES

const OPERATIONS = {
  'prepare again': (book: Book, expiresAt: number) => book.prepare(NUMBER, { expiresAt }),
  'prepare another amount': (book: Book, expiresAt: number) => book.prepare(NUMBER, { expiresAt, amount: 11n }),
  'prepare another memo': (book: Book, expiresAt: number) => book.prepare(NUMBER, { expiresAt, memo: text('other') }),
  'prepare another condition': (book: Book, expiresAt: number) =>
    book.prepare(NUMBER, { expiresAt, condition: condition(8) }),
  'prepare another expiry': (book: Book, expiresAt: number) => book.prepare(NUMBER, { expiresAt: expiresAt + 1 }),
  'prepare another payer': (book: Book, expiresAt: number) => book.prepare(NUMBER, { expiresAt, payer: 'host' }),
  fulfil: (book: Book) => book.fulfill(NUMBER),
  'fulfil with other data': (book: Book) => book.fulfill(NUMBER, { data: text('other') }),
  'fulfil wrongly': (book: Book) => book.fulfill(NUMBER, { fulfillment: fulfillment(8) }),
  'fulfil shortly': (book: Book) => book.fulfill(NUMBER, { fulfillment: fulfillment(NUMBER).subarray(1) }),
  'fulfil by the payer': (book: Book) => book.fulfill(NUMBER, { by: 'holder' }),
  reject: (book: Book) => book.reject(NUMBER),
  'reject for another reason': (book: Book) => book.reject(NUMBER, { reason: text('other') }),
  'reject by the payer': (book: Book) => book.reject(NUMBER, { by: 'holder' }),
  inquire: (book: Book, expiresAt: number) => book.inquire(NUMBER, expiresAt),
  'post again': (book: Book, expiresAt: number) => book.post(NUMBER, 10n, expiresAt),
  'post another amount': (book: Book, expiresAt: number) => book.post(NUMBER, 11n, expiresAt),
} as const

type OperationName = keyof typeof OPERATIONS

const DUPLICATE = 'DUPLICATE_ID'
const BACK = 'ALREADY_ROLLED_BACK'
const UNKNOWN = 'TRANSFER_NOT_FOUND'
const NOT_YOURS = 'NOT_YOUR_TRANSFER'
const WRONG = 'WRONG_FULFILLMENT'

/** What each operation says in each state. `expired` is asked at the very moment of expiry. */
const TABLE: Record<OperationName, Record<StateName, string>> = {
  'prepare again': {
    none: 'done',
    prepared: 'repeated',
    fulfilled: 'repeated fulfilled',
    rejected: 'repeated rejected',
    expired: 'EXPIRED',
    voided: BACK,
    posted: DUPLICATE,
  },
  'prepare another amount': {
    none: 'done',
    prepared: DUPLICATE,
    fulfilled: DUPLICATE,
    rejected: DUPLICATE,
    expired: DUPLICATE,
    voided: BACK,
    posted: DUPLICATE,
  },
  'prepare another memo': {
    none: 'done',
    prepared: DUPLICATE,
    fulfilled: DUPLICATE,
    rejected: DUPLICATE,
    expired: DUPLICATE,
    voided: BACK,
    posted: DUPLICATE,
  },
  'prepare another condition': {
    none: 'done',
    prepared: DUPLICATE,
    fulfilled: DUPLICATE,
    rejected: DUPLICATE,
    expired: DUPLICATE,
    voided: BACK,
    posted: DUPLICATE,
  },
  'prepare another expiry': {
    none: 'done',
    prepared: DUPLICATE,
    fulfilled: DUPLICATE,
    rejected: DUPLICATE,
    expired: DUPLICATE,
    voided: BACK,
    posted: DUPLICATE,
  },
  'prepare another payer': {
    none: 'done',
    prepared: DUPLICATE,
    fulfilled: DUPLICATE,
    rejected: DUPLICATE,
    expired: DUPLICATE,
    voided: BACK,
    posted: DUPLICATE,
  },
  fulfil: {
    none: UNKNOWN,
    prepared: 'done fulfilled',
    fulfilled: 'repeated fulfilled',
    rejected: BACK,
    expired: BACK,
    voided: BACK,
    posted: UNKNOWN,
  },
  'fulfil with other data': {
    none: UNKNOWN,
    prepared: 'done fulfilled',
    fulfilled: 'repeated fulfilled',
    rejected: BACK,
    expired: BACK,
    voided: BACK,
    posted: UNKNOWN,
  },
  'fulfil wrongly': {
    none: UNKNOWN,
    prepared: WRONG,
    fulfilled: WRONG,
    rejected: BACK,
    expired: BACK,
    voided: BACK,
    posted: UNKNOWN,
  },
  'fulfil shortly': {
    none: UNKNOWN,
    prepared: WRONG,
    fulfilled: WRONG,
    rejected: BACK,
    expired: BACK,
    voided: BACK,
    posted: UNKNOWN,
  },
  'fulfil by the payer': {
    none: UNKNOWN,
    prepared: NOT_YOURS,
    fulfilled: NOT_YOURS,
    rejected: NOT_YOURS,
    expired: NOT_YOURS,
    voided: BACK,
    posted: UNKNOWN,
  },
  reject: {
    none: UNKNOWN,
    prepared: 'done rejected',
    fulfilled: 'ALREADY_FULFILLED',
    rejected: 'repeated rejected',
    expired: BACK,
    voided: BACK,
    posted: UNKNOWN,
  },
  'reject for another reason': {
    none: UNKNOWN,
    prepared: 'done rejected',
    fulfilled: 'ALREADY_FULFILLED',
    rejected: BACK,
    expired: BACK,
    voided: BACK,
    posted: UNKNOWN,
  },
  'reject by the payer': {
    none: UNKNOWN,
    prepared: NOT_YOURS,
    fulfilled: NOT_YOURS,
    rejected: NOT_YOURS,
    expired: NOT_YOURS,
    voided: BACK,
    posted: UNKNOWN,
  },
  inquire: {
    none: 'done rejected',
    prepared: 'repeated',
    fulfilled: 'repeated fulfilled',
    rejected: 'repeated rejected',
    expired: 'repeated expired',
    voided: 'repeated rejected',
    posted: 'repeated posted',
  },
  'post again': {
    none: 'done posted',
    prepared: DUPLICATE,
    fulfilled: DUPLICATE,
    rejected: DUPLICATE,
    expired: DUPLICATE,
    voided: DUPLICATE,
    posted: 'repeated posted',
  },
  'post another amount': {
    none: 'done posted',
    prepared: DUPLICATE,
    fulfilled: DUPLICATE,
    rejected: DUPLICATE,
    expired: DUPLICATE,
    voided: DUPLICATE,
    posted: DUPLICATE,
  },
}

for (const restarted of ['at once', 'after a restart', 'after a crash'] as const) {
  for (const [operation, row] of Object.entries(TABLE) as [OperationName, Record<StateName, string>][]) {
    test(`${operation}, ${restarted}`, async () => {
      for (const [state, expected] of Object.entries(row) as [StateName, string][]) {
        let book = await Book.start()
        const expiresAt = book.clock.now() + HOLD_MS
        STATES[state](book, expiresAt)
        await book.committed()
        const before = book.money
        if (restarted !== 'at once') book = await book.restart({ crash: restarted === 'after a crash' })
        assert.deepEqual(book.money, before, `${state}: the money is as it was`)
        assert.equal(said(OPERATIONS[operation](book, expiresAt)), expected, state)
        book.ledger.check()
        if (!expected.startsWith('done')) assert.deepEqual(book.money, before, `${state}: nothing moved`)
        await book.ledger.close()
      }
    })
  }
}

test('a fulfilled transfer says its fulfillment and data to whoever repeats or asks', async () => {
  const book = await Book.start()
  const expiresAt = book.clock.now() + HOLD_MS
  for (const [number, length] of [
    [1, 0],
    [2, 8],
    [3, 10],
    [4, 11],
    [5, 40_000],
  ] as const) {
    const data = new Uint8Array(length).fill(length)
    book.prepare(number, { expiresAt })
    book.fulfill(number, { data })
    const expected = { state: 'fulfilled', fulfillment: fulfillment(number), data }
    for (const decision of [book.fulfill(number), book.prepare(number, { expiresAt }), book.inquire(number)]) {
      assert.deepEqual(decision, { ok: true, repeated: true, outcome: expected })
    }
    assert.deepEqual(book.ledger.transfer('a', id(number)), { state: 'finished', outcome: expected, expiresAt })
  }
  const again = await book.restart()
  const outcome = { state: 'fulfilled', fulfillment: fulfillment(5), data: new Uint8Array(40_000).fill(40_000) }
  assert.deepEqual(again.inquire(5), { ok: true, repeated: true, outcome })
  await again.ledger.close()
})

test('a rejected transfer says its reason', async () => {
  const book = await Book.start()
  for (const [number, length] of [
    [1, 0],
    [2, 10],
    [3, 300],
  ] as const) {
    const reason = new Uint8Array(length).fill(9)
    book.prepare(number)
    book.reject(number, { reason })
    assert.deepEqual(book.inquire(number), { ok: true, repeated: true, outcome: { state: 'rejected', reason } })
    assert.equal(said(book.reject(number, { reason })), 'repeated rejected')
  }
  await book.ledger.close()
})

test('the holder captures what the host pays, and only the holder', async () => {
  const book = await Book.start()
  book.prepare(1, { payer: 'host', amount: 100n })
  assert.deepEqual(book.money, [0n, 0n, 100n])
  assert.equal(said(book.fulfill(1, { by: 'host' })), NOT_YOURS)
  assert.equal(said(book.fulfill(1, { by: 'holder' })), 'done fulfilled')
  assert.deepEqual(book.money, [100n, 0n, 0n])
  assert.equal(book.ledger.position(), -100n)
  book.prepare(2, { amount: 30n })
  assert.deepEqual(book.money, [100n, 30n, 0n])
  book.fulfill(2)
  assert.deepEqual(book.money, [70n, 0n, 0n])
  assert.equal(book.ledger.position(), -70n)
  const { fulfilledIn, fulfilledOut, posted } = book.a
  assert.deepEqual([fulfilledIn, fulfilledOut, posted], [100n, 30n, 0n])
  await book.ledger.close()
})

test('the same id on two accounts is two transfers', async () => {
  const book = await Book.start()
  book.do({ type: 'open', account: 'b', creditLimit: CREDIT_OF_B, balanceMax: 0n })
  const prepare = { type: 'prepare', id: id(1), payer: 'holder', condition: condition(1), memo: text('') } as const
  const expiresAt = book.clock.now() + HOLD_MS
  assert.equal(said(book.do({ ...prepare, account: 'a', amount: 1n, expiresAt })), 'done')
  assert.equal(said(book.do({ ...prepare, account: 'b', amount: 2n, expiresAt })), 'done')
  assert.equal(said(book.fulfill(1)), 'done fulfilled')
  assert.equal(
    said(book.do({ type: 'reject', account: 'b', id: id(1), by: 'host', reason: text('no') })),
    'done rejected',
  )
  assert.equal(said(book.inquire(1)), 'repeated fulfilled')
  await book.ledger.close()
})

const CREDIT_OF_B = 5n

test('fields out of range are refused and leave nothing behind', async () => {
  const book = await Book.start({ limits: { memoBytesMax: 100 } })
  const before = book.a
  const refused = [
    book.prepare(1, { amount: -1n }),
    book.prepare(1, { amount: 2n ** 64n }),
    book.prepare(1, { condition: new Uint8Array(31) }),
    book.prepare(1, { memo: new Uint8Array(101) }),
    book.prepare(1, { expiresAt: Number.NaN }),
    book.prepare(1, { expiresAt: book.clock.now() + 0.5 }),
    book.prepare(1, { expiresAt: 2 ** 48 }),
    book.do({ type: 'inquire', account: 'a', id: new Uint8Array(15), expiresAt: book.clock.now() + 1 }),
    book.inquire(1, -1),
    book.post(1, 2n ** 63n),
    book.post(1, -(2n ** 63n)),
    book.do({ type: 'post', account: 'a', id: new Uint8Array(17), amount: 1n, expiresAt: book.clock.now() + 1 }),
  ]
  assert.deepEqual(
    refused.map(said),
    refused.map(() => 'INVALID'),
  )
  assert.deepEqual(book.a, before)
  book.prepare(1)
  assert.equal(said(book.fulfill(1, { data: new Uint8Array(101) })), 'INVALID')
  assert.equal(said(book.reject(1, { reason: new Uint8Array(101) })), 'INVALID')
  assert.equal(
    said(
      book.do({
        type: 'fulfill',
        account: 'a',
        id: new Uint8Array(0),
        by: 'host',
        fulfillment: fulfillment(1),
        data: text(''),
      }),
    ),
    UNKNOWN,
  )
  assert.equal(said(book.fulfill(1)), 'done fulfilled')
  await book.ledger.close()
})

test('an amount of nothing is a transfer like any other', async () => {
  const book = await Book.start()
  assert.equal(said(book.prepare(1, { amount: 0n })), 'done')
  assert.equal(said(book.fulfill(1)), 'done fulfilled')
  assert.deepEqual(book.money, [0n, 0n, 0n])
  await book.ledger.close()
})

test('what the caller changes after a command changes nothing in the book', async () => {
  const book = await Book.start()
  const memo = text('memo 1')
  const key = id(1)
  book.do({
    type: 'prepare',
    account: 'a',
    id: key,
    payer: 'holder',
    amount: 1n,
    condition: condition(1),
    expiresAt: book.clock.now() + HOLD_MS,
    memo,
  })
  memo.fill(0)
  key.fill(0)
  assert.equal(said(book.prepare(1, { amount: 1n })), 'repeated')
  const data = text('an end that is long')
  book.fulfill(1, { data })
  data.fill(0)
  assert.deepEqual(book.fulfill(1), {
    ok: true,
    repeated: true,
    outcome: { state: 'fulfilled', fulfillment: fulfillment(1), data: text('an end that is long') },
  })
  await book.ledger.close()
})
