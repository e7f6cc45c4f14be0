/** Strangers over real TCP: garbage, silence, slowness, size, half-open sockets, wrong tokens; one at a time, then a thousand. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test, { type TestContext } from 'node:test'
import { WebSocket } from 'ws'
import { secretMatcher, SessionClient, SessionServer, type SessionServerOptions } from 'sluice/session'
import { dialWebSocket, listen, type ListenOptions } from 'sluice/session/ws'
import { authFrame, custom, MemoryLog, MemoryOwner, settled } from './harness.js'

const isSecret = secretMatcher('secret')

async function host(
  t: TestContext,
  options: Partial<ListenOptions> = {},
  sessionOptions: Partial<SessionServerOptions> = {},
) {
  const owner = new MemoryOwner()
  const log = new MemoryLog()
  const sessions = new SessionServer({
    version: 1,
    authenticate: ({ username, token }) => (isSecret(token) ? username : undefined),
    owner,
    log,
    ...sessionOptions,
  })
  const listener = await listen({
    port: 0,
    ...options,
    onTransport: (transport, remoteAddress) => sessions.accept(transport, remoteAddress),
  })
  const buyer = new SessionClient({
    version: 1,
    dial: dialWebSocket(`ws://localhost:${listener.port}`),
    username: 'buyer',
    token: 'secret',
    owner: new MemoryOwner(),
  })
  t.after(async () => {
    await buyer.close()
    await sessions.close()
    await listener.close()
    assert.equal(listener.sockets, 0)
    assert.doesNotMatch(log.text, /secret|hunter2/)
  })
  return { owner, log, sessions, listener, buyer, port: listener.port }
}

function tcp(port: number, text = ''): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  if (text !== '') socket.write(text, 'latin1')
  socket.resume()
  return socket
}

function webSocket(port: number, options: { autoPong?: boolean; origin?: string } = {}): WebSocket {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/`, options)
  ws.on('error', () => undefined)
  return ws
}

/** Resolves when the other side has ended the socket. */
function ended(socket: Socket | WebSocket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settled()
}

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n'
const KEY = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n'

