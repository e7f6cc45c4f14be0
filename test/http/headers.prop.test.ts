/** Any text is a header's value or a documented error; what is written is read back as it was. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeEndOffset,
  decodeStreamReason,
  decodeTotals,
  encodeEndOffset,
  encodeTotals,
  formatPay,
  formatPayTerms,
  parsePay,
  parsePayTerms,
  PayHeaderError,
  PayTermsError,
  type BareMeaning,
  type PayHeader,
  type PayTerms,
} from 'sluice/http'

const amount = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const segment = fc.stringMatching(/^[a-zA-Z0-9_~-]{1,20}$/)
const address = fc.array(segment, { minLength: 1, maxLength: 6 }).map((parts) => `example.${parts.join('.')}`)
const secret = fc.uint8Array({ minLength: 16, maxLength: 32 })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const bare = fc.constantFrom<BareMeaning>('psk', 'hmac-account', 'condition')

const PLAIN = { noNullPrototype: true }

const header: fc.Arbitrary<PayHeader> = fc.oneof(
  fc.record({ method: fc.constant('condition' as const), amount, address, condition: hash }, PLAIN),
  fc.record({ method: fc.constantFrom('psk' as const, 'hmac-account' as const), amount, address, secret }, PLAIN),
  fc.record(
    { method: fc.constant('psk2' as const), amount: fc.option(amount, { nil: undefined }), address, secret },
    PLAIN,
  ),
)

/** Text that resembles a header, which plain noise hardly ever does. */
const field = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom('interledger-psk', 'interledger-condition', 'interledger-psk2', '10', 'example.a.b'),
  secret.map((bytes) => Buffer.from(bytes).toString('base64url')),
)
const headerLike = fc.array(field, { maxLength: 6 }).map((fields) => fields.join(' '))

test('any text is a Pay header or a PayHeaderError', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), headerLike), bare, (text, meaning) => {
      try {
        const value = parsePay(text, meaning)
        assert.deepEqual(
          parsePay(formatPay(value), meaning === 'condition' ? 'psk' : 'hmac-account').address,
          value.address,
        )
      } catch (error) {
        assert.ok(error instanceof PayHeaderError, String(error))
      }
    }),
    { numRuns: 1000 },
  )
})

test('a Pay header is read back as it was written', () => {
  fc.assert(
    fc.property(header, fc.constantFrom('named' as const, 'bare' as const), (value, form) => {
      const meaning = value.method === 'psk2' ? 'psk' : value.method
      assert.deepEqual(parsePay(formatPay(value, form), meaning), value)
    }),
  )
})

const terms: fc.Arbitrary<PayTerms> = fc.record(
  {
    unit: fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/),
    price: amount,
    asset: fc.stringMatching(/^[\x21-\x7e]{1,32}$/),
    scale: fc.integer({ min: 0, max: 255 }),
    window: amount,
    ledger: fc.record(
      {
        uri: fc.stringMatching(/^btp\+wss?:\/\/[a-z0-9]{1,10}\.example(:[1-9][0-9]{3})?\/[!-~]{0,10}$/),
        version: fc.constantFrom(1 as const, 2 as const),
      },
      PLAIN,
    ),
    accounts: fc.constantFrom('open' as const, 'known' as const),
    key: hash,
  },
  { requiredKeys: ['unit', 'price', 'asset', 'scale', 'window'], noNullPrototype: true },
)

const termsLike = fc
  .array(
    fc.constantFrom(
      'unit',
      'price',
      'asset',
      'scale',
      'window',
      'ledger',
      'key',
      '=',
      '"',
      ':',
      ';',
      ',',
      '1',
      'a',
      ' ',
    ),
  )
  .map((parts) => parts.join(''))

test('any text is Pay-Terms or a PayTermsError', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), termsLike), (text) => {
      try {
        parsePayTerms(text)
      } catch (error) {
        assert.ok(error instanceof PayTermsError, String(error))
      }
    }),
    { numRuns: 1000 },
  )
})

test('Pay-Terms are read back as they were written', () => {
  fc.assert(fc.property(terms, (value) => assert.deepEqual(parsePayTerms(formatPayTerms(value)), value)))
})

test('messages of a stream: read back as written, total for other bytes', () => {
  const count = fc.maxSafeNat()
  fc.assert(
    fc.property(count, count, amount, fc.uint8Array({ maxLength: 40 }), (captures, endOffset, paid, noise) => {
      assert.equal(decodeEndOffset(encodeEndOffset(endOffset)), endOffset)
      const totals = { captures, endOffset, amount: paid }
      assert.deepEqual(decodeTotals([encodeTotals(totals)]), totals)
      decodeEndOffset(noise)
      decodeStreamReason(noise)
      decodeTotals([{ name: 'sluice.cancel', contentType: 0, data: noise }])
    }),
  )
})
