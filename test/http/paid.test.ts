/** Paid routes over real HTTP and a real ledger: what is sold waits for its payment, what is not passes free. */
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { test, type TestContext } from 'node:test'
import { hashToken } from 'sluice/session'
import {
  meter,
  paidRoute,
  parsePayTerms,
  replyToNode,
  replyToWeb,
  requestFromNode,
  requestFromWeb,
  type PaidTerms,
  type Produced,
  type SellerEvents,
  type ShopRequest,
} from 'sluice/http'
import { openSeller, type SellerOptions } from 'sluice/http/seller'
import { holderAt } from 'sluice/link/ws'
import { MemoryStore } from 'sluice/store'
import { brief, get, Payer, Reader, serve, text } from './buyer.js'

const run = promisify(execFile)
const hasCurl = spawnSync('curl', ['--version']).status === 0

const quiet = { warn: () => undefined }

async function openMarket(
  t: TestContext,
  terms: PaidTerms,
  produced: Partial<Produced> | (() => Promise<Produced>) = {},
  options: Partial<SellerOptions> = {},
) {
  const seller = await openSeller({ store: new MemoryStore(quiet), credit: 1000n, ...options })
  const produce =
    typeof produced === 'function'
      ? produced
      : async (): Promise<Produced> => ({
          status: 200,
          headers: { 'content-type': 'text/plain', 'Content-Length': '3', ETag: '"x"', 'X-Kept': ['a', 'b'] },
          content: 'ABC',
          ...produced,
        })
  const route = paidRoute(seller, terms)
  const { port, server, close } = await serve((request, response) => {
    void route(requestFromNode(request), produce).then((reply) => replyToNode(request, response, reply))
  })
  seller.attach(server, '/btp')
  const holder = holderAt(`btp+ws://:secret@127.0.0.1:${port}/btp`)
  t.after(async () => {
    await holder.close()
    await seller.close()
    await close()
  })
  return { seller, route, produce, port, holder, server }
}

test('a route sells what its handler answers, over the ledger at a path of the same port', async (t) => {
  const { holder, port } = await openMarket(t, { price: 5n, unit: 'letter' }, { status: 206 })
  await holder.open()
  const response = await get(port)
  assert.equal(response.statusCode, 206)
  assert.equal(response.headers['content-length'], undefined)
  assert.equal(response.headers.etag, undefined)
  assert.equal(response.headers['cache-control'], 'no-store, no-transform')
  assert.equal(response.headers['x-kept'], 'a, b')
  const { key, ...said } = parsePayTerms(String(response.headers['pay-terms']))
  assert.equal(key?.length, 32)
  assert.deepEqual(said, {
    unit: 'letter',
    price: 5n,
    asset: 'USD',
    scale: 9,
    window: 500n,
    ledger: { uri: `btp+ws://127.0.0.1:${port}/btp`, version: 1 },
    accounts: 'open',
  })
  const reader = new Reader(response)
  const payer = new Payer(holder, response.headers['pay'])
  assert.equal(brief(await payer.send()), 'fulfilled')
  assert.equal(await reader.until(({ body }) => body.length >= 1), 'A')
  await payer.send(payer.hold({ units: 2 }))
  assert.equal(brief(await payer.send()), 'rejected F99')
  assert.equal(await reader.until(({ ended }) => ended !== 'open'), 'ABC')
  assert.equal(reader.ended, 'end')
})

test('what is no success, has no body or costs nothing passes as it is', async (t) => {
  const missing = await openMarket(t, { price: 5n }, { status: 404, content: 'no such page' })
  const response = await get(missing.port)
  assert.deepEqual([response.statusCode, response.headers['pay']], [404, undefined])
  const free = await openMarket(t, { price: ({ url }) => (url === '/free' ? 0n : 5n) })
  const page = await get(free.port, '/free')
  assert.deepEqual([page.headers['pay'], page.headers['content-length'], await text(page)], [undefined, '3', 'ABC'])
  const empty = await openMarket(t, { price: 5n }, { status: 204, content: undefined, headers: {} })
  assert.equal((await get(empty.port)).statusCode, 204)
})

