/** The plugin for one peer: dialling and waiting at once, waiting at a given HTTP server, when it dials again. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import test, { type TestContext } from 'node:test'
import { decodeFrame, encodeFrame, octetEntry } from 'sluice/btp'
import { BtpPlugin, type BtpPluginOptions } from 'sluice/plugin'
import { FakeClock } from 'sluice/testing'
import { WebSocketServer } from 'ws'
import { listening, LogLines, RawPeer, SECRET, turn } from './v2-pair.js'

const quiet = new LogLines().services
const LISTENER = { port: 0, host: '127.0.0.1', secret: SECRET }

function plugin(t: TestContext, opts: BtpPluginOptions): BtpPlugin {
  const made = new BtpPlugin(opts, quiet)
  t.after(async () => made.disconnect())
  return made
}

function uri(port: number | undefined): string {
  return `btp+ws://:${encodeURIComponent(SECRET)}@127.0.0.1:${port}`
}

/** A program that lets anybody in, echoes, and says over which connection it was asked. */
async function echoing(t: TestContext, answer: (requestId: number) => Buffer = accepted) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.after(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  await once(server, 'listening')
  const asked: Uint8Array[] = []
  server.on('connection', (socket) => {
    socket.on('message', (bytes: Buffer) => {
      const frame = decodeFrame(bytes, 2)
      if (frame.type !== 6) return
      if (frame.entries[0]?.name === 'auth') return socket.send(answer(frame.requestId))
      asked.push(frame.entries[0]?.data ?? Buffer.alloc(0))
      socket.send(encodeFrame({ ...frame, type: 1 }, 2))
    })
  })
  return { port: (server.address() as AddressInfo).port, server, asked }
}

function accepted(requestId: number): Buffer {
  return Buffer.from(encodeFrame({ type: 1, requestId, entries: [] }, 2))
}

function refused(requestId: number): Buffer {
  const error = { code: 'F00', name: 'NotAcceptedError', triggeredAt: 0, data: Buffer.alloc(0), entries: [] }
  return Buffer.from(encodeFrame({ type: 2, requestId, ...error }, 2))
}

