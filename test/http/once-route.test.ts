/** Routes that are sold once: 402 with a condition, one payment, and the same request again with its fulfillment. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { toBase64url } from 'sluice/bytes'
import { systemClock, type Clock } from 'sluice/clock'
import { payingFetch } from 'sluice/fetch'
import {
  ANSWERS_PER_KEY_MAX,
  nodeListener,
  paidRoute,
  parsePay,
  parsePayTerms,
  type PaidTerms,
  type Produced,
  type SellerEvents,
  type ShopRequest,
} from 'sluice/http'
import { openSeller, type SellerOptions } from 'sluice/http/seller'
import { encodePacket } from 'sluice/ilp'
import type { Hold, Link } from 'sluice/link'
import { holderAt } from 'sluice/link/ws'
import { MemoryStore } from 'sluice/store'
import { brief, get, outcomeOf, serve, text } from './buyer.js'

interface MarketOptions extends Partial<SellerOptions> {
  readonly answer?: (request: ShopRequest, nth: number) => Partial<Produced>
}

async function openMarket(t: TestContext, terms: Partial<PaidTerms> = {}, options: MarketOptions = {}) {
  const { answer = () => ({}), dir, ...more } = options
  const books = dir === undefined ? { store: new MemoryStore({ warn: () => undefined }) } : { dir }
  const seller = await openSeller({ ...books, credit: 1000n, ...more })
  const route = paidRoute(seller, { price: 10n, flow: 'once', ...terms })
  const asked: string[] = []
  const { port, server, close } = await serve(
    nodeListener((request) =>
      route(request, async () => {
        asked.push(`${request.method} ${request.url}`)
        return { status: 200, headers: {}, content: 'goods', ...answer(request, asked.length) }
      }),
    ),
  )
  seller.attach(server, '/btp')
  const holder = holderAt(`btp+ws://:secret@127.0.0.1:${port}/btp`)
  const end = async (): Promise<void> => {
    await holder.close()
    await seller.close()
    await close()
  }
  t.after(end)
  await holder.open()
  return { seller, port, holder, asked, url: `http://127.0.0.1:${port}`, end }
}

function holdFor(payHeader: unknown, amountOf = (price: bigint): bigint => price): Hold {
  const pay = parsePay(String(payHeader))
  if (pay.method !== 'condition') throw new Error('no condition')
  const amount = amountOf(pay.amount)
  const packet = encodePacket({ type: 1, amount, account: pay.address, data: new Uint8Array(0) })
  return { amount, condition: pay.condition, expiresAt: Date.now() + 30_000, packet }
}

/** Pays for one request by hand: the headers of its repetition. */
async function buy(port: number, holder: Link, path = '/', host = 'shop.example'): Promise<Record<string, string>> {
  const offer = await get(port, path, { headers: { host } })
  offer.resume()
  const outcome = await outcomeOf(holder, holdFor(offer.headers['pay']))
  assert.equal(outcome.status, 'fulfilled')
  const fulfillment = outcome.status === 'fulfilled' ? outcome.fulfillment : new Uint8Array(0)
  return { host, 'pay-fulfillment': toBase64url(fulfillment) }
}

async function statusOf(port: number, path: string, headers: Record<string, string>): Promise<string> {
  const response = await get(port, path, { headers })
  const body = await text(response)
  const { code } = body.startsWith('{') ? (JSON.parse(body) as { code: string }) : { code: body }
  return `${response.statusCode} ${code}`
}

test('payingFetch pays once, asks again with the fulfillment, and only then the handler runs', async (t) => {
  const { url, holder, asked } = await openMarket(t)
  const response = await payingFetch(`${url}/page?n=1`, { link: holder, budget: 50n, method: 'POST', body: 'x' })
  assert.deepEqual([response.status, await response.text()], [200, 'goods'])
  assert.equal(response.headers.get('cache-control'), 'no-store, no-transform')
  assert.equal(response.payment.spent, 10n)
  assert.deepEqual(asked, ['POST /page?n=1'])
  assert.equal(await holder.balance(), -10n)
})

