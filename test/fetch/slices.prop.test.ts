/**
 * Budgets under any interleaving: calls of several processes take, get back, capture, are left in doubt; processes end,
 * or are killed; days pass; slices arrive late. The sums are made from scratch after every step, over what every process
 * ever took and did not give back, the killed ones included.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import {
  type Allowance,
  grantSlice,
  type Purse,
  type SliceOf,
  Slices,
  type SliceSource,
  type Taken,
  withTaken,
} from 'sluice/fetch'
import { silentLog } from 'sluice/log'
import { fakeClock } from './fake-clock.js'

const DAY_MS = 86_400_000
const ORIGINS = ['http://a.test', 'http://b.test']
/** The second origin names a coarser scale of the same asset. */
const SCALES = [3, 2]

interface Paid {
  readonly day: number
  readonly origin: number
  /** At the finer scale. */
  readonly amount: bigint
}

interface Hold extends Paid {
  readonly process: number
  readonly purse: Purse
  readonly base: bigint
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('take' as const),
      process: fc.nat(2),
      call: fc.nat(3),
      units: fc.integer({ min: 1, max: 8 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('return', 'capture', 'doubt'), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('kill', 'end', 'end call'), process: fc.nat(2), call: fc.nat(3) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 6_000, DAY_MS) }) },
)

const setup = fc.record({
  perOrigin: fc.bigInt(0n, 20n).map((tens) => 10n * tens),
  perDay: fc.bigInt(0n, 30n).map((tens) => 10n * tens),
  prices: fc.tuple(fc.bigInt(1n, 30n), fc.bigInt(1n, 5n)),
  steps: fc.array(step, { maxLength: 120, size: 'max' }),
  /** Turns that pass before each step: 0 leaves reservations under way. */
  pauses: fc.array(fc.nat(3), { minLength: 1, maxLength: 10 }),
  orderly: fc.boolean(),
})

test('no interleaving of calls and processes spends beyond a budget, and what comes back can be spent again', async () => {
  await fc.assert(
    fc.asyncProperty(setup, async ({ perOrigin, perDay, prices, steps, pauses, orderly }) => {
      const clock = fakeClock(1_000 * DAY_MS + 1)
      let book: readonly Taken[] = []
      const finer = (origin: number, amount: bigint): bigint => (SCALES[origin] === 2 ? 10n * amount : amount)
      const source: SliceSource = {
        async reserve(of: SliceOf, least, most) {
          await turn()
          const amounts = { perOrigin: moneyText(perOrigin), perDay: moneyText(perDay) }
          const amount = grantSlice(book, of, amounts, least, most)
          book = withTaken(book, of, amount)
          await turn()
          return amount
        },
        async release(of, amount) {
          await turn()
          book = withTaken(book, of, -amount)
        },
      }
      const start = (): Slices => new Slices(source, clock, silentLog)
      const processes = [start(), start(), start()]
      const calls = new Map<string, Allowance>()
      let open: Hold[] = []
      const gone: Paid[] = []
      const check = (): void => {
        const paid: Paid[] = [...open, ...gone]
        for (const day of new Set(paid.map((one) => one.day))) {
          const today = paid.filter((one) => one.day === day)
          const sum = (among: readonly Paid[]): bigint => among.reduce((total, { amount }) => total + amount, 0n)
          assert.ok(sum(today) <= perDay, `${sum(today)} of ${perDay} in a day`)
          for (const origin of [0, 1]) {
            const there = sum(today.filter((one) => one.origin === origin))
            assert.ok(there <= perOrigin, `${there} of ${perOrigin} to one origin`)
          }
        }
      }
      /** A process is gone: what it has in flight may be captured for all that anyone knows. */
      const forget = (process: number): void => {
        gone.push(...open.filter((hold) => hold.process === process))
        open = open.filter((hold) => hold.process !== process)
        for (const key of calls.keys()) if (key.startsWith(`${process} `)) calls.delete(key)
        processes[process] = start()
      }

      for (const [i, now] of steps.entries()) {
        switch (now.do) {
          case 'take': {
            const origin = now.call % 2
            const key = `${now.process} ${now.call}`
            const of = { asset: 'USD', scale: SCALES[origin] ?? 0, origin: ORIGINS[origin] ?? '' }
            const call = calls.get(key) ?? processes[now.process]?.allowance(of, undefined)
            assert.ok(call)
            calls.set(key, call)
            const price = prices[origin] ?? 1n
            const purse = call.purse()
            const units = purse.take(price, now.units)
            assert.ok(units >= 0 && units <= now.units)
            const base = BigInt(units) * price
            const day = Math.floor(clock.now() / DAY_MS)
            if (units > 0) open.push({ process: now.process, origin, day, purse, base, amount: finer(origin, base) })
            break
          }
          case 'return':
          case 'capture':
          case 'doubt': {
            const at = now.pick % Math.max(1, open.length)
            const hold = open[at]
            if (hold === undefined || now.do === 'doubt') break
            open.splice(at, 1)
            if (now.do === 'return') hold.purse.giveBack(hold.base)
            else gone.push(hold)
            break
          }
          case 'end call':
            calls.get(`${now.process} ${now.call}`)?.end()
            calls.delete(`${now.process} ${now.call}`)
            break
          case 'end':
            await processes[now.process]?.close()
            forget(now.process)
            break
          case 'kill':
            if (!orderly) forget(now.process)
            break
          case 'pass':
            clock.advance(now.ms)
            break
        }
        check()
        for (let left = pauses[i % pauses.length] ?? 0; left > 0; left--) await turn()
      }
      for (const process of processes) await process.close()
      check()
      if (!orderly) return
      // Nobody was killed: the book has exactly what was captured or is open still. Of days long gone it may have more.
      const today = Math.floor(clock.now() / DAY_MS)
      const sums = (of: readonly { readonly day: number; readonly amount: bigint }[]): bigint =>
        of.reduce((total, { day, amount }) => (day < today - 1 ? total : total + amount), 0n)
      const kept = book.map((taken) => ({
        day: taken.day,
        amount: taken.scale === 2 ? 10n * taken.amount : taken.amount,
      }))
      assert.equal(sums(kept), sums([...open, ...gone]))
    }),
    { numRuns: 150 },
  )
})

/** Base units of scale 3 as text, which any scale reads. */
function moneyText(amount: bigint): bigint | string {
  const text = String(amount).padStart(4, '0')
  return `${text.slice(0, -3)}.${text.slice(-3)}`
}
