/** The meter of units of time: each second is captured before it begins, and nothing flows without one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { second, stepped, TimeMeter, unitNamed, type MeterOptions, type Source, type StreamEnd } from 'sluice/http'
import { FakeClock } from 'sluice/testing'
import { FakeHold, FakeSink, FakeSource, paymentOf, settled } from './stage.js'

function stage(source: Source, options: MeterOptions = {}) {
  const clock = new FakeClock()
  const sink = new FakeSink()
  const ends: StreamEnd[] = []
  const meter = new TimeMeter(source, 1000, sink, { clock, onEnd: (why) => ends.push(why), ...options })
  meter.start()
  const pay = (amount = 1n, expiresInMs = 30_000): FakeHold => {
    const hold = new FakeHold(amount, clock.now() + expiresInMs)
    meter.pay(paymentOf(hold))
    return hold
  }
  return { clock, sink, meter, pay, ends }
}

/** Gives what is pushed, when it is pushed. */
class LiveSource implements Source {
  cancelled = 0
  asked = 0
  #give: ((bytes: Uint8Array | undefined) => void) | undefined

  next(): Promise<Uint8Array | undefined> {
    this.asked++
    return new Promise((resolve) => (this.#give = resolve))
  }

  push(text: string | undefined): void {
    this.#give?.(text === undefined ? undefined : Buffer.from(text))
  }

  cancel(): void {
    this.cancelled++
  }
}

test('nothing is read or written before a capture is durable; then the source flows as it comes', async () => {
  const source = new LiveSource()
  const { pay, sink, meter } = stage(source)
  const hold = pay()
  await settled()
  assert.deepEqual([hold.state, hold.endOffset, source.asked], ['capturing', 0, 0])
  hold.settle(true)
  source.push('AB')
  await settled()
  source.push('C')
  await settled()
  assert.deepEqual([sink.text, meter.units], ['ABC', 1])
  assert.deepEqual(meter.totals, { captures: 1, amount: 1n, endOffset: 3 })
})

test('one hold a second: the next is captured when its second begins, and states where it begins', async () => {
  const source = new LiveSource()
  const { pay, sink, clock } = stage(source)
  const [first, next, last] = [pay(), pay(), pay()]
  first.settle(true)
  source.push('AAAA')
  await settled()
  clock.advance(999)
  assert.equal(next.state, 'waiting')
  clock.advance(1)
  assert.deepEqual([next.state, next.endOffset, last.state], ['capturing', 4, 'waiting'])
  source.push('B')
  await settled()
  assert.equal(sink.text, 'AAAA', 'what comes between two seconds waits')
  next.settle(true)
  assert.equal(sink.text, 'AAAAB')
})

test('an unpaid source is not read; what was asked for before waits for the next second', async () => {
  const source = new LiveSource()
  const { pay, sink, clock } = stage(source)
  pay().settle(true)
  clock.advance(1000)
  source.push('A')
  await settled()
  clock.advance(60_000)
  assert.deepEqual([sink.text, source.asked], ['', 1])
  pay().settle(true)
  assert.deepEqual([sink.text, source.asked], ['A', 2])
})

test('a clock that is set back or ahead makes a second neither longer nor shorter', () => {
  const { pay, clock } = stage(new LiveSource())
  const [first, next] = [pay(), pay()]
  first.settle(true)
  clock.step(-3_600_000)
  clock.advance(999)
  assert.equal(next.state, 'waiting')
  clock.step(3_600_000)
  clock.advance(1)
  assert.equal(next.state, 'capturing')
})

test('a full sink pays no further second until it has drained', async () => {
  const { pay, sink, clock, meter } = stage(new FakeSource('ABC'))
  sink.full = true
  const [first, next] = [pay(), pay()]
  first.settle(true)
  clock.advance(5000)
  assert.deepEqual([sink.text, next.state], ['A', 'waiting'])
  sink.full = false
  meter.drained()
  next.settle(true)
  assert.equal(sink.text, 'ABC')
})

test('a capture that fails lets nothing flow; the next hold pays for the second', () => {
  const source = new FakeSource('ABC')
  const { pay, sink, meter } = stage(source)
  const [first, next] = [pay(), pay()]
  first.settle(false)
  assert.deepEqual([sink.text, source.pulled, next.state], ['', 0, 'capturing'])
  next.settle(true)
  assert.deepEqual([sink.text, meter.totals.captures], ['ABC', 1])
})

test('the end of the source ends the stream at once, and what waits goes back', async () => {
  const source = new LiveSource()
  const { pay, sink, ends } = stage(source)
  const [first, next] = [pay(), pay()]
  first.settle(true)
  source.push(undefined)
  await settled()
  assert.deepEqual(
    [sink.state, next.state, next.reason, ends],
    ['ended', 'rejected', { why: 'ended', units: 0 }, ['ended']],
  )
  assert.deepEqual(pay().reason, { why: 'ended', units: 0 })
})

test('holds for several seconds, late ones, and one too many are rejected', () => {
  const { pay } = stage(new LiveSource(), { waitingHoldsMax: 1 })
  pay().settle(true)
  assert.deepEqual(pay(2n).reason, { why: 'bulk', units: 1 })
  const waiting = pay()
  assert.equal(pay().code, 'T02')
  waiting.expire()
  const late = stage(new LiveSource()).pay(1n, 500)
  assert.deepEqual([late.state, late.code], ['rejected', 'R02'])
})

test('a source that fails breaks the response off, a leaving client cancels it', async () => {
  const failing = stage(new FakeSource('AB', { failAt: 1 }))
  failing.pay().settle(true)
  assert.deepEqual([failing.sink.text, failing.sink.state, failing.ends], ['A', 'failed', ['failed']])
  const source = new LiveSource()
  const left = stage(source)
  const [first, next] = [left.pay(), left.pay()]
  left.meter.close()
  assert.deepEqual([next.state, source.cancelled, left.ends], ['rejected', 1, []])
  first.settle(true)
  assert.deepEqual([left.ends, source.asked, left.meter.totals.captures], [['closed'], 0, 1])
  assert.equal((await left.meter.stop('cancelled')).captures, 1)
})

test('a source and a sink that never wait leave turns for the clock', () => {
  let given = 0
  const endless: Source = { next: () => Uint8Array.of(given++), cancel: () => {} }
  const { pay, clock } = stage(endless, { bulkBytesMax: 10 })
  pay().settle(true)
  assert.equal(given, 10)
  clock.advance(1)
  assert.equal(given, 20)
})

test('an idle stream ends, paid or not', () => {
  const unpaid = stage(new LiveSource(), { unpaidMsMax: 50 })
  unpaid.clock.advance(50)
  assert.deepEqual(unpaid.ends, ['idle'])
  const paid = stage(new LiveSource(), { unpaidMsMax: 50, idleMsMax: 2000 })
  paid.pay().settle(true)
  paid.clock.advance(1999)
  assert.deepEqual(paid.ends, [])
  paid.clock.advance(1)
  assert.deepEqual([paid.ends, paid.sink.state], [['idle'], 'failed'])
})

test('seconds have a name and steps', () => {
  assert.equal(unitNamed('second'), second)
  const { name, step, lastsMs } = stepped(second, 10)
  assert.deepEqual([name, step, lastsMs], ['second', 10, 10_000])
})