test('a delivery that breaks is asked for again, and not paid again', async (t) => {
  const { url, holder, asked } = await openMarket(t)
  let lost = 0
  const flaky = async (request: Request): Promise<Response> => {
    const response = await fetch(request)
    if (!request.headers.has('pay-fulfillment') || lost++ > 1) return response
    await response.body?.cancel()
    throw new TypeError('the connection broke')
  }
  const response = await payingFetch(url, { link: holder, budget: 50n, fetch: flaky })
  assert.equal(await response.text(), 'goods')
  assert.deepEqual([asked.length, response.payment.spent, await holder.balance()], [3, 10n, -10n])
})

test('an offer is a 402 in the form that whoever asks can use; HEAD and OPTIONS tell the terms', async (t) => {
  const { port, asked } = await openMarket(t)
  const offer = await get(port)
  assert.equal(offer.statusCode, 402)
  assert.match(String(offer.headers['pay']), /^interledger-condition 10 example\.shop\.\S+\.[\w-]{64} [\w-]{43}$/)
  const { unit, price, window, redeem } = parsePayTerms(String(offer.headers['pay-terms']))
  assert.deepEqual({ unit, price, window, redeem }, { unit: 'request', price: 10n, window: 10n, redeem: 'header' })
  assert.match(await text(offer), /"code":"payment-required".*Pay-Fulfillment/)
  const page = await get(port, '/', { headers: { accept: 'text/html' } })
  assert.match(await text(page), /<h1>402 Payment Required/)
  assert.match(await text(await get(port, '/', { headers: { 'user-agent': 'curl/8' } })), /^402 Payment Required\n/)
  for (const [method, status] of [['HEAD', 200] as const, ['OPTIONS', 204] as const]) {
    const told = await get(port, '/', { method })
    assert.deepEqual([told.statusCode, told.headers['pay']], [status, undefined])
    assert.equal(parsePayTerms(String(told.headers['pay-terms'])).price, 10n)
  }
  assert.deepEqual(asked, [])
})

test('what was paid before a restart is delivered after it', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-once-'))
  t.after(() => rm(dir, { recursive: true }))
  const before = await openMarket(t, {}, { dir })
  const headers = await buy(before.port, before.holder, '/a')
  assert.deepEqual(before.asked, [])
  await before.end()
  const after = await openMarket(t, {}, { dir })
  assert.equal(await statusOf(after.port, '/a', headers), '200 goods')
  await after.end()
  const third = await openMarket(t, {}, { dir })
  for (let n = 1; n < ANSWERS_PER_KEY_MAX; n++) assert.equal(await statusOf(third.port, '/a', headers), '200 goods')
  assert.equal(await statusOf(third.port, '/a', headers), '409 fulfillment-spent', 'counted over restarts')
})

test('a fulfillment is good for the request that it was offered for, and for nothing else', async (t) => {
  const { port, holder, asked, seller } = await openMarket(t)
  const headers = await buy(port, holder, '/a')
  assert.equal(await statusOf(port, '/b', headers), '402 payment-required')
  assert.equal(await statusOf(port, '/a?x', headers), '402 payment-required')
  assert.equal(await statusOf(port, '/a', { ...headers, host: 'other.example' }), '402 payment-required')
  for (const forged of ['', 'x', '!', toBase64url(new Uint8Array(32))]) {
    assert.equal(await statusOf(port, '/a', { ...headers, 'pay-fulfillment': forged }), '402 payment-required')
  }
  const post = await get(port, '/a', { method: 'POST', headers })
  assert.equal(post.statusCode, 402)
  assert.deepEqual(asked, [])
  assert.equal(await statusOf(port, '/a', headers), '200 goods')
  assert.throws(() => paidRoute(seller, { price: 1n, flow: 'once', optional: true }), { code: 'SHOP_OPTIONS' })
})

