/**
 * The exposure book against a model that keeps every hold and adds up money from scratch at every step, over an honest
 * seller that captures in any order, whose answers come late, twice, in doubt or without an offset.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createExposure, type HeldUnits } from 'sluice/fetch'

interface Hold {
  readonly held: HeldUnits
  state: 'held' | 'delivered' | 'captured' | 'released'
  /** Where the seller ended its units; known to the model from delivery on. */
  end: number
  told: boolean
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('hold' as const), units: fc.nat(12) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('deliver' as const), bytesPerUnit: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('tell' as const), pick: fc.nat(), offset: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('doubt' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), pick: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), bytes: fc.nat(40) }) },
)

const setup = fc.record({
  price: fc.bigInt(1n, 1n << 40n),
  windowUnits: fc.integer({ min: 1, max: 60 }),
  windowRest: fc.bigInt(0n, 1n << 40n),
  budgetUnits: fc.nat(400),
  countable: fc.boolean(),
  steps: fc.array(step, { maxLength: 150, size: 'max' }),
})

test('exposure never exceeds the window, spending never the budget, and nothing is negative', () => {
  fc.assert(
    fc.property(setup, ({ price, windowUnits, windowRest, budgetUnits, countable, steps }) => {
      const window = BigInt(windowUnits) * price + (windowRest % price)
      const budget = BigInt(budgetUnits) * price + (windowRest % price)
      const exposure = createExposure({ price, window, budget, unitBytes: countable ? 1 : undefined })
      const holds: Hold[] = []
      let written = 0
      let read = 0
      const money = (units: number): bigint => BigInt(units) * price
      const sum = (count: (hold: Hold) => number): number => holds.reduce((total, hold) => total + count(hold), 0)
      const pickOf = (pick: number, wanted: (hold: Hold) => boolean): Hold | undefined => {
        const among = holds.filter(wanted)
        return among[pick % Math.max(1, among.length)]
      }

      for (const now of steps) {
        switch (now.do) {
          case 'hold': {
            const units = Math.min(now.units, exposure.room())
            if (units > 0) holds.push({ held: exposure.hold(units), state: 'held', end: 0, told: false })
            break
          }
          case 'deliver': {
            // The seller takes holds in order, as they came.
            const next = holds.find((hold) => hold.state === 'held')
            if (next === undefined) break
            written += next.held.units * (countable ? 1 : now.bytesPerUnit)
            next.end = written
            next.state = 'delivered'
            break
          }
          case 'tell': {
            // Outcomes may arrive in any order; a countable peer never says an offset.
            const hold = pickOf(now.pick, (one) => one.state === 'delivered')
            if (hold === undefined) break
            const stated = !countable && now.offset
            exposure.capture(hold.held, stated ? hold.end : undefined)
            exposure.capture(hold.held, 0)
            hold.state = 'captured'
            hold.told = stated
            break
          }
          case 'doubt': {
            const hold = pickOf(now.pick, (one) => one.state === 'held' || one.state === 'delivered')
            if (hold !== undefined) exposure.doubt(hold.held)
            break
          }
          case 'release': {
            const hold = pickOf(now.pick, (one) => one.state === 'held')
            if (hold === undefined) break
            exposure.release(hold.held)
            hold.state = 'released'
            break
          }
          case 'read': {
            const bytes = Math.min(now.bytes, written - read)
            read += bytes
            exposure.read(bytes)
            break
          }
        }

        const outstanding = sum((hold) => (hold.state === 'held' || hold.state === 'delivered' ? hold.held.units : 0))
        const captured = sum((hold) => (hold.state === 'captured' ? hold.held.units : 0))
        const passedSeq = Math.max(
          -1,
          ...holds.filter((one) => one.state === 'captured' && one.told && one.end <= read).map((one) => one.held.seq),
        )
        assert.equal(exposure.heldUnits + exposure.inDoubtUnits, outstanding)
        assert.equal(exposure.capturedUnits, captured)
        if (!countable) {
          const readUnits = sum((hold) => {
            if (hold.state !== 'captured') return 0
            return (hold.told ? hold.end <= read : hold.held.seq < passedSeq) ? hold.held.units : 0
          })
          assert.equal(exposure.readUnits, readUnits)
        }
        // The truth: the units that the application has read, by the seller's own count.
        const handedOver = sum((hold) => (hold.state !== 'held' && hold.end <= read ? hold.held.units : 0))
        const trulyRead = countable ? read : handedOver
        const risk = money(outstanding + captured - Math.min(exposure.readUnits, trulyRead))
        assert.ok(risk <= window, `at risk: ${risk} of ${window}`)
        assert.ok(money(captured + outstanding) <= budget)
        assert.ok(exposure.room() >= 0 && exposure.readUnits >= 0 && exposure.readUnits <= captured)
        assert.ok(exposure.exposureUnits >= 0 && money(exposure.exposureUnits) <= window)
        assert.ok(money(exposure.exposureUnits + exposure.room()) <= window)
        assert.equal(exposure.contradicted, false)
      }
    }),
    { numRuns: 200 },
  )
})
