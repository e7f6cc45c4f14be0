/** The streaming shop over real HTTP, paid over an in-process link: one letter for each captured hold, and no other way. */
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import {
  createShop,
  decodeEndOffset,
  decodeStreamReason,
  decodeTotals,
  encodeCancel,
  letter,
  letters,
  nodeListener,
  parsePayTerms,
  PIPELINED_MAX,
  Till,
  type ShopOptions,
  type StreamSummary,
  type TillOptions,
} from 'sluice/http'
import { linkPair, type Hold } from 'sluice/link'
import { brief, get, outcomeOf, Payer, Reader, serve, text } from './buyer.js'

async function openShop(t: TestContext, options: Partial<ShopOptions> = {}, tillOptions: Partial<TillOptions> = {}) {
  const pair = linkPair({ creditLimit: 1_000_000n })
  const { host, holder } = pair
  await holder.open()
  const till = new Till({ link: host, ...tillOptions })
  till.open()
  const ends: StreamSummary[] = []
  let ended: () => void = () => {}
  const errors: unknown[] = []
  const shop = createShop({
    till,
    price: 10n,
    unit: letter,
    content: () => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    contentType: 'text/plain; charset=utf-8',
    onStreamEnd: (end) => {
      ends.push(end)
      ended()
    },
    ...options,
  })
  const { port, close } = await serve(nodeListener(shop, (error) => errors.push(error)))
  t.after(async () => {
    await till.close()
    await close()
    await pair.close()
    assert.deepEqual(errors, [])
  })
  const streamEnd = async (): Promise<StreamSummary> => {
    while (ends.length === 0) await new Promise<void>((resolve) => (ended = resolve))
    return ends.shift() as StreamSummary
  }
  return { pair, host, holder, till, port, streamEnd, errors }
}

test('headers come at once and no byte of the body; then a letter for each payment', async (t) => {
  const { holder, port } = await openShop(t, { content: () => letters() })
  const response = await get(port)
  assert.equal(response.statusCode, 200)
  assert.equal(response.headers['cache-control'], 'no-store, no-transform')
  assert.match(response.headers['pay'] as string, /^interledger-psk 10 example\.pair\.server\.[\w-]{11} [\w-]{43}$/)
  assert.deepEqual(parsePayTerms(response.headers['pay-terms'] as string), {
    unit: 'letter',
    price: 10n,
    asset: 'USD',
    scale: 9,
    window: 1000n,
  })
  const reader = new Reader(response)
  const payer = new Payer(holder, response.headers['pay'])
  for (let count = 1; count <= 5; count++) {
    const outcome = await payer.send()
    assert.equal(outcome.status === 'fulfilled' && decodeEndOffset(outcome.data), count)
    assert.match(await reader.until(({ body }) => body.length >= count), new RegExp(`^[A-Z]{${count}}$`))
  }
  assert.equal(await holder.balance(), -50n)
  response.destroy()
})

test('two buyers at once each get their own letters, and pay for no others', async (t) => {
  const { holder, port } = await openShop(t)
  const responses = await Promise.all([get(port), get(port)])
  const [first, second] = responses.map((response) => new Reader(response))
  const [one, two] = responses.map((response) => new Payer(holder, response.headers['pay']))
  await one?.send()
  await two?.send(two.hold({ units: 3 }))
  assert.equal(await first?.until(({ body }) => body.length >= 1), 'A')
  assert.equal(await second?.until(({ body }) => body.length >= 3), 'ABC')
  for (const response of responses) response.destroy()
})

for (const [dialect, bare, shape] of [
  ['bare-psk', 'psk', /^10 example\.pair\.server\.[\w-]{11} [\w-]{43}$/],
  ['hmac-account', 'hmac-account', /^10 example\.pair\.server\.[\w-]{11} [\w-]{43}$/],
] as const) {
  test(`sells by the ${dialect} dialect`, async (t) => {
    const { holder, port } = await openShop(t, { dialect })
    const response = await get(port)
    assert.match(response.headers['pay'] as string, shape)
    const reader = new Reader(response)
    const payer = new Payer(holder, response.headers['pay'], bare)
    assert.equal(brief(await payer.send()), 'fulfilled')
    assert.equal(await reader.until(({ body }) => body.length >= 1), 'A')
    const stranger = new Payer(holder, response.headers['pay'], bare === 'psk' ? 'hmac-account' : 'psk')
    assert.equal(brief(await stranger.send(stranger.hold({ paymentId: '9' }))), 'rejected F05')
    response.destroy()
  })
}

