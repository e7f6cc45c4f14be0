/** Random bytes: of the length that was asked for, never given out twice, and the caller's own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { latin1 } from 'sluice/bytes'
import { randomBytes } from 'sluice/crypto'

test('draws have their length, short or long', () => {
  for (const length of [0, 1, 16, 64, 65, 4096, 10_000]) assert.equal(randomBytes(length).length, length)
})

test('no draw repeats another, and changing one changes no other', () => {
  const drawn = new Set<string>()
  const first = randomBytes(16)
  const before = latin1(first)
  for (let i = 0; i < 2000; i++) {
    const bytes = randomBytes(16)
    drawn.add(latin1(bytes))
    bytes.fill(0)
  }
  assert.equal(drawn.size, 2000)
  assert.equal(latin1(first), before)
  assert.ok(!drawn.has(latin1(new Uint8Array(16))))
})

test('every value of a byte comes up about as often', () => {
  const counts = new Map<number, number>()
  for (let i = 0; i < 20_000; i++) for (const byte of randomBytes(13)) counts.set(byte, (counts.get(byte) ?? 0) + 1)
  const expected = (20_000 * 13) / 256
  // Six standard deviations: a fair source fails once in many millions of runs.
  const slack = 6 * Math.sqrt(expected)
  assert.equal(counts.size, 256)
  for (const count of counts.values()) assert.ok(Math.abs(count - expected) < slack, String(count))
})
