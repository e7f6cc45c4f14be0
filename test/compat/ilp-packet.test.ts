/** The ilp-packet package's names: representations of 1.x and 3.x, dispatch on the type, and what was wrapped and is refused now. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import * as IlpPacket from 'sluice/compat/ilp-packet'
import { OerError } from 'sluice/oer'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const account = 'example.letter-shop.mytrustline.server.UUxOFrawp0A.0'
const at = new Date('2017-12-24T16:14:32.279Z')
const hash = Buffer.alloc(32, 7)

const V1 = {
  1: { amount: '10', account, data: 'AwoR' },
  2: { destinationAccount: account, destinationHoldDuration: 3000 },
  3: { liquidityCurve: Buffer.alloc(32, 1), appliesToPrefix: 'example.', sourceHoldDuration: 5, expiresAt: at },
  4: { destinationAccount: account, sourceAmount: '9007199254740993', destinationHoldDuration: 3000 },
  5: { destinationAmount: '18446744073709551615', sourceHoldDuration: 4000 },
  6: { destinationAccount: account, destinationAmount: '0', destinationHoldDuration: 4294967295 },
  7: { sourceAmount: '1', sourceHoldDuration: 0 },
  8: {
    code: 'F02',
    name: 'Unreachable',
    triggeredBy: 'example.a.',
    forwardedBy: ['example.a.c1', 'example.b.c2'],
    triggeredAt: at,
    data: '{"message":"no route"}',
  },
  9: { data: '-__-' },
  10: { account, data: '' },
  11: { code: 'F99', triggeredBy: 'example.a.b', message: 'héllo', data: Buffer.from([1, 2]) },
  12: {
    amount: '107',
    executionCondition: hash,
    expiresAt: at,
    destination: 'example.alice',
    data: Buffer.alloc(3, 9),
  },
  13: { fulfillment: hash, data: Buffer.alloc(0) },
  14: { code: 'F00', triggeredBy: '', message: 'naïve ☃', data: Buffer.alloc(1) },
} as const

const NAMED = {
  1: [IlpPacket.serializeIlpPayment, IlpPacket.deserializeIlpPayment, 'ilp_payment'],
  2: [IlpPacket.serializeIlqpLiquidityRequest, IlpPacket.deserializeIlqpLiquidityRequest, 'ilqp_liquidity_request'],
  3: [IlpPacket.serializeIlqpLiquidityResponse, IlpPacket.deserializeIlqpLiquidityResponse, 'ilqp_liquidity_response'],
  4: [IlpPacket.serializeIlqpBySourceRequest, IlpPacket.deserializeIlqpBySourceRequest, 'ilqp_by_source_request'],
  5: [IlpPacket.serializeIlqpBySourceResponse, IlpPacket.deserializeIlqpBySourceResponse, 'ilqp_by_source_response'],
  6: [
    IlpPacket.serializeIlqpByDestinationRequest,
    IlpPacket.deserializeIlqpByDestinationRequest,
    'ilqp_by_destination_request',
  ],
  7: [
    IlpPacket.serializeIlqpByDestinationResponse,
    IlpPacket.deserializeIlqpByDestinationResponse,
    'ilqp_by_destination_response',
  ],
  8: [IlpPacket.serializeIlpError, IlpPacket.deserializeIlpError, 'ilp_error'],
  9: [IlpPacket.serializeIlpFulfillment, IlpPacket.deserializeIlpFulfillment, 'ilp_fulfillment'],
  10: [IlpPacket.serializeIlpForwardedPayment, IlpPacket.deserializeIlpForwardedPayment, 'ilp_forwarded_payment'],
  11: [IlpPacket.serializeIlpRejection, IlpPacket.deserializeIlpRejection, 'ilp_rejection'],
  12: [IlpPacket.serializeIlpPrepare, IlpPacket.deserializeIlpPrepare, 'ilp_prepare'],
  13: [IlpPacket.serializeIlpFulfill, IlpPacket.deserializeIlpFulfill, 'ilp_fulfill'],
  14: [IlpPacket.serializeIlpReject, IlpPacket.deserializeIlpReject, 'ilp_reject'],
} as const

test('each type goes there and back in its own representation, by its own name and by the shared one', () => {
  for (const [text, fields] of Object.entries(V1)) {
    const type = Number(text) as keyof typeof V1
    const [serialize, deserialize, typeString] = NAMED[type]
    const binary = (serialize as (fields: unknown) => Buffer)(fields)
    assert.ok(Buffer.isBuffer(binary))
    assert.equal(binary[0], type)
    assert.deepEqual(deserialize(binary), fields)
    assert.deepEqual(IlpPacket.serializeIlpPacket({ type, data: fields } as never), binary)
    assert.deepEqual(IlpPacket.deserializeIlpPacket(binary), { type, typeString, data: fields })
    assert.throws(() => NAMED[type === 1 ? 2 : 1][1](binary), { code: 'ILP_TYPE' })
  }
})

test('data may be base64, base64url, bytes or nothing, and comes back as base64url', () => {
  for (const data of ['+//+', '-__-', Buffer.from('fbfffe', 'hex')]) {
    const binary = IlpPacket.serializeIlpPayment({ amount: '7', account, data })
    assert.equal(IlpPacket.deserializeIlpPayment(binary).data, '-__-')
  }
  assert.equal(IlpPacket.deserializeIlpPayment(IlpPacket.serializeIlpPayment({ amount: '7', account })).data, '')
})

test('what the old package wrapped or cut off in silence is refused with an error that is documented', () => {
  const bad: readonly [number, object][] = [
    ...['18446744073709551616', '-1', '1.5', 'abc', '', '1e3', '01', ' 1', '-0', 1, undefined].map(
      (amount): [number, object] => [1, { ...V1[1], amount }],
    ),
    ...['g.a b', 'g.é', '', `g.${'a'.repeat(1022)}`, 5].map((to): [number, object] => [1, { ...V1[1], account: to }]),
    [1, { ...V1[1], data: '!!' }],
    [1, { ...V1[1], data: 5 }],
    [2, { ...V1[2], destinationHoldDuration: 4294967296 }],
    [2, { ...V1[2], destinationHoldDuration: 1.5 }],
    [3, { ...V1[3], liquidityCurve: Buffer.alloc(15) }],
    [3, { ...V1[3], expiresAt: new Date(NaN) }],
    [3, { ...V1[3], expiresAt: '2017-12-24T16:14:32.279Z' }],
    [8, { ...V1[8], code: 'F0' }],
    [8, { ...V1[8], forwardedBy: 'example.a' }],
    [8, { ...V1[8], name: undefined }],
    [8, { ...V1[8], data: 'x'.repeat(8193) }],
    [11, { ...V1[11], message: 'é'.repeat(4096) }],
    [12, { ...V1[12], amount: 107 }],
    [12, { ...V1[12], executionCondition: Buffer.alloc(31) }],
    [12, { ...V1[12], expiresAt: new Date('+010000-01-01T00:00:00Z') }],
    [12, { ...V1[12], destination: 'example' }],
    [12, { ...V1[12], data: Buffer.alloc(32768) }],
    [13, { fulfillment: Buffer.alloc(31) }],
    [14, { ...V1[14], triggeredBy: 'us.bank' }],
    [0, {}],
    [15, {}],
  ]
  for (const [type, data] of bad) {
    assert.throws(
      () => IlpPacket.serializeIlpPacket({ type, data } as never),
      OerError,
      `${type} ${JSON.stringify(data)}`,
    )
  }
})

test('an exception becomes the reject that it asks for', () => {
  const { AmountTooLargeError, FinalApplicationError, InsufficientTimeoutError } = IlpPacket.Errors
  const tooLarge = new AmountTooLargeError('too large', { receivedAmount: '10000', maximumAmount: '1000' })
  assert.equal(tooLarge.name, 'AmountTooLargeError')
  assert.deepEqual(IlpPacket.deserializeIlpReject(IlpPacket.errorToReject('example.a', tooLarge)), {
    code: 'F08',
    triggeredBy: 'example.a',
    message: 'too large',
    data: Buffer.from('000000000000271000000000000003e8', 'hex'),
  })
  assert.equal(IlpPacket.errorToIlpReject('example.a', new InsufficientTimeoutError('late')).code, 'R02')
  const data = Buffer.from('why')
  assert.deepEqual(IlpPacket.errorToIlpReject('example.a', new FinalApplicationError('no', data)).data, data)
  assert.equal(IlpPacket.errorToIlpReject('example.a', new Error('x')).code, 'F00')
  const long = IlpPacket.errorToReject('example.a', new Error('☃'.repeat(9000)))
  assert.ok(IlpPacket.deserializeIlpReject(long).message.startsWith('☃☃'))
})

test('the rest of 3.x: envelopes, replies, guards, names', () => {
  const fulfill = IlpPacket.serializeIlpReply(V1[13])
  const reject = IlpPacket.serializeIlpReply(V1[14])
  assert.deepEqual(IlpPacket.deserializeIlpReply(fulfill), V1[13])
  assert.deepEqual(IlpPacket.deserializeIlpReply(reject), V1[14])
  assert.deepEqual(IlpPacket.deserializeEnvelope(fulfill), { type: 13, contents: fulfill.subarray(2) })
  assert.ok(IlpPacket.isPrepare(V1[12]))
  assert.ok(!IlpPacket.isPrepare({ ...V1[12], amount: '01' }))
  assert.ok(!IlpPacket.isPrepare({ ...V1[12], destination: 'us.x' }))
  assert.ok(IlpPacket.isIlpReply(V1[13]) && IlpPacket.isIlpReply(V1[14]) && !IlpPacket.isIlpReply(V1[12]))
  assert.ok(!IlpPacket.isReject(null) && !IlpPacket.isFulfill({ ...V1[13], fulfillment: Buffer.alloc(31) }))
  assert.ok(IlpPacket.isValidIlpAddress('g.acme.bob') && !IlpPacket.isValidIlpAddress(7))
  assert.ok(IlpPacket.isCanonicalIlpRejectCode('T05') && !IlpPacket.isCanonicalIlpRejectCode('X77'))
  assert.equal(IlpPacket.getScheme('test1.a'), 'test1')
  assert.equal(IlpPacket.Type.TYPE_ILP_FORWARDED_PAYMENT, 10)
  assert.equal(IlpPacket.Type[12], 'TYPE_ILP_PREPARE')
  assert.equal(IlpPacket.IlpPacketType.Reject, 14)
  assert.equal(IlpPacket.IlpError.R00_TRANSFER_TIMED_OUT, 'R00')
})

test('a directory whose node_modules links to it can require and import it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-'))
  try {
    mkdirSync(join(directory, 'node_modules'))
    symlinkSync(join(ROOT, 'compat', 'ilp-packet'), join(directory, 'node_modules', 'ilp-packet'), 'junction')
    const run = (flags: string[], code: string): string =>
      execFileSync(process.execPath, [...flags, '-e', code], { cwd: directory, encoding: 'utf8', stdio: 'pipe' })
    const body = `const b = IlpPacket.serializeIlpPayment({ amount: '1', account: 'g.a.b', data: '' })
      console.log(b.toString('hex'), IlpPacket.deserializeIlpPayment(b).account)`
    const expected = '0110000000000000000105672e612e620000 g.a.b\n'
    assert.equal(run([], `const IlpPacket = require('ilp-packet'); ${body}`), expected)
    assert.equal(run(['--input-type=module'], `import * as IlpPacket from 'ilp-packet'; ${body}`), expected)
    // As tests of old programs do: the object that require returns can be written to.
    run(
      [],
      `const p = require('ilp-packet'); p.serializeIlpPayment = () => 1; if (p.serializeIlpPayment() !== 1) throw 1`,
    )
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