test('each wrong hold is rejected with its code, and the stream goes on', async (t) => {
  const { holder, port } = await openShop(t)
  const response = await get(port)
  const reader = new Reader(response)
  const payer = new Payer(holder, response.headers['pay'])
  const good = (): Hold => payer.hold()
  const send = async (hold: Hold): Promise<string> => brief(await outcomeOf(holder, hold))

  assert.equal(await send({ ...good(), condition: new Uint8Array(32) }), 'rejected F05')
  assert.equal(await send({ ...good(), packet: new Uint8Array(0) }), 'rejected F01')
  assert.equal(await send({ ...good(), packet: Uint8Array.of(1, 2, 3) }), 'rejected F01')
  assert.equal(await send({ ...good(), packet: Uint8Array.of(9, 1, 0) }), 'rejected F01')
  assert.equal(await send({ ...good(), amount: 9n }), 'rejected F04')
  assert.equal(await send(payer.hold({ packetAmount: 9n })), 'rejected F04')
  assert.equal(await send(payer.hold({ packetAmount: 0n })), 'rejected F04')
  assert.equal(await send(payer.hold({ packetAmount: 11n })), 'rejected F04')
  assert.equal(await send({ ...good(), expiresAt: Date.now() + 900 }), 'rejected R02')
  assert.equal(await send(payer.hold({ address: 'example.elsewhere.server.x.1' })), 'rejected F02')
  assert.equal(await send(payer.hold({ address: 'example.pair.serverx.abc.1' })), 'rejected F02')
  assert.equal(await send(payer.hold({ address: 'example.pair.server' })), 'rejected F06')
  assert.equal(await send(payer.hold({ address: 'example.pair.server.unknown.1' })), 'rejected F06')
  assert.equal(await send(payer.hold({ address: 'example.pair.server.__proto__.1' })), 'rejected F06')
  assert.equal(reader.body, '')

  const once = payer.hold({ paymentId: '77' })
  assert.equal(await send(once), 'fulfilled')
  assert.equal(await send({ ...once }), 'rejected F06')
  assert.equal(await send(payer.hold({ paymentId: 'by-name' })), 'fulfilled')
  assert.equal(await send(payer.hold({ paymentId: 'by-name' })), 'rejected F06')
  assert.equal(await reader.until(({ body }) => body.length >= 2), 'AB')
  assert.equal(await holder.balance(), -20n)
  response.destroy()
})

test('a client that goes, by FIN or RST, ends its stream; holds that come later return', async (t) => {
  const { holder, port, till, streamEnd } = await openShop(t)
  for (const leave of ['FIN', 'RST'] as const) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    let head = ''
    const pay = new Promise<string>((resolve) =>
      socket.on('data', (part) => {
        head += part.toString('latin1')
        const header = /\r\nPay: (.*)\r\n[^]*\r\n\r\n/.exec(head)?.[1]
        if (header !== undefined) resolve(header)
      }),
    )
    socket.write('GET / HTTP/1.1\r\nHost: shop\r\n\r\n')
    const payer = new Payer(holder, await pay)
    assert.equal(brief(await payer.send()), 'fulfilled')
    if (leave === 'FIN') socket.end()
    else socket.resetAndDestroy()
    assert.equal((await streamEnd()).why, 'closed')
    assert.equal(till.streams, 0)
    assert.equal(brief(await payer.send()), 'rejected F06')
    socket.destroy()
  }
})

test('holds under way when the client goes are rejected, and an upstream that waits is aborted', async (t) => {
  let destroyed = 0
  const content = (): Readable =>
    new Readable({
      read() {},
      destroy(error, done) {
        destroyed++
        done(error)
      },
    })
  const { holder, port, streamEnd } = await openShop(t, { content })
  const response = await get(port)
  const payer = new Payer(holder, response.headers['pay'])
  const outcomes = [payer.send(), payer.send()]
  await new Promise((resolve) => setImmediate(resolve))
  response.destroy()
  assert.equal((await streamEnd()).why, 'closed')
  assert.deepEqual((await Promise.all(outcomes)).map(brief), ['rejected F99', 'rejected F99'])
  assert.equal(destroyed, 1)
  assert.equal(await holder.balance(), 0n)
})

