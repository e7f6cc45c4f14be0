/** Properties of the BTP codec: round trip, and any bytes give a frame or the documented error. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { toHex } from 'sluice/bytes'
import { decodeFrame, duplicateName, encodeFrame, type Frame, frameHead, readAuth } from 'sluice/btp'
import { OerError } from 'sluice/oer'

/** Ordinary objects, as the decoders make them. */
const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(fields, { noNullPrototype: true })

const requestId = fc.nat({ max: 0xffff_ffff })
const amount = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const time = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 })
const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length })
const text = fc.stringMatching(/^[ -~]{0,20}$/)
const entries = fc.array(record({ name: text, contentType: fc.nat(255), data: fc.uint8Array({ maxLength: 200 }) }), {
  maxLength: 4,
})

const shared = [
  record({ type: fc.constant(1 as const), requestId, entries }),
  record({
    type: fc.constant(2 as const),
    requestId,
    code: fc.stringMatching(/^[FT][0-9]{2}$/),
    name: text,
    triggeredAt: time,
    data: fc.uint8Array({ maxLength: 200 }),
    entries,
  }),
  record({ type: fc.constant(6 as const), requestId, entries }),
] as const
const frame: fc.Arbitrary<{ version: 1 | 2; frame: Frame }> = fc.oneof(
  record({
    version: fc.constant(1 as const),
    frame: fc.oneof(
      ...shared,
      record({
        type: fc.constant(3 as const),
        requestId,
        transferId: bytesOf(16),
        amount,
        condition: bytesOf(32),
        expiresAt: time,
        entries,
      }),
      record({
        type: fc.constant(4 as const),
        requestId,
        transferId: bytesOf(16),
        fulfillment: bytesOf(32),
        entries,
      }),
      record({ type: fc.constant(5 as const), requestId, transferId: bytesOf(16), entries }),
    ),
  }),
  record({
    version: fc.constant(2 as const),
    frame: fc.oneof(...shared, record({ type: fc.constant(7 as const), requestId, amount, entries })),
  }),
)

test('a frame goes there and back, and its bytes are canonical', () => {
  fc.assert(
    fc.property(frame, ({ version, frame: value }) => {
      const bytes = encodeFrame(value, version)
      assert.deepEqual(decodeFrame(bytes, version), value)
      assert.deepEqual(frameHead(bytes), { type: value.type, requestId: value.requestId })
    }),
  )
})

test('any bytes give a frame that can be written again, or the documented error; what needs an answer has a head', () => {
  const damaged = fc
    .tuple(frame, fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }), fc.nat(2))
    .map(([{ version, frame: value }, changes, cut]) => {
      const bytes = encodeFrame(value, version).slice()
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      return bytes.subarray(0, bytes.length - cut)
    })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), damaged), (bytes) => {
      const before = toHex(bytes)
      for (const version of [1, 2] as const) {
        try {
          const read = decodeFrame(bytes, version)
          assert.deepEqual(decodeFrame(encodeFrame(read, version), version), read)
          assert.deepEqual(frameHead(bytes), { type: read.type, requestId: read.requestId })
          duplicateName(read.entries)
          readAuth(read, version)
        } catch (error) {
          assert.ok(error instanceof OerError, String(error))
        }
      }
      assert.equal(toHex(bytes), before)
    }),
    { numRuns: 1000 },
  )
})
