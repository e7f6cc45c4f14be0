/** The paying fetch against a shop that does what each test says, over the two ends of one trustline. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { payingFetch, type PaidResponse, type PayingFetchOptions } from 'sluice/fetch'
import { linkPair, type Link, type LinkPairOptions } from 'sluice/link'
import { counted, fakeClock, type FakeClock } from './fake-clock.js'
import { offsetData, scriptedShop, type ScriptedShop, type ShopScript } from './scripted-shop.js'

const URL = 'http://shop.test/'

interface Market {
  readonly shop: ScriptedShop
  readonly holder: Link
  readonly clock: FakeClock
  /** The buyer's own timers. */
  readonly timers: () => number
  readonly buy: (options?: Partial<PayingFetchOptions>) => Promise<PaidResponse>
}

async function market(
  script: ShopScript | ((clock: FakeClock) => ShopScript) = {},
  pair: LinkPairOptions = {},
): Promise<Market> {
  const clock = fakeClock()
  const own = counted(clock)
  const { host, holder } = linkPair({ creditLimit: 1_000_000n, clock, ...pair })
  await holder.open()
  const shop = scriptedShop(host, typeof script === 'function' ? script(clock) : script)
  const buy = (options: Partial<PayingFetchOptions> = {}): Promise<PaidResponse> =>
    payingFetch(URL, { link: holder, budget: 20n, clock: own, fetch: shop.fetch, ...options })
  return { shop, holder, clock, timers: () => own.timers, buy }
}

/** What one read of a body gave. */
function lengthOf({ value }: { readonly value?: unknown }): number {
  return value instanceof Uint8Array ? value.length : 0
}

/** A member of a link with private fields, usable through a proxy. */
function bound(link: Link, name: string | symbol): unknown {
  const member: unknown = Reflect.get(link, name, link)
  return typeof member === 'function' ? member.bind(link) : member
}

async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

/** Runs the clock until `done` settles, so that timers of the buyer pass without waiting. */
async function passing<T>(clock: FakeClock, done: Promise<T>, stepMs = 500): Promise<T> {
  let settled = false
  const watched = done.finally(() => (settled = true))
  watched.catch(() => {})
  for (let i = 0; i < 2000 && !settled; i++) {
    await turns(2)
    clock.advance(stepMs)
  }
  return watched
}

test('buys one unit per payment until the budget is spent, then ends cleanly and says so', async () => {
  const { shop, holder, clock, timers, buy } = await market({ price: 3n })
  const response = await buy({ budget: 31n, window: 12n })
  assert.equal(response.status, 200)
  assert.equal(response.payment.end, undefined)
  const text = await passing(clock, response.text(), 0)
  assert.equal(text, 'A'.repeat(10))
  assert.equal(response.payment.end, 'budget')
  assert.deepEqual([response.payment.spent, response.payment.units, response.payment.exposure], [30n, 10, 0n])
  assert.equal(await holder.balance(), -30n)
  assert.equal(shop.left, true)
  await response.payment.settled()
  assert.equal(timers(), 0)
})

test('is an ordinary Response at header time', async () => {
  const { shop, buy } = await market()
  const response = await buy({ method: 'POST', body: 'hello', headers: { 'x-mine': '1' } })
  assert.equal(response.headers.get('pay')?.startsWith('interledger-psk 1 '), true)
  assert.equal(shop.requests[0]?.method, 'POST')
  assert.equal(await shop.requests[0]?.text(), 'hello')
  assert.equal(shop.requests[0]?.headers.get('x-mine'), '1')
  await response.body?.cancel()
})