test('the end of the source ends the response, and the connection serves the next request', async (t) => {
  const { holder, port } = await openShop(t, { content: () => 'AB' })
  const { Agent } = await import('node:http')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const ports: (number | undefined)[] = []
  for (let round = 0; round < 3; round++) {
    const response = await get(port, '/', { agent })
    ports.push(response.socket.localPort)
    const payer = new Payer(holder, response.headers['pay'])
    const whole = text(response)
    const big = await payer.send(payer.hold({ units: 3 }))
    assert.deepEqual(big.status === 'rejected' && decodeStreamReason(big.reason.data), { why: 'ended', units: 2 })
    assert.equal(brief(await payer.send(payer.hold({ units: 2 }))), 'fulfilled')
    assert.equal(await whole, 'AB')
  }
  assert.equal(new Set(ports).size, 1)
})

test('pipelined requests are served in turn, each stream once the one before it has ended', async (t) => {
  const { holder, port, streamEnd, till } = await openShop(t, { content: () => 'A' })
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let received = ''
  let wake: () => void = () => {}
  socket.on('data', (part) => {
    received += part.toString('latin1')
    wake()
  })
  const pays = async (count: number): Promise<string[]> => {
    for (;;) {
      const found = [...received.matchAll(/\r\nPay: (.*)\r\n/g)].map((match) => match[1] as string)
      if (found.length >= count) return found
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  socket.write('GET / HTTP/1.1\r\nHost: shop\r\n\r\n'.repeat(3))
  const [first] = await pays(1)
  assert.equal(till.streams, 1)
  const payer = new Payer(holder, first)
  assert.deepEqual([await payer.send(), await payer.send()].map(brief), ['fulfilled', 'rejected F99'])
  assert.equal((await streamEnd()).why, 'ended')
  const [, second] = await pays(2)
  assert.notEqual(first, second)
  assert.equal(till.streams, 1)
  socket.destroy()
  assert.equal((await streamEnd()).why, 'closed')
  assert.equal(till.streams, 0)
})

test('one connection cannot fill the shop: too many requests in a row end it', async (t) => {
  const { port, till, streamEnd } = await openShop(t)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  const gone = new Promise((resolve) => socket.once('close', resolve))
  socket.write('GET / HTTP/1.1\r\nHost: shop\r\n\r\n'.repeat(PIPELINED_MAX + 2))
  await gone
  assert.equal((await streamEnd()).why, 'closed')
  assert.equal(till.streams, 0)
})

test('a source that fails breaks the body off, so that nobody takes it for whole', async (t) => {
  const { holder, port, streamEnd } = await openShop(t, {
    *content() {
      yield 'A'
      throw new Error('upstream broke')
    },
  })
  const response = await get(port)
  const reader = new Reader(response)
  const payer = new Payer(holder, response.headers['pay'])
  assert.equal(brief(await payer.send()), 'fulfilled')
  assert.equal(brief(await payer.send()), 'rejected F99')
  await reader.until(({ ended }) => ended !== 'open')
  assert.deepEqual([reader.body, reader.ended], ['A', 'aborted'])
  assert.match(String((await streamEnd()).error), /upstream broke/)
})

test('sluice.cancel ends the stream and tells what was captured, again and again, but only to the payer', async (t) => {
  const { host, holder, port } = await openShop(t)
  const response = await get(port)
  const reader = new Reader(response)
  const payer = new Payer(holder, response.headers['pay'])
  await payer.send(payer.hold({ units: 3 }))
  const expected = { captures: 1, amount: 30n, endOffset: 3 }
  assert.deepEqual(decodeTotals(await holder.request([encodeCancel(payer.address)])), expected)
  await reader.until(({ ended }) => ended === 'end')
  assert.equal(reader.body, 'ABC')
  assert.equal(brief(await payer.send()), 'rejected F06')
  assert.deepEqual(decodeTotals(await holder.request([encodeCancel(payer.address)])), expected)
  await assert.rejects(holder.request([encodeCancel(`${host.info.account}.unknown`)]))
  await assert.rejects(holder.request([{ name: 'sluice.cancel', contentType: 0, data: Uint8Array.of(0xff) }]))
})

test('HEAD and OPTIONS tell the terms and open no stream; other methods are refused', async (t) => {
  const { port, till } = await openShop(t)
  const ask = (method: string, headers = {}): ReturnType<typeof get> =>
    new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, method, headers, agent: false }, resolve).on('error', reject).end()
    })
  for (const [method, status] of [
    ['HEAD', 200],
    ['OPTIONS', 204],
    ['POST', 405],
  ] as const) {
    const response = await ask(method, { Origin: 'https://page.example' })
    assert.equal(response.statusCode, status)
    const exposed = response.headers['access-control-expose-headers']
    assert.equal(exposed, 'Pay, Pay-Balance, Pay-Terms')
    assert.equal(response.headers['cache-control'], 'no-store, no-transform')
    if (method !== 'POST') assert.match(response.headers['pay-terms'] as string, /^unit=letter, price="10"/)
    response.resume()
  }
  const plain = await ask('HEAD')
  assert.equal(plain.headers['access-control-expose-headers'], undefined)
  assert.equal(till.streams, 0)
})