/** Each ends by itself, through the host. */
const STRANGERS: Readonly<Record<string, (port: number) => Socket | WebSocket>> = {
  'bytes that are not HTTP': (port) => tcp(port, '\u0000\u0001garbage\r\n\r\n'),
  'nothing at all': (port) => tcp(port),
  'an HTTP request that never ends': (port) => {
    const socket = tcp(port, 'GET / HTTP/1.1\r\n')
    const drip = setInterval(() => socket.write('X: y\r\n'), 20)
    socket.on('close', () => clearInterval(drip))
    return socket
  },
  'headers without end': (port) => tcp(port, `GET / HTTP/1.1\r\n${'X: yyyyyyyyyyyyyyyyyyy\r\n'.repeat(1000)}`),
  'a plain HTTP request': (port) => tcp(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  'an upgrade to something else': (port) =>
    tcp(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
  'an upgrade without a key': (port) => tcp(port, `${UPGRADE}\r\n`),
  'a WebSocket that keeps silent': (port) => webSocket(port),
  'a WebSocket whose frames are garbage': (port) => tcp(port, `${UPGRADE}${KEY}\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff`),
  'a WebSocket frame without end': (port) => tcp(port, `${UPGRADE}${KEY}\u0082\u00ff\u0000\u0000\u0000`),
  'a WebSocket that sends text only': (port) => {
    const ws = webSocket(port)
    ws.on('open', () => ws.send('hello'))
    return ws
  },
  'one byte': (port) => sending(port, new Uint8Array([6])),
  'a message that is too long': (port) => sending(port, new Uint8Array(200 * 1024)),
  'a first message that is too long': (port) => sending(port, new Uint8Array(20 * 1024)),
  'a wrong token': (port) => sending(port, authFrame('hunter2', 'buyer')),
  'a page of another origin': (port) => webSocket(port, { origin: 'https://evil.example' }),
  'pings without end': (port) => {
    const ws = webSocket(port)
    ws.on('open', () => {
      for (let i = 0; i < 500; i++) ws.ping('x'.repeat(100))
    })
    return ws
  },
}

function sending(port: number, message: Uint8Array): WebSocket {
  const ws = webSocket(port)
  ws.on('open', () => ws.send(message))
  return ws
}

test('each stranger is ended by the host, and the live peer is served meanwhile', async (t) => {
  const limits = { authTimeoutMs: 200 }
  const { buyer, sessions, listener, port } = await host(t, { handshakeTimeoutMs: 200 }, { limits })
  await buyer.open()
  for (const [what, open] of Object.entries(STRANGERS)) {
    await t.test(what, async () => {
      const gone = ended(open(port))
      const reply = await new Promise<string>((resolve) =>
        buyer.session?.request(custom('m'), ({ type }) => resolve(type)),
      )
      assert.equal(reply, 'response')
      await gone
    })
  }
  await until(() => listener.sockets === 1)
  assert.deepEqual([sessions.unauthenticated, sessions.sessions], [0, 1])
})

test('a peer that went without a word is noticed by its missing pong, on both sides', async (t) => {
  const limits = { pingIntervalMs: 60, pongTimeoutMs: 50 }
  const { owner, listener, port } = await host(t, {}, { limits })
  const ws = webSocket(port, { autoPong: false })
  await once(ws, 'open')
  ws.send(authFrame('secret', 'mute'))
  await ended(ws)
  assert.deepEqual(owner.events, ['open', 'closed: the peer is silent'])
  await until(() => listener.sockets === 0)
})

test('sockets that are not WebSockets are few: one more ends the one that has waited longest', async (t) => {
  const { buyer, listener, port } = await host(t, { handshakesMax: 5, handshakeTimeoutMs: 60_000 })
  await buyer.open()
  const [oldest, ...rest] = Array.from({ length: 6 }, () => tcp(port))
  if (oldest !== undefined) await ended(oldest)
  assert.equal(listener.sockets, 6)
  assert.equal(buyer.session?.open, true)
  for (const socket of rest) socket.destroy()
  await until(() => listener.sockets === 1)
})

test('sockets are no more than socketsMax', async (t) => {
  const { listener, port } = await host(t, { socketsMax: 3, handshakeTimeoutMs: 60_000 })
  const sockets = Array.from({ length: 3 }, () => tcp(port))
  await until(() => listener.sockets === 3)
  await ended(tcp(port))
  assert.equal(listener.sockets, 3)
  for (const socket of sockets) socket.destroy()
  await until(() => listener.sockets === 0)
})

test('a slow reader is dropped before it fills memory', async (t) => {
  const { owner, listener, port } = await host(t, {}, { limits: { sendBufferBytesMax: 256 * 1024 } })
  const ws = webSocket(port)
  await once(ws, 'open')
  ws.send(authFrame('secret', 'slow'))
  await until(() => owner.sessions.length === 1)
  ws.pause()
  const { session } = owner
  let sent = 0
  let lost = 0
  while (session.open && sent < 10_000) {
    for (let i = 0; i < 20; i++) session.request(custom('m', 'x'.repeat(10_000)), () => lost++)
    sent += 20
    await settled()
  }
  assert.equal(session.open, false)
  await settled()
  assert.equal(lost, sent)
  assert.deepEqual(owner.events, ['open', 'closed: the peer does not read'])
  ws.terminate()
  await until(() => listener.sockets === 0)
})

test('a thousand strangers at once: the live peer is served, limits hold, all sockets return', async (t) => {
  const options = { handshakeTimeoutMs: 500, handshakesMax: 200 }
  const limits = { authTimeoutMs: 500 }
  const { buyer, owner, sessions, listener, port } = await host(t, options, { limits, unauthenticatedMax: 100 })
  await buyer.open()
  const { session } = buyer
  let served = 0
  let unserved = 0
  let over = false
  const serve = (): void => {
    session?.request(custom('m', 'a letter'), (reply) => {
      if (reply.type === 'response') served++
      else unserved++
      if (!over) setImmediate(serve)
    })
  }
  for (let i = 0; i < 10; i++) serve()
  const kinds = Object.values(STRANGERS)
  let most = 0
  const gone = Array.from({ length: 1000 }, async (_, i) => {
    const stranger = kinds[i % kinds.length]?.(port)
    if (stranger !== undefined) await ended(stranger)
  })
  const watch = setInterval(() => {
    most = Math.max(most, sessions.unauthenticated)
  }, 5)
  await Promise.all(gone)
  clearInterval(watch)
  over = true
  await until(() => listener.sockets === 1)
  assert.equal(unserved, 0)
  assert.ok(served > 100, `${served} served`)
  assert.ok(most <= 100, `${most} unauthenticated`)
  assert.deepEqual([sessions.unauthenticated, sessions.sessions], [0, 1])
  assert.deepEqual(
    owner.events.filter((event) => event !== 'request'),
    ['open'],
  )
  assert.equal(buyer.session, session)
})