test('a price that cannot be told is a 500, and nothing is produced', async (t) => {
  const produce = (): Promise<Produced> => assert.fail('produced')
  const failing = await openMarket(t, { price: () => Promise.reject(new Error('no price')) }, produce)
  const response = await get(failing.port)
  assert.equal(response.statusCode, 500)
  assert.match(await text(response), /"code":"price"/)
  const negative = await openMarket(t, { price: () => -1n }, produce)
  assert.equal((await get(negative.port)).statusCode, 500)
})

test('without its ledger a route sells nothing and gives nothing', async (t) => {
  const produce = (): Promise<Produced> => assert.fail('produced')
  const { port, seller } = await openMarket(t, { price: 5n }, produce)
  await seller.close()
  const response = await get(port)
  assert.equal(response.statusCode, 503)
  assert.match(await text(response), /"code":"unavailable"/)
})

test('HEAD and OPTIONS tell the terms; a page of another origin may read them', async (t) => {
  const { port } = await openMarket(t, { price: 5n })
  const head = await get(port, '/', { method: 'HEAD' })
  assert.equal(head.statusCode, 200)
  assert.equal(parsePayTerms(String(head.headers['pay-terms'])).price, 5n)
  assert.equal(head.headers['pay'], undefined)
  assert.equal(await text(head), '')
  const options = await get(port, '/', { method: 'OPTIONS', headers: { Origin: 'https://other.example' } })
  assert.equal(options.statusCode, 204)
  assert.equal(options.headers['access-control-expose-headers'], 'Pay, Pay-Balance, Pay-Terms')
  assert.equal(parsePayTerms(String(options.headers['pay-terms'])).price, 5n)
})

test('with start "payment" the handler runs with the first hold, and not before', async (t) => {
  let produced = 0
  const produce = async (): Promise<Produced> => {
    produced++
    return { status: 200, headers: {}, content: ['AB'] }
  }
  const { port, holder } = await openMarket(t, { price: 5n, start: 'payment', contentType: 'text/plain' }, produce)
  await holder.open()
  const response = await get(port)
  assert.equal(response.headers['content-type'], 'text/plain')
  assert.equal(produced, 0)
  const reader = new Reader(response)
  const payer = new Payer(holder, response.headers['pay'])
  await payer.send()
  assert.equal(await reader.until(({ body }) => body.length >= 2), 'AB')
  assert.equal(produced, 1)
  response.destroy()
})

test('content that is compressed is not sold', async (t) => {
  const { port } = await openMarket(t, { price: 5n }, { headers: { 'Content-Encoding': 'gzip' } })
  assert.equal((await get(port)).statusCode, 500)
})

test('events tell the start, the money and the end of a stream', async (t) => {
  const heard: string[] = []
  let ended: () => void = () => {}
  const end = new Promise<void>((resolve) => (ended = resolve))
  const on: SellerEvents = {
    started: ({ flow, route, url, unit, price }) => heard.push(`started ${flow} ${route} ${url} ${unit} ${price}`),
    paid: (_sale, { units, amount }) => heard.push(`paid ${units} ${amount}`),
    ended: (_sale, { why, units, totals, account }) => {
      heard.push(`ended ${why} ${units} ${totals.amount} ${account === hashToken('secret')}`)
      ended()
    },
  }
  const { port, holder } = await openMarket(t, { price: 5n, unit: 'letter', route: 'abc' }, {}, { on })
  await holder.open()
  const response = await get(port, '/a?b')
  const payer = new Payer(holder, response.headers['pay'])
  await payer.send(payer.hold({ units: 3 }))
  await payer.send()
  assert.equal(await text(response), 'ABC')
  await end
  assert.deepEqual(heard, ['started stream abc /a?b letter 5', 'paid 3 15', 'ended ended 3 15 true'])
})

test('a Response streams the same as a Node response', async (t) => {
  const { route, produce, holder } = await openMarket(t, { price: 5n, unit: 'letter' })
  await holder.open()
  const request = new Request('https://shop.example/x', { headers: { origin: 'https://other.example' } })
  const response = replyToWeb(request, await route(requestFromWeb(request), produce))
  assert.equal(response.headers.get('access-control-allow-origin'), '*')
  const payer = new Payer(holder, response.headers.get('pay') ?? undefined)
  await payer.send(payer.hold({ units: 3 }))
  await payer.send()
  assert.equal(await response.text(), 'ABC')
})

