/** BTP frames: limits on both sides, which version has which type, what can be answered, what is ignored. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fromHex, toHex, utf8 } from 'sluice/bytes'
import { decodeFrame, duplicateName, encodeFrame, type Frame, frameHead } from 'sluice/btp'

const id = new Uint8Array(16).fill(7)
const hash = new Uint8Array(32).fill(9)
const entries = [{ name: 'ilp', contentType: 0, data: fromHex('0102') }]
const prepare: Frame = { type: 3, requestId: 10, transferId: id, amount: 1n, condition: hash, expiresAt: 0, entries }
const error: Frame = {
  type: 2,
  requestId: 1,
  code: 'F00',
  name: 'NotAcceptedError',
  triggeredAt: 0,
  data: utf8('{}'),
  entries: [],
}

const BY_VERSION: readonly [1 | 2, readonly Frame[]][] = [
  [1, [prepare, { type: 4, requestId: 1, transferId: id, fulfillment: hash, entries }]],
  [1, [{ type: 5, requestId: 1, transferId: id, entries: [] }]],
  [2, [{ type: 7, requestId: 4294967295, amount: 500n, entries }]],
]
const SHARED: readonly Frame[] = [error, { type: 1, requestId: 0, entries: [] }, { type: 6, requestId: 2, entries }]

test('each frame goes there and back, and belongs to its version only', () => {
  for (const [version, frames] of [...BY_VERSION, [1, SHARED], [2, SHARED]] as typeof BY_VERSION) {
    const other = version === 1 ? 2 : 1
    for (const frame of frames) {
      const bytes = encodeFrame(frame, version)
      assert.deepEqual(decodeFrame(bytes, version), frame)
      if (SHARED.includes(frame)) continue
      assert.throws(() => encodeFrame(frame, other), { code: 'BTP_TYPE' })
      assert.throws(() => decodeFrame(bytes, other), { code: 'BTP_TYPE' })
      // It can be answered, though: the request id is readable.
      assert.deepEqual(frameHead(bytes), { type: frame.type, requestId: frame.requestId })
    }
  }
})

test('the smallest frame, and trailing bytes after the frame and after its last field, which are ignored', () => {
  assert.equal(toHex(encodeFrame({ type: 1, requestId: 1, entries: [] }, 1)), '0100000001020100')
  const empty = { type: 6, requestId: 1, entries: [] }
  for (const hex of ['0600000001020100', '0600000001020100ffff', '06000000010401000000']) {
    assert.deepEqual(decodeFrame(fromHex(hex), 1), empty)
  }
})

test('a frame cut off anywhere is refused', () => {
  for (const frame of [prepare, error]) {
    const bytes = encodeFrame(frame, 1)
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeFrame(bytes.subarray(0, length), 1), { code: 'OER_TRUNCATED' })
      assert.equal(frameHead(bytes.subarray(0, length)), undefined)
    }
  }
})

test('what breaks the framing has no head; what only breaks the contents has', () => {
  for (const hex of ['', '06', '0600000001', '060000000180', '060000000181020100', '0600000001030100']) {
    assert.equal(frameHead(fromHex(hex)), undefined, hex)
    assert.throws(() => decodeFrame(fromHex(hex), 1), /OerError/, hex)
  }
  for (const hex of ['0600000001020105', '06000000010100', '09000000010101', '0300000001020100']) {
    assert.equal(frameHead(fromHex(hex))?.requestId, 1, hex)
    assert.throws(() => decodeFrame(fromHex(hex), 1), hex)
  }
})

test('the encoder refuses what a decoder would', () => {
  const bad: readonly [string, object, 1 | 2][] = [
    ['BTP_CODE', { ...error, code: 'F0' }, 1],
    ['BTP_CODE', { ...error, code: 'F000' }, 1],
    ['OER_TEXT', { ...error, code: 'F0é' }, 1],
    ['OER_TEXT', { ...error, name: 'é' }, 1],
    ['OER_TIME', { ...error, triggeredAt: NaN }, 1],
    ['BTP_DATA', { ...error, data: new Uint8Array(8193) }, 1],
    ['OER_RANGE', { ...error, requestId: -1 }, 1],
    ['OER_RANGE', { ...error, requestId: 4294967296 }, 1],
    ['OER_RANGE', { ...error, requestId: undefined }, 1],
    ['BTP_TYPE', { ...error, type: 0 }, 1],
    ['BTP_TYPE', { ...error, type: 9 }, 1],
    ['OER_SIZE', { ...prepare, transferId: id.subarray(1) }, 1],
    ['OER_SIZE', { ...prepare, condition: hash.subarray(1) }, 1],
    ['OER_RANGE', { ...prepare, amount: 2n ** 64n }, 1],
    ['OER_RANGE', { ...prepare, amount: -1n }, 1],
    ['OER_TIME', { ...prepare, expiresAt: 253_402_300_800_000 }, 1],
    ['BTP_DATA', { ...prepare, entries: undefined }, 1],
    ['OER_TEXT', { ...prepare, entries: [{ ...entries[0], name: 'ïlp' }] }, 1],
    ['OER_RANGE', { ...prepare, entries: [{ ...entries[0], contentType: 256 }] }, 1],
    ['OER_RANGE', { type: 7, requestId: 1, amount: 2n ** 64n, entries: [] }, 2],
  ]
  for (const [code, frame, version] of bad) {
    assert.throws(
      () => encodeFrame(frame as Frame, version),
      { code },
      JSON.stringify(frame, (_, v: unknown) => String(v)),
    )
  }
  // A refused frame leaves nothing behind in the next one.
  assert.equal(toHex(encodeFrame({ type: 1, requestId: 1, entries: [] }, 1)), '0100000001020100')
})

test('error data of 8192 bytes passes, of 8193 does not, on reading too', () => {
  const most = encodeFrame({ ...error, data: new Uint8Array(8192) }, 1)
  assert.equal(decodeFrame(most, 1).type, 2)
  const head = '4630300178' + '13' + toHex(utf8('20171224161432.000Z'))
  const contents = `${head}822001${'00'.repeat(8193)}0100`
  const length = (contents.length / 2).toString(16).padStart(4, '0')
  assert.throws(() => decodeFrame(fromHex(`020000000182${length}${contents}`), 1), { code: 'BTP_DATA' })
})

test('two entries of one name are read, and told', () => {
  const twice: Frame = {
    type: 6,
    requestId: 1,
    entries: [...entries, { name: 'x', contentType: 255, data: hash }, ...entries],
  }
  const { entries: read } = decodeFrame(encodeFrame(twice, 1), 1)
  assert.equal(read.length, 3)
  assert.equal(duplicateName(read), 'ilp')
  assert.equal(duplicateName(read.slice(0, 2)), undefined)
  assert.equal(duplicateName([{ name: '__proto__', contentType: 0, data: hash }]), undefined)
})

test('many entries: the count takes two bytes from 256 on', () => {
  for (const count of [127, 128, 255, 256, 300]) {
    const many = Array.from({ length: count }, (_, i) => ({ name: `p${i}`, contentType: 0, data: new Uint8Array(0) }))
    assert.equal(decodeFrame(encodeFrame({ type: 6, requestId: 1, entries: many }, 1), 1).entries.length, count)
  }
})
