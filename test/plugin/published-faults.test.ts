/**
 * What the published plugins of version 2 do wrong (ilp-plugin-btp, ilp-plugin-mini-accounts), and ours must not: the cases
 * that need the other role, the other plugin, or many packets, beside btp-plugin.test.ts and host-plugin.test.ts.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import test from 'node:test'
import { BtpPlugin } from 'sluice/plugin'
import { FakeClock } from 'sluice/testing'
import { WebSocketServer } from 'ws'
import {
  answerOf,
  fulfill,
  holding,
  hosting,
  LogLines,
  peers,
  prepare,
  PREFIX,
  RawPeer,
  reject,
  turn,
} from './v2-pair.js'

const quiet = new LogLines().services
const AUTH_TIMEOUT_MS = 2_000
const PING_MS = 20_000
const PONG_MS = 10_000

test('calls in flight fail at once when their own side disconnects', async (t) => {
  const { listener, client } = await peers(t)
  let arrived = (): void => undefined
  const arriving = new Promise<void>((resolve) => (arrived = resolve))
  listener.registerDataHandler(() => {
    arrived()
    return new Promise(() => undefined)
  })
  listener.registerMoneyHandler(() => new Promise(() => undefined))
  const call = assert.rejects(client.sendData(Buffer.of(1)), { name: 'UnreachableError', ilpErrorCode: 'T01' })
  await arriving
  await client.disconnect()
  await call
  await assert.rejects(client.sendData(Buffer.of(2)), { name: 'UnreachableError', ilpErrorCode: 'T01' })
  await assert.rejects(client.sendMoney('1'), { name: 'UnreachableError', ilpErrorCode: 'T01' })
})

test('a client notices a server that does not answer pings', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false })
  t.after(() => {
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  await once(server, 'listening')
  server.on('connection', (socket) => {
    // Authentication is accepted: an empty Response under its id. Nothing else is ever answered.
    socket.once('message', (data: Buffer) => {
      socket.send(Buffer.concat([Buffer.of(1), data.subarray(1, 5), Buffer.of(2, 1, 0)]))
    })
  })
  const clock = new FakeClock()
  const { port } = server.address() as AddressInfo
  const client = new BtpPlugin({ server: `btp+ws://:token@127.0.0.1:${port}`, clock }, quiet)
  t.after(async () => client.disconnect())
  await client.connect()
  const call = assert.rejects(client.sendData(Buffer.of(1)), { name: 'UnreachableError', ilpErrorCode: 'T01' })
  const lost = once(client, 'disconnect')
  clock.advance(PING_MS)
  clock.advance(PONG_MS)
  await call
  await lost
})

test('a host notices a holder that does not answer pings', async (t) => {
  const clock = new FakeClock(Date.now())
  const host = await hosting(t, { clock })
  const holder = await RawPeer.dial(t, host.port, { autoPong: false })
  holder.authenticate('token of alice', 'alice')
  await holder.answer(1)
  const expiresAt = clock.now() + 60_000
  const packet = prepare(1, { destination: `${PREFIX}alice`, expiresAt })
  const call = assert.rejects(host.sendData(packet), { name: 'UnreachableError', ilpErrorCode: 'T01' })
  await holder.frame((frame) => frame.type === 6)
  clock.advance(PING_MS)
  clock.advance(PONG_MS)
  await call
  await holder.closed()
})

test('a host closes sockets that do not authenticate, in time', async (t) => {
  const clock = new FakeClock(Date.now())
  const host = await hosting(t, { clock })
  const silent = await RawPeer.dial(t, host.port)
  await turn()
  clock.advance(AUTH_TIMEOUT_MS)
  await silent.closed()
})

test('an impostor changes nothing for the live holder, and no token is logged', async (t) => {
  const log = new LogLines()
  const host = await hosting(t, {}, log.services)
  const alice = await holding(t, host)
  let events = 0
  for (const plugin of [host, alice]) plugin.on('connect', () => events++).on('disconnect', () => events++)
  host.registerDataHandler(async () => fulfill(1))
  alice.registerDataHandler(async () => fulfill(2))
  const impostor = await RawPeer.dial(t, host.port)
  impostor.authenticate('a wrong token', 'alice')
  // Behind it, in the hope that somebody looks only at the name.
  impostor.data(2, prepare(1))
  impostor.send({ type: 7, requestId: 3, amount: 10n ** 18n, entries: [] })
  assert.equal(await impostor.answer(1), 'F00 NotAcceptedError')
  await impostor.closed()
  assert.equal(impostor.frames.length, 1)
  assert.equal(await host.balanceOf('alice'), '0')
  assert.equal(answerOf(await alice.sendData(prepare(1))), 'fulfill')
  assert.equal(answerOf(await host.sendData(prepare(2, { destination: `${PREFIX}alice` }))), 'fulfill')
  assert.equal(events, 0)
  assert.doesNotMatch(log.text, /token of alice|wrong token/)
})

test('requests that come right behind authentication are served, each once', async (t) => {
  const host = await hosting(t)
  host.registerDataHandler(async (data) => fulfill(data.at(-1) ?? 0))
  const eager = await RawPeer.dial(t, host.port)
  eager.authenticate('token of alice', 'alice')
  for (let n = 2; n < 12; n++) eager.data(n, prepare(n))
  for (let n = 2; n < 12; n++) assert.equal(answerOf((await eager.answer(n)) as Uint8Array), 'fulfill')
  assert.equal(await host.balanceOf('alice'), '-100')
})

test('no account is opened under a name that is no segment of an address', async (t) => {
  const host = await hosting(t, { accounts: {}, openAccounts: { maxBalance: '20' } })
  for (const name of ['a.b', 'with space', 'ünicode', '.', 'a/b', 'x'.repeat(1024)]) {
    const peer = await RawPeer.dial(t, host.port)
    peer.authenticate('any token', name)
    assert.equal(await peer.answer(1), 'F00 NotAcceptedError', name.slice(0, 20))
  }
  const peer = await RawPeer.dial(t, host.port)
  peer.authenticate('any token', 'a-b_c~1')
  assert.equal(typeof (await peer.answer(1)), 'object')
})

test('packets that fail leave no timer behind', async (t) => {
  const clock = new FakeClock(Date.now())
  const host = await hosting(t, { clock })
  const [alice, bob] = [await holding(t, host, 'alice', { clock }), await holding(t, host, 'bob', { clock })]
  bob.registerDataHandler(async () => reject())
  host.registerDataHandler(async (data) => {
    if (data.at(-1) === 1) throw new Error('it fails')
    return data.at(-1) === 2 ? reject() : fulfill(0)
  })
  const round = async (n: number): Promise<void> => {
    const expiresAt = Date.now() + 15_000 + n
    for (const which of [1, 2, 3]) {
      assert.notEqual(answerOf(await alice.sendData(prepare(which, { expiresAt }))), 'fulfill')
      assert.notEqual(answerOf(await alice.sendData(prepare(which, { expiresAt, amount: 0n }))), 'fulfill')
    }
    assert.equal(answerOf(await alice.sendData(prepare(4, { expiresAt, amount: 10_000n }))), 'T04')
    assert.equal(answerOf(await host.sendData(prepare(5, { expiresAt, destination: `${PREFIX}bob` }))), 'F99')
    assert.equal(answerOf(await host.sendData(prepare(6, { expiresAt, destination: `${PREFIX}nobody` }))), 'F02')
  }
  await round(0)
  const { pending } = clock
  for (let n = 1; n <= 20; n++) await round(n)
  assert.ok(clock.pending <= pending, `${clock.pending - pending} timers were left behind`)
  assert.equal(await host.balanceOf('alice'), '0')
})
