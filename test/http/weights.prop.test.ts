/** Pieces that weigh several units, or none: each leaves whole, when all of it is captured, and nothing is captured else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Meter, type Pieces } from 'sluice/http'
import { FakeClock } from 'sluice/testing'
import { FakeHold, FakeSink, paymentOf, settled } from './stage.js'

function weighing(weights: readonly number[], async: boolean): Pieces {
  let at = 0
  const next = (): Uint8Array | undefined => (at < weights.length ? Uint8Array.of(0x41 + at++) : undefined)
  return {
    next: () => (async ? Promise.resolve(next()) : next()),
    cancel: () => undefined,
    get weight() {
      return weights[at - 1] ?? 1
    },
  }
}

const step = fc.oneof(
  fc.record({ type: fc.constant('pay' as const), units: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ type: fc.constant('commit' as const), count: fc.integer({ min: 1, max: 4 }), fails: fc.nat(7) }),
  fc.record({ type: fc.constant('expire' as const), which: fc.nat(5) }),
)

test('pieces leave whole and paid, in order; without failures, what is captured is what was written', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(4), { maxLength: 20 }),
      fc.array(step, { maxLength: 60 }),
      fc.boolean(),
      fc.boolean(),
      async (weights, steps, async, failing) => {
        const clock = new FakeClock()
        const sink = new FakeSink()
        const meter = new Meter(weighing(weights, async), sink, { clock })
        const holds: FakeHold[] = []
        let captured = 0
        const written = (): number => weights.slice(0, sink.text.length).reduce((sum, weight) => sum + weight, 0)
        const commit = (count: number, fails: number): void => {
          const capturing = holds.filter(({ state }) => state === 'capturing').slice(0, count)
          for (const [at, hold] of capturing.entries()) {
            const ok = !failing || ((fails >> at) & 1) === 0
            if (ok) captured += Number(hold.amount)
            hold.settle(ok)
          }
        }
        for (const act of steps) {
          if (act.type === 'pay') {
            const hold = new FakeHold(BigInt(act.units), clock.now() + 30_000)
            holds.push(hold)
            meter.pay(paymentOf(hold))
          } else if (act.type === 'commit') commit(act.count, act.fails)
          else holds.filter(({ state }) => state === 'waiting')[act.which]?.expire()
          await settled()
          assert.ok(written() <= captured, 'a piece was written before all of it was captured')
          assert.equal(sink.text, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.slice(0, sink.text.length))
        }
        for (let round = 0; round < 100 && holds.some(({ state }) => state === 'capturing'); round++) {
          commit(100, 0)
          await settled()
        }
        if (!failing) assert.equal(written(), captured)
        const totals = await meter.stop('closed')
        assert.equal(totals.amount, BigInt(captured))
        assert.equal(
          holds.some(({ state }) => state === 'waiting' || state === 'capturing'),
          false,
        )
      },
    ),
    { numRuns: 300 },
  )
})

test('a piece waits for holds that pay for all of it, single or bulk; one for more than fits is told how much does', async () => {
  const clock = new FakeClock()
  const sink = new FakeSink()
  const meter = new Meter(weighing([3, 2, 1], false), sink, { clock })
  const pay = (amount: bigint): FakeHold => {
    const hold = new FakeHold(amount, clock.now() + 30_000)
    meter.pay(paymentOf(hold))
    return hold
  }
  const [one, two] = [pay(1n), pay(1n)]
  assert.deepEqual([one.state, two.state], ['waiting', 'waiting'])
  const tooMuch = pay(2n)
  assert.deepEqual(tooMuch.reason, { why: 'bulk', units: 1 })
  const three = pay(1n)
  assert.deepEqual([one.endOffset, two.endOffset, three.endOffset], [1, 1, 1])
  for (const hold of [one, two]) hold.settle(true)
  await settled()
  assert.equal(sink.text, '')
  three.settle(true)
  await settled()
  assert.equal(sink.text, 'A')
  const bulk = pay(3n)
  assert.equal(bulk.endOffset, 3)
  bulk.settle(true)
  await settled()
  assert.equal(sink.text, 'ABC')
})

test('a piece that no buyer could hold ends the stream', async () => {
  const sink = new FakeSink()
  const clock = new FakeClock()
  const errors: unknown[] = []
  const meter = new Meter(weighing([5000], false), sink, { clock, onEnd: (_why, _totals, error) => errors.push(error) })
  const hold = new FakeHold(1n, clock.now() + 30_000)
  meter.pay(paymentOf(hold))
  assert.equal(hold.reason?.why, 'failed')
  assert.match(String(errors[0]), /5000 units/)
})

test('a hold that fails in the middle of a piece is made up for by one of its size', async () => {
  const clock = new FakeClock()
  const sink = new FakeSink()
  const meter = new Meter(weighing([3], false), sink, { clock })
  const pay = (): FakeHold => {
    const hold = new FakeHold(1n, clock.now() + 30_000)
    meter.pay(paymentOf(hold))
    return hold
  }
  const [first, second, third] = [pay(), pay(), pay()]
  first.settle(true)
  second.settle(false)
  third.settle(true)
  await settled()
  assert.equal(sink.text, '')
  const fourth = pay()
  assert.equal(fourth.state, 'capturing')
  fourth.settle(true)
  await settled()
  assert.deepEqual([sink.text, meter.units], ['A', 3])
})
