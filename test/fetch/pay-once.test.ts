/** 402: one payment, one more request, never two payments. Letter Shop (condition) and http-ilp (token) flows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { sha256 } from 'sluice/crypto'
import { fromBase64, toBase64url } from 'sluice/bytes'
import { type Allowance, payingFetch, type PaidResponse, type PayingFetchOptions, type Purse } from 'sluice/fetch'
import { pskFulfiller } from 'sluice/ilp'
import { linkPair, type IncomingHold, type Link } from 'sluice/link'
import { fakeClock, type FakeClock } from './fake-clock.js'

const FULFILLMENT = new Uint8Array(32).fill(9)
const SECRET = new Uint8Array(16).fill(5)

interface Counter {
  readonly requests: Request[]
  readonly holds: IncomingHold[]
  readonly holder: Link
  readonly clock: FakeClock
  readonly fetch: (request: Request) => Promise<Response>
  readonly buy: (options?: Partial<PayingFetchOptions>) => Promise<PaidResponse>
}

/** A shop behind a counter: `pay` is its header; `answer` says what it gives to the second request. */
async function counter(
  pay: (address: string) => string,
  onHold: (hold: IncomingHold, nth: number) => void,
  answer: (request: Request) => Response,
): Promise<Counter> {
  const clock = fakeClock()
  const { host, holder } = linkPair({ creditLimit: 100n, clock })
  await holder.open()
  const requests: Request[] = []
  const holds: IncomingHold[] = []
  host.onHold((hold) => {
    holds.push(hold)
    onHold(hold, holds.length)
  })
  const fetch = async (request: Request): Promise<Response> => {
    requests.push(request)
    if (requests.length > 1) return answer(request)
    const headers = { Pay: pay(`${host.info.account}.c1`) }
    return new Response('please pay', { status: 402, headers })
  }
  const buy = (options: Partial<PayingFetchOptions> = {}): Promise<PaidResponse> =>
    payingFetch('http://shop.test/letters?n=1', { link: holder, budget: 50n, clock, fetch, ...options })
  return { requests, holds, holder, clock, fetch, buy }
}

const byCondition = (address: string): string =>
  `interledger-condition 17 ${address} ${toBase64url(sha256(FULFILLMENT))}`
const bySecret = (address: string): string => `interledger-psk 10 ${address} ${toBase64url(SECRET)}`
const payBySecret = (hold: IncomingHold): void =>
  hold.fulfill(pskFulfiller(SECRET)(hold.packet), new Uint8Array(0), () => {})
const fulfill = (hold: IncomingHold): void => hold.fulfill(FULFILLMENT, new Uint8Array(0), () => {})

test('pays a condition once and fetches the letter at the path of its fulfillment', async () => {
  const shop = await counter(byCondition, fulfill, () => new Response('Your letter: X'))
  const response = await shop.buy()
  assert.equal(await response.text(), 'Your letter: X')
  assert.equal(shop.requests[1]?.url, `http://shop.test/${toBase64url(FULFILLMENT)}`)
  assert.equal(shop.holds.length, 1)
  assert.equal(shop.holds[0]?.amount, 17n)
  assert.deepEqual([response.payment.spent, response.payment.held, response.payment.end], [17n, 0n, 'source'])
  assert.equal(await shop.holder.balance(), -17n)
})

test('pays by secret and repeats the request with the secret as Pay-Token, body and all', async () => {
  const fulfillmentOf = pskFulfiller(SECRET)
  const shop = await counter(
    bySecret,
    (hold) => hold.fulfill(fulfillmentOf(hold.packet), new Uint8Array(0), () => {}),
    () => new Response('goods', { headers: { Pay: bySecret('example.pair.server.c1'), 'Pay-Balance': '3' } }),
  )
  const response = await shop.buy({ method: 'POST', body: 'order' })
  assert.equal(await response.text(), 'goods')
  const [, second] = shop.requests
  assert.deepEqual([second?.method, second?.url], ['POST', 'http://shop.test/letters?n=1'])
  assert.equal(await second?.text(), 'order')
  assert.deepEqual(fromBase64(second?.headers.get('pay-token') ?? ''), SECRET)
  assert.equal(second?.redirect, 'manual')
  assert.equal(shop.holds.length, 1)
})