test('pays nothing before the application reads, and no more than the window for one that stops', async () => {
  const { shop, buy } = await market()
  const response = await buy({ window: 4n, budget: 1000n })
  await turns()
  assert.equal(shop.holds.length, 0)
  const reader = response.body?.getReader()
  assert.ok(reader)
  let read = 0
  for (let i = 0; i < 10; i++) {
    read += lengthOf(await reader.read())
    await turns()
    // Every hold so far is captured or held; what the application has not read of it is at risk.
    assert.ok(shop.holds.length - read <= 4, `${shop.holds.length} paid, ${read} read`)
    assert.ok(response.payment.exposure <= 4n)
  }
  assert.equal(shop.holds.length, read + 4)
  await reader.cancel()
})

test('the window bounds what a seller can take that delivers nothing', async () => {
  const { shop, clock, buy } = await market({ onHold: (hold) => shop.capture(hold, 1000 + shop.holds.length) })
  const response = await buy({ window: 7n, budget: 1000n })
  await assert.rejects(passing(clock, response.text()), { code: 'FETCH_UNDELIVERED' })
  assert.equal(response.payment.spent, 7n)
  assert.equal(response.payment.end, 'failed')
  assert.equal(shop.left, true)
})

test('a source that ends gives a complete body; units that no hold covers are rejected', async () => {
  const { buy, clock } = await market({ units: 11 })
  const response = await buy({ budget: 1000n, window: 5n })
  assert.equal(await passing(clock, response.text(), 0), 'A'.repeat(11))
  assert.deepEqual([response.payment.end, response.payment.spent, response.payment.failure], ['source', 11n, undefined])
})

test('a seller that says its source has ended is believed, even if its response stays open', async () => {
  const nothing = new TextEncoder().encode('{"why":"ended","units":0}')
  const { shop, clock, buy } = await market({
    onHold: (hold) => (shop.sold < 3 ? shop.serve(hold) : hold.reject({ code: 'F99', data: nothing })),
  })
  const response = await buy({ window: 2n })
  assert.equal(await passing(clock, response.text()), 'AAA')
  assert.deepEqual([response.payment.end, response.payment.failure, shop.left], ['source', undefined, true])

  const failed = new TextEncoder().encode('{"why":"failed","units":0}')
  const broken = await market({ onHold: (hold) => hold.reject({ code: 'F99', data: failed }) })
  await assert.rejects(passing(broken.clock, (await broken.buy()).text()), { code: 'FETCH_INTERRUPTED' })
})

test('a response that ends short of what was captured is reported', async () => {
  let captured = 0
  const { shop, clock, buy } = await market({
    onHold: (hold) => {
      hold.fulfill(shop.fulfillmentOf(hold), offsetData(shop.holds.length), () => {
        captured += 1
        if (captured === 3) shop.end()
      })
    },
  })
  const response = await buy({ window: 3n })
  await assert.rejects(passing(clock, response.text(), 0), { code: 'FETCH_UNDELIVERED' })
  assert.equal(response.payment.units, 3)
})

test('payment ids increase, and no packet is paid twice', async () => {
  const { shop, clock, buy } = await market()
  const response = await buy()
  await passing(clock, response.text(), 0)
  const ids = shop.paymentIds.map(Number)
  assert.equal(new Set(ids).size, 20)
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
  )
  assert.equal(new Set(shop.holds.map((hold) => hold.condition.join())).size, 20)
})

test('pays the dialect of 2017 whose fulfillment comes from the address, and single units without Pay-Terms', async () => {
  const { shop, clock, buy } = await market({ terms: false, method: 'hmac-account' })
  const response = await buy({ bare: 'hmac-account', unitsPerHoldMax: 5 })
  assert.equal(await passing(clock, response.text(), 0), 'A'.repeat(20))
  assert.equal(shop.holds.length, 20)
  assert.deepEqual(shop.cancels, [])
})

test('several units per hold where allowed, a quarter of the window at most; the last hold is cut to what is left', async () => {
  const { shop, clock, buy } = await market({ units: 10 })
  const response = await buy({ unitsPerHoldMax: 100, window: 16n, budget: 100n })
  assert.equal(await passing(clock, response.text(), 0), 'A'.repeat(10))
  assert.equal(shop.holds[0]?.amount, 4n)
  assert.equal(response.payment.units, 10)
})

