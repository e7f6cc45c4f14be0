/** The plugin for one peer: what strangers and faulty peers cannot do, frames of other programs, settlements. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { octetEntry } from 'sluice/btp'
import { BtpPlugin, type BtpPluginOptions, type PluginServices } from 'sluice/plugin'
import { FakeClock } from 'sluice/testing'
import { answerOf, fulfill, listening, LogLines, peers, prepare, RawPeer, reject, SECRET, turn } from './v2-pair.js'

const quiet = new LogLines().services

async function alone(t: test.TestContext, options: Partial<BtpPluginOptions> = {}, api = quiet) {
  const listener = new BtpPlugin({ listener: { port: 0, host: '127.0.0.1', secret: SECRET }, ...options }, api)
  t.after(async () => listener.disconnect())
  const { connecting, port } = await listening(listener)
  return { listener, connecting, port }
}

test('a stranger with a wrong token changes nothing for the live peer, and no secret is logged', async (t) => {
  const log = new LogLines()
  const { listener, client, port } = await peers(t, { api: log.services })
  let events = 0
  for (const plugin of [listener, client]) plugin.on('connect', () => events++).on('disconnect', () => events++)
  listener.registerDataHandler(async (data) => data)
  const stranger = await RawPeer.dial(t, port)
  stranger.authenticate('a wrong token')
  assert.equal(await stranger.answer(1), 'F00 NotAcceptedError')
  await stranger.closed()
  const silent = await RawPeer.dial(t, port)
  silent.ws.send(Buffer.of(1))
  await silent.closed()
  const eager = await RawPeer.dial(t, port)
  eager.data(9, Buffer.of(1))
  assert.equal(await eager.answer(9), 'F01 InvalidFieldsError')
  assert.deepEqual(await client.sendData(Buffer.of(3)), Buffer.of(3))
  assert.equal(events, 0)
  assert.doesNotMatch(log.text, /peer secret|wrong token/)
})

test('a socket that does not authenticate is closed in time', async (t) => {
  const clock = new FakeClock()
  const { port } = await alone(t, { clock })
  const silent = await RawPeer.dial(t, port)
  await turn()
  clock.advance(2_000)
  await silent.closed()
})

test('a peer that does not answer pings is gone', async (t) => {
  const clock = new FakeClock()
  const { listener, connecting, port } = await alone(t, { clock })
  const peer = await RawPeer.dial(t, port, { autoPong: false })
  peer.authenticate(SECRET)
  await connecting
  const call = listener.sendData(Buffer.of(1))
  const lost = once(listener, 'disconnect')
  clock.advance(20_000)
  clock.advance(10_000)
  await assert.rejects(call, { name: 'UnreachableError', ilpErrorCode: 'T01' })
  await lost
})

test('calls in flight fail at once when the peer goes', async (t) => {
  const { listener, client } = await peers(t)
  let called: () => void = () => undefined
  const arrived = new Promise<void>((resolve) => (called = resolve))
  listener.registerDataHandler(() => {
    called()
    return new Promise(() => undefined)
  })
  const call = client.sendData(Buffer.of(1))
  call.catch(() => undefined)
  await arrived
  await listener.disconnect()
  await assert.rejects(call, { name: 'UnreachableError', ilpErrorCode: 'T01' })
})

test('a call that is not answered is rejected after responseTimeout', async (t) => {
  const clock = new FakeClock()
  const { listener, connecting, port } = await alone(t, { clock, responseTimeout: 3_000 })
  const peer = await RawPeer.dial(t, port)
  peer.authenticate(SECRET)
  await connecting
  const call = listener.sendData(Buffer.of(1))
  await peer.frame((frame) => frame.type === 6)
  clock.advance(3_000)
  await assert.rejects(call, { name: 'UnreachableError', ilpErrorCode: 'T01' })
})

test('the newest connection that authenticates is the peer', async (t) => {
  const { listener, connecting, port } = await alone(t)
  const first = await RawPeer.dial(t, port)
  first.authenticate(SECRET)
  await connecting
  const again = once(listener, 'connect')
  const second = await RawPeer.dial(t, port)
  second.authenticate(SECRET, 'any name')
  await again
  await first.closed()
  listener.sendData(Buffer.of(4)).catch(() => undefined)
  const frame = await second.frame((one) => one.type === 6)
  assert.deepEqual(Buffer.from(frame.entries[0]?.data ?? []), Buffer.of(4))
})

test('request ids follow one another, and the primary entry is ilp', async (t) => {
  const { listener, connecting, port } = await alone(t)
  const peer = await RawPeer.dial(t, port)
  peer.authenticate(SECRET)
  await connecting
  for (let i = 0; i < 3; i++) listener.sendData(Buffer.of(i)).catch(() => undefined)
  await peer.frame((frame) => frame.type === 6 && frame.entries[0]?.data[0] === 2)
  const sent = peer.frames.filter((frame) => frame.type === 6)
  assert.deepEqual(
    sent.map(({ requestId }) => (requestId - (sent[0]?.requestId ?? 0)) & (2 ** 30 - 1)),
    [0, 1, 2],
  )
  assert.deepEqual(
    sent[0]?.entries.map(({ name, contentType }) => [name, contentType]),
    [['ilp', 0]],
  )
})

test('data that no frame carries are refused before they are sent', async (t) => {
  const { listener, client } = await peers(t)
  listener.registerDataHandler(async (data) => data)
  await assert.rejects(client.sendData(Buffer.alloc(128 * 1024)), { name: 'InvalidFieldsError', ilpErrorCode: 'F00' })
  assert.equal((await client.sendData(Buffer.alloc(100_000))).length, 100_000)
  assert.equal(client.isConnected(), true)
})

test('after authentication nothing that is merely odd ends the connection', async (t) => {
  const { listener, connecting, port } = await alone(t)
  listener.registerDataHandler(async (data) => data)
  const peer = await RawPeer.dial(t, port)
  peer.authenticate(SECRET)
  await connecting
  peer.ws.send(Buffer.of(255, 1, 2))
  // A Reject of BTP 1.0: types 3 to 5 are not of this version.
  peer.ws.send(Buffer.concat([Buffer.of(5, 0, 0, 0, 44, 18), Buffer.alloc(16), Buffer.of(1, 0)]))
  assert.equal(await peer.answer(44), 'F00 NotAcceptedError')
  peer.send({ type: 1, requestId: 77, entries: [] })
  peer.message(5, [octetEntry('unheard_of')])
  assert.equal(await peer.answer(5), 'F00 NotAcceptedError')
  peer.data(6, Buffer.of(6))
  assert.deepEqual(Buffer.from((await peer.answer(6)) as Uint8Array), Buffer.of(6))
})

test('frames of interledger-rs: what the packet is decides, not the frame', async (t) => {
  const { listener, connecting, port } = await alone(t, { dispatchByPacket: true })
  listener.registerDataHandler(async () => reject('F02'))
  const peer = await RawPeer.dial(t, port, { path: '/accounts/alice/ilp/btp' })
  peer.authenticate(SECRET)
  await connecting
  // A Prepare in a Response, and a Fulfill in a Message.
  peer.send({ type: 1, requestId: 5, entries: [octetEntry('ilp', prepare(1))] })
  assert.equal(answerOf((await peer.answer(5)) as Uint8Array), 'F02')
  const call = listener.sendData(prepare(2))
  const asked = await peer.frame((frame) => frame.type === 6)
  peer.data(asked.requestId, fulfill(2))
  assert.equal(answerOf(await call), 'fulfill')
})

test('a settlement is refused unless something proves it', async (t) => {
  const { listener, client } = await peers(t)
  listener.registerMoneyHandler(async () => assert.fail('nothing was proved'))
  await assert.rejects(client.sendMoney('1000000000000000000'), { name: 'NotAcceptedError' })
})

test('a settlement that is accepted reaches the money handler', async (t) => {
  const asked: unknown[] = []
  const acceptSettlement = async (account: string, amount: string, proof: readonly { name: string }[]) => {
    asked.push([account, amount, proof.map(({ name }) => name)])
    return amount === '5'
  }
  const { listener, client } = await peers(t, { listener: { acceptSettlement } })
  await assert.rejects(client.sendMoney('5'), { name: 'NotAcceptedError' }, 'no money handler')
  const got: string[] = []
  listener.registerMoneyHandler(async (amount) => got.push(amount))
  assert.equal(await client.sendMoney('5'), undefined)
  await assert.rejects(client.sendMoney('6'), { name: 'NotAcceptedError' })
  assert.deepEqual(got, ['5'])
  assert.deepEqual(asked.at(-1), ['', '6', ['sluice.settlement']])
})

test('a trusted peer needs no proof; a settlement with an id counts once', async (t) => {
  const { listener, connecting, port } = await alone(t, { trustSettlements: true })
  const got: string[] = []
  listener.registerMoneyHandler(async (amount) => got.push(amount))
  const peer = await RawPeer.dial(t, port)
  peer.authenticate(SECRET)
  await connecting
  const named = Buffer.alloc(24, 1)
  named.writeBigUInt64BE(BigInt(Date.now() + 60_000), 16)
  const late = Buffer.alloc(24, 2)
  late.writeBigUInt64BE(BigInt(Date.now() - 1), 16)
  const settle = (requestId: number, amount: bigint, id?: Buffer): void => {
    const entries = id === undefined ? [] : [octetEntry('sluice.settlement', id)]
    peer.send({ type: 7, requestId, amount, entries })
  }
  settle(2, 8n)
  settle(3, 9n, named)
  settle(4, 9n, named)
  settle(5, 10n, named)
  settle(6, 11n, late)
  for (const id of [2, 3, 4]) assert.equal(typeof (await peer.answer(id)), 'object')
  assert.equal(await peer.answer(5), 'F05 DuplicateIdError')
  assert.equal(await peer.answer(6), 'F00 NotAcceptedError')
  assert.deepEqual(got, ['8', '9'])
})

test('with a store a settlement counts once whatever restarts, and is recorded before it is credited', async (t) => {
  const kept = new Map<string, string>()
  const seen: string[] = []
  const store = {
    get: async (key: string) => kept.get(key) ?? Promise.reject(Object.assign(new Error('none'), { notFound: true })),
    put: async (key: string, value: string) => {
      await turn()
      seen.push('recorded')
      kept.set(key, value)
    },
    del: async (key: string) => void kept.delete(key),
  }
  const named = Buffer.alloc(24, 1)
  named.writeBigUInt64BE(BigInt(Date.now() + 60_000), 16)
  const settled = async (amount: bigint, wanted: Buffer, given: PluginServices & { _store?: unknown }) => {
    const { listener, connecting, port } = await alone(t, { trustSettlements: true, _store: given._store }, given)
    listener.registerMoneyHandler(async (money) => {
      seen.push(money)
      if (money === '13') throw new Error('not this one')
    })
    const peer = await RawPeer.dial(t, port)
    peer.authenticate(SECRET)
    await connecting
    peer.send({ type: 7, requestId: 2, amount, entries: [octetEntry('sluice.settlement', wanted)] })
    const answer = await peer.answer(2)
    await listener.disconnect()
    return typeof answer === 'string' ? answer : 'settled'
  }
  assert.equal(await settled(9n, named, { ...quiet, store }), 'settled')
  assert.deepEqual(seen.splice(0), ['recorded', '9'])
  assert.equal(await settled(9n, named, { ...quiet, _store: store }), 'settled')
  assert.equal(await settled(10n, named, { ...quiet, store }), 'F05 DuplicateIdError')
  assert.deepEqual(seen.splice(0), [])
  // What its handler refuses may come again; what cannot be recorded, or read, is not credited.
  const other = Buffer.concat([Buffer.alloc(16, 3), named.subarray(16)])
  for (let i = 0; i < 2; i++) assert.equal(await settled(13n, other, { ...quiet, store }), 'F00 NotAcceptedError')
  assert.deepEqual(seen.splice(0), ['recorded', '13', 'recorded', 'recorded', '13', 'recorded'])
  const full = { ...store, put: async () => Promise.reject(new Error('the disk is full')) }
  assert.equal(await settled(14n, other, { ...quiet, store: full }), 'F00 NotAcceptedError')
  kept.set([...kept.keys()][0] ?? '', '{}')
  assert.equal(await settled(15n, other, { ...quiet, store }), 'F00 NotAcceptedError')
  assert.deepEqual(seen, [])
})

test('repetitions of a settlement that is being judged share its end', async (t) => {
  let judge: (accepted: boolean) => void = () => undefined
  const judged = new Promise<boolean>((resolve) => (judge = resolve))
  const { listener, connecting, port } = await alone(t, { acceptSettlement: async () => judged })
  listener.registerMoneyHandler(async () => assert.fail('it was refused'))
  const peer = await RawPeer.dial(t, port)
  peer.authenticate(SECRET)
  await connecting
  const named = Buffer.alloc(24, 1)
  named.writeBigUInt64BE(BigInt(Date.now() + 60_000), 16)
  for (const requestId of [2, 3]) {
    peer.send({ type: 7, requestId, amount: 9n, entries: [octetEntry('sluice.settlement', named)] })
  }
  await turn()
  judge(false)
  for (const requestId of [2, 3]) assert.equal(await peer.answer(requestId), 'F00 NotAcceptedError')
})

test('a settlement that is not answered is in doubt, and not sent again', async (t) => {
  const { listener, connecting, port } = await alone(t)
  const peer = await RawPeer.dial(t, port)
  peer.authenticate(SECRET)
  await connecting
  const paying = listener.sendMoney('7')
  paying.catch(() => undefined)
  await peer.frame((frame) => frame.type === 7)
  peer.ws.terminate()
  await assert.rejects(paying, { name: 'UnreachableError', message: /in doubt/ })
  const again = once(listener, 'connect')
  const next = await RawPeer.dial(t, port)
  next.authenticate(SECRET)
  await again
  next.data(3, Buffer.of(1))
  await next.answer(3)
  assert.deepEqual(
    next.frames.map((frame) => frame.type),
    [1, 2],
  )
})
