/** Sessions over real sockets: what only a network shows. */
import assert from 'node:assert/strict'
import { type AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:http'
import test from 'node:test'
import { secretMatcher, SessionClient, SessionServer, type SessionServerOptions } from 'sluice/session'
import { attach, dialWebSocket, listen, type ListenOptions } from 'sluice/session/ws'
import { custom, MemoryOwner, replies, settled } from './harness.js'

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

function holder(t: test.TestContext, url: string) {
  const owner = new MemoryOwner()
  const client = new SessionClient({ version: 1, dial: dialWebSocket(url), username: 'bob', token: 'secret', owner })
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
      for (let i = 0; i < 50; i++) owner.session.request(custom('m', 'x'), onReply)
      // Still the same turn for whoever waits for a promise.
      void Promise.resolve().then(() => {
        for (let i = 0; i < 50; i++) owner.session.request(custom('m', 'x'), onReply)
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
