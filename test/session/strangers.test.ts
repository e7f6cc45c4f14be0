/** Strangers over real TCP: garbage, silence, slowness, size, half-open sockets, wrong tokens; one at a time, then a thousand. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { secretMatcher, SessionClient, SessionServer, type SessionServerOptions } from 'sluice/session'
import { dialWebSocket, listen, type ListenOptions } from 'sluice/session/ws'
import { authFrame, custom, MemoryLog, MemoryOwner, settled } from './harness.js'
import { ended, STRANGERS, tcp, webSocket } from './stranger-kinds.js'

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

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settled()
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
