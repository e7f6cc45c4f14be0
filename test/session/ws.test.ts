/** Sessions over real sockets: what only a network shows. */
import assert from 'node:assert/strict'
import { type AddressInfo, connect, createServer as createTcpServer, Socket } from 'node:net'
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import test from 'node:test'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { WebSocket } from 'ws'
import { secretMatcher, SessionClient, SessionServer, type SessionServerOptions, type Transport } from 'sluice/session'
import { attach, type DialOptions, dialWebSocket, listen, type ListenOptions } from 'sluice/session/ws'
import { ROOT, readText } from '../tree.js'
import { authFrame, custom, hex, MemoryOwner, messageFrame, replies, settled } from './harness.js'

const execute = promisify(execFile)

const authenticate: SessionServerOptions['authenticate'] = ({ username, token }) =>
  secretMatcher('secret')(token) ? `account.${username}` : undefined

async function host(t: test.TestContext, options: Partial<ListenOptions> & { owner?: MemoryOwner } = {}) {
  const owner = options.owner ?? new MemoryOwner()
  const sessions = new SessionServer({ version: 1, authenticate, owner })
  const listener = await listen({
    port: 0,
    ...options,
    onTransport: (transport, remoteAddress) => sessions.accept(transport, remoteAddress),
  })
  t.after(async () => {
    await sessions.close()
    await listener.close()
    assert.equal(listener.sockets, 0)
  })
  return { owner, sessions, listener }
}

function holder(t: test.TestContext, url: string, options: DialOptions = {}) {
  const owner = new MemoryOwner()
  const client = new SessionClient({
    version: 1,
    dial: dialWebSocket(url, options),
    username: 'bob',
    token: 'secret',
    owner,
  })
  t.after(() => client.close())
  return { owner, client }
}

/** System calls that sockets of this process are asked to write with, while `work` runs. */
async function countWrites(work: () => Promise<void>): Promise<number> {
  const prototype = Socket.prototype as unknown as Record<'_write' | '_writev', (...args: unknown[]) => unknown>
  const { _write, _writev } = prototype
  let writes = 0
  prototype._write = function (...args) {
    writes++
    return _write.apply(this, args)
  }
  prototype._writev = function (...args) {
    writes++
    return _writev.apply(this, args)
  }
  try {
    await work()
  } finally {
    Object.assign(prototype, { _write, _writev })
  }
  return writes
}

test('frames of one turn leave in one system call, and so do their answers', async (t) => {
  const { listener } = await host(t)
  const { owner, client } = holder(t, `ws://localhost:${listener.port}/`)
  await client.open()
  let answered = 0
  const writes = await countWrites(async () => {
    await new Promise<void>((resolve) => {
      const onReply = (): void => {
        if (++answered === 100) resolve()
      }
      const requests = (): void => {
        for (let i = 0; i < 25; i++) owner.session.request(custom('m', 'x'), onReply)
      }
      setImmediate(() => {
        requests()
        // Still the same turn, for promises and for callbacks of what ended in it.
        process.nextTick(() => {
          requests()
          void Promise.resolve().then(requests)
          process.nextTick(requests)
        })
      })
    })
  })
  assert.equal(answered, 100)
  assert.equal(writes, 2)
})

