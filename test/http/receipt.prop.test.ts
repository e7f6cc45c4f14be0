/** Any text is a receipt or a documented error; what is signed is read back as it was. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ReceiptError, receiptSigner, verifyReceipt, type Receipt } from 'sluice/http'

const amount = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const address = fc.stringMatching(/^[a-zA-Z0-9_~-]{1,20}(\.[a-zA-Z0-9_~-]{1,20}){1,5}$/)
const receipts: fc.Arbitrary<Receipt> = fc.record(
  {
    issuer: address,
    account: address,
    stream: address,
    termsHash: fc.stringMatching(/^[A-Za-z0-9_-]{43}$/),
    unit: fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/),
    units: amount,
    price: amount,
    amount,
    asset: fc.stringMatching(/^[\x21-\x7e]{1,32}$/),
    scale: fc.nat(255),
    endOffset: fc.maxSafeNat(),
    time: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  },
  { noNullPrototype: true },
)

const part = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.base64String().map((text) => text.replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')),
  fc.json().map((text) => Buffer.from(text).toString('base64url')),
  fc
    .record({ alg: fc.constantFrom('EdDSA', 'none', 'HS256'), typ: fc.constantFrom('sluice-receipt', 'JWT') })
    .map((header) => Buffer.from(JSON.stringify(header)).toString('base64url')),
)
const receiptLike = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
)

test('any text is a receipt or a ReceiptError, under any key', async () => {
  await fc.assert(
    fc.asyncProperty(receiptLike, fc.uint8Array({ minLength: 31, maxLength: 33 }), async (text, key) => {
      try {
        await verifyReceipt(text, { key })
        assert.fail('a receipt by chance')
      } catch (error) {
        assert.ok(error instanceof ReceiptError, String(error))
      }
    }),
    { numRuns: 1000 },
  )
})

test('what is signed is read back as it was', async () => {
  const signer = await receiptSigner(new Uint8Array(32).fill(3))
  await fc.assert(
    fc.asyncProperty(receipts, async (receipt) => {
      assert.deepEqual(await verifyReceipt(await signer.sign(receipt), signer), receipt)
    }),
    { numRuns: 200 },
  )
})
