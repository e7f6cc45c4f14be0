/** The `Pay` header: every dialect by table, and what must be refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromBase64 } from 'sluice/bytes'
import {
  formatPay,
  parsePay,
  PAY_HEADER_CHARS_MAX,
  PayHeaderError,
  type BareMeaning,
  type PayHeader,
} from 'sluice/http'

const KEY = 'Agli74z_HjSNuTE1rTIr7QCkzWdIA3QdKoPMYHhw1I4'
const BYTES = fromBase64(KEY)
const SHOP = 'example.letter-shop.mytrustline.server.Uu7iOuvNwko'

const valid: readonly { what: string; text: string; bare?: BareMeaning; form?: 'bare'; value: PayHeader }[] = [
  {
    what: 'one payment by condition (Letter Shop)',
    text: `interledger-condition 1000 ${SHOP} ${KEY}`,
    value: { method: 'condition', amount: 1000n, address: SHOP, condition: BYTES },
  },
  {
    what: 'condition, bare',
    text: `10 ${SHOP} ${KEY}`,
    bare: 'condition',
    form: 'bare',
    value: { method: 'condition', amount: 10n, address: SHOP, condition: BYTES },
  },
  {
    what: 'seed 002: bare, secret of the address HMAC',
    text: `1 test.crypto.xrp.rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW.UUxOFrawp0A ${KEY}`,
    bare: 'hmac-account',
    form: 'bare',
    value: {
      method: 'hmac-account',
      amount: 1n,
      address: 'test.crypto.xrp.rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW.UUxOFrawp0A',
      secret: BYTES,
    },
  },
  {
    what: 'http-ilp tutorial and seed 003',
    text: `interledger-psk 10 ${SHOP} ${KEY}`,
    value: { method: 'psk', amount: 10n, address: SHOP, secret: BYTES },
  },
  {
    what: 'RFC-14 draft 1, secret of 16 bytes as koa-ilp 0.1 sends it',
    text: '18446744073709551615 g.us.shop.8NAEQ3kOM0rUwPY07zpaBxkBOWDfJG_-l AgAAAAAAAAAAAAAAAAAAAg',
    form: 'bare',
    value: {
      method: 'psk',
      amount: 18446744073709551615n,
      address: 'g.us.shop.8NAEQ3kOM0rUwPY07zpaBxkBOWDfJG_-l',
      secret: fromBase64('AgAAAAAAAAAAAAAAAAAAAg'),
    },
  },
  {
    what: 'psk2 with padded base64 and a price',
    text: `interledger-psk2 ${SHOP} Agli74z/HjSNuTE1rTIr7QCkzWdIA3QdKoPMYHhw1I4= 25`,
    value: { method: 'psk2', amount: 25n, address: SHOP, secret: BYTES },
  },
  {
    what: 'psk2 without a price',
    text: `interledger-psk2 ${SHOP} Agli74z/HjSNuTE1rTIr7QCkzWdIA3QdKoPMYHhw1I4=`,
    value: { method: 'psk2', amount: undefined, address: SHOP, secret: BYTES },
  },
]

for (const { what, text, bare, form, value } of valid) {
  test(`reads and writes: ${what}`, () => {
    assert.deepEqual(parsePay(text, bare), value)
    assert.equal(formatPay(value, form), text)
  })
}

test('reads runs of spaces, padding and either alphabet', () => {
  const value = parsePay(`  interledger-psk  10   ${SHOP} Agli74z/HjSNuTE1rTIr7QCkzWdIA3QdKoPMYHhw1I4=  `)
  assert.deepEqual(value, { method: 'psk', amount: 10n, address: SHOP, secret: BYTES })
})

test('a bare header is psk unless its origin says otherwise', () => {
  assert.equal(parsePay(`1 ${SHOP} ${KEY}`).method, 'psk')
  assert.equal(parsePay(`1 ${SHOP} ${KEY}`, 'condition').method, 'condition')
  assert.equal(parsePay(`interledger-psk 1 ${SHOP} ${KEY}`, 'condition').method, 'psk')
})

const invalid: readonly [what: string, text: string, code: string, bare?: BareMeaning][] = [
  ['nothing', '', 'PAY_HEADER_FIELDS'],
  ['two fields', `1 ${SHOP}`, 'PAY_HEADER_FIELDS'],
  ['four fields without a method', `1 ${SHOP} ${KEY} ${KEY}`, 'PAY_HEADER_FIELDS'],
  ['a method and five fields', `interledger-psk 1 ${SHOP} ${KEY} x`, 'PAY_HEADER_FIELDS'],
  ['psk2 without a secret', `interledger-psk2 ${SHOP}`, 'PAY_HEADER_FIELDS'],
  ['an unknown method', `interledger-psk3 1 ${SHOP} ${KEY}`, 'PAY_HEADER_METHOD'],
  ['tabs', `1\t${SHOP}\t${KEY}`, 'PAY_HEADER_METHOD'],
  ['a negative amount', `-1 ${SHOP} ${KEY}`, 'PAY_HEADER_AMOUNT'],
  ['a fraction', `1.5 ${SHOP} ${KEY}`, 'PAY_HEADER_AMOUNT'],
  ['an exponent', `interledger-psk 1e3 ${SHOP} ${KEY}`, 'PAY_HEADER_AMOUNT'],
  ['2^64', `18446744073709551616 ${SHOP} ${KEY}`, 'PAY_HEADER_AMOUNT'],
  ['two headers joined', `interledger-psk 1 ${SHOP} ${KEY}, 1`, 'PAY_HEADER_FIELDS'],
  ['no address', `1 letters! ${KEY}`, 'PAY_HEADER_ADDRESS'],
  ['an unknown scheme', `1 nowhere.shop ${KEY}`, 'PAY_HEADER_ADDRESS'],
  ['a prefix', `1 example.shop. ${KEY}`, 'PAY_HEADER_ADDRESS'],
  ['15 bytes of secret', `1 ${SHOP} ${'A'.repeat(20)}`, 'PAY_HEADER_SECRET'],
  ['33 bytes of secret', `1 ${SHOP} ${'A'.repeat(44)}`, 'PAY_HEADER_SECRET'],
  ['a secret that is not base64', `1 ${SHOP} ${'!'.repeat(43)}`, 'PAY_HEADER_SECRET'],
  ['31 bytes of condition', `1 ${SHOP} ${'A'.repeat(42)}`, 'PAY_HEADER_CONDITION', 'condition'],
  ['a raw condition (the tutorial’s fault)', `interledger-condition 1 ${SHOP} �ÿ`, 'PAY_HEADER_CONDITION'],
  ['a long header', '1 '.repeat(PAY_HEADER_CHARS_MAX), 'PAY_HEADER_TOO_LONG'],
]

for (const [what, text, code, bare] of invalid) {
  test(`refuses ${what}`, () => {
    assert.throws(
      () => parsePay(text, bare),
      (error) => error instanceof PayHeaderError && error.code === code,
    )
  })
}

test('writes nothing that it would not read', () => {
  const psk: PayHeader = { method: 'psk', amount: 1n, address: SHOP, secret: BYTES }
  const cases: readonly [PayHeader, string][] = [
    [{ ...psk, amount: 1n << 64n }, 'PAY_HEADER_AMOUNT'],
    [{ ...psk, amount: -1n }, 'PAY_HEADER_AMOUNT'],
    [{ ...psk, address: 'example.a b' }, 'PAY_HEADER_ADDRESS'],
    [{ ...psk, secret: new Uint8Array(15) }, 'PAY_HEADER_SECRET'],
    [{ method: 'condition', amount: 1n, address: SHOP, condition: new Uint8Array(31) }, 'PAY_HEADER_CONDITION'],
  ]
  for (const [value, code] of cases) {
    assert.throws(
      () => formatPay(value),
      (error) => error instanceof PayHeaderError && error.code === code,
    )
  }
})