test('units that the buyer cannot count are bought by their offsets', async () => {
  const { clock, buy } = await market({ unit: 'chunk', bytesPerUnit: 1000 })
  const response = await buy({ window: 4n })
  assert.equal((await passing(clock, response.text(), 0)).length, 20_000)
  assert.equal(response.payment.unitsRead, 20)
})

test('and not at all without offsets', async () => {
  const { shop, clock, buy } = await market({ unit: 'chunk', offsets: false })
  const response = await buy({ window: 4n })
  await assert.rejects(passing(clock, response.text()), { code: 'FETCH_UNCOUNTABLE' })
  assert.ok(response.payment.spent <= 4n)
  const old = await market({ terms: false })
  await assert.rejects(old.buy({ unit: 'chunk' }), { code: 'FETCH_UNCOUNTABLE' })
  assert.equal(old.shop.left, true)
  assert.equal(shop.holds.length, 4)
})

test('offsets that claim units without bytes stop the stream', async () => {
  const { shop, clock, buy } = await market({ unit: 'chunk', onHold: (hold) => shop.capture(hold, 0) })
  const response = await buy({ window: 8n })
  await assert.rejects(passing(clock, response.text()), { code: 'FETCH_OFFSETS' })
  assert.equal(response.payment.failure?.code, 'FETCH_OFFSETS')
  assert.equal(response.payment.spent, 8n)
})

test('refuses before paying: no budget, a high price, headers that disagree, another ledger, a window too small', async () => {
  const { shop, holder, buy } = await market({ price: 5n })
  await assert.rejects(payingFetch(URL, { link: holder } as unknown as PayingFetchOptions), { code: 'FETCH_OPTIONS' })
  await assert.rejects(buy({ budget: -1n }), { code: 'FETCH_OPTIONS' })
  await assert.rejects(buy({ maxPrice: 4n }), { code: 'FETCH_PRICE' })
  await assert.rejects(buy({ window: 4n }), { code: 'FETCH_WINDOW' })
  await assert.rejects(buy({ unitsPerHoldMax: 0 }), { code: 'FETCH_OPTIONS' })
  const other = await market({}, { prefix: 'example.elsewhere.' })
  await assert.rejects(buy({ fetch: other.shop.fetch }), { code: 'FETCH_WRONG_LEDGER' })
  const cents = await market({}, { assetScale: 2 })
  await assert.rejects(cents.buy(), { code: 'FETCH_WRONG_LEDGER' })
  assert.equal(cents.shop.holds.length, 0)
  for (const [headers, code] of [
    [{ Pay: '6 example.pair.server.x AAAAAAAAAAAAAAAAAAAAAA' }, 'FETCH_PRICE'],
    [{ Pay: '5' }, 'FETCH_HEADERS'],
    [{ Pay: 'interledger-psk2 example.pair.server.x AAAAAAAAAAAAAAAAAAAAAA==' }, 'FETCH_HEADERS'],
    [{ Pay: `interledger-condition 5 example.pair.server.x ${'A'.repeat(43)}` }, 'FETCH_HEADERS'],
    [{ 'Pay-Terms': 'unit=' }, 'FETCH_HEADERS'],
  ] as const) {
    const odd = await market({ price: 5n, headers })
    await assert.rejects(odd.buy(), { code }, JSON.stringify(headers))
    assert.equal(odd.shop.left, true)
    assert.equal(odd.shop.holds.length, 0)
  }
  assert.equal(shop.holds.length, 0)
})

test('a budget of zero looks and pays nothing', async () => {
  const { shop, clock, buy } = await market()
  const response = await buy({ budget: 0n })
  assert.equal(await passing(clock, response.text(), 0), '')
  assert.deepEqual([response.payment.end, shop.holds.length, shop.left], ['budget', 0, true])
})

