/**
 * The paying fetch against a seller of any mood and a reader of any speed, over the host and holder of one trustline:
 * what is at risk never exceeds the window, what is spent never the budget, and in the end both books agree.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { payingFetch } from 'sluice/fetch'
import { linkPair, type IncomingHold } from 'sluice/link'
import { fakeClock } from './fake-clock.js'
import { scriptedShop } from './scripted-shop.js'

/** What the seller does with a hold. */
const mood = fc.constantFrom('serve', 'serve', 'serve', 'later', 'busy', 'forget')

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant('read' as const) },
  { weight: 3, arbitrary: fc.constant('catch up' as const) },
  { weight: 2, arbitrary: fc.constant('a moment' as const) },
  { weight: 1, arbitrary: fc.constant('a minute' as const) },
)

const setup = fc.record({
  price: fc.bigInt(1n, 1000n),
  windowUnits: fc.integer({ min: 1, max: 12 }),
  budgetUnits: fc.nat(40),
  unitsPerHoldMax: fc.integer({ min: 1, max: 4 }),
  bytesPerUnit: fc.integer({ min: 1, max: 3 }),
  /** Units in all; none: without end. */
  stock: fc.option(fc.integer({ min: 1, max: 40 }), { nil: Infinity }),
  moods: fc.array(mood, { minLength: 1, maxLength: 20 }),
  steps: fc.array(step, { maxLength: 40, size: 'max' }),
  ending: fc.constantFrom('leave', 'stop', 'break'),
})

test('at risk never more than the window, spent never more than the budget, and the books agree', async () => {
  await fc.assert(
    fc.asyncProperty(
      setup,
      async ({ price, windowUnits, budgetUnits, unitsPerHoldMax, bytesPerUnit, stock, ...rest }) => {
        const window = BigInt(windowUnits) * price
        const budget = BigInt(budgetUnits) * price
        const clock = fakeClock()
        const pair = linkPair({ creditLimit: budget, clock })
        await pair.holder.open()
        const waiting: IncomingHold[] = []
        let nth = 0
        const shop = scriptedShop(pair.host, {
          price,
          unit: 'chunk',
          bytesPerUnit,
          units: stock,
          window,
          onHold: (hold) => {
            const now = rest.moods[nth++ % rest.moods.length]
            if (now === 'later' || waiting.length > 0) waiting.push(hold)
            else if (now === 'busy') hold.reject({ code: 'T03' })
            else if (now === 'serve') shop.serve(hold)
          },
        })
        const { fetch } = shop
        const response = await payingFetch('http://shop.test/', {
          link: pair.holder,
          budget,
          window,
          unitsPerHoldMax,
          fetch,
          clock,
        })
        const reader = response.body?.getReader()
        assert.ok(reader)
        let bytesRead = 0
        let over = false
        let reading = false
        const read = (): void => {
          if (reading || over) return
          reading = true
          reader.read().then(
            ({ done, value }: { done: boolean; value?: Uint8Array }) => {
              reading = false
              over = done
              bytesRead += value?.length ?? 0
            },
            () => {
              over = true
            },
          )
        }
        const check = (): void => {
          const account = pair.ledger.account('client')
          const captured = account?.fulfilledOut ?? 0n
          const held = account?.heldOut ?? 0n
          const unitsRead = BigInt(Math.floor(bytesRead / bytesPerUnit))
          assert.ok(captured + held - unitsRead * price <= window, `${captured} + ${held} - ${unitsRead} × ${price}`)
          assert.ok(captured + held <= budget)
          const { payment } = response
          assert.ok(payment.exposure <= window && payment.exposure >= 0n)
          assert.ok(payment.spent + payment.held + payment.inDoubt <= budget)
        }

        for (const now of rest.steps) {
          if (now === 'read') read()
          if (now === 'catch up') for (const hold of waiting.splice(0)) shop.serve(hold)
          if (now === 'a moment') clock.advance(50)
          if (now === 'a minute') clock.advance(60_000)
          await turn()
          await turn()
          check()
        }
        if (rest.ending === 'break') shop.break(new Error('reset'))
        if (rest.ending === 'stop') response.payment.stop()
        else await reader.cancel().catch(() => {})
        // Whatever is still open is given back or expires.
        const settled = response.payment.settled().then(() => true)
        for (let i = 0; i < 200; i++) {
          read()
          const done = await Promise.race([settled, turn(false)])
          check()
          if (done) break
          clock.advance(1000)
        }
        const { payment } = response
        assert.notEqual(payment.end, undefined)
        assert.deepEqual([payment.held, payment.inDoubt], [0n, 0n])
        assert.equal(pair.ledger.account('client')?.heldOut ?? 0n, 0n)
        assert.equal(pair.ledger.account('client')?.fulfilledOut ?? 0n, payment.spent)
        await pair.close()
      },
    ),
    { numRuns: 60 },
  )
})