test('a shared HTTP server keeps its own requests', async (t) => {
  const server = createServer((_request, response) => response.end('letters'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const sessions = new SessionServer({ version: 1, authenticate, owner: new MemoryOwner() })
  const detach = attach(server, { path: '/btp', onTransport: (transport, from) => sessions.accept(transport, from) })
  t.after(() => {
    detach()
    server.close()
    server.closeAllConnections()
  })
  const { owner, client } = holder(t, `ws://127.0.0.1:${port}/btp?x=1`)
  await client.open()
  const told = replies(owner.session, custom('m'))
  while (told.length === 0) await settled()
  assert.deepEqual(told, [{ type: 'response', entries: [] }])
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'letters')
  await assert.rejects(holder(t, `ws://127.0.0.1:${port}/other`).client.open({ timeoutMs: 50 }), {
    code: 'SESSION_TIMEOUT',
  })
})

test('where others serve WebSockets too, one that nobody takes and that breaks off ends nothing', async (t) => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const onTransport = (): void => assert.fail('taken')
  const detach = [attach(server, { path: '/one', onTransport }), attach(server, { path: '/two', onTransport })]
  t.after(() => {
    for (const off of detach) off()
    server.close()
    server.closeAllConnections()
  })
  const upgraded = new Promise<Duplex>((resolve) => {
    server.once('upgrade', (_request: unknown, socket: Duplex) => resolve(socket))
  })
  const socket = connect(port, '127.0.0.1')
  socket.write('GET /three HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  const left = await upgraded
  const closed = new Promise((resolve) => left.once('close', resolve))
  // Without a listener of ours this error ends the process.
  assert.equal(left.emit('error', new Error('ECONNRESET')), true)
  socket.resetAndDestroy()
  await closed
})

const cert = readText('test/session/fixtures/cert.pem')
const key = readText('test/session/fixtures/key.pem')

test('over TLS, to whoever trusts the certificate', async (t) => {
  const { listener } = await host(t, { cert, key })
  const trusting = holder(t, `wss://localhost:${listener.port}/`, { tls: { ca: cert } })
  await trusting.client.open()
  const told = replies(trusting.owner.session, custom('m', 'x'.repeat(100_000)))
  while (told.length === 0) await settled()
  assert.deepEqual(told, [{ type: 'response', entries: [] }])
  const doubting = holder(t, `wss://localhost:${listener.port}/`)
  await assert.rejects(doubting.client.open({ timeoutMs: 100 }), { code: 'SESSION_TIMEOUT', message: /self-signed/ })
  const plain = holder(t, `ws://localhost:${listener.port}/`)
  await assert.rejects(plain.client.open({ timeoutMs: 100 }), { code: 'SESSION_TIMEOUT' })
})

test('a listener that asks for certificates takes only those of its authority', async (t) => {
  const { listener } = await host(t, { cert, key, ca: cert })
  const known = holder(t, `wss://localhost:${listener.port}/`, { tls: { ca: cert, cert, key } })
  await known.client.open()
  const unknown = holder(t, `wss://localhost:${listener.port}/`, { tls: { ca: cert } })
  await assert.rejects(unknown.client.open({ timeoutMs: 100 }), { code: 'SESSION_TIMEOUT' })
})

test('a TLS socket that never says hello is ended', async (t) => {
  const { listener } = await host(t, { cert, key, handshakeTimeoutMs: 100 })
  const socket = connect(listener.port, '127.0.0.1').resume()
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
})

test('only the machine itself reaches a listener without a host option', async (t) => {
  const { listener } = await host(t)
  assert.equal(listener.host, '127.0.0.1')
  for (const name of ['localhost', '127.0.0.1']) await holder(t, `ws://${name}:${listener.port}/`).client.open()
})

test('a page connects only from an origin that is allowed', async (t) => {
  const { listener } = await host(t, { allowedOrigins: ['https://shop.example'] })
  const open = (origin: string) =>
    new Promise<string>((resolve) => {
      const ws = new WebSocket(`ws://127.0.0.1:${listener.port}/`, { origin })
      ws.on('open', () => {
        ws.terminate()
        resolve('open')
      })
      ws.on('error', ({ message }) => resolve(message))
    })
  assert.equal(await open('https://shop.example'), 'open')
  assert.match(await open('https://evil.example'), /403/)
})

test('a port in use is an error with a name, and so is a dial that cannot succeed', async (t) => {
  const { listener } = await host(t)
  const onTransport = (): void => undefined
  await assert.rejects(listen({ port: listener.port, onTransport }), { code: 'SESSION_LISTEN', message: /EADDRINUSE/ })
  await listener.close()
  const never = new AbortController().signal
  for (const url of [`ws://localhost:${listener.port}/`, `ws://127.0.0.1:${listener.port}/`]) {
    await assert.rejects(dialWebSocket(url)(never), { code: 'SESSION_UNREACHABLE', message: /ECONNREFUSED/ })
  }
  for (const url of ['http://localhost/', 'nonsense', '']) {
    assert.throws(() => dialWebSocket(url), { code: 'SESSION_URL' })
  }
  await assert.rejects(dialWebSocket('ws://127.0.0.1:1/')(AbortSignal.abort()), { code: 'SESSION_UNREACHABLE' })
})

test('a dial can be given up while the other side hesitates', async (t) => {
  const silent = createTcpServer(() => undefined).listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  const sockets: Socket[] = []
  silent.on('connection', (socket) => sockets.push(socket))
  t.after(() => silent.close())
  const { client } = holder(t, `ws://127.0.0.1:${(silent.address() as AddressInfo).port}/`)
  const outcome = assert.rejects(client.open(), { code: 'SESSION_CLOSED' })
  await new Promise((resolve) => silent.once('connection', resolve))
  const [socket] = sockets
  const gone = new Promise((resolve) => socket?.once('close', resolve))
  await client.close()
  await outcome
  await gone
})

test('what a host sends with the upgrade, or its closing right after, reaches handlers that are set after the dial', async (t) => {
  const listener = await listen({
    port: 0,
    onTransport: (transport) => {
      transport.send(messageFrame(1, 'early'))
      transport.close(
        1008,
        'a reason that is much longer than what a closing frame can carry in its 123 bytes'.repeat(3),
      )
    },
  })
  t.after(() => listener.close())
  const transport = await dialWebSocket(`ws://127.0.0.1:${listener.port}/`)(new AbortController().signal)
  const seen: string[] = []
  await new Promise<void>((resolve) => {
    transport.onMessage = (message) => seen.push(hex(message))
    transport.onClosed = (reason) => {
      seen.push(reason)
      resolve()
    }
  })
  assert.deepEqual(seen, [hex(messageFrame(1, 'early')), 'closed with code 1008'])
  transport.send(messageFrame(2, 'late'))
  transport.ping()
  transport.close()
  transport.terminate()
})

test('a turn that sends much does not wait for its end, and everything arrives in order', async (t) => {
  const received: Uint8Array[] = []
  let sender: Transport | undefined
  const listener = await listen({
    port: 0,
    onTransport: (transport) => {
      sender = transport
    },
  })
  t.after(() => listener.close())
  const transport = await dialWebSocket(`ws://127.0.0.1:${listener.port}/`)(new AbortController().signal)
  const frames = Array.from({ length: 2_000 }, (_, i) => messageFrame(i, 'm', 'x'.repeat(1_000)))
  let most = 0
  const all = new Promise<void>((resolve) => {
    transport.onMessage = (message) => {
      if (received.push(message) === frames.length) resolve()
    }
  })
  for (const frame of frames.slice(0, 60)) {
    sender?.send(frame)
    most = Math.max(most, sender?.bufferedBytes ?? 0)
  }
  for (const frame of frames.slice(60, 1_000)) sender?.send(frame)
  await settled()
  for (const frame of frames.slice(1_000)) sender?.send(frame)
  await all
  assert.ok(most > 50_000, 'the turn gathers')
  for (const [i, message] of received.entries()) assert.equal(Buffer.compare(message, frames[i] ?? message), 0)
})

test('what arrived can be copied, so that a field that is kept does not keep the rest', async (t) => {
  const { listener, owner } = await host(t)
  const { owner: other, client } = holder(t, `ws://127.0.0.1:${listener.port}/`)
  await client.open()
  await new Promise<void>((resolve) => other.session.request(custom('m', 'kept'), () => resolve()))
  const kept = owner.requests[0]?.entries[0]?.data.slice()
  assert.equal(hex(kept), Buffer.from('kept').toString('hex'))
  assert.equal(kept?.buffer.byteLength, 4)
})

test('text is ignored, before authentication and after', async (t) => {
  const { listener, owner } = await host(t)
  const ws = new WebSocket(`ws://127.0.0.1:${listener.port}/`)
  await new Promise((resolve) => ws.once('open', resolve))
  ws.send('hello')
  ws.send(authFrame('secret', 'bob'))
  ws.send('hello')
  ws.send(messageFrame(2, 'm'))
  while (owner.requests.length === 0) await settled()
  ws.terminate()
})

test('frames behind the auth message are served, over a socket too', async (t) => {
  const { listener, owner } = await host(t)
  const ws = new WebSocket(`ws://127.0.0.1:${listener.port}/`)
  await new Promise((resolve) => ws.once('open', resolve))
  for (const frame of [authFrame('secret', 'bob'), messageFrame(2, 'm'), messageFrame(3, 'm')]) ws.send(frame)
  while (owner.requests.length < 2) await settled()
  ws.terminate()
  assert.equal(owner.session.account, 'account.bob')
})

test('a process that waits to reconnect does not end before its time is up', async (t) => {
  const { listener } = await host(t)
  await listener.close()
  const program = `
    import { SessionClient } from 'sluice/session'
    import { dialWebSocket } from 'sluice/session/ws'
    const owner = { onRequest() {}, onClosed() {} }
    const dial = dialWebSocket('ws://127.0.0.1:${listener.port}/')
    const client = new SessionClient({ version: 1, dial, username: '', token: '', owner })
    client.open({ timeoutMs: 400 }).catch((error) => console.log(error.code))
  `
  const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT })
  assert.equal(stdout.trim(), 'SESSION_TIMEOUT')
})