test('a response that asks for nothing is passed through', async () => {
  const { holder } = await market()
  const plain = new Response('free')
  const response = await payingFetch(URL, { link: holder, budget: 0n, fetch: async () => plain })
  assert.equal(response, plain)
  assert.equal(await response.text(), 'free')
  assert.equal(response.payment.spent, 0n)
})

test('an account without funds stops the stream, after what was bought has been read', async () => {
  const { clock, buy } = await market({}, { creditLimit: 5n })
  const response = await buy({ window: 2n })
  const reader = response.body?.getReader()
  assert.ok(reader)
  let read = 0
  const all = (async () => {
    for (;;) {
      const bytes = lengthOf(await reader.read())
      if (bytes === 0) return
      read += bytes
    }
  })()
  await assert.rejects(passing(clock, all), { code: 'FETCH_REFUSED' })
  assert.deepEqual([read, response.payment.spent], [5, 5n])
})

test('temporary trouble pauses the payments, and trouble that stays ends them', async () => {
  let refusals = 3
  const { shop, clock, buy } = await market({
    onHold: (hold) => (refusals-- > 0 ? hold.reject({ code: 'T02' }) : shop.serve(hold)),
  })
  const response = await buy({ window: 1n, budget: 4n })
  assert.equal(await passing(clock, response.text(), 20), 'AAAA')
  assert.equal(shop.holds.length, 7)

  const worse = await market({ onHold: (hold) => hold.reject({ code: 'T02' }) })
  const never = await worse.buy({ window: 1n })
  await assert.rejects(passing(worse.clock, never.text()), { code: 'FETCH_REFUSED' })
  assert.ok(worse.shop.holds.length < 100, `${worse.shop.holds.length} holds`)
})

test('a final refusal of the seller stops the payments', async () => {
  const { shop, clock, buy } = await market({ onHold: (hold) => hold.reject({ code: 'F04' }) })
  const response = await buy({ window: 3n })
  await assert.rejects(passing(clock, response.text()), { code: 'FETCH_REFUSED' })
  assert.equal(shop.holds.length, 3)
  assert.equal(response.payment.held, 0n)
})

test('holds that expire are replaced', async () => {
  let expiring = true
  const { shop, clock, buy } = await market({ onHold: (hold) => (expiring ? undefined : shop.serve(hold)) })
  const response = await buy({ window: 2n, budget: 2n })
  const text = response.text()
  await turns()
  assert.equal(shop.holds.length, 2)
  expiring = false
  clock.advance(30_000)
  assert.equal(await passing(clock, text, 0), 'AA')
  assert.equal(shop.holds.length, 4)
})

test('leaving the body stops paying at once, tells the seller and frees the holds', async () => {
  const { shop, holder, timers, buy } = await market({ onHold: () => {} })
  const response = await buy({ window: 6n })
  const reader = response.body?.getReader()
  assert.ok(reader)
  const pending = reader.read()
  await turns()
  assert.equal(response.payment.held, 6n)
  await reader.cancel()
  assert.equal((await pending).done, true)
  await response.payment.settled()
  assert.deepEqual(shop.cancels, [shop.address])
  assert.deepEqual([response.payment.held, response.payment.end, shop.left], [0n, 'cancelled', true])
  assert.equal(await holder.balance(), 0n)
  assert.equal(timers(), 0)
})

test('stopping ends cleanly with all that is captured; the rest goes back', async () => {
  const { shop, buy, clock } = await market({ onHold: (hold) => (shop.sold < 5 ? shop.serve(hold) : undefined) })
  const response = await buy({ window: 4n, budget: 100n })
  const text = response.text()
  await turns(20)
  assert.deepEqual([response.payment.units, response.payment.held], [5, 4n])
  response.payment.stop()
  response.payment.stop()
  assert.equal(await passing(clock, text), 'AAAAA')
  await response.payment.settled()
  assert.deepEqual(
    [response.payment.end, response.payment.held, response.payment.failure],
    ['cancelled', 0n, undefined],
  )
  assert.deepEqual(shop.cancels, [shop.address])

  const early = await (await market()).buy()
  early.payment.stop()
  assert.equal(early.payment.end, 'cancelled')
  assert.equal(await early.text(), '')
})