test('an answer that is no success takes nothing from what was bought; good ones are counted, even at once', async (t) => {
  const answers = [
    { status: 500, content: 'broken' },
    { status: 404, content: 'gone' },
  ]
  const { port, holder, asked } = await openMarket(
    t,
    {},
    {
      answer: (_request, nth) => {
        if (nth === 3) throw new Error('the handler broke')
        return answers[nth - 1] ?? {}
      },
    },
  )
  const headers = await buy(port, holder)
  const first = [await statusOf(port, '/', headers), await statusOf(port, '/', headers)]
  assert.deepEqual(first, ['500 broken', '404 gone'])
  assert.equal(await statusOf(port, '/', headers), '500 internal')
  const many = await Promise.all(Array.from({ length: 20 }, () => statusOf(port, '/', headers)))
  assert.equal(many.filter((status) => status === '200 goods').length, ANSWERS_PER_KEY_MAX)
  assert.equal(many.filter((status) => status === '409 fulfillment-spent').length, 20 - ANSWERS_PER_KEY_MAX)
  assert.equal(asked.length, 3 + ANSWERS_PER_KEY_MAX)
})

test('the price is that of the offer', async (t) => {
  let price = 10n
  const { port, holder } = await openMarket(t, { price: () => price })
  const offer = await get(port, '/', { headers: { host: 'shop.example' } })
  offer.resume()
  price = 99n
  const tooLittle = holdFor(offer.headers['pay'], () => 9n)
  assert.equal(brief(await outcomeOf(holder, tooLittle)), 'rejected F04')
  const outcome = await outcomeOf(holder, holdFor(offer.headers['pay']))
  if (outcome.status !== 'fulfilled') return assert.fail(brief(outcome))
  assert.equal(await holder.balance(), -10n)
  const headers = { host: 'shop.example', 'pay-fulfillment': toBase64url(outcome.fulfillment) }
  assert.equal(await statusOf(port, '/', headers), '200 goods')
  assert.equal(brief(await outcomeOf(holder, holdFor(offer.headers['pay']))), 'rejected F06', 'paid before')
})

test('an offer is payable for an hour, and what it bought can be asked for an hour longer', async (t) => {
  let ahead = 0
  const clock: Clock = { ...systemClock, now: () => Date.now() + ahead }
  const { port, holder } = await openMarket(t, {}, { clock })
  const old = await get(port)
  old.resume()
  const headers = await buy(port, holder)
  ahead = 3_601_000
  const late = { ...holdFor(old.headers['pay']), expiresAt: clock.now() + 30_000 }
  assert.equal(brief(await outcomeOf(holder, late)), 'rejected F06')
  assert.equal(await statusOf(port, '/', headers), '200 goods')
  ahead *= 2
  assert.equal(await statusOf(port, '/', headers), '402 payment-required')
})

test('a redirect does not carry the fulfillment elsewhere', async (t) => {
  const seen: (string | undefined)[] = []
  const stranger = await serve((request, response) => {
    seen.push(request.headers['pay-fulfillment']?.toString())
    response.end('stranger')
  })
  t.after(() => stranger.close())
  const location = `http://127.0.0.1:${stranger.port}/`
  const { url, holder } = await openMarket(
    t,
    {},
    { answer: () => ({ status: 302, headers: { Location: location }, content: undefined }) },
  )
  const response = await payingFetch(url, { link: holder, budget: 50n })
  assert.equal(response.status, 302)
  assert.deepEqual(seen, [])
})

test('events tell of each answer, and of the money once', async (t) => {
  const heard: string[] = []
  const on: SellerEvents = {
    started: ({ flow, route, url, unit, price }) => heard.push(`started ${flow} ${route} ${url} ${unit} ${price}`),
    paid: (_sale, { units, amount }) => heard.push(`paid ${units} ${amount}`),
    ended: (_sale, { why, totals }) => heard.push(`ended ${why} ${totals.amount}`),
  }
  const { port, holder } = await openMarket(t, { route: 'abc' }, { on })
  const headers = await buy(port, holder)
  assert.deepEqual(heard, [])
  await statusOf(port, '/', headers)
  assert.deepEqual(heard.splice(0), ['started once abc / request 10', 'paid 1 10', 'ended ended 10'])
  await statusOf(port, '/', headers)
  assert.deepEqual(heard, ['started once abc / request 10', 'ended ended 0'])
})