test('a seller that asks again after it was paid gets nothing more', async () => {
  const again = (): Response =>
    new Response('', { status: 402, headers: { Pay: byCondition('example.pair.server.c2') } })
  const shop = await counter(byCondition, fulfill, again)
  await assert.rejects(shop.buy(), { code: 'FETCH_STILL_UNPAID' })
  assert.deepEqual([shop.holds.length, shop.requests.length], [1, 2])
})

test('beyond the budget the 402 comes back as it is, unpaid', async () => {
  const shop = await counter(byCondition, fulfill, () => new Response('never'))
  const response = await shop.buy({ budget: 16n })
  assert.deepEqual([response.status, await response.text(), response.payment.end], [402, 'please pay', 'budget'])
  assert.deepEqual([shop.holds.length, response.payment.spent], [0, 0n])
  const dear = await counter(byCondition, fulfill, () => new Response('never'))
  await assert.rejects(dear.buy({ maxPrice: 16n }), { code: 'FETCH_PRICE' })
  assert.equal(dear.holds.length, 0)
})

test('a busy seller is tried again, with a payment of its own; a final refusal is final', async () => {
  const busy = await counter(
    byCondition,
    (hold, nth) => (nth === 1 ? hold.reject({ code: 'T03' }) : fulfill(hold)),
    () => new Response('ok'),
  )
  const buying = busy.buy()
  for (let i = 0; i < 5; i++) {
    await new Promise(setImmediate)
    busy.clock.advance(10)
  }
  assert.equal((await buying).status, 200)
  assert.equal(busy.holds.length, 2)
  const never = await counter(
    byCondition,
    (hold) => hold.reject({ code: 'F06' }),
    () => new Response('never'),
  )
  await assert.rejects(never.buy(), { code: 'FETCH_REFUSED' })
  assert.equal(never.holds.length, 1)
})

test('an abort while the payment is open gives up', async () => {
  const shop = await counter(
    byCondition,
    () => {},
    () => new Response('never'),
  )
  const abort = new AbortController()
  const buying = shop.buy({ signal: abort.signal })
  await new Promise(setImmediate)
  abort.abort(new Error('enough'))
  await assert.rejects(buying, /enough/)
  assert.equal(shop.requests.length, 1)
})

test('a seller that wants a token gets a fresh one, and sees the same one again once it is paid', async () => {
  const { host, holder } = linkPair({ creditLimit: 100n })
  await holder.open()
  const fulfillmentOf = pskFulfiller(SECRET)
  host.onHold((hold) => hold.fulfill(fulfillmentOf(hold.packet), new Uint8Array(0), () => {}))
  const terms = { 'Pay-Terms': 'unit=request, price="10", asset="USD", scale=9, window="10"' }
  const tokens: (string | null)[] = []
  const fetch = async (request: Request): Promise<Response> => {
    const token = request.headers.get('pay-token')
    tokens.push(token)
    assert.equal(await request.text(), 'order')
    if (token === null) return new Response('show a token', { status: 402, headers: terms })
    if (tokens.length < 3) {
      const headers = { ...terms, Pay: bySecret(`${host.info.account}.c1`), 'Pay-Balance': '0' }
      return new Response('pay', { status: 402, headers })
    }
    return new Response('goods')
  }
  const order = { method: 'POST', body: 'order', link: holder, budget: 50n, fetch }
  const response = await payingFetch('http://shop.test/', order)
  assert.equal(await response.text(), 'goods')
  assert.equal(response.payment.spent, 10n)
  assert.deepEqual([tokens.length, tokens[0], tokens[1] === tokens[2]], [3, null, true])
  assert.equal(fromBase64(tokens[1] ?? '').length, 32)

  tokens.length = 1
  const own = await payingFetch('http://shop.test/', { ...order, payToken: 'bXkgb3duIHRva2VuIGlzIGhlcmU' })
  assert.equal(await own.text(), 'goods')
  assert.deepEqual(tokens.slice(1), ['bXkgb3duIHRva2VuIGlzIGhlcmU', 'bXkgb3duIHRva2VuIGlzIGhlcmU'])
})

