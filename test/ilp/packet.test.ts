/** ILP packets of all types: limits on both sides, trailing bytes, truncation, error codes, ILDCP. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fromHex, toHex } from 'sluice/bytes'
import {
  decodeAmountTooLarge,
  decodeIldcpRequest,
  decodeIldcpResponse,
  decodePacket,
  decodePacketOf,
  encodeAmountTooLarge,
  encodeIldcpRequest,
  encodeIldcpResponse,
  encodePacket,
  ERROR_NAMES,
  errorClass,
  errorName,
  isErrorCode,
  type Packet,
  PEER_CONDITION,
} from 'sluice/ilp'
import { OerError, Writer } from 'sluice/oer'

const account = 'example.shop.server.UUxOFrawp0A.0'
const data = fromHex('0102')
const hash = new Uint8Array(32).fill(7)
const PACKETS: readonly Packet[] = [
  { type: 1, amount: 2n ** 64n - 1n, account, data },
  { type: 2, destinationAccount: account, destinationHoldDuration: 4294967295 },
  {
    type: 3,
    liquidityCurve: [
      [0n, 0n],
      [1n, 2n ** 64n - 1n],
    ],
    appliesToPrefix: 'example.',
    sourceHoldDuration: 0,
    expiresAt: 1,
  },
  { type: 4, destinationAccount: account, sourceAmount: 1n, destinationHoldDuration: 3000 },
  { type: 5, destinationAmount: 1n, sourceHoldDuration: 4000 },
  { type: 6, destinationAccount: account, destinationAmount: 0n, destinationHoldDuration: 1 },
  { type: 7, sourceAmount: 9007199254740993n, sourceHoldDuration: 0 },
  {
    type: 8,
    code: 'F02',
    name: 'Unreachable',
    triggeredBy: 'us.a.',
    forwardedBy: ['us.b', 'us.c'],
    triggeredAt: 0,
    data,
  },
  { type: 9, data },
  { type: 10, account, data },
  { type: 11, code: 'F99', triggeredBy: '', message: 'héllo', data },
  { type: 12, amount: 107n, expiresAt: 0, executionCondition: hash, destination: 'peer.config', data },
  { type: 13, fulfillment: hash, data },
  { type: 14, code: 'X77', triggeredBy: 'example.connector', message: 'naïve ☃', data },
]

test('each type goes there and back, and is refused where another is expected', () => {
  for (const packet of PACKETS) {
    const bytes = encodePacket(packet)
    assert.deepEqual(decodePacket(bytes), packet)
    assert.deepEqual(decodePacketOf(packet.type, bytes), packet)
    const other = packet.type === 14 ? 1 : 14
    assert.throws(() => decodePacketOf(other, bytes), { code: 'ILP_TYPE' })
  }
})

test('a packet cut off anywhere is refused; trailing bytes are ignored, and so is a missing extension byte', () => {
  for (const packet of PACKETS) {
    const bytes = encodePacket(packet)
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodePacket(bytes.subarray(0, length)), OerError)
    }
    assert.deepEqual(decodePacket(fromHex(`${toHex(bytes)}ff`)), packet)
    const contents = toHex(bytes.subarray(bytes[1] === 0x81 ? 3 : 2))
    const envelope = (hex: string): Uint8Array => {
      const writer = new Writer()
      writer.uint8(packet.type)
      writer.varOctets(fromHex(hex))
      return writer.take()
    }
    assert.deepEqual(decodePacket(envelope(`${contents}aabb`)), packet)
    if (packet.type <= 11) assert.deepEqual(decodePacket(envelope(contents.slice(0, -2))), packet)
    // Its last field cut short inside an envelope that is whole.
    assert.throws(() => decodePacket(envelope(contents.slice(0, packet.type <= 11 ? -4 : -2))), OerError)
  }
})

test('an empty packet, an unknown type and a non-canonical length are refused', () => {
  for (const hex of ['', '00', '0000', '0f00', 'ff00']) assert.throws(() => decodePacket(fromHex(hex)), OerError, hex)
  const bytes = toHex(encodePacket({ type: 9, data }))
  assert.throws(() => decodePacket(fromHex(`0981${bytes.slice(2)}`)), { code: 'OER_LENGTH' })
  for (const type of [0, 15, 1.5, '1']) assert.throws(() => encodePacket({ type, data } as never), { code: 'ILP_TYPE' })
})

test('the limits hold when encoding', () => {
  const [payment, , curve, , , , , error, , , rejection, prepare, fulfill, reject] = PACKETS
  const bad: readonly [string, object][] = [
    ['OER_RANGE', { ...payment, amount: 2n ** 64n }],
    ['OER_RANGE', { ...payment, amount: -1n }],
    ['ILP_ADDRESS', { ...payment, account: 'g.a b' }],
    ['ILP_ADDRESS', { ...payment, account: '' }],
    ['ILP_ADDRESS', { ...payment, account: `g.${'a'.repeat(1022)}` }],
    ['ILP_DATA', { ...payment, data: new Uint8Array(32768) }],
    ['OER_RANGE', { ...PACKETS[1], destinationHoldDuration: 4294967296 }],
    ['OER_RANGE', { ...PACKETS[1], destinationHoldDuration: -1 }],
    ['ILP_ADDRESS', { ...curve, appliesToPrefix: '' }],
    ['OER_TIME', { ...curve, expiresAt: NaN }],
    ['OER_RANGE', { ...curve, liquidityCurve: [[0n, 2n ** 64n]] }],
    ['ILP_CODE', { ...error, code: 'F0' }],
    ['OER_TEXT', { ...error, name: 'é' }],
    ['ILP_ADDRESS', { ...error, forwardedBy: [''] }],
    ['ILP_ADDRESS', { ...error, triggeredBy: 'a b' }],
    ['ILP_DATA', { ...error, data: new Uint8Array(8193) }],
    ['OER_SIZE', { ...rejection, message: 'a'.repeat(8192) }],
    ['OER_TEXT', { ...rejection, message: '\ud800' }],
    ['OER_SIZE', { ...prepare, executionCondition: hash.subarray(1) }],
    ['OER_TIME', { ...prepare, expiresAt: 253_402_300_800_000 }],
    ['ILP_ADDRESS', { ...prepare, destination: 'example' }],
    ['ILP_ADDRESS', { ...prepare, destination: 'us.bank.alice' }],
    ['ILP_DATA', { ...prepare, data: new Uint8Array(32768) }],
    ['OER_SIZE', { ...fulfill, fulfillment: hash.subarray(1) }],
    ['ILP_ADDRESS', { ...reject, triggeredBy: 'example.a.' }],
    ['OER_SIZE', { ...reject, message: 'é'.repeat(4096) }],
  ]
  for (const [code, packet] of bad) {
    assert.throws(
      () => encodePacket(packet as Packet),
      { code },
      JSON.stringify(packet, (_, v: unknown) => String(v)),
    )
  }
})

test('the largest values pass, one more is refused when decoding too', () => {
  const most: readonly Packet[] = [
    { type: 1, amount: 0n, account: `g.${'a'.repeat(1021)}`, data: new Uint8Array(32767) },
    { type: 8, code: 'F00', name: '', triggeredBy: '', forwardedBy: [], triggeredAt: 0, data: new Uint8Array(8192) },
    { type: 11, code: 'F00', triggeredBy: '', message: 'a'.repeat(8191), data: new Uint8Array(32767) },
    { type: 14, code: 'F00', triggeredBy: '', message: 'a'.repeat(8191), data: new Uint8Array(32767) },
  ]
  for (const packet of most) assert.deepEqual(decodePacket(encodePacket(packet)), packet)
  const over = (type: number, fill: (writer: Writer) => void): Uint8Array => {
    const writer = new Writer()
    writer.uint8(type)
    const mark = writer.open()
    fill(writer)
    writer.uint8(0)
    writer.close(mark)
    return writer.take()
  }
  const refused: readonly [string, Uint8Array][] = [
    ['ILP_DATA', over(9, (writer) => writer.varOctets(new Uint8Array(32768)))],
    ['ILP_ADDRESS', over(2, (writer) => writer.varAscii('a'.repeat(1024)))],
    ['ILP_ADDRESS', over(2, (writer) => writer.varAscii(''))],
    ['ILP_ADDRESS', over(2, (writer) => writer.varAscii('g.a b'))],
    ['OER_TEXT', over(2, (writer) => writer.varOctets(fromHex('672ee9')))],
    ['OER_TRUNCATED', over(3, (writer) => writer.varUint(2n ** 60n))],
    [
      'OER_SIZE',
      over(14, (writer) => {
        writer.octets(fromHex('463030'))
        writer.varAscii('')
        writer.varAscii('a'.repeat(8192))
      }),
    ],
    [
      'OER_TEXT',
      over(14, (writer) => {
        writer.octets(fromHex('463030'))
        writer.varAscii('')
        writer.varOctets(fromHex('ff'))
      }),
    ],
    [
      'ILP_ADDRESS',
      over(14, (writer) => {
        writer.octets(fromHex('463030'))
        writer.varAscii('us.a')
      }),
    ],
  ]
  for (const [code, bytes] of refused) assert.throws(() => decodePacket(bytes), { code }, toHex(bytes.subarray(0, 40)))
})

test('error codes: names of both versions, classes, the unknown', () => {
  for (const code of Object.keys(ERROR_NAMES)) assert.ok(isErrorCode(code))
  assert.deepEqual([errorName('T01'), errorName('T01', 1)], ['Peer Unreachable', 'Ledger Unreachable'])
  assert.deepEqual([errorName('F02'), errorName('F02', 1)], ['Unreachable', 'Unreachable'])
  assert.deepEqual([errorName('X77'), isErrorCode('X77'), isErrorCode('toString')], ['X77', false, false])
  assert.deepEqual(['F00', 'T99', 'R01', 'X77', ''].map(errorClass), [
    'final',
    'temporary',
    'relative',
    'final',
    'final',
  ])
})

test('F08 data: two amounts', () => {
  const amounts = { receivedAmount: 10000n, maximumAmount: 1000n }
  const bytes = encodeAmountTooLarge(amounts)
  assert.equal(toHex(bytes), '000000000000271000000000000003e8')
  assert.deepEqual(decodeAmountTooLarge(bytes), amounts)
  assert.throws(() => decodeAmountTooLarge(bytes.subarray(1)), { code: 'OER_TRUNCATED' })
  assert.throws(() => encodeAmountTooLarge({ ...amounts, receivedAmount: -1n }), { code: 'OER_RANGE' })
})

test('ILDCP: request and response, and packets that are neither', () => {
  const request = encodeIldcpRequest({ expiresAt: 1000, data })
  assert.deepEqual(decodeIldcpRequest(request), { expiresAt: 1000, data })
  const info = { clientAddress: 'g.a.b.c', assetScale: 255, assetCode: 'é' }
  const response = encodeIldcpResponse(info)
  assert.deepEqual(decodeIldcpResponse(response), info)
  const prepare = decodePacketOf(12, request)
  assert.equal(prepare.amount, 0n)
  assert.equal(toHex(prepare.executionCondition), toHex(PEER_CONDITION))
  assert.throws(() => decodeIldcpRequest(encodePacket({ ...prepare, destination: 'peer.other' })), { code: 'ILP_DATA' })
  assert.throws(() => decodeIldcpRequest(encodePacket({ ...prepare, executionCondition: hash })), { code: 'ILP_DATA' })
  assert.throws(() => decodeIldcpRequest(response), { code: 'ILP_TYPE' })
  assert.throws(() => decodeIldcpResponse(encodePacket({ type: 13, fulfillment: hash, data })), { code: 'ILP_DATA' })
  for (const bad of [
    { ...info, clientAddress: 'us.a' },
    { ...info, assetScale: 256 },
    { ...info, assetScale: 0.5 },
  ]) {
    assert.throws(() => encodeIldcpResponse(bad), OerError)
  }
  const zero = new Uint8Array(32)
  for (const hex of ['', '03672e61', '03672e6109', '0375732e0900', '03672e610901ff']) {
    assert.throws(
      () => decodeIldcpResponse(encodePacket({ type: 13, fulfillment: zero, data: fromHex(hex) })),
      OerError,
      hex,
    )
  }
})
