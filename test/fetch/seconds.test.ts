/** Buying time: seller and buyer on one clock that stands still until the test moves it. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createExposure, payingFetch, type PaidResponse, type PayingFetchOptions } from 'sluice/fetch'
import {
  createShop,
  paidRoute,
  replyToNode,
  replyToWeb,
  requestFromNode,
  requestFromWeb,
  second,
  Till,
} from 'sluice/http'
import { openSeller } from 'sluice/http/seller'
import { linkPair, type IncomingHold } from 'sluice/link'
import { holderAt } from 'sluice/link/ws'
import { MemoryStore } from 'sluice/store'
import { FakeClock } from 'sluice/testing'
import { serve } from '../http/buyer.js'
import { scriptedShop, type ScriptedShop } from './scripted-shop.js'

/** A radio that says what the test says. */
class Radio {
  heard = 0
  over = false
  #give: (() => void) | undefined
  #said: string[] = []

  say(text: string): void {
    this.#said.push(text)
    this.#give?.()
  }

  end(): void {
    this.over = true
    this.#give?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (;;) {
      const next = this.#said.shift()
      if (next !== undefined) {
        this.heard++
        yield next
      } else if (this.over) return
      else await new Promise<void>((resolve) => (this.#give = resolve))
    }
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn()
}

async function market(t: TestContext, options: Partial<PayingFetchOptions> = {}) {
  const clock = new FakeClock()
  const pair = linkPair({ creditLimit: 1000n, clock })
  await pair.holder.open()
  const till = new Till({ link: pair.host, clock })
  till.open()
  const radio = new Radio()
  const shop = createShop({ till, clock, price: 3n, unit: second, content: () => radio })
  t.after(async () => {
    await till.close()
    await pair.close()
  })
  const fetch = async (request: Request): Promise<Response> => replyToWeb(request, await shop(requestFromWeb(request)))
  const response = await payingFetch('http://shop.test/', { link: pair.holder, budget: 300n, clock, fetch, ...options })
  const listener = listen(response)
  /** Seconds go by, one at a time, with time for messages between. */
  const wait = async (ms: number): Promise<void> => {
    await settle()
    for (let passed = 0; passed < ms; passed += 250) {
      clock.advance(250)
      await settle()
    }
  }
  return { ...pair, clock, radio, response, listener, wait }
}

function listen(response: PaidResponse) {
  const listener = { text: '', code: undefined as string | undefined, over: false }
  const read = async (): Promise<void> => {
    for await (const part of response.body ?? []) listener.text += Buffer.from(part).toString('latin1')
  }
  void read()
    .catch((error: { code?: string }) => (listener.code = error.code))
    .finally(() => (listener.over = true))
  return listener
}

for (const window of [3n, 6n, 300n]) {
  test(`a second costs its price, however much comes in it (window ${window})`, async (t) => {
    const { radio, response, listener, wait, ledger } = await market(t, { window })
    const { payment } = response
    radio.say('ABC')
    await wait(0)
    assert.deepEqual([listener.text, payment.units], ['ABC', 1])
    await wait(750)
    assert.equal(payment.units, 1)
    await wait(250)
    assert.equal(payment.units, 2, 'silence is paid for too')
    radio.say('DE')
    await wait(3000)
    assert.deepEqual([listener.text, payment.units, payment.unitsRead], ['ABCDE', 5, 4])
    assert.ok(payment.exposure <= window)
    radio.end()
    await wait(500)
    await payment.settled()
    assert.deepEqual([listener.over, listener.code, payment.end, payment.unitsRead], [true, undefined, 'source', 5])
    assert.deepEqual([payment.spent, payment.held, ledger.account('client')?.heldOut], [15n, 0n, 0n])
  })
}

test('a budget of three seconds buys three seconds', async (t) => {
  const { radio, response, listener, wait } = await market(t, { budget: 11n })
  for (const letter of 'ABCDEF') {
    radio.say(letter)
    await wait(1000)
  }
  await wait(2000)
  assert.deepEqual([listener.text, listener.over, response.payment.end], ['ABC', true, 'budget'])
  assert.deepEqual([response.payment.spent, response.payment.unitsRead], [9n, 3])
})

test('who stops listening pays at most the window more', async (t) => {
  const clock = new FakeClock()
  const pair = linkPair({ creditLimit: 1000n, clock })
  await pair.holder.open()
  const till = new Till({ link: pair.host, clock })
  till.open()
  t.after(async () => {
    await till.close()
    await pair.close()
  })
  function* noise() {
    for (;;) yield new Uint8Array(16_384)
  }
  const shop = createShop({ till, clock, price: 1n, unit: second, content: noise })
  const fetch = async (request: Request): Promise<Response> => replyToWeb(request, await shop(requestFromWeb(request)))
  const response = await payingFetch('http://shop.test/', { link: pair.holder, budget: 300n, clock, fetch })
  const reader = response.body?.getReader()
  await reader?.read()
  for (let i = 0; i < 100; i++) {
    clock.advance(250)
    await settle()
  }
  assert.ok(response.payment.units <= 3, `${response.payment.units}`)
  await reader?.cancel()
  await response.payment.settled()
})

/** Buys from a shop that does what `onHold` says. */
async function buyFrom(onHold: (shop: ScriptedShop, hold: IncomingHold, clock: FakeClock) => void) {
  const clock = new FakeClock()
  const pair = linkPair({ creditLimit: 1000n, clock })
  await pair.holder.open()
  const shop: ScriptedShop = scriptedShop(pair.host, { unit: 'second', onHold: (hold) => onHold(shop, hold, clock) })
  const { fetch } = shop
  const response = await payingFetch('http://shop.test/', {
    link: pair.holder,
    budget: 300n,
    window: 10n,
    clock,
    fetch,
  })
  const listener = listen(response)
  const startedAt = clock.now()
  for (let i = 0; i < 400 && !listener.over; i++) {
    await settle()
    const elapsed = Math.floor((clock.now() - startedAt) / 1000)
    assert.ok(response.payment.units <= elapsed + 10, `${response.payment.units} seconds after ${elapsed}`)
    clock.advance(250)
  }
  await settle()
  const { payment } = response
  const { failure } = payment
  await pair.close()
  return { listener, payment, failure }
}

test('a seller that claims ten seconds in one loses the buyer, who loses at most the window', async () => {
  const { listener, payment, failure } = await buyFrom((shop, hold) => {
    shop.capture(hold, 0)
    shop.write(1)
  })
  assert.deepEqual([listener.code, payment.end], ['FETCH_OFFSETS', 'failed'])
  assert.ok(payment.spent <= 3n, `${payment.spent}`)
  assert.match(failure?.message ?? '', /more time than has passed/)
})

test('a seller that runs a little fast is waited for, one that hurries is left', async () => {
  const every = (ms: number) => {
    const holds: IncomingHold[] = []
    let busy = false
    const next = (shop: ScriptedShop, clock: FakeClock): void => {
      const hold = busy ? undefined : holds.shift()
      if (hold === undefined) return
      busy = true
      shop.capture(hold, 0)
      clock.after(ms, () => {
        busy = false
        next(shop, clock)
      })
    }
    return (shop: ScriptedShop, hold: IncomingHold, clock: FakeClock): void => {
      holds.push(hold)
      next(shop, clock)
    }
  }
  const fast = await buyFrom(every(995))
  assert.deepEqual([fast.listener.over, fast.failure], [false, undefined])
  assert.ok(fast.payment.units >= 99, `${fast.payment.units}`)
  const hurried = await buyFrom(every(500))
  assert.equal(hurried.listener.code, 'FETCH_OFFSETS')
  assert.ok(hurried.payment.spent <= 6n, `${hurried.payment.spent}`)
})

test('a seller that takes seconds and ends the response at once is found out', async () => {
  const { payment } = await buyFrom((shop, hold) => {
    shop.capture(hold, 0)
    shop.end()
  })
  assert.deepEqual([payment.end, payment.failure?.code], ['failed', 'FETCH_UNDELIVERED'])
  assert.ok(payment.spent <= 3n)
})

test('a clock that is set back makes nobody a liar', () => {
  const exposure = createExposure({ price: 1n, window: 10n, budget: 100n, unitMs: 1000 })
  exposure.elapse(100_000, true)
  const [first, next] = [exposure.hold(1), exposure.hold(1)]
  exposure.capture(first, 0, 100_000, 100_000)
  assert.deepEqual([exposure.readUnits, exposure.nextMs(100_400)], [0, 600])
  exposure.capture(next, 0, 100_000, 1_000)
  assert.deepEqual([exposure.contradicted, exposure.nextMs(1_000)], [false, 600])
  exposure.elapse(2_000, true)
  assert.equal(exposure.readUnits, 1)
})

test('time is sold over HTTP and a real ledger', async (t) => {
  const clock = new FakeClock()
  const radio = new Radio()
  const seller = await openSeller({ store: new MemoryStore({ warn: () => undefined }), credit: 1000n, clock })
  const route = paidRoute(seller, { price: '0.000000120 USD per minute', contentType: 'text/plain' })
  const { port, server, close } = await serve((request, response) => {
    const produce = async () => ({ status: 200, headers: {}, content: radio })
    void route(requestFromNode(request), produce).then((reply) => replyToNode(request, response, reply))
  })
  seller.attach(server)
  const link = holderAt(`btp+ws://:secret@127.0.0.1:${port}/btp`, { clock })
  t.after(async () => {
    await link.close()
    await seller.close()
    await close()
  })
  await link.open()
  const response = await payingFetch(`http://127.0.0.1:${port}/`, { link, budget: 100n, clock })
  const { payment } = response
  const listener = listen(response)
  for (let spoken = 1; spoken <= 3; spoken++) {
    while (payment.units < spoken) await turn()
    radio.say(String(spoken))
    while (listener.text.length < spoken) await turn()
    clock.advance(1000)
  }
  while (payment.units < 4) await turn()
  radio.end()
  while (!listener.over) await turn()
  await payment.settled()
  assert.deepEqual([listener.text, payment.price, payment.spent, payment.end], ['123', 2n, 8n, 'source'])
  assert.throws(() => paidRoute(seller, { price: 1n, unit: 'second', optional: true }), { code: 'SHOP_OPTIONS' })
})
