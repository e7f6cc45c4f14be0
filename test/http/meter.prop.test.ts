/** The meter under any order of payments, commits, failures, expiries, full sinks and ends: always exact. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Meter, type StreamEnd } from 'sluice/http'
import { FakeClock } from 'sluice/testing'
import { FakeHold, FakeSink, FakeSource, paymentOf, settled } from './stage.js'

type Step =
  | { readonly type: 'pay'; readonly units: number }
  | { readonly type: 'commit'; readonly count: number; readonly fails: number }
  | { readonly type: 'expire'; readonly which: number }
  | { readonly type: 'full' | 'drain' | 'turn' }
  | { readonly type: 'stop'; readonly why: StreamEnd }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: fc.record({ type: fc.constant('pay' as const), units: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant('commit' as const),
      count: fc.integer({ min: 1, max: 4 }),
      fails: fc.nat(15),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('expire' as const), which: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('full' as const, 'drain' as const, 'turn' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('stop' as const),
      why: fc.constantFrom<StreamEnd>('cancelled', 'closed', 'closing'),
    }),
  },
)

const TEXT = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

test('units written are those captured, in order; offsets hold; every hold ends once', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 0, max: TEXT.length }),
      fc.boolean(),
      async (steps, length, async) => {
        const clock = new FakeClock()
        const sink = new FakeSink()
        const source = new FakeSource(TEXT.slice(0, length), { async })
        const meter = new Meter(source, sink, { clock })
        const holds: FakeHold[] = []
        let capturedUnits = 0
        let failures = 0

        const commit = (count: number, fails: number): void => {
          for (const [at, hold] of holds
            .filter(({ state }) => state === 'capturing')
            .slice(0, count)
            .entries()) {
            const ok = ((fails >> at) & 1) === 0
            if (ok) capturedUnits += Number(hold.amount)
            else failures++
            hold.settle(ok)
            // A capture says where its units end; only after a failure it may say more than has come.
            if (ok && failures === 0) assert.equal(hold.endOffset, capturedUnits)
            if (ok) assert.ok((hold.endOffset ?? 0) >= capturedUnits)
          }
        }

        for (const act of steps) {
          switch (act.type) {
            case 'pay': {
              const hold = new FakeHold(BigInt(act.units), clock.now() + 30_000)
              holds.push(hold)
              meter.pay(paymentOf(hold))
              break
            }
            case 'commit':
              commit(act.count, act.fails)
              break
            case 'expire':
              holds.filter(({ state }) => state === 'waiting')[act.which]?.expire()
              break
            case 'full':
              sink.full = true
              break
            case 'drain':
              sink.full = false
              meter.drained()
              break
            case 'turn':
              await settled()
              break
            case 'stop':
              void meter.stop(act.why)
              break
          }
          assert.ok(sink.text.length <= capturedUnits, 'a unit was written before it was captured')
          assert.equal(sink.text, TEXT.slice(0, sink.text.length), 'units out of order')
          const paid = holds
            .filter(({ state }) => state !== 'rejected')
            .reduce((sum, hold) => sum + Number(hold.amount), 0)
          const bulk = 5
          assert.ok(source.pulled <= paid + bulk, 'pulled more than was ever paid for at once')
        }

        for (let round = 0; round < 200 && holds.some(({ state }) => state === 'capturing'); round++) {
          commit(100, 0)
          await settled()
          sink.full = false
          meter.drained()
          await settled()
        }
        const stopped = meter.stop('closed')
        commit(100, 0)
        const totals = await stopped
        await settled()
        assert.equal(totals.endOffset, capturedUnits)
        assert.equal(totals.amount, BigInt(capturedUnits))
        assert.equal(source.cancelled, 1)
        assert.deepEqual(
          holds.filter(({ state }) => state === 'waiting' || state === 'capturing'),
          [],
        )
        if (sink.state !== 'open') assert.equal(sink.text.length, capturedUnits)
      },
    ),
    { numRuns: 300 },
  )
})
