/** Exactly what was delivered is paid, wherever a connection is cut. `npm run soak -- cuts` cuts at every byte. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { buyAtEveryCut } from './every-cut.js'
import { LETTERS, PRICE, type ReadBody, ShortStreams, WINDOW } from './short-stream.js'

test('a short stream, its connections cut at the end of each frame and at every 31st byte', async (t) => {
  const { cuts, whole, lostUnitsMax, ends } = await buyAtEveryCut(31)
  t.diagnostic(`${cuts} cuts, ${whole} streams read whole, at most ${lostUnitsMax} units lost: ${JSON.stringify(ends)}`)
  assert.ok(cuts > 200)
  assert.ok(whole > 0 && whole < cuts, 'some cuts are survived, some are not')
})

const WINDOW_UNITS = Number(WINDOW / PRICE)

/** One byte of a letter at a time, with a turn in between. */
const slowly: ReadBody = async (body, take) => {
  for await (const bytes of body as AsyncIterable<Uint8Array>) {
    for (const byte of bytes) {
      await turn()
      take(Uint8Array.of(byte))
    }
  }
}

/** Some pieces, and then nothing more until everything has come to rest. */
const stalling: ReadBody = async (body, take) => {
  const reader = body.getReader()
  for (let reads = 0; reads < 2; reads++) {
    const { value } = (await reader.read()) as { readonly value?: Uint8Array }
    if (value !== undefined) take(value)
  }
  for (let turns = 0; turns < 200; turns++) await turn()
  await reader.cancel()
}

for (const [name, read, end] of [
  ['slow', slowly, 'whole'],
  ['stalled', stalling, 'left'],
] as const) {
  test(`a ${name} reader has paid for what it read, and at most the window more`, async (t) => {
    const streams = await ShortStreams.open()
    t.after(() => streams.close())
    const bought = await streams.buy({ read })
    assert.equal(bought.end, end)
    assert.ok(bought.read > 0)
    if (end === 'whole')
      assert.deepEqual([bought.read, bought.captured], [LETTERS.length, BigInt(LETTERS.length) * PRICE])
    else assert.ok(bought.captured / PRICE <= bought.read + WINDOW_UNITS)
    assert.equal(streams.checkStreams(), 1)
  })
}

test('behind a proxy that keeps the response to itself a buyer loses its window, and says why', async (t) => {
  const streams = await ShortStreams.open()
  t.after(() => streams.close())
  const whole = await streams.buy()
  const head = Buffer.concat(whole.http[0]?.down ?? []).indexOf('\r\n\r\n') + 4
  // The head passes; the next block is longer than what the window pays for.
  const bought = await streams.buy({ blockBytes: head, deliveryTimeoutMs: 50 })
  assert.equal(bought.end, 'FETCH_UNDELIVERED')
  assert.ok(bought.captured / PRICE - BigInt(bought.read) <= WINDOW_UNITS)
  assert.equal(streams.checkStreams(), 2)
})

test('behind a proxy with short blocks all of it arrives', async (t) => {
  const streams = await ShortStreams.open()
  t.after(() => streams.close())
  const { read, end } = await streams.buy({ blockBytes: 8 })
  assert.deepEqual([read, end], [LETTERS.length, 'whole'])
})