/** A port of this machine at which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

test('with server and listener it is connected when its peer dials', async (t) => {
  const both = plugin(t, { server: uri(await deadPort()), listener: LISTENER })
  both.registerDataHandler(async (data) => data)
  const { connecting, port } = await listening(both)
  const peer = plugin(t, { server: uri(port) })
  peer.registerDataHandler(async (data) => data)
  await Promise.all([connecting, peer.connect()])
  assert.deepEqual(await both.sendData(Buffer.of(1)), Buffer.of(1))
  assert.deepEqual(await peer.sendData(Buffer.of(2)), Buffer.of(2))
  await both.disconnect()
  assert.equal(both.port, undefined)
})

test('with server and listener it is connected when its peer answers', async (t) => {
  const { port, asked } = await echoing(t)
  const both = plugin(t, { server: uri(port), listener: LISTENER })
  await both.connect()
  assert.deepEqual(await both.sendData(Buffer.of(1)), Buffer.of(1))
  assert.equal(asked.length, 1)
  await both.disconnect()
  await both.connect()
  assert.deepEqual(await both.sendData(Buffer.of(2)), Buffer.of(2))
})

test('two that dial each other serve both connections, and losing one of them is no loss', async (t) => {
  const [near, far] = [await freeServer(t), await freeServer(t)]
  const plugins = [
    plugin(t, { server: uri(portOf(far)), listener: { secret: SECRET, wsOpts: { server: near } } }),
    plugin(t, { server: uri(portOf(near)), listener: { secret: SECRET, wsOpts: { server: far } } }),
  ]
  const upgrades = Promise.all([near, far].map(async (server) => once(server, 'upgrade') as Promise<[IncomingMessage]>))
  let lost = 0
  for (const one of plugins) {
    one.registerDataHandler(async (data) => data)
    one.on('disconnect', () => lost++)
  }
  await Promise.all(plugins.map(async (one) => one.connect()))
  const sockets = (await upgrades).map(([{ socket }]) => socket)
  const exchange = async (): Promise<void> => {
    for (const [n, one] of plugins.entries()) assert.deepEqual(await one.sendData(Buffer.of(n)), Buffer.of(n))
  }
  // Each asks over the connection that the other dialled, as soon as that one has authenticated.
  for (let used = 0; used < 2;) {
    const before = sockets.map(({ bytesRead }) => bytesRead)
    await exchange()
    used = sockets.filter(({ bytesRead }, n) => bytesRead > (before[n] ?? 0)).length
  }
  sockets[0]?.destroy()
  await exchange().catch(exchange)
  await exchange()
  assert.equal(lost, 0)
})

test('it answers the connection that asks, and asks over the one that the peer dialled', async (t) => {
  const { port, server, asked } = await echoing(t)
  const both = plugin(t, { server: uri(port), listener: LISTENER })
  both.registerDataHandler(async (data) => data)
  await both.connect()
  const peer = await RawPeer.dial(t, both.port)
  peer.authenticate(SECRET)
  peer.data(7, Buffer.of(7))
  assert.deepEqual(Buffer.from((await peer.answer(7)) as Uint8Array), Buffer.of(7))
  // ilp-plugin-btp would answer over the connection that it dialled, whichever was asked.
  const call = both.sendData(Buffer.of(8))
  const elsewhere = call.then(() => assert.fail('it asked over the connection that it dialled'))
  const question = await Promise.race([peer.frame((frame) => frame.type === 6), elsewhere])
  elsewhere.catch(() => undefined)
  peer.send({ type: 1, requestId: question.requestId, entries: [octetEntry('ilp', Buffer.of(9))] })
  assert.deepEqual(await call, Buffer.of(9))
  assert.equal(asked.length, 0)
  // A question over the other one is answered there.
  const [dialled] = server.clients
  assert.ok(dialled)
  const answered = once(dialled, 'message') as Promise<[Buffer]>
  dialled.send(encodeFrame({ type: 6, requestId: 3, entries: [octetEntry('ilp', Buffer.of(3))] }, 2))
  const [answer] = await answered
  assert.deepEqual({ ...decodeFrame(answer, 2), entries: [] }, { type: 1, requestId: 3, entries: [] })
  peer.ws.terminate()
  await peer.closed()
  while (asked.length === 0) await both.sendData(Buffer.of(4)).catch(async () => turn())
  assert.equal(both.isConnected(), true)
})

test('with server and listener connect gives up in time, and nothing is left', async (t) => {
  const clock = new FakeClock()
  const both = plugin(t, { server: uri(await deadPort()), listener: LISTENER, clock })
  const connecting = assert.rejects(both.connect({ timeout: 300 }), { name: 'UnreachableError', ilpErrorCode: 'T01' })
  while (both.port === undefined) await turn()
  await turn()
  clock.advance(300)
  await connecting
  assert.equal(both.port, undefined)
  assert.equal(clock.pending, 0)
})

test('with server and listener disconnect ends connect, and a later one works', async (t) => {
  const { port } = await echoing(t)
  const both = plugin(t, { server: uri(port), listener: LISTENER })
  const connecting = assert.rejects(both.connect(), { name: 'UnreachableError' })
  await both.disconnect()
  await connecting
  await both.connect()
  assert.equal(both.isConnected(), true)
})

test('with server and listener wrong credentials, or a port that is taken, are told', async (t) => {
  const { port } = await echoing(t, refused)
  const wrong = plugin(t, { server: uri(port), listener: LISTENER })
  await assert.rejects(wrong.connect(), { name: 'NotAcceptedError' })
  assert.equal(wrong.port, undefined)
  const taken = plugin(t, { server: uri(port), listener: { ...LISTENER, port } })
  await assert.rejects(taken.connect(), { name: 'UnreachableError', message: /EADDRINUSE/ })
})

/** An HTTP server of somebody else's, which listens, and answers with `hello`. */
async function freeServer(t: TestContext): Promise<Server> {
  const server = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  return server
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}

