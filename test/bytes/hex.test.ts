/** Hexadecimal text: every byte both ways, either case on reading, and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromHex, toHex } from 'sluice/bytes'

const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)

test('every byte has two lower-case digits, and is read from either case', () => {
  const text = Buffer.from(every).toString('hex')
  assert.equal(toHex(every), text)
  assert.deepEqual(fromHex(text), every)
  assert.deepEqual(fromHex(text.toUpperCase()), every)
  assert.deepEqual(fromHex(''), new Uint8Array(0))
})

test('whatever is not pairs of digits is refused', () => {
  for (const text of ['0', 'abc', 'g0', '0g', '/0', ':0', '@0', '`0', ' 0', '0x', '-1', '\u01300', '\uff110', 'éé']) {
    assert.throws(() => fromHex(text), { code: 'BYTES_HEX' }, text)
  }
})
