/** A gateway before an API: what passes in either direction, when the API is called, and when it is left alone. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { createProxy } from 'sluice/http/proxy'
import { FakeClock } from 'sluice/testing'
import { delta, event, tokensIn, writeTo } from './fake-upstream.js'
import { chatRequest, openGateway, PRICE, problemOf } from './gateway.js'

test('a stream is sold by the token, and its upstream is called with the first payment', async (t) => {
  const { ask, buy, upstream, assertQuiet } = await openGateway(t)
  const asked = await ask('/chat/completions', chatRequest(3))
  assert.equal(asked.headers['content-type'], 'text/event-stream')
  assert.match(String(asked.headers['pay-terms']), /^unit=token, price="5"/)
  asked.destroy()
  assert.equal(upstream.calls.length, 0)
  const { response } = await buy('/chat/completions', chatRequest(3))
  const body = await response.text()
  assert.equal(tokensIn(body), 3)
  assert.match(body, /"finish_reason":"stop".*"usage".*\[DONE\]\n\n$/s)
  await response.payment.settled()
  assert.deepEqual([response.payment.units, response.payment.spent], [3, 3n * PRICE])
  const { method, url } = await upstream.call(0)
  assert.deepEqual([method, url], ['POST', '/v1/chat/completions'])
  assertQuiet()
})

test('a JSON answer costs the tokens that it states, at any window', async (t) => {
  const { buy } = await openGateway(t)
  const { response } = await buy('/chat/completions', chatRequest(300, { stream: false }), { window: 10n * PRICE })
  assert.equal(response.headers.get('content-type'), 'application/json')
  const answer = (await response.json()) as { usage: { completion_tokens: number } }
  assert.equal(answer.usage.completion_tokens, 300)
  await response.payment.settled()
  assert.equal(response.payment.units, 300)
})

test('end-to-end fields pass, in both directions; money, credentials and claims about the client do not', async (t) => {
  const gateway = await openGateway(t, {
    answering: (_call, response) => {
      response.setHeader('Connection', 'close, X-Hop')
      const fields = { 'X-Hop': '1', 'X-Kept': 'yes', Pay: 'psk 1 a.b c', 'X-Echo': 'Bearer key-of-the-shop' }
      for (const [name, value] of Object.entries(fields)) response.setHeader(name, value)
      response.setHeader('Set-Cookie', ['a=1', 'b=2']).end('free')
    },
    terms: { price: 0n },
    proxy: { headers: { Authorization: 'Bearer key-of-the-shop' } },
  })
  const headers = {
    Authorization: 'Bearer of-the-buyer',
    Connection: 'close, X-Mine',
    'X-Mine': '1',
    'Pay-Token': 'x'.repeat(22),
    'X-Forwarded-For': '10.0.0.1',
    'Accept-Encoding': 'gzip',
    Cookie: 'c=1; d=2',
    'Idempotency-Key': 'once',
  }
  const answer = await gateway.ask('/path?query=1', { method: 'PUT', headers, body: 'a body' })
  const call = await gateway.upstream.call(0)
  assert.deepEqual([call.method, call.url, call.body], ['PUT', '/v1/path?query=1', 'a body'])
  const { authorization, cookie, via } = call.headers
  assert.deepEqual([authorization, cookie, via], ['Bearer key-of-the-shop', 'c=1; d=2', '1.1 sluice'])
  assert.deepEqual([call.headers['accept-encoding'], call.headers['idempotency-key']], ['identity', 'once'])
  for (const name of ['x-mine', 'pay-token', 'x-forwarded-for']) assert.equal(call.headers[name], undefined, name)
  assert.deepEqual([answer.headers['x-kept'], answer.headers['set-cookie']], ['yes', ['a=1', 'b=2']])
  for (const name of ['x-hop', 'pay', 'x-echo']) assert.equal(answer.headers[name], undefined, name)
  assert.equal(await text(answer), 'free')
})

test('the buyer’s Authorization is handed on when told', async (t) => {
  const { ask, upstream } = await openGateway(t, {
    answering: (_call, response) => void response.writeHead(401).end('who are you?'),
    proxy: { forwardAuthorization: true },
  })
  const answer = await ask('/me', { headers: { Authorization: 'Bearer mine' } })
  assert.deepEqual([answer.statusCode, await text(answer)], [401, 'who are you?'])
  assert.equal((await upstream.call(0)).headers.authorization, 'Bearer mine')
})

test('what an upstream refuses passes free, without the shop’s secrets and not what concerns its account', async (t) => {
  const secret = 'key-of-the-shop'
  const { ask, buy } = await openGateway(t, {
    answering: ({ url }, response) => {
      const status = Number(/\d{3}$/.exec(url)?.[0])
      response.writeHead(status, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify({ error: { message: `no, says ${secret}` } }))
    },
    proxy: { headers: { 'X-Key': secret } },
  })
  const missing = await ask('/404')
  assert.equal(missing.statusCode, 404)
  assert.equal(await text(missing), '{"error":{"message":"no, says ***"}}')
  for (const status of [401, 402]) {
    assert.deepEqual(await problemOf(await ask(`/${status}`)), { status: 502, code: 'upstream-account' })
  }
  // The head has left when the upstream is asked: the failure is told in the body, and costs nothing.
  const { response } = await buy('/429', chatRequest(3))
  assert.equal(await response.text(), 'data: {"error":{"status":429,"message":"no, says ***"}}\n\n')
  await response.payment.settled()
  assert.equal(response.payment.spent, 0n)
  const whole = await buy('/429', chatRequest(3, { stream: false }))
  assert.deepEqual(await whole.response.json(), { error: { status: 429, message: 'no, says ***' } })
  assert.equal(whole.response.payment.spent, 0n)
})

test('an upstream that cannot be reached is a 502, one that is silent a 504', async (t) => {
  const gone = await openGateway(t)
  await gone.upstream.close()
  assert.deepEqual(await problemOf(await gone.ask('/x')), { status: 502, code: 'upstream' })
  const clock = new FakeClock()
  const silent = await openGateway(t, { answering: () => undefined, seller: { clock } })
  const asking = silent.ask('/x')
  const { over } = await silent.upstream.call(0)
  clock.advance(300_000)
  assert.deepEqual(await problemOf(await asking), { status: 504, code: 'upstream-timeout' })
  await over
})

test('redirects are not followed; those within the upstream lead through the gateway', async (t) => {
  const { ask, upstream } = await openGateway(t, {
    answering: ({ url }, response) => {
      response.writeHead(302, { Location: url === '/v1/in' ? '/v1/other?x#y' : 'https://elsewhere.example/' }).end()
    },
  })
  assert.equal((await ask('/in')).headers.location, '/other?x#y')
  assert.equal((await ask('/out')).headers.location, 'https://elsewhere.example/')
  assert.equal(upstream.calls.length, 2)
})

test('no path leaves what is behind the gateway, or is free by another name', async (t) => {
  const { ask, upstream } = await openGateway(t, {
    answering: ({ url }, response) => void response.end(url),
    proxy: { freePaths: ['/models'] },
  })
  assert.deepEqual(await problemOf(await ask('/../admin')), { status: 404, code: 'not-found' })
  assert.deepEqual(await problemOf(await ask('/%2e%2e/admin')), { status: 404, code: 'not-found' })
  const free = await ask('/x/../models?all')
  assert.deepEqual([free.headers['pay-terms'], await text(free)], [undefined, '/v1/models?all'])
  for (const path of ['//other.example/x', '/models/../x', '/models/']) {
    const sold = await ask(path)
    assert.match(String(sold.headers['pay-terms']), /^unit=token/)
    sold.destroy()
  }
  assert.deepEqual(
    upstream.calls.slice(1).map(({ url }) => url),
    ['/v1//other.example/x', '/v1/x', '/v1/models/'],
  )
})

test('a buyer that reads nothing: the window’s tokens are read upstream, and one more', async (t) => {
  const window = 5
  let taken = 0
  let stopped: () => void = () => {}
  const over = new Promise<void>((resolve) => (stopped = resolve))
  const endless = (): ReadableStream<Uint8Array> =>
    new ReadableStream(
      {
        pull: (controller) => controller.enqueue(Buffer.from(delta(`word${taken++}`))),
        cancel: () => stopped(),
      },
      { highWaterMark: 0 },
    )
  const headers = { 'Content-Type': 'text/event-stream' }
  const { buy, assertQuiet } = await openGateway(t, {
    proxy: { fetch: async () => new Response(endless(), { headers }) },
  })
  const { response } = await buy('/chat/completions', chatRequest(1), { window: BigInt(window) * PRICE })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const { value } = await reader.read()
  const read = tokensIn(Buffer.from(value ?? []).toString())
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(taken <= read + window + 1, `${taken} taken, ${read} read`)
  await reader.cancel()
  await over
  await response.payment.settled()
  assert.equal(response.payment.spent, BigInt(response.payment.units) * PRICE)
  assertQuiet()
})

test('only so many answers wait for their first payment at once', async (t) => {
  const { ask, upstream } = await openGateway(t, {
    answering: async (call, response) => writeTo(call, response, delta('word')),
    proxy: { unpaidCallsMax: 2 },
  })
  const waiting = [await ask('/1'), await ask('/2')]
  assert.deepEqual(await problemOf(await ask('/3')), { status: 503, code: 'busy' })
  for (const answer of waiting) answer.destroy()
  for (const call of upstream.calls) await call.over
  assert.equal((await ask('/4')).statusCode, 200)
  assert.equal(upstream.calls.length, 3)
})

test('only so many bytes of requests wait for their first payment', async (t) => {
  const { ask, upstream, seller } = await openGateway(t, { proxy: { waitingBytesMax: 10 } })
  const asking = { method: 'POST', body: '{"a":1}' }
  const first = await ask('/x', asking)
  assert.equal(first.statusCode, 200)
  assert.deepEqual(await problemOf(await ask('/x', asking)), { status: 503, code: 'busy' })
  first.destroy()
  while (seller.till.streams > 0) await new Promise((resolve) => setImmediate(resolve))
  const third = await ask('/x', asking)
  assert.equal(third.statusCode, 200)
  third.destroy()
  assert.equal(upstream.calls.length, 0)
})

test('a call is aborted when its asker goes before it is answered', async (t) => {
  const { port, upstream } = await openGateway(t, { answering: () => undefined })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /x HTTP/1.1\r\nHost: x\r\n\r\n')
  const { over } = await upstream.call(0)
  socket.resetAndDestroy()
  await over
})

test('a request may be long, but not too long; HEAD and OPTIONS tell the terms; what is no request is refused', async (t) => {
  const { ask, upstream } = await openGateway(t, {
    answering: ({ body }, response) => void response.end(body),
    terms: { start: 'request', unit: 'chunk' },
    proxy: { requestBytesMax: 10 },
  })
  assert.deepEqual(await problemOf(await ask('/x', { method: 'POST', body: 'x'.repeat(11) })), {
    status: 413,
    code: 'too-big',
  })
  const chunked = { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' }, body: 'x'.repeat(11) }
  assert.deepEqual(await problemOf(await ask('/x', chunked)), { status: 413, code: 'too-big' })
  const before = upstream.calls.length
  const options = await ask('/x', { method: 'OPTIONS' })
  assert.deepEqual([options.statusCode, upstream.calls.length], [204, before])
  const head = await ask('/x', { method: 'HEAD' })
  assert.match(String(head.headers['pay-terms']), /^unit=chunk/)
  assert.deepEqual(await problemOf(await ask('/x', { method: 'TRACE' })), { status: 405, code: 'method-not-allowed' })
})

test('an upstream that does not stream what was to stream is not sold', async (t) => {
  const { buy } = await openGateway(t, {
    answering: (_call, response) => void response.setHeader('Content-Type', 'text/plain').end('words'),
  })
  const { response } = await buy('/chat/completions', chatRequest(3))
  assert.match(await response.text(), /"code":"not-streamed"/)
  await response.payment.settled()
  assert.equal(response.payment.spent, 0n)
})

test('other units: events and bytes of any API', async (t) => {
  const events = event({ temperature: 21 }) + event({ temperature: 22 })
  for (const [terms, units] of [
    [{ unit: 'sse-event' }, 2],
    [{ unit: 'byte', price: 1n }, Buffer.byteLength(events)],
    [{ unit: 'sse-event', price: '0.000000005 USD per event' }, 2],
  ] as const) {
    const { buy } = await openGateway(t, {
      answering: (_call, response) => void response.setHeader('Content-Type', 'text/event-stream').end(events),
      terms,
    })
    const { response } = await buy('/weather')
    assert.equal(await response.text(), events)
    await response.payment.settled()
    assert.equal(response.payment.units, units)
  }
})

test('an upstream’s address and fields are checked without telling their values', async (t) => {
  const { seller } = await openGateway(t)
  for (const options of [
    { upstream: 'ftp://x/' },
    { upstream: 'http://user:secret-word@x/' },
    { upstream: 'http://x/', headers: { 'X-Key': 'secret-word\nand more' } },
  ]) {
    assert.throws(
      () => createProxy(seller, { price: PRICE }, options),
      (error: Error & { code?: string }) => error.code === 'SHOP_OPTIONS' && !error.message.includes('secret-word'),
    )
  }
})
