/** The meter: units are handed over exactly as holds are captured. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Meter, type MeterOptions, type Source, type StreamEnd } from 'sluice/http'
import { FakeClock } from 'sluice/testing'
import { FakeHold, FakeSink, FakeSource, paymentOf, settled } from './stage.js'

function stage(source: Source, options: MeterOptions = {}) {
  const clock = new FakeClock()
  const sink = new FakeSink()
  const ends: StreamEnd[] = []
  const meter = new Meter(source, sink, { clock, onEnd: (why) => ends.push(why), ...options })
  meter.start()
  const pay = (amount: bigint, expiresInMs = 30_000): FakeHold => {
    const hold = new FakeHold(amount, clock.now() + expiresInMs)
    meter.pay(paymentOf(hold))
    return hold
  }
  return { clock, sink, meter, pay, ends }
}

test('pulls only what is paid, and writes nothing before its capture is durable', async () => {
  const source = new FakeSource('ABC')
  const { pay, sink, meter } = stage(source)
  await settled()
  assert.equal(source.pulled, 0)
  const first = pay(1n)
  const second = pay(1n)
  await settled()
  assert.deepEqual([first.state, second.state, source.pulled, sink.text], ['capturing', 'capturing', 2, ''])
  assert.deepEqual([first.endOffset, second.endOffset], [1, 2])
  first.settle(true)
  await settled()
  assert.equal(sink.text, 'A')
  second.settle(true)
  await settled()
  assert.equal(sink.text, 'AB')
  assert.deepEqual(meter.totals, { captures: 2, amount: 2n, endOffset: 2 })
})

test('captures of one commit leave in one write', async () => {
  const { pay, sink } = stage(new FakeSource('ABCDE'))
  let writes = 0
  const write = sink.write.bind(sink)
  sink.write = (bytes) => {
    writes++
    return write(bytes)
  }
  const holds = [pay(1n), pay(1n), pay(1n)]
  for (const hold of holds) hold.settle(true)
  await settled()
  assert.deepEqual([sink.text, writes], ['ABC', 1])
})

for (const async of [false, true]) {
  test(`a hold for several units is captured when all of them are there (${async ? 'async' : 'sync'} source)`, async () => {
    const source = new FakeSource('ABCDEFG', { async })
    const { pay, sink } = stage(source)
    const bulk = pay(5n)
    await settled()
    assert.deepEqual([source.pulled, bulk.state, bulk.endOffset, sink.text], [5, 'capturing', 5, ''])
    bulk.settle(true)
    await settled()
    assert.equal(sink.text, 'ABCDE')
  })

  test(`a source that ends early: rejected with the number left, which a smaller hold buys (${async ? 'async' : 'sync'})`, async () => {
    const source = new FakeSource('ABC', { async })
    const { pay, sink, ends } = stage(source)
    const big = pay(5n)
    await settled()
    assert.deepEqual([big.state, big.code, big.reason], ['rejected', 'F99', { why: 'ended', units: 3 }])
    assert.equal(sink.state, 'open')
    const small = pay(3n)
    await settled()
    small.settle(true)
    await settled()
    assert.deepEqual([sink.text, sink.state, ends], ['ABC', 'ended', ['ended']])
    const late = pay(1n)
    assert.deepEqual(late.reason, { why: 'ended', units: 0 })
  })
}

test('a hold that fails leaves its unit to the next; offsets stated meanwhile are never too low', async () => {
  const source = new FakeSource('ABCD')
  const { pay, sink, meter } = stage(source)
  const [first, second] = [pay(1n), pay(1n)]
  first.settle(false)
  second.settle(true)
  await settled()
  assert.equal(sink.text, 'A', 'the second capture is for the unit that comes first')
  const third = pay(1n)
  assert.equal(source.pulled, 2, 'the unit that was left is sold before another is pulled')
  assert.equal(third.endOffset, 2)
  third.settle(true)
  const fourth = pay(1n)
  assert.equal(fourth.endOffset, 3)
  fourth.settle(true)
  await settled()
  assert.equal(sink.text, 'ABC')
  assert.deepEqual(meter.totals, { captures: 3, amount: 3n, endOffset: 3 })
})

test('an exhausted source waits for captures that may still fail', async () => {
  const { pay, sink, ends } = stage(new FakeSource('A'))
  const [first, second] = [pay(1n), pay(1n)]
  await settled()
  assert.equal(second.state, 'waiting')
  first.settle(false)
  await settled()
  assert.equal(second.state, 'capturing')
  second.settle(true)
  await settled()
  assert.deepEqual([sink.text, sink.state, ends], ['A', 'ended', ['ended']])
})

test('a full sink stops captures and pulls until it has drained', async () => {
  const source = new FakeSource('ABCDEF')
  const { pay, sink, meter } = stage(source)
  sink.full = true
  pay(1n).settle(true)
  await settled()
  const waiting = pay(1n)
  await settled()
  assert.deepEqual([waiting.state, source.pulled], ['waiting', 1])
  sink.full = false
  meter.drained()
  assert.deepEqual([waiting.state, source.pulled], ['capturing', 2])
})

test('a response that closes in mid-pull: holds return, the source is cancelled, its late bytes go nowhere', async () => {
  const reads: ((unit: Uint8Array) => void)[] = []
  let cancelled = 0
  const source: Source = { next: () => new Promise((resolve) => reads.push(resolve)), cancel: () => cancelled++ }
  const { pay, sink, meter, ends } = stage(source)
  const [first, second] = [pay(1n), pay(1n)]
  meter.close()
  assert.deepEqual([first.state, second.state], ['rejected', 'rejected'])
  assert.deepEqual([first.code, first.reason?.why, cancelled], ['F99', 'closed', 1])
  reads[0]?.(Buffer.from('A'))
  await settled()
  meter.close()
  assert.deepEqual([sink.text, reads.length, cancelled, ends], ['', 1, 1, ['closed']])
})

test('a stopped stream ends with what was captured, and tells the totals when they are final', async () => {
  const source = new FakeSource('ABC')
  const { pay, sink, meter } = stage(source)
  const [first, second] = [pay(1n), pay(1n)]
  const totals = meter.stop('cancelled')
  first.settle(true)
  await settled()
  assert.equal(sink.state, 'open')
  second.settle(false)
  assert.deepEqual(await totals, { captures: 1, amount: 1n, endOffset: 1 })
  assert.deepEqual([sink.text, sink.state, source.cancelled], ['A', 'ended', 1])
  assert.deepEqual(await meter.stop('cancelled'), { captures: 1, amount: 1n, endOffset: 1 })
  assert.equal(pay(1n).reason?.why, 'cancelled')
})

test('a hold that expires while it waits is let go, and its unit kept', async () => {
  const reads: ((unit: Uint8Array) => void)[] = []
  const { pay, sink } = stage({ next: () => new Promise((resolve) => reads.push(resolve)), cancel: () => {} })
  const first = pay(1n)
  first.expire()
  reads[0]?.(Buffer.from('A'))
  await settled()
  assert.deepEqual([first.state, first.endOffset], ['expired', undefined])
  const second = pay(1n)
  assert.equal(second.state, 'capturing')
  second.settle(true)
  await settled()
  assert.deepEqual([sink.text, reads.length], ['A', 1])
})

test('a hold that expires too soon is rejected when its turn comes, and nothing is pulled for it', async () => {
  const source = new FakeSource('ABC')
  const { pay, clock, sink, meter } = stage(source, { captureMarginMs: 1000 })
  sink.full = true
  pay(1n).settle(true)
  await settled()
  const old = pay(1n, 5000)
  clock.advance(4000)
  meter.drained()
  assert.deepEqual([old.state, old.code, source.pulled], ['rejected', 'R02', 1])
})

for (const [kind, source] of [
  ['throws', new FakeSource('ABC', { failAt: 2 })],
  ['rejects', new FakeSource('ABC', { failAt: 2, async: true })],
] as const) {
  test(`a source that ${kind} breaks the stream after what was captured`, async () => {
    const errors: unknown[] = []
    const { pay, sink } = stage(source, { onEnd: (_why, _totals, error) => errors.push(error) })
    const holds = [pay(1n), pay(1n), pay(1n)]
    await settled()
    assert.deepEqual([holds[2]?.state, holds[2]?.reason?.why], ['rejected', 'failed'])
    holds[0]?.settle(true)
    holds[1]?.settle(true)
    await settled()
    assert.deepEqual([sink.text, sink.state], ['AB', 'failed'])
    assert.match(String(errors[0]), /the source broke/)
  })
}

test('limits: waiting holds, units and bytes of one hold', async () => {
  const source = new FakeSource('A'.repeat(100))
  const { pay, sink } = stage(source, { waitingHoldsMax: 2, bulkUnitsMax: 50, bulkBytesMax: 10 })
  assert.deepEqual(pay(51n).reason, { why: 'bulk', units: 50 })
  const tooBig = pay(50n)
  assert.deepEqual([tooBig.state, tooBig.reason, source.pulled], ['rejected', { why: 'bulk', units: 10 }, 10])
  const fits = pay(10n)
  assert.equal(fits.state, 'capturing')
  const [third, fourth, fifth] = [pay(1n), pay(1n), pay(1n)]
  assert.deepEqual([third.state, fourth.state, fifth.state, fifth.code], ['waiting', 'waiting', 'rejected', 'T02'])
  fits.settle(true)
  await settled()
  assert.deepEqual([sink.text.length, third.state, fourth.state], [10, 'capturing', 'capturing'])
})

test('an idle stream is ended, a paid or read one is not, and no timer stays behind', async () => {
  const { pay, clock, sink, meter, ends } = stage(new FakeSource('ABC'), { idleMsMax: 1000 })
  clock.advance(900)
  pay(1n).settle(true)
  clock.advance(900)
  meter.drained()
  clock.advance(900)
  assert.equal(sink.state, 'open')
  clock.advance(200)
  await settled()
  assert.deepEqual([sink.text, sink.state, ends, clock.pending], ['A', 'failed', ['idle'], 0])
})

test('a stream that nobody pays for is ended sooner', () => {
  const { clock, sink, ends } = stage(new FakeSource('ABC'), { idleMsMax: 1000, unpaidMsMax: 100 })
  clock.advance(99)
  assert.equal(sink.state, 'open')
  clock.advance(1)
  assert.deepEqual([sink.state, ends, clock.pending], ['failed', ['idle'], 0])
})

test('a ledger that cannot be reached breaks the stream at once, whatever is under way', async () => {
  const { pay, sink, meter, ends } = stage(new FakeSource('ABC'))
  const [first, second] = [pay(1n), pay(1n)]
  first.settle(true)
  const closing = meter.stop('closing')
  assert.deepEqual(ends, [])
  await meter.stop('unavailable')
  await closing
  assert.deepEqual([sink.text, sink.state, ends], ['A', 'failed', ['unavailable']])
  second.settle(true)
  await settled()
  assert.equal(sink.text, 'A')
})
