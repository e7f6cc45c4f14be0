/**
 * The window sizes itself: over a distance of 20 ms, by a clock that the test moves, letters cost the round trips that
 * the window explains, no more; and whoever reads slowly pays slowly.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Pace, payingFetch, type PaidResponse, type PayingFetchOptions } from 'sluice/fetch'
import { linkPair, type HoldObserver, type Link } from 'sluice/link'
import { fakeClock, type FakeClock } from './fake-clock.js'
import { scriptedShop } from './scripted-shop.js'

const ONE_WAY_MS = 10
const ROUND_TRIP_MS = 2 * ONE_WAY_MS
const STEP_MS = 5

/** The link, as far away: holds and their outcomes arrive later, in order. */
function far(link: Link, clock: FakeClock): Link {
  const send: Link['send'] = (hold, observer) => {
    const told: HoldObserver = {
      onOutcome: (outcome, id) => void clock.after(ONE_WAY_MS, () => observer.onOutcome(outcome, id)),
    }
    clock.after(ONE_WAY_MS, () => link.send(hold, told))
  }
  return new Proxy(link, {
    get(target, name): unknown {
      const member: unknown = name === 'send' ? send : Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

/** The body, as far away. */
function farBody(response: Response, clock: FakeClock): Response {
  const reader = response.body?.getReader()
  assert.ok(reader)
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const pump = async (): Promise<void> => {
        for (;;) {
          const { done, value } = (await reader.read()) as { done: boolean; value: Uint8Array }
          clock.after(ONE_WAY_MS, () => (done ? controller.close() : controller.enqueue(value)))
          if (done) return
        }
      }
      pump().catch((error: unknown) => controller.error(error))
    },
  })
  return new Response(body, { headers: response.headers })
}

interface Journey {
  readonly response: PaidResponse
  readonly clock: FakeClock
  /** Lets {@link STEP_MS} pass. */
  readonly pass: () => Promise<void>
}

async function journey(units: number, options: Partial<PayingFetchOptions>): Promise<Journey> {
  const clock = fakeClock()
  const pair = linkPair({ creditLimit: 1_000_000n, clock })
  await pair.holder.open()
  const shop = scriptedShop(pair.host, { units, window: 1000n })
  const response = await payingFetch('http://shop.test/', {
    link: far(pair.holder, clock),
    budget: 1_000_000n,
    clock,
    fetch: async (request) => farBody(await shop.fetch(request), clock),
    ...options,
  })
  const pass = async (): Promise<void> => {
    for (let i = 0; i < 4; i++) await turn()
    clock.advance(STEP_MS)
  }
  return { response, clock, pass }
}

/** Round trips until all is read. */
async function roundTrips(units: number, options: Partial<PayingFetchOptions>): Promise<number> {
  const { response, clock, pass } = await journey(units, options)
  const began = clock.now()
  let text: string | undefined
  response.text().then(
    (all) => (text = all),
    (error: unknown) => (text = String(error)),
  )
  while (text === undefined) await pass()
  assert.ok(text === 'A'.repeat(units), text.slice(0, 100))
  assert.equal(response.payment.spent, BigInt(units))
  return (clock.now() - began) / ROUND_TRIP_MS
}

test('2,000 letters, one for each payment, cost the round trips that a window of 100 explains', async () => {
  const trips = await roundTrips(2000, { window: 100n, unitsPerHoldMax: 1 })
  // 8, 8, 16, 32 and 64 units until the window is open, then 100 in each; one at the end, to hear that it is over.
  const explained = 5 + (2000 - 128) / 100 + 1
  assert.ok(trips <= explained + 2, `${trips} round trips`)
  assert.ok(trips >= 2000 / 100, `${trips} round trips`)
})

test('a window of one unit costs a round trip for each, and several units in a hold cost no more', async () => {
  const single = await roundTrips(30, { window: 1n })
  assert.ok(single >= 30 && single <= 32, `${single} round trips`)
  const bulk = await roundTrips(2000, { window: 100n, unitsPerHoldMax: 25 })
  assert.ok(bulk <= 32, `${bulk} round trips`)
})

test('who reads slowly pays slowly: the window stays at its start, and gets narrow again', async () => {
  const { response, pass } = await journey(100_000, { window: 200n })
  const reader = response.body?.getReader()
  assert.ok(reader)
  let read = 0
  let reading = false
  const readOne = (): void => {
    if (reading) return
    reading = true
    void reader.read().then(({ value }: { value?: unknown }) => {
      reading = false
      if (value instanceof Uint8Array) read += value.length
    })
  }
  const { payment } = response
  for (let ms = 0; ms < 1000; ms += STEP_MS) {
    if (ms % 50 === 0) readOne()
    await pass()
    assert.ok(payment.exposure <= 8n, `${payment.exposure} at risk after ${ms} ms`)
  }
  assert.ok(read <= 21)
  let widest = 0n
  for (let ms = 0; ms < 400; ms += STEP_MS) {
    for (let i = 0; i < 64; i++) {
      readOne()
      if (reading) await turn()
    }
    await pass()
    if (payment.exposure > widest) widest = payment.exposure
  }
  assert.ok(widest > 64n, `${widest} at risk for a fast reader`)
  for (let ms = 0; ms < 4000 && payment.exposure > 8n; ms += STEP_MS) {
    if (ms % 10 === 0) readOne()
    await pass()
  }
  assert.ok(payment.exposure <= 8n, `${payment.exposure} at risk for a reader that slowed down`)
  await reader.cancel()
})

test('a slow source does not widen the window: what waits there has not travelled', () => {
  const pace = new Pace(1000)
  const round = (ms: number, units: number): number => {
    const hold = {}
    pace.sent(hold, 0, 0)
    assert.equal(pace.measures(hold), true)
    pace.captured(ms, units)
    return pace.units
  }
  assert.equal(round(20, 8), 16)
  // A token each 50 ms: 16 holds wait 800 ms for 16 tokens.
  assert.deepEqual([round(800, 16), round(400, 8), round(400, 8)], [8, 8, 8])
  assert.deepEqual([round(20, 8), round(20, 16), round(20, 32)], [16, 32, 64])
  assert.equal(round(20, 10_000), 1000)
  assert.equal(round(20, 0), 500)
  assert.equal(new Pace(3).units, 3)
  assert.deepEqual([new Pace(1000, 16).units, new Pace(50, 16).units], [64, 50], 'four holds of the size asked for')
})