test('a ledger is told where the request came to, over TLS as the proxy says when it is trusted', async (t) => {
  const { seller, port } = await openMarket(t, { price: 5n }, {}, { trustProxy: true })
  const uri = (headers: Record<string, string>, secure = false): string | undefined => {
    const request: ShopRequest = { method: 'GET', url: '/', header: (name) => headers[name], secure }
    return seller.termsFor(request).ledger?.uri
  }
  assert.equal(uri({ host: 'shop.example:8080' }), 'btp+ws://shop.example:8080/btp')
  assert.equal(uri({ host: 'shop.example', 'x-forwarded-proto': 'https' }), 'btp+wss://shop.example/btp')
  assert.equal(uri({ host: '[::1]:80' }, true), 'btp+wss://[::1]:80/btp')
  for (const host of ['evil"@x', 'x:99999', '[::::]', '[1.2]', '[::1]:70000']) {
    assert.equal(uri({ host }), undefined)
    // What a stranger calls this host breaks nothing.
    const response = await get(port, '/', { headers: { host } })
    response.destroy()
    assert.equal(response.statusCode, 200)
  }
  assert.equal(uri({}), undefined)
})

test('strangers from elsewhere need a policy', async () => {
  const store = new MemoryStore(quiet)
  await assert.rejects(openSeller({ store, listen: { host: '0.0.0.0', port: 0 } }), { code: 'SHOP_UNSAFE' })
  await assert.rejects(openSeller({}), { code: 'SHOP_OPTIONS' })
})

test('credit as text is in the asset of the ledger', async (t) => {
  const { seller, port } = await openMarket(t, { price: 5n }, {}, { credit: '0.000001 USD' })
  const holder = holderAt(`btp+ws://:another@127.0.0.1:${port}/btp`)
  await holder.open()
  await holder.close()
  assert.equal(seller.ledger.accounts()[0]?.creditLimit, 1000n)
  const store = new MemoryStore(quiet)
  await assert.rejects(openSeller({ store, credit: '1 EUR' }), { code: 'MONEY_ASSET' })
})

test('only tokens of the list open an account', async (t) => {
  const { port } = await openMarket(t, { price: 5n }, {}, { accounts: { tokens: [hashToken('known')] } })
  const known = holderAt(`btp+ws://:known@127.0.0.1:${port}/btp`)
  await known.open()
  await known.close()
  const unknown = holderAt(`btp+ws://:secret@127.0.0.1:${port}/btp`)
  await assert.rejects(unknown.open({ timeoutMs: 5000 }))
  await unknown.close()
})

test('a price as text decides unit and step', async (t) => {
  const { port } = await openMarket(t, { price: '5 USD per GB', window: '0.001 USD' })
  const response = await get(port)
  const { unit, step, price, window } = parsePayTerms(String(response.headers['pay-terms']))
  assert.deepEqual({ unit, step, price, window }, { unit: 'byte', step: 1024, price: 5120n, window: 1_000_000n })
  response.destroy()
  const { seller } = await openMarket(t, { price: 1n })
  assert.throws(() => paidRoute(seller, { price: '1 EUR per token' }), { code: 'SHOP_PRICE' })
})

test('a request is sold ahead: from a balance, before its handler runs', async (t) => {
  let produced = 0
  const statuses = [200, 404, 200]
  const { port, holder } = await openMarket(t, { price: '10', unit: 'request' }, async () => ({
    status: statuses[produced++] ?? 200,
    headers: {},
    content: 'goods',
  }))
  await holder.open()
  assert.equal((await get(port)).statusCode, 402)
  const headers = { 'Pay-Token': Buffer.alloc(32, 7).toString('base64url') }
  const asked = await get(port, '/', { headers })
  assert.deepEqual([asked.statusCode, asked.headers['pay-balance'], produced], [402, '0', 0])
  const payer = new Payer(holder, asked.headers['pay'])
  assert.equal(brief(await payer.send(payer.hold({ units: 2 }))), 'fulfilled')
  const bought = await get(port, '/', { headers })
  assert.deepEqual([bought.statusCode, bought.headers['pay-balance'], await text(bought)], [200, '10', 'goods'])
  const missing = await get(port, '/', { headers })
  assert.deepEqual([missing.statusCode, missing.headers['pay-balance']], [404, '10'])
  assert.equal((await get(port, '/', { headers })).headers['pay-balance'], '0')
  assert.equal((await get(port, '/', { headers })).statusCode, 402)
  assert.equal(produced, 3)
})