test('goods that were paid are asked for again when nobody answers, and not paid again', async () => {
  let failures = 2
  const shop = await counter(byCondition, fulfill, () => {
    if (failures-- > 0) throw new TypeError('fetch failed')
    return new Response('at last')
  })
  const bought = shop.buy()
  let text: string | undefined
  bought
    .then((response) => response.text())
    .then(
      (all) => (text = all),
      (error: unknown) => (text = String(error)),
    )
  for (let i = 0; i < 100 && text === undefined; i++) {
    await turn()
    shop.clock.advance(100)
  }
  assert.equal(text, 'at last')
  assert.deepEqual([shop.requests.length, shop.holds.length], [4, 1])
  assert.equal(await shop.holder.balance(), -17n)

  const gone = await counter(bySecret, payBySecret, () => {
    throw new TypeError('fetch failed')
  })
  const never = gone.buy({ method: 'POST', body: 'order' })
  let code: unknown
  never.catch((error: { code?: unknown }) => (code = error.code))
  for (let i = 0; i < 1000 && code === undefined; i++) {
    await turn()
    gone.clock.advance(1000)
  }
  assert.equal(code, 'FETCH_UNDELIVERED')
  assert.equal(gone.holds.length, 1)
  const keys = new Set(gone.requests.slice(1).map((request) => request.headers.get('idempotency-key')))
  assert.equal(keys.size, 1, 'one key for all attempts')
  assert.equal(keys.has(null), false)
})

test('after a redirect to another host its shop sees no credentials that were meant for the first', async () => {
  for (const pay of [bySecret, byCondition]) {
    const { host, holder } = linkPair({ creditLimit: 100n })
    await holder.open()
    host.onHold(pay === bySecret ? payBySecret : fulfill)
    const seen: Request[] = []
    const fetch = async (request: Request): Promise<Response> => {
      seen.push(request)
      if (seen.length > 1) return new Response('goods')
      const response = new Response('pay', { status: 402, headers: { Pay: pay(`${host.info.account}.c1`) } })
      // As fetch does when it has followed a redirect.
      return Object.defineProperty(response, 'url', { value: 'http://elsewhere.test/order' })
    }
    const headers = { Authorization: 'Bearer mine', Cookie: 'session=mine', 'X-Kept': 'yes' }
    const response = await payingFetch('http://shop.test/', { headers, link: holder, budget: 50n, fetch })
    assert.equal(await response.text(), 'goods')
    const [, again] = seen
    assert.equal(new URL(again?.url ?? '').host, 'elsewhere.test')
    const sent = ['authorization', 'cookie', 'x-kept'].map((name) => again?.headers.get(name))
    assert.deepEqual(sent, [null, null, 'yes'])
  }
})

/** A wallet of one link, whose purse counts what came back. */
function purseOf(link: Link, perCall?: bigint) {
  let given = 0n
  const purse: Purse = { take: (_price, units) => units, giveBack: (amount) => (given += amount) }
  const allowance: Allowance = {
    perCall,
    purse: () => purse,
    spentFor: () => false,
    onMore: () => () => {},
    end() {},
  }
  return { wallet: { linkFor: async () => link, allowanceFor: () => allowance }, given: () => given }
}

test('the wallet’s budget for one call bounds a single payment', async () => {
  const shop = await counter(byCondition, fulfill, () => assert.fail('asked again'))
  const { wallet } = purseOf(shop.holder, 16n)
  const { fetch, clock } = shop
  const response = await payingFetch('http://shop.test/', { wallet, budget: 50n, clock, fetch })
  assert.deepEqual([response.status, response.payment.end, shop.holds.length], [402, 'budget', 0])
})

test('what is in flight when the caller leaves is not given back before it is known to have come back', async () => {
  for (const ends of ['fulfilled', 'rejected'] as const) {
    const shop = await counter(
      byCondition,
      () => {},
      () => assert.fail('asked again'),
    )
    const { wallet, given } = purseOf(shop.holder)
    const leave = new AbortController()
    const { fetch } = shop
    const buying = payingFetch('http://shop.test/', {
      wallet,
      budget: 50n,
      clock: shop.clock,
      fetch,
      signal: leave.signal,
    })
    while (shop.holds.length === 0) await turn()
    leave.abort(new Error('left'))
    await assert.rejects(buying, /left/)
    assert.equal(given(), 0n)
    const [hold] = shop.holds
    assert.ok(hold)
    if (ends === 'fulfilled') fulfill(hold)
    else hold.reject({ code: 'F99', name: 'Application Error', message: 'no' })
    await turn()
    await turn()
    assert.equal(given(), ends === 'fulfilled' ? 0n : 17n)
  }
})
