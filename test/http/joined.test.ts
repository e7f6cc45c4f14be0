/** What a meter writes in one turn: not more writes than needed, and no big copies. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Meter, type Sink } from 'sluice/http'
import { FakeHold, paymentOf } from './stage.js'

test('pieces of one turn leave in order: small ones in one write, big ones as they are', async () => {
  const big = new Uint8Array(8_192).fill(0x42)
  const pieces = ['a', 'b', big, 'c', big, big, 'd', 'e'].map((piece) =>
    typeof piece === 'string' ? new TextEncoder().encode(piece) : piece,
  )
  const expected = Buffer.concat(pieces)
  const writes: Uint8Array[] = []
  const sink: Sink = {
    write: (bytes) => {
      writes.push(bytes)
      // Full after the first: what is captured is written all the same.
      return false
    },
    end() {},
    fail() {},
  }
  const source = { next: () => pieces.shift(), cancel() {} }
  const meter = new Meter(source, sink)
  const hold = new FakeHold(8n, Date.now() + 60_000)
  meter.pay(paymentOf(hold))
  hold.settle(true)
  await Promise.resolve()
  assert.deepEqual(Buffer.concat(writes), expected)
  assert.deepEqual(
    writes.map(({ length }) => length),
    [2, 8_192, 1, 8_192, 8_192, 2],
  )
  assert.equal(writes[1], big)
})
