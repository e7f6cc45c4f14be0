/** The text that stores and interfaces keep: right for every length, and no bigger in memory than its letters. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { fromBase64, toBase64url } from 'sluice/bytes'

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 37 + length) & 0xff)

test('base64url has the letters of Node’s own, and reads back', () => {
  for (let length = 0; length <= 100; length++) {
    const bytes = counting(length)
    assert.equal(toBase64url(bytes), Buffer.from(bytes).toString('base64url'))
    assert.deepEqual(fromBase64(toBase64url(bytes)), bytes)
  }
})

test('a text that is kept costs about a byte for each letter', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const texts: string[] = []
  const heap = (): number => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const before = heap()
  for (let i = 0; i < 1000; i++) texts.push(toBase64url(counting(600)))
  const each = (heap() - before) / texts.length
  assert.ok(each < 2 * 800, `${each} bytes for 800 letters`)
})