async function statusOf(port: number | undefined): Promise<number | undefined> {
  const [response] = (await once(get({ port, agent: false }), 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'close')
  return response.statusCode
}

test('it waits at a server that listens already, and leaves it listening', async (t) => {
  const server = await freeServer(t)
  const listener = plugin(t, { listener: { secret: SECRET, wsOpts: { server, path: '/btp' } } })
  for (let round = 0; round < 2; round++) {
    const connecting = listener.connect()
    const peer = plugin(t, { server: `${uri(portOf(server))}/btp` })
    await Promise.all([connecting, peer.connect()])
    assert.equal(listener.port, portOf(server))
    peer.registerDataHandler(async (data) => data)
    assert.deepEqual(await listener.sendData(Buffer.of(round)), Buffer.of(round))
    assert.equal(await statusOf(listener.port), 200)
    await Promise.all([listener.disconnect(), peer.disconnect()])
    assert.equal(server.listening, true)
    assert.equal(server.listenerCount('upgrade'), 0)
  }
})

test('it makes a server listen on its port, and closes it', async (t) => {
  const server = createServer()
  const listener = plugin(t, { listener: { port: 0, host: '127.0.0.1', secret: SECRET, wsOpts: { server } } })
  for (let round = 0; round < 2; round++) {
    const { connecting, port } = await listening(listener)
    const peer = plugin(t, { server: uri(port) })
    await Promise.all([connecting, peer.connect()])
    assert.equal(server.listening, true)
    await Promise.all([listener.disconnect(), peer.disconnect()])
    assert.equal(server.listening, false)
  }
  const other = await freeServer(t)
  const taken = plugin(t, {
    listener: { port: portOf(other), host: '127.0.0.1', secret: SECRET, wsOpts: { server: createServer() } },
  })
  await assert.rejects(taken.connect(), { name: 'UnreachableError', message: /EADDRINUSE/ })
})

test('what makes no sense is refused by the constructor', () => {
  const [server, dialled] = [createServer(), 'btp+ws://:secret@localhost:1']
  for (const opts of [
    { listener: { secret: SECRET, wsOpts: { server: {} } } },
    { listener: { secret: '', wsOpts: { server } } },
    { listener: { secret: SECRET, cert: 'c', key: 'k', wsOpts: { server } } },
    { listener: { secret: SECRET, wsOpts: { noServer: true } } },
    { listener: { secret: SECRET, wsOpts: { verifyClient: () => true } } },
    { server: dialled, reconnectInterval: -1 },
    { server: dialled, reconnectIntervals: [] },
    { server: dialled, reconnectIntervals: [100, 0] },
    { server: dialled, reconnectIntervals: [Number.NaN, 1] },
    { server: dialled, reconnectClearTryTimeout: -1 },
    { server: dialled, responseTimeout: Infinity },
  ] as BtpPluginOptions[]) {
    assert.throws(() => new BtpPlugin(opts), { name: 'InvalidFieldsError' }, JSON.stringify(opts))
  }
})

class Recorded extends FakeClock {
  readonly delays: number[] = []

  override after(delayMs: number, fire: () => void) {
    this.delays.push(delayMs)
    return super.after(delayMs, fire)
  }
}

test('reconnectInterval and reconnectIntervals say when it dials again', async (t) => {
  for (const [opts, waits] of [
    [{ reconnectInterval: 100_000 }, [100_000, 100_000]],
    [{ reconnectIntervals: [100_000, 500_000], reconnectInterval: 7 }, [100_000, 500_000]],
  ] satisfies [Partial<BtpPluginOptions>, number[]][]) {
    const clock = new Recorded()
    const { port, server } = await echoing(t)
    const client = plugin(t, { server: uri(port), clock, ...opts })
    await client.connect()
    // From now on nobody gets in.
    server.on('connection', (socket) => socket.terminate())
    for (const socket of server.clients) socket.terminate()
    for (const wait of waits) {
      // Jitter takes up to a half of it; everything else takes less.
      const isWait = (delay: number): boolean => delay >= wait / 2
      while (!clock.delays.some(isWait)) await turn()
      assert.ok(clock.delays.every((delay) => delay <= wait))
      clock.delays.length = 0
      clock.advance(wait)
    }
    await client.disconnect()
  }
})
