/** The `Pay-Terms` header: what it says, what it ignores, what must be refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatPayTerms, parsePayTerms, PAY_TERMS_CHARS_MAX, PayTermsError, type PayTerms } from 'sluice/http'

const SMALL = 'unit=letter, price="1", asset="USD", scale=9, window="100"'
const small: PayTerms = { unit: 'letter', price: 1n, asset: 'USD', scale: 9, window: 100n }

test('reads and writes the least there is to say', () => {
  assert.deepEqual(parsePayTerms(SMALL), small)
  assert.equal(formatPayTerms(small), SMALL)
})

test('reads and writes all there is to say', () => {
  const text =
    `${SMALL}, ledger="btp+ws://shop.example:8000/btp";v=2, accounts=open, ` +
    'key=:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=:, redeem=header'
  const terms: PayTerms = {
    ...small,
    ledger: { uri: 'btp+ws://shop.example:8000/btp', version: 2 },
    accounts: 'open',
    key: new Uint8Array(32).fill(1),
    redeem: 'header',
  }
  assert.deepEqual(parsePayTerms(text), terms)
  assert.equal(formatPayTerms(terms), text)
})

test('amounts reach 2^64 - 1', () => {
  const terms = { ...small, price: 18446744073709551615n, window: 18446744073709551615n }
  assert.deepEqual(parsePayTerms(formatPayTerms(terms)), terms)
})

test('ignores what it does not know, and takes version 1 for granted', () => {
  assert.deepEqual(parsePayTerms(`future=(1 2);x, ${SMALL}, ledger="btp+ws://h/";z=1`), {
    ...small,
    ledger: { uri: 'btp+ws://h/', version: 1 },
  })
})

const invalid: readonly [what: string, text: string, code: string][] = [
  ['nothing', '', 'PAY_TERMS_MISSING'],
  ['no price', SMALL.replace('price="1", ', ''), 'PAY_TERMS_MISSING'],
  ['no dictionary', 'unit=letter; price', 'PAY_TERMS_MISSING'],
  ['broken syntax', `${SMALL},`, 'PAY_TERMS_SYNTAX'],
  ['an integer for a price', SMALL.replace('"1"', '1'), 'PAY_TERMS_VALUE'],
  ['a negative price', SMALL.replace('"1"', '"-1"'), 'PAY_TERMS_VALUE'],
  ['a window of 2^64', SMALL.replace('"100"', '"18446744073709551616"'), 'PAY_TERMS_VALUE'],
  ['a string for a unit', SMALL.replace('letter', '"letter"'), 'PAY_TERMS_VALUE'],
  ['a list for a unit', SMALL.replace('letter', '(letter)'), 'PAY_TERMS_VALUE'],
  ['a fraction for a scale', SMALL.replace('9', '9.5'), 'PAY_TERMS_VALUE'],
  ['scale 256', SMALL.replace('9', '256'), 'PAY_TERMS_VALUE'],
  ['an empty asset', SMALL.replace('USD', ''), 'PAY_TERMS_VALUE'],
  ['a ledger elsewhere than BTP', `${SMALL}, ledger="http://shop.example/"`, 'PAY_TERMS_VALUE'],
  ['a ledger with a password', `${SMALL}, ledger="btp+ws://me:secret@shop.example/"`, 'PAY_TERMS_VALUE'],
  ['a ledger without a host', `${SMALL}, ledger="btp+ws://"`, 'PAY_TERMS_VALUE'],
  ['BTP version 3', `${SMALL}, ledger="btp+ws://h/";v=3`, 'PAY_TERMS_VALUE'],
  ['another account policy', `${SMALL}, accounts=maybe`, 'PAY_TERMS_VALUE'],
  ['another way to redeem', `${SMALL}, redeem=path`, 'PAY_TERMS_VALUE'],
  ['a short key', `${SMALL}, key=:AQEB:`, 'PAY_TERMS_VALUE'],
  ['a key that is text', `${SMALL}, key="AQEB"`, 'PAY_TERMS_VALUE'],
  ['a long header', SMALL.padEnd(PAY_TERMS_CHARS_MAX + 1), 'PAY_TERMS_TOO_LONG'],
]

for (const [what, text, code] of invalid) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => parsePayTerms(text),
      (error) => error instanceof PayTermsError && error.code === code,
    )
  })
}

test('writes nothing that it would not read', () => {
  const cases: readonly PayTerms[] = [
    { ...small, unit: 'two words' },
    { ...small, price: -1n },
    { ...small, window: 1n << 64n },
    { ...small, asset: 'U"D€' },
    { ...small, scale: 1.5 },
    { ...small, ledger: { uri: 'wss://h/', version: 1 } },
    { ...small, key: new Uint8Array(31) },
  ]
  for (const terms of cases) {
    assert.throws(() => formatPayTerms(terms), { code: 'PAY_TERMS_VALUE' })
  }
})