test('an AbortSignal does the same, and the body fails with its reason', async () => {
  const { shop, buy } = await market({ onHold: () => {} })
  const abort = new AbortController()
  const response = await buy({ window: 6n, signal: abort.signal })
  const text = response.text()
  await turns()
  abort.abort(new Error('enough'))
  await assert.rejects(text, /enough/)
  await response.payment.settled()
  assert.deepEqual([shop.holds.length, response.payment.held, response.payment.end], [6, 0n, 'cancelled'])
})

test('an abort before the first payment pays nothing', async () => {
  const { shop, holder, buy } = await market()
  const abort = new AbortController()
  const link = async (): Promise<Link> => {
    abort.abort(new Error('changed my mind'))
    return holder
  }
  await assert.rejects(buy({ link, signal: abort.signal }), /changed my mind/)
  assert.deepEqual([shop.holds.length, shop.left || shop.requests[0]?.signal.aborted], [0, true])
})

test('a response that breaks off keeps what was read and loses at most the window', async () => {
  const { shop, clock, buy } = await market({
    onHold: (hold) => (shop.sold < 8 ? shop.serve(hold) : shop.break(new Error('reset'))),
  })
  const response = await buy({ window: 4n })
  await assert.rejects(passing(clock, response.text(), 0), { code: 'FETCH_INTERRUPTED' })
  await response.payment.settled()
  assert.ok(response.payment.units - response.payment.unitsRead <= 4)
  assert.deepEqual([response.payment.held, response.payment.end], [0n, 'failed'])
})

test('outcomes in doubt count as spent until they are known', async () => {
  const { shop, holder, clock, buy } = await market()
  const told: (() => void)[] = []
  const send: Link['send'] = (hold, observer) =>
    holder.send(hold, {
      onOutcome(outcome, id) {
        observer.onOutcome({ status: 'inDoubt', message: 'the socket went' }, id)
        told.push(() => observer.onOutcome(outcome, id))
      },
    })
  const doubtful = new Proxy(holder, {
    get: (link, name) => (name === 'send' ? send : bound(link, name)),
  })
  const response = await buy({ link: doubtful, window: 3n, budget: 6n })
  const text = response.text()
  await turns()
  assert.deepEqual([response.payment.inDoubt, response.payment.exposure, shop.holds.length], [3n, 3n, 3])
  for (let i = 0; i < 10; i++) {
    for (const tell of told.splice(0)) tell()
    await turns()
  }
  assert.equal(await passing(clock, text, 0), 'A'.repeat(6))
  assert.deepEqual([response.payment.inDoubt, response.payment.spent], [0n, 6n])
})

test('a link that closes ends the stream', async () => {
  const { holder, clock, buy } = await market({ onHold: () => {} })
  const response = await buy()
  const text = passing(clock, response.text())
  await turns()
  await holder.close()
  await assert.rejects(text, { code: 'FETCH_LINK' })

  const late = await market()
  const unread = await late.buy()
  await late.holder.close()
  await assert.rejects(passing(late.clock, unread.text()), { code: 'FETCH_LINK' })
})

test('link and budget may be chosen by the offer', async () => {
  const { holder, clock, buy } = await market()
  const offers: string[] = []
  const response = await buy({
    budget: (offer) => 2n * offer.price,
    link: async (offer) => {
      offers.push(`${offer.price} per ${offer.unit}`)
      return holder
    },
  })
  assert.equal(await passing(clock, response.text(), 0), 'AA')
  assert.deepEqual(offers, ['1 per letter'])
})
