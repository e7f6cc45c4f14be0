/** Reader and writer, value by value: what is canonical, what must be refused, and where messages lie in a slab. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { fromHex, toHex } from 'sluice/bytes'
import { OerError, Reader, Writer } from 'sluice/oer'

function write(fill: (writer: Writer) => void): string {
  const writer = new Writer()
  fill(writer)
  return toHex(writer.take())
}

const read = <T>(hex: string, take: (reader: Reader) => T): T => take(new Reader(fromHex(hex)))

test('length determinants are in their shortest form', () => {
  const table: readonly [number, string][] = [
    [0, '00'],
    [127, '7f'],
    [128, '8180'],
    [255, '81ff'],
    [256, '820100'],
    [32767, '827fff'],
    [65535, '82ffff'],
    [65536, '83010000'],
    [16777215, '83ffffff'],
    [16777216, '8401000000'],
    [4294967295, '84ffffffff'],
  ]
  for (const [length, hex] of table)
    assert.equal(
      write((writer) => writer.length(length)),
      hex,
    )
  for (const length of [-1, 0.5, 4294967296, NaN]) {
    assert.throws(() => write((writer) => writer.length(length)), { code: 'OER_RANGE' })
  }
})

test('a length that is not canonical, too long, or longer than the bytes is refused before anything is allocated', () => {
  const table: readonly [string, string][] = [
    ['', 'OER_TRUNCATED'],
    ['80', 'OER_LENGTH'],
    ['817f' + '00'.repeat(127), 'OER_LENGTH'],
    ['8100', 'OER_LENGTH'],
    ['820080' + '00'.repeat(128), 'OER_LENGTH'],
    ['8200ff' + '00'.repeat(255), 'OER_LENGTH'],
    ['83000100' + '00'.repeat(256), 'OER_LENGTH'],
    ['850000000001aa', 'OER_LENGTH'],
    ['8700000000000001aa', 'OER_LENGTH'],
    ['850100000000aa', 'OER_LENGTH'],
    ['ff', 'OER_LENGTH'],
    ['82', 'OER_TRUNCATED'],
    ['8201', 'OER_TRUNCATED'],
    ['0101'.slice(0, 2), 'OER_TRUNCATED'],
    ['84ffffffff00', 'OER_TRUNCATED'],
  ]
  for (const [hex, code] of table) assert.throws(() => read(hex, (reader) => reader.varOctets()), { code }, hex)
})

test('fixed-width numbers hold their whole range and nothing else', () => {
  for (const value of [
    0n,
    1n,
    255n,
    0xffff_ffffn,
    0x1_0000_0000n,
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 64n - 1n,
  ]) {
    const hex = write((writer) => writer.uint64(value))
    assert.equal(hex, value.toString(16).padStart(16, '0'))
    assert.equal(
      read(hex, (reader) => reader.uint64()),
      value,
    )
  }
  assert.equal(
    write((writer) => writer.uint32(0xffff_ffff)),
    'ffffffff',
  )
  assert.equal(
    read('ffffffff', (reader) => reader.uint32()),
    0xffff_ffff,
  )
  assert.equal(
    write((writer) => writer.uint16(0xfffe)),
    'fffe',
  )
  assert.equal(
    read('fffe', (reader) => reader.uint16()),
    0xfffe,
  )
  for (const value of [-1n, 2n ** 64n])
    assert.throws(() => write((writer) => writer.uint64(value)), { code: 'OER_RANGE' })
  for (const value of [-1, 1.5, NaN, 2 ** 32]) {
    assert.throws(() => write((writer) => writer.uint32(value)), { code: 'OER_RANGE' })
  }
  assert.throws(() => write((writer) => writer.uint8(256)), { code: 'OER_RANGE' })
  assert.throws(() => write((writer) => writer.uint16(65536)), { code: 'OER_RANGE' })
  assert.throws(() => read('00'.repeat(7), (reader) => reader.uint64()), { code: 'OER_TRUNCATED' })
})

test('variable numbers are written minimal, read with a leading zero, and end at 2^64 − 1', () => {
  assert.equal(
    write((writer) => writer.varUint(0n)),
    '0100',
  )
  assert.equal(
    write((writer) => writer.varUint(256n)),
    '020100',
  )
  assert.equal(
    write((writer) => writer.varUint(2n ** 64n - 1n)),
    '08ffffffffffffffff',
  )
  assert.throws(() => write((writer) => writer.varUint(2n ** 64n)), { code: 'OER_RANGE' })
  assert.equal(
    read('020001', (reader) => reader.varUint()),
    1n,
  )
  assert.throws(() => read('00', (reader) => reader.varUint()), { code: 'OER_LENGTH' })
  assert.throws(() => read('09010000000000000000', (reader) => reader.varUint()), { code: 'OER_RANGE' })
  assert.throws(() => read('090000000000000000ff', (reader) => reader.varUint()), { code: 'OER_RANGE' })
})

test('a count that the bytes cannot hold is refused, whatever its form', () => {
  assert.equal(
    write((writer) => writer.count(0)),
    '0100',
  )
  assert.equal(
    write((writer) => writer.count(255)),
    '01ff',
  )
  assert.equal(
    write((writer) => writer.count(256)),
    '020100',
  )
  assert.equal(
    read('0102000000000000', (reader) => reader.count(3)),
    2,
  )
  assert.equal(
    read('02000201020304', (reader) => reader.count(1)),
    2,
  )
  for (const hex of ['0105', '08ffffffffffffffff00', '0103' + '00'.repeat(8), '01', '']) {
    assert.throws(() => read(hex, (reader) => reader.count(3)), { code: 'OER_TRUNCATED' }, hex)
  }
})

test('text is ASCII or well-formed UTF-8, in both directions', () => {
  assert.equal(
    write((writer) => writer.varAscii('ilp')),
    '03696c70',
  )
  assert.equal(
    read('03696c70', (reader) => reader.varAscii()),
    'ilp',
  )
  const long = 'example.letter-shop.mytrustline'
  assert.equal(
    read(
      write((writer) => writer.varAscii(long)),
      (reader) => reader.varAscii(),
    ),
    long,
  )
  assert.throws(() => write((writer) => writer.varAscii('é')), { code: 'OER_TEXT' })
  assert.throws(() => read('01e9', (reader) => reader.varAscii()), { code: 'OER_TEXT' })
  assert.equal(
    read('05c3a9e29883', (reader) => reader.varUtf8(5)),
    'é☃',
  )
  assert.equal(
    write((writer) => writer.varUtf8('é☃', 5)),
    '05c3a9e29883',
  )
  assert.throws(() => read('02c328', (reader) => reader.varUtf8(9)), { code: 'OER_TEXT' })
  assert.throws(() => write((writer) => writer.varUtf8('\ud800', 9)), { code: 'OER_TEXT' })
  assert.throws(() => read('05c3a9e29883', (reader) => reader.varUtf8(4)), { code: 'OER_SIZE' })
  assert.throws(() => write((writer) => writer.varUtf8('é☃', 4)), { code: 'OER_SIZE' })
  assert.throws(() => write((writer) => writer.fixedOctets(new Uint8Array(31), 32)), { code: 'OER_SIZE' })
})

test('what follows a VarOctetString that was entered is out of reach', () => {
  const reader = new Reader(fromHex('0201020304'))
  reader.enter()
  assert.equal(reader.uint16(), 0x0102)
  assert.equal(reader.left, 0)
  assert.throws(() => reader.uint8(), { code: 'OER_TRUNCATED' })
})

test('nested strings of unknown length come out with the right determinant at every size', () => {
  for (const size of [0, 1, 125, 126, 127, 128, 254, 255, 256, 8190, 8191, 8192, 65535, 65536, 70000]) {
    const hex = write((writer) => {
      writer.uint8(9)
      const outer = writer.open()
      const inner = writer.open()
      writer.octets(new Uint8Array(size).fill(1))
      writer.close(inner)
      writer.close(outer)
    })
    const reader = new Reader(fromHex(hex))
    assert.equal(reader.uint8(), 9)
    reader.enter()
    assert.equal(reader.varOctets().length, size)
    assert.equal(reader.left, 0)
  }
})

test('messages that were taken stay as they were, across slabs and failed attempts', () => {
  const writer = new Writer()
  const taken: [Uint8Array, string][] = []
  for (let i = 0; i < 500; i++) {
    writer.reset()
    const mark = writer.open()
    writer.octets(new Uint8Array((i * 37) % 1500).fill(i))
    writer.close(mark)
    if (i % 7 === 0) {
      assert.throws(() => writer.uint8(-1), OerError)
      continue
    }
    const message = writer.take()
    taken.push([message, toHex(message)])
  }
  for (const [message, hex] of taken) assert.equal(toHex(message), hex)
  assert.equal(writer.take().length, 0)
})
