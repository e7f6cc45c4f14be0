/** Properties of the ILP codecs: round trip, and any bytes give a value or the documented error. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { toHex } from 'sluice/bytes'
import {
  decodeIldcpRequest,
  decodeIldcpResponse,
  decodePacket,
  decodePskEnvelope,
  encodePacket,
  encodePskEnvelope,
  isAddress,
  type Packet,
} from 'sluice/ilp'
import { isTime, OerError } from 'sluice/oer'

/** Ordinary objects, as the decoders make them. */
const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(fields, { noNullPrototype: true })

const amount = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const u32 = fc.nat({ max: 0xffff_ffff })
const time = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 })
const data = fc.uint8Array({ maxLength: 300 })
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const lenient = fc.stringMatching(/^[a-zA-Z0-9_~.-]{1,40}$/)
const destination = fc.stringMatching(/^(g|test2|peer|example)(\.[a-zA-Z0-9_~-]{1,9}){1,4}$/)
const code = fc.stringMatching(/^[A-Z][0-9]{2}$/)
const name = fc.stringMatching(/^[ -~]{0,40}$/)
const message = fc.string({ unit: 'grapheme', maxLength: 50 })

const packet: fc.Arbitrary<Packet> = fc.oneof(
  record({ type: fc.constant(1 as const), amount, account: lenient, data }),
  record({ type: fc.constant(2 as const), destinationAccount: lenient, destinationHoldDuration: u32 }),
  record({
    type: fc.constant(3 as const),
    liquidityCurve: fc.array(fc.tuple(amount, amount), { maxLength: 300 }),
    appliesToPrefix: lenient,
    sourceHoldDuration: u32,
    expiresAt: time,
  }),
  record({
    type: fc.constant(4 as const),
    destinationAccount: lenient,
    sourceAmount: amount,
    destinationHoldDuration: u32,
  }),
  record({ type: fc.constant(5 as const), destinationAmount: amount, sourceHoldDuration: u32 }),
  record({
    type: fc.constant(6 as const),
    destinationAccount: lenient,
    destinationAmount: amount,
    destinationHoldDuration: u32,
  }),
  record({ type: fc.constant(7 as const), sourceAmount: amount, sourceHoldDuration: u32 }),
  record({
    type: fc.constant(8 as const),
    code,
    name,
    triggeredBy: fc.oneof(fc.constant(''), lenient),
    forwardedBy: fc.array(lenient, { maxLength: 5 }),
    triggeredAt: time,
    data,
  }),
  record({ type: fc.constant(9 as const), data }),
  record({ type: fc.constant(10 as const), account: lenient, data }),
  record({ type: fc.constant(11 as const), code, triggeredBy: lenient, message, data }),
  record({ type: fc.constant(12 as const), amount, expiresAt: time, executionCondition: hash, destination, data }),
  record({ type: fc.constant(13 as const), fulfillment: hash, data }),
  record({ type: fc.constant(14 as const), code, triggeredBy: destination, message, data }),
)

test('a packet goes there and back, and its bytes are canonical', () => {
  fc.assert(
    fc.property(packet, (value) => {
      const bytes = encodePacket(value)
      const read = decodePacket(bytes)
      assert.deepEqual(read, value)
      assert.equal(toHex(encodePacket(read)), toHex(bytes))
    }),
  )
})

/** Bytes that nearly are a packet: one that is valid, with a few bytes changed, cut off or added. */
const damaged = fc
  .tuple(
    packet,
    fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 }),
    fc.nat(400),
    fc.uint8Array({ maxLength: 4 }),
  )
  .map(([value, changes, cut, more]) => {
    const bytes = Uint8Array.from([...encodePacket(value), ...more])
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte
    return bytes.subarray(0, bytes.length - (cut % 3))
  })
const anyBytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged)

test('any bytes give a packet that can be written again, or the documented error', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      try {
        const read = decodePacket(bytes)
        assert.deepEqual(decodePacket(encodePacket(read)), read)
      } catch (error) {
        assert.ok(error instanceof OerError, String(error))
      }
    }),
    { numRuns: 1000 },
  )
})

test('any bytes give an ILDCP message or PSK envelope, or the documented error', () => {
  const head = fc.constantFrom('', 'PSK/1.0\n', 'PSK/1.0\nNonce: AwoRGB8mLTQ7QklQV15lbA\nEncryption: none\n')
  fc.assert(
    fc.property(anyBytes, head, (bytes, text) => {
      const start = Buffer.from(text)
      for (const decode of [
        () => decodeIldcpRequest(bytes),
        () => decodeIldcpResponse(bytes),
        () => decodePskEnvelope(bytes, Buffer.concat([start, bytes])),
      ]) {
        try {
          decode()
        } catch (error) {
          assert.ok(error instanceof OerError, String(error))
        }
      }
    }),
  )
})

test('an encoder refuses whatever a decoder would: any field values give bytes that are read back, or the documented error', () => {
  const anyText = fc.oneof(lenient, destination, fc.string(), fc.string({ unit: 'binary' }))
  const anyTime = fc.oneof(time, fc.double(), fc.integer())
  const anyAmount = fc.oneof(amount, fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }))
  const anyHash = fc.oneof(hash, fc.uint8Array({ minLength: 30, maxLength: 34 }))
  const loose = fc.oneof(
    record({ type: fc.constant(1 as const), amount: anyAmount, account: anyText, data }),
    record({
      type: fc.constant(8 as const),
      code: anyText,
      name: anyText,
      triggeredBy: anyText,
      forwardedBy: fc.array(anyText, { maxLength: 3 }),
      triggeredAt: anyTime,
      data,
    }),
    record({
      type: fc.constant(12 as const),
      amount: anyAmount,
      expiresAt: anyTime,
      executionCondition: anyHash,
      destination: anyText,
      data,
    }),
    record({ type: fc.constant(14 as const), code: anyText, triggeredBy: anyText, message: anyText, data }),
  )
  fc.assert(
    fc.property(loose, (value) => {
      let bytes: Uint8Array
      try {
        bytes = encodePacket(value)
      } catch (error) {
        assert.ok(error instanceof OerError, String(error))
        return
      }
      assert.deepEqual(
        decodePacket(bytes),
        Object.is(value.type === 12 && value.expiresAt, -0) ? { ...value, expiresAt: 0 } : value,
      )
      if (value.type === 12) assert.ok(isTime(value.expiresAt) && isAddress(value.destination))
    }),
    { numRuns: 1000 },
  )
})

test('a PSK envelope goes there and back', () => {
  const headers = fc.dictionary(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/),
    fc.stringMatching(/^[!-~]([ -~]{0,9}[!-~])?$/),
    {
      maxKeys: 3,
    },
  )
  const publicHeaders = headers.filter((names) => !['nonce', 'encryption', 'key'].some((own) => own in names))
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      record({ encryption: fc.constantFrom('none' as const, 'aes-256-gcm' as const), publicHeaders, headers, data }),
      (secret, message_) => {
        const envelope = decodePskEnvelope(secret, encodePskEnvelope(secret, message_))
        assert.equal(toHex(envelope.data), toHex(message_.data))
        assert.deepEqual(new Map(envelope.headers), new Map(Object.entries(message_.headers)))
        assert.equal(envelope.publicHeaders.size, 2 + Object.keys(message_.publicHeaders).length)
      },
    ),
  )
})