test('events tell of requests that were paid from a balance, and of what meter sells', async (t) => {
  const heard: string[] = []
  const ids = new Set<string>()
  const on: SellerEvents = {
    started: ({ id, flow, route, url }) => {
      ids.add(id)
      heard.push(`started ${flow} ${route} ${url}`)
    },
    paid: (_sale, { units, amount }) => heard.push(`paid ${units} ${amount}`),
    ended: (_sale, { why, totals }) => heard.push(`ended ${why} ${totals.amount}`),
  }
  let status = 200
  const produce = async (): Promise<Produced> => ({ status, headers: {}, content: 'goods' })
  const { port, holder, seller } = await openMarket(t, { price: '10', unit: 'request' }, produce, { on })
  await holder.open()
  const headers = { 'Pay-Token': Buffer.alloc(32, 7).toString('base64url') }
  const payer = new Payer(holder, (await get(port, '/', { headers })).headers['pay'])
  await payer.send(payer.hold({ units: 4 }))
  assert.deepEqual(heard, [])
  const heardOf = async (more: Record<string, string> = {}): Promise<string[]> => {
    heard.length = 0
    await text(await get(port, '/x', { headers: { ...headers, ...more } }))
    return [...heard]
  }
  assert.deepEqual(await heardOf(), ['started prepaid paid /x', 'paid 1 10', 'ended ended 10'])
  const keyed = { 'Idempotency-Key': 'a' }
  assert.deepEqual(await heardOf(keyed), ['started prepaid paid /x', 'paid 1 10', 'ended ended 10'])
  assert.deepEqual(await heardOf(keyed), ['started prepaid paid /x', 'ended ended 0'], 'a repetition is free')
  status = 500
  assert.deepEqual(await heardOf(), ['started prepaid paid /x', 'ended failed 0'], 'what fails is given back')
  assert.equal(ids.size, 3)
  heard.length = 0
  const metered = meter('A', { seller, price: 5n, route: 'metered' })
  await new Payer(holder, metered.headers['Pay']).send()
  const reader = metered.body.getReader()
  await reader.read()
  await reader.cancel()
  await metered.ended
  assert.deepEqual(heard, ['started stream metered /', 'paid 1 5', 'ended closed 5'])
})

test('where paying is optional nothing waits for it, and gifts are captured', async (t) => {
  const { port, holder } = await openMarket(t, { price: 5n, optional: true }, async () => ({
    status: 200,
    headers: {},
    content: (async function* () {
      yield 'ABC'
      await new Promise<void>((resolve) => (release = resolve))
    })(),
  }))
  let release: () => void = () => {}
  await holder.open()
  const response = await get(port)
  const reader = new Reader(response)
  assert.equal(await reader.until(({ body }) => body.length === 3), 'ABC')
  const payer = new Payer(holder, response.headers['pay'])
  assert.equal(brief(await payer.send()), 'fulfilled')
  release()
  await reader.until(({ ended }) => ended === 'end')
  const prepaid = await openMarket(t, { price: 5n, unit: 'request', optional: true })
  const free = await get(prepaid.port)
  assert.deepEqual([free.statusCode, await text(free)], [200, 'ABC'])
})

test('a gift stream that is cut off by the seller breaks off: nobody takes it for whole', async (t) => {
  const { seller, port } = await openMarket(t, { price: 5n, optional: true }, async () => ({
    status: 200,
    headers: {},
    content: (async function* () {
      yield 'ABC'
      await new Promise<void>(() => {})
    })(),
  }))
  const reader = new Reader(await get(port))
  await reader.until(({ body }) => body.length === 3)
  await seller.till.close()
  await reader.until(({ ended }) => ended !== 'open')
  assert.equal(reader.ended, 'aborted')
})