test('a shop that is full, or cannot reach its ledger, says 503 and sells nothing for free', async (t) => {
  const { pair, port, till, holder } = await openShop(t, {}, { streamsMax: 1 })
  const first = await get(port)
  const reader = new Reader(first)
  await new Payer(holder, first.headers['pay']).send()
  const full = await get(port)
  assert.equal(full.statusCode, 503)
  assert.equal(full.headers['content-type'], 'application/problem+json')
  assert.equal((JSON.parse(await text(full)) as { code: string }).code, 'unavailable')
  await pair.close()
  await reader.until(({ ended }) => ended !== 'open')
  assert.deepEqual([reader.ended, till.streams], ['aborted', 0])
  assert.equal((await get(port)).statusCode, 503)
})

test('content that cannot be had is a 500 without particulars', async (t) => {
  const { port, errors } = await openShop(t, { content: () => Promise.reject(new Error('secret path')) })
  const response = await get(port)
  assert.equal(response.statusCode, 500)
  assert.doesNotMatch(await text(response), /secret/)
  assert.match(String(errors.pop()), /secret path/)
})

test('a callback that throws, and a client that goes before the content is there, do not end the server', async (t) => {
  let give: (content: string) => void = () => {}
  const waiting = new Promise<void>((asked) => {
    give = () => asked()
  })
  let release: (content: string) => void = () => {}
  const { port, till, errors } = await openShop(t, {
    content: () => {
      give('')
      return new Promise<string>((resolve) => (release = resolve))
    },
    onStreamEnd: () => {
      throw new Error('a faulty callback')
    },
  })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: shop\r\n\r\n')
  await waiting
  socket.resetAndDestroy()
  await new Promise((resolve) => socket.once('close', resolve))
  release('ABC')
  for (let turn = 0; errors.length === 0 && turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.match(String(errors.pop()), /a faulty callback/)
  assert.equal(till.streams, 0)
})

test('a reader that reads nothing makes the source produce no more than the socket holds', async (t) => {
  let produced = 0
  const chunkBytes = 65_536
  const { holder, port } = await openShop(t, {
    price: 1n,
    unit: { name: 'chunk', cut: (source) => source },
    *content() {
      for (;;) {
        produced++
        yield new Uint8Array(chunkBytes)
      }
    },
  })
  const response = await get(port)
  response.pause()
  const payer = new Payer(holder, response.headers['pay'])
  let captured = 0
  for (let sent = 0; sent < 1000; sent++) {
    void payer.send().then((outcome) => (captured += outcome.status === 'fulfilled' ? 1 : 0))
  }
  // As many turns as a hundred such shops would need to run on.
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
  assert.ok(captured < 500, `captured ${captured} of 1000`)
  assert.ok(produced <= captured + 17, `produced ${produced}, captured ${captured}`)
  response.destroy()
})