test('a browser sees a page, curl sees text, a program a problem document', async (t) => {
  const { port } = await openMarket(t, { price: 5n }, () => assert.fail('produced'))
  const page = await get(port, '/', { headers: { Accept: 'text/html,*/*;q=0.8', 'Sec-Fetch-Mode': 'navigate' } })
  assert.deepEqual([page.statusCode, page.headers['content-type']], [402, 'text/html; charset=utf-8'])
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
  assert.match(await text(page), /<h1>402 Payment Required<\/h1>/)
  const prepaid = await openMarket(t, { price: 5n, unit: 'request' }, () => assert.fail('produced'))
  const forms = async (headers: Record<string, string>): Promise<unknown> =>
    (await get(prepaid.port, '/', { headers })).headers['content-type']
  assert.equal(await forms({ Accept: '*/*', 'User-Agent': 'curl/8.5.0' }), 'text/plain; charset=utf-8')
  assert.equal(await forms({ Accept: 'text/plain' }), 'text/plain; charset=utf-8')
  assert.equal(await forms({ Accept: '*/*' }), 'application/problem+json')
  assert.equal(await forms({}), 'application/problem+json')
  assert.equal(await forms({ Accept: 'text/html' }), 'text/html; charset=utf-8')
})

test('curl is told how to pay for a stream, and no client that may pay is kept from it', async (t) => {
  const { port } = await openMarket(t, { price: 5n, unit: 'letter' })
  const asked = async (headers: Record<string, string>, method = 'GET') => {
    const response = await get(port, '/', { headers, method })
    const { statusCode, headers: said } = response
    const told = statusCode === 402 ? await text(response) : ''
    response.destroy()
    return { status: statusCode, type: said['content-type'], vary: said['vary'], terms: said['pay-terms'], told }
  }
  for (const agent of ['curl/8.5.0', 'Wget/1.21.4', 'HTTPie/3.2.2']) {
    const { status, type, vary, terms, told } = await asked({ Accept: '*/*', 'User-Agent': agent })
    assert.deepEqual([status, type, vary], [402, 'text/plain; charset=utf-8', 'Accept, User-Agent'])
    assert.match(told, /0\.000000005 USD for one letter.*sluice get URL/)
    assert.equal(parsePayTerms(String(terms)).price, 5n)
  }
  assert.equal((await asked({ Accept: '*/*', 'User-Agent': 'curl/8.5.0' }, 'POST')).status, 402)
  assert.equal((await asked({ Accept: '*/*', 'User-Agent': 'curl/8.5.0' }, 'HEAD')).status, 200)
  const program = await asked({ Accept: 'application/problem+json' })
  assert.deepEqual([program.status, program.type], [402, 'application/problem+json'])
  for (const headers of [{}, { Accept: '*/*', 'User-Agent': 'node' }, { Accept: 'text/plain' }]) {
    assert.equal((await asked(headers)).status, 200)
  }
})

test('curl itself shows the text', { skip: !hasCurl && 'curl is not installed' }, async (t) => {
  const { port } = await openMarket(t, { price: 5n })
  const { stdout } = await run('curl', ['-s', `http://127.0.0.1:${port}/`])
  assert.match(stdout, /^402 Payment Required\nThis is sold while it streams.*sluice get URL/)
})

test('a till that is full lets go of the oldest stream that nobody has paid for', async (t) => {
  const { port, holder } = await openMarket(t, { price: 5n, unit: 'letter' }, {}, { limits: { streamsMax: 2 } })
  await holder.open()
  const paying = await get(port)
  await new Payer(holder, paying.headers['pay']).send()
  const idle = await get(port)
  const reader = new Reader(idle)
  const next = await get(port)
  await reader.until(({ ended }) => ended === 'aborted')
  await new Payer(holder, next.headers['pay']).send()
  assert.equal((await get(port)).statusCode, 503)
  for (const response of [paying, next]) response.destroy()
})

test('meter: any content as a body that is paid, for servers without an adapter', async (t) => {
  const { seller, holder } = await openMarket(t, { price: 5n })
  await holder.open()
  let pulled = 0
  let closed = false
  function* content() {
    try {
      for (;;) yield `${pulled++}`
    } finally {
      closed = true
    }
  }
  const { headers, body, ended } = meter(content(), { seller, price: '5' })
  const payer = new Payer(holder, headers['Pay'])
  for (let count = 0; count < 3; count++) await payer.send()
  const reader = body.getReader()
  assert.match(Buffer.from((await reader.read()).value ?? []).toString(), /^0/)
  assert.equal(pulled, 3)
  await reader.cancel()
  const end = await ended
  assert.deepEqual([end.why, end.units, closed], ['closed', 3, true])
  assert.equal(brief(await payer.send()), 'rejected F06')
  await seller.close()
  assert.throws(() => meter(content(), { seller, price: 5n }), { code: 'SHOP_UNAVAILABLE' })
})
