/** The host of many holders: packets and the book, accounts, settlements, configuration. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { octetEntry } from 'sluice/btp'
import { decodeIldcpResponse, encodeIldcpRequest, encodeIldcpResponse } from 'sluice/ilp'
import { BtpPlugin, HostPlugin } from 'sluice/plugin'
import { type Batch, MemoryStore } from 'sluice/store'
import { FakeClock, GatedStore } from 'sluice/testing'
import {
  answerOf,
  fulfill,
  holding,
  hosting,
  hostOptions,
  LogLines,
  prepare,
  PREFIX,
  quietStore,
  RawPeer,
  reject,
  turn,
} from './v2-pair.js'

const quiet = new LogLines().services

/** A data handler that waits for the test to answer. */
function waitingHandler() {
  const calls: { data: Buffer; answer: (bytes: Buffer) => void }[] = []
  let wake: () => void = () => undefined
  const handler = (data: Buffer): Promise<Buffer> =>
    new Promise((resolve) => {
      calls.push({ data, answer: resolve })
      wake()
    })
  const called = async (count: number): Promise<void> => {
    while (calls.length < count) await new Promise<void>((resolve) => (wake = resolve))
  }
  return { calls, handler, called }
}

async function raw(t: test.TestContext, host: HostPlugin, account = 'alice'): Promise<RawPeer> {
  const peer = await RawPeer.dial(t, host.port)
  peer.authenticate(`token of ${account}`, account)
  await peer.answer(1)
  return peer
}

test('a fulfilled packet moves its amount, a rejected one nothing', async (t) => {
  const host = await hosting(t)
  const holder = await holding(t, host)
  host.registerDataHandler(async (data) => (data.at(-1) === 1 ? fulfill(1) : reject('F02')))
  assert.deepEqual(await holder.sendData(prepare(1)), fulfill(1))
  assert.equal(await host.balanceOf('alice'), '-10')
  assert.deepEqual(await holder.sendData(prepare(2)), reject('F02'))
  assert.equal(await host.balanceOf('alice'), '-10')
  assert.equal(await host.balanceOf('bob'), '0')
})

test('a packet to a holder moves its amount to the holder that its destination names', async (t) => {
  const host = await hosting(t)
  const [alice, bob] = [await holding(t, host, 'alice'), await holding(t, host, 'bob')]
  alice.registerDataHandler(async () => assert.fail('not for alice'))
  bob.registerDataHandler(async () => fulfill(3))
  assert.equal(answerOf(await host.sendData(prepare(3, { destination: `${PREFIX}bob.x.y` }))), 'fulfill')
  assert.equal(await host.balanceOf('bob'), '10')
  assert.equal(await host.balanceOf('alice'), '0')
  // An answer that does not fulfil the condition.
  assert.equal(answerOf(await host.sendData(prepare(4, { destination: `${PREFIX}bob` }))), 'F05')
  for (const destination of [`${PREFIX}carol`, 'example.other.bob', `${PREFIX}server.x`]) {
    assert.equal(answerOf(await host.sendData(prepare(5, { destination }))), 'F02')
  }
  await assert.rejects(host.sendData(Buffer.of(1)), { name: 'InvalidFieldsError', ilpErrorCode: 'F00' })
  await bob.disconnect()
  await turn()
  await assert.rejects(host.sendData(prepare(6, { destination: `${PREFIX}bob` })), {
    name: 'UnreachableError',
    ilpErrorCode: 'T01',
  })
  assert.equal(await host.balanceOf('bob'), '10')
})

test('the preimage is checked before anything is captured', async (t) => {
  const host = await hosting(t)
  const holder = await holding(t, host)
  host.registerDataHandler(async (data) => (data.at(-1) === 1 ? fulfill(2) : Buffer.of(9)))
  assert.equal(answerOf(await holder.sendData(prepare(1))), 'F05')
  assert.equal(answerOf(await holder.sendData(prepare(3))), 'T00')
  assert.equal(await host.balanceOf('alice'), '0')
})

test('limits hold for what is held, too', async (t) => {
  const host = await hosting(t)
  const holder = await holding(t, host)
  const { handler, calls, called } = waitingHandler()
  host.registerDataHandler(handler)
  const first = holder.sendData(prepare(1, { amount: 600n }))
  await called(1)
  assert.equal(answerOf(await holder.sendData(prepare(2, { amount: 600n }))), 'T04')
  calls[0]?.answer(reject())
  assert.equal(answerOf(await first), 'F99')
  const second = holder.sendData(prepare(3, { amount: 600n }))
  await called(2)
  calls[1]?.answer(fulfill(3))
  assert.equal(answerOf(await second), 'fulfill')
  assert.equal(await host.balanceOf('alice'), '-600')
})

test('an identical packet is executed once, and answered until it expires', async (t) => {
  const clock = new FakeClock(Date.now())
  const host = await hosting(t, { clock })
  const holder = await holding(t, host)
  const { handler, calls, called } = waitingHandler()
  host.registerDataHandler(handler)
  const packet = prepare(1)
  const both = [holder.sendData(packet), holder.sendData(packet)]
  await called(1)
  calls[0]?.answer(fulfill(1))
  for (const answer of await Promise.all(both)) assert.deepEqual(answer, fulfill(1))
  assert.deepEqual(await holder.sendData(packet), fulfill(1))
  // Another account's packet is another packet.
  const other = (await holding(t, host, 'bob')).sendData(packet)
  await called(2)
  calls[1]?.answer(reject('F02'))
  assert.deepEqual(await other, reject('F02'))
  assert.equal(await host.balanceOf('alice'), '-10')
  clock.advance(17_000)
  assert.equal(answerOf(await holder.sendData(packet)), 'R00')
  assert.equal(calls.length, 2)
})

test('a packet without money takes no hold', async (t) => {
  const clock = new FakeClock(Date.now())
  const host = await hosting(t, { clock, accounts: { alice: { token: 'token of alice' } } })
  const holder = await holding(t, host)
  const { handler, calls, called } = waitingHandler()
  host.registerDataHandler(handler)
  const packet = prepare(1, { amount: 0n })
  for (const n of [1, 2]) {
    const answer = holder.sendData(packet)
    await called(n)
    calls[n - 1]?.answer(fulfill(1))
    assert.deepEqual(await answer, fulfill(1))
  }
  const wrong = holder.sendData(packet)
  await called(3)
  calls[2]?.answer(fulfill(2))
  assert.equal(answerOf(await wrong), 'F05')
  const timers = clock.pending
  const late = holder.sendData(packet)
  await called(4)
  clock.advance(17_000)
  assert.equal(answerOf(await late), 'R00')
  assert.ok(clock.pending <= timers, 'a timer was left behind')
  assert.equal(answerOf(await holder.sendData(prepare(2, { expiresAt: clock.now() + 15_000 }))), 'T04')
})

test('expiry frees the hold, and a fulfillment that comes later moves nothing', async (t) => {
  const clock = new FakeClock(Date.now())
  const host = await hosting(t, { clock })
  const holder = await holding(t, host)
  const { handler, calls, called } = waitingHandler()
  host.registerDataHandler(handler)
  const answer = holder.sendData(prepare(1, { amount: 1000n }))
  await called(1)
  clock.advance(17_000)
  assert.equal(answerOf(await answer), 'R00')
  calls[0]?.answer(fulfill(1))
  await turn()
  assert.equal(await host.balanceOf('alice'), '0')
  const next = holder.sendData(prepare(2, { amount: 1000n, expiresAt: clock.now() + 30_000 }))
  await called(2)
  calls[1]?.answer(fulfill(2))
  assert.equal(answerOf(await next), 'fulfill')
})

test('a hold is durable before the data handler sees the packet, and its outcome before the answer', async (t) => {
  const store = new GatedStore(quietStore())
  store.held = false
  const host = await hosting(t, { store })
  const holder = await holding(t, host)
  const { handler, calls, called } = waitingHandler()
  host.registerDataHandler(handler)
  store.held = true
  const answer = holder.sendData(prepare(1))
  while (store.waiting.length === 0) await turn()
  await turn()
  assert.equal(calls.length, 0)
  store.release()
  await called(1)
  calls[0]?.answer(fulfill(1))
  while (store.waiting.length === 0) await turn()
  assert.equal(await Promise.race([answer.then(() => 'answered'), turn().then(() => 'waiting')]), 'waiting')
  store.held = false
  store.release()
  assert.equal(answerOf(await answer), 'fulfill')
})

test('an answer that is lost leaves the packet in doubt; it is never sent again', async (t) => {
  const clock = new FakeClock(Date.now())
  const host = await hosting(t, { clock })
  const peer = await raw(t, host)
  const packet = prepare(1, { destination: `${PREFIX}alice`, amount: 500n })
  const call = host.sendData(packet)
  call.catch(() => undefined)
  await peer.frame((frame) => frame.type === 6)
  peer.ws.terminate()
  await assert.rejects(call, { name: 'UnreachableError', ilpErrorCode: 'T01' })
  const again = await raw(t, host)
  await assert.rejects(host.sendData(packet), { name: 'UnreachableError', message: /in doubt/ })
  clock.advance(17_000)
  assert.equal(answerOf(await host.sendData(packet)), 'R00')
  assert.deepEqual(
    again.frames.map((frame) => frame.type),
    [1],
  )
  assert.equal(await host.balanceOf('alice'), '0')
})

test('after a restart what was forwarded is not executed again', async (t) => {
  const disk = quietStore()
  const first = await hosting(t, { store: disk })
  const { handler, called } = waitingHandler()
  first.registerDataHandler(handler)
  const [done, open] = [prepare(1), prepare(2)]
  const holder = await raw(t, first)
  first.deregisterDataHandler()
  first.registerDataHandler(async (data) => (data.at(-1) === 1 ? fulfill(1) : handler(data)))
  holder.data(2, done)
  assert.equal(answerOf((await holder.answer(2)) as Uint8Array), 'fulfill')
  holder.data(3, open)
  await called(1)
  const copy = disk.copy()
  await first.disconnect()
  const clock = new FakeClock(Date.now())
  const second = await hosting(t, { store: copy, clock })
  second.registerDataHandler(async () => assert.fail('executed again'))
  const back = await holding(t, second)
  assert.deepEqual(await back.sendData(done), fulfill(1))
  const answer = back.sendData(open)
  // Answered first, so that the open packet has reached the host.
  assert.deepEqual(await back.sendData(done), fulfill(1))
  clock.advance(17_000)
  assert.equal(answerOf(await answer), 'R00')
  assert.equal(await second.balanceOf('alice'), '-10')
})

test('what the data handler throws reaches the holder without its text, and frees the hold', async (t) => {
  const host = await hosting(t)
  const holder = await holding(t, host)
  const failure = Object.assign(new Error('the password is swordfish'), { ilpErrorCode: 'T02' })
  host.registerDataHandler(async () => Promise.reject(failure))
  const answer = await holder.sendData(prepare(1, { amount: 1000n }))
  assert.equal(answerOf(answer), 'T02')
  assert.doesNotMatch(answer.toString('latin1'), /swordfish/)
  host.deregisterDataHandler()
  await assert.rejects(holder.sendData(prepare(2)), { name: 'NotAcceptedError' })
  host.registerDataHandler(async () => fulfill(3))
  assert.equal(answerOf(await holder.sendData(prepare(3, { amount: 1000n }))), 'fulfill')
})

test('peer.config tells everyone their address', async (t) => {
  const host = await hosting(t)
  const holder = await holding(t, host)
  const request = Buffer.from(encodeIldcpRequest({ expiresAt: Date.now() + 60_000, data: new Uint8Array(0) }))
  const asset = { assetCode: 'USD', assetScale: 9 }
  assert.deepEqual(decodeIldcpResponse(await holder.sendData(request)), { clientAddress: `${PREFIX}alice`, ...asset })
  assert.deepEqual(decodeIldcpResponse(await host.sendData(request)), { clientAddress: `${PREFIX}server`, ...asset })
  assert.equal(answerOf(await holder.sendData(prepare(1, { destination: 'peer.config', amount: 0n }))), 'F01')
  assert.equal(answerOf(await holder.sendData(Buffer.of(12, 3, 1, 2, 3))), 'F01')
})

test('without a prefix the data handler says who the host is', async (t) => {
  const { prefix: _, info: __, ...rest } = hostOptions()
  const nobody = new HostPlugin(rest, quiet)
  await assert.rejects(nobody.connect(), { name: 'InvalidFieldsError' })
  const connector = new HostPlugin({ ...rest, store: quietStore() }, quiet)
  connector.registerDataHandler(async () =>
    Buffer.from(encodeIldcpResponse({ clientAddress: 'test.connector.children', assetCode: 'EUR', assetScale: 6 })),
  )
  t.after(async () => connector.disconnect())
  await connector.connect()
  const holder = await holding(t, connector)
  const request = Buffer.from(encodeIldcpRequest({ expiresAt: Date.now() + 60_000, data: new Uint8Array(0) }))
  assert.equal(decodeIldcpResponse(await holder.sendData(request)).clientAddress, 'test.connector.children.alice')
})

test('disconnect while the data handler is being asked', async () => {
  const { prefix: _, info: __, ...rest } = hostOptions()
  const host = new HostPlugin(rest, quiet)
  host.registerDataHandler(() => new Promise(() => undefined))
  const connecting = host.connect()
  connecting.catch(() => undefined)
  await turn()
  await host.disconnect()
  await assert.rejects(connecting, { name: 'UnreachableError' })
  const timed = host.connect({ timeout: 1 })
  await assert.rejects(timed, { name: 'UnreachableError' })
})

test('accounts: closed to strangers, and tokens are checked', async (t) => {
  const host = await hosting(t)
  for (const [account, token] of [
    ['alice', 'token of bob'],
    ['carol', 'any'],
    ['server', 'any'],
    ['a.b', 'any'],
    ['with space', 'any'],
    ['alice', ''],
    ['', 'token of alice'],
  ] as const) {
    const peer = await RawPeer.dial(t, host.port)
    peer.authenticate(token, account)
    assert.equal(await peer.answer(1), 'F00 NotAcceptedError', `${account}/${token}`)
  }
})

test('accounts that anybody may open: the first token counts, for ever, and is kept as its hash', async (t) => {
  const disk = new MemoryStore({ warn: () => undefined })
  const batches: Batch[] = []
  const store = new GatedStore(disk)
  store.held = false
  const append = store.append.bind(store)
  store.append = async (batch) => {
    batches.push(batch)
    return append(batch)
  }
  const openAccounts = { maxBalance: '20', accountsMax: 2 }
  const host = await hosting(t, { store, accounts: {}, openAccounts })
  host.registerDataHandler(async (data) => fulfill(data.at(-1) ?? 0))
  const carol = await RawPeer.dial(t, host.port)
  carol.authenticate('a secret token', 'carol')
  carol.data(2, prepare(1))
  assert.equal(answerOf((await carol.answer(2)) as Uint8Array), 'fulfill')
  carol.data(3, prepare(2, { amount: 11n }))
  assert.equal(answerOf((await carol.answer(3)) as Uint8Array), 'T04')
  const nameless = await RawPeer.dial(t, host.port)
  nameless.authenticate('another token')
  assert.equal(typeof (await nameless.answer(1)), 'object')
  const third = await RawPeer.dial(t, host.port)
  third.authenticate('one too many', 'dave')
  assert.equal(await third.answer(1), 'F00 NotAcceptedError')
  const impostor = await RawPeer.dial(t, host.port)
  impostor.authenticate('a guessed token', 'carol')
  assert.equal(await impostor.answer(1), 'F00 NotAcceptedError')
  assert.doesNotMatch(Buffer.concat(batches.map(({ bytes }) => Buffer.from(bytes))).toString('latin1'), /secret token/)
  await host.disconnect()
  // Closed to strangers now, but not to those who were there.
  const later = await hosting(t, { store: disk.copy(), accounts: {} })
  const again = await RawPeer.dial(t, later.port)
  again.authenticate('a secret token', 'carol')
  assert.equal(typeof (await again.answer(1)), 'object')
  assert.equal(await later.balanceOf('carol'), '-10')
})

test('options of accounts are checked', () => {
  const invalid = { name: 'InvalidFieldsError' }
  for (const options of [
    { accounts: { server: { token: 'x' } } },
    { accounts: { 'a.b': { token: 'x' } } },
    { accounts: { alice: {} } },
    { accounts: { alice: { token: '' } } },
    { accounts: { alice: { tokenHash: 'short' } } },
    { accounts: { alice: { token: 'x', maxBalance: '1e3' } } },
    { openAccounts: { accountsMax: -1 } },
    { prefix: 'not a prefix' },
    { info: {} },
    { listener: 1 as never },
  ]) {
    assert.throws(() => new HostPlugin(hostOptions(options)), invalid, JSON.stringify(options))
  }
})

test('an unproven settlement of 10^18 changes nothing', async (t) => {
  const host = await hosting(t)
  const holder = await holding(t, host)
  host.registerMoneyHandler(async () => assert.fail('nothing was proved'))
  await assert.rejects(holder.sendMoney('1000000000000000000'), { name: 'NotAcceptedError' })
  assert.equal(await host.balanceOf('alice'), '0')
})

test('a settlement is credited once, when it is proved or its account is trusted', async (t) => {
  const asked: string[] = []
  const host = await hosting(t, {
    accounts: { alice: { token: 'token of alice' }, bob: { token: 'token of bob', trustSettlements: true } },
    acceptSettlement: (account, amount) => asked.push(`${account} ${amount}`) > 0 && amount !== '13',
  })
  const [alice, bob] = [await raw(t, host, 'alice'), await holding(t, host, 'bob')]
  await assert.rejects(bob.sendMoney('5'), { name: 'NotAcceptedError' }, 'no money handler')
  const got: string[] = []
  host.registerMoneyHandler(async (amount) => {
    got.push(amount)
    throw new Error('handlers fail')
  })
  await bob.sendMoney('5')
  const id = Buffer.alloc(24, 1)
  id.writeBigUInt64BE(BigInt(Date.now() + 60_000), 16)
  const entries = [octetEntry('sluice.settlement', id)]
  alice.send({ type: 7, requestId: 2, amount: 7n, entries })
  assert.equal(typeof (await alice.answer(2)), 'object')
  alice.send({ type: 7, requestId: 3, amount: 7n, entries })
  assert.equal(typeof (await alice.answer(3)), 'object')
  alice.send({ type: 7, requestId: 4, amount: 8n, entries })
  assert.equal(await alice.answer(4), 'F05 DuplicateIdError')
  alice.send({ type: 7, requestId: 5, amount: 13n, entries: [] })
  assert.equal(await alice.answer(5), 'F00 NotAcceptedError')
  assert.deepEqual([await host.balanceOf('alice'), await host.balanceOf('bob')], ['7', '5'])
  assert.deepEqual(got, ['5', '7'])
  assert.deepEqual(asked, ['alice 7', 'alice 13'])
})

test('the host settles with one of its holders', async (t) => {
  const host = await hosting(t)
  const alice = await holding(t, host, 'alice', { trustSettlements: true })
  await assert.rejects(host.sendMoney('4'), { name: 'InvalidFieldsError' })
  await assert.rejects(host.settle('alice', '4'), { name: 'NotAcceptedError' }, 'no money handler')
  assert.equal(await host.balanceOf('alice'), '0')
  const got: string[] = []
  alice.registerMoneyHandler(async (amount) => got.push(amount))
  await host.settle('alice', '4')
  assert.equal(await host.balanceOf('alice'), '-4')
  await assert.rejects(host.settle('alice', '997'), { name: 'InsufficientBalanceError', ilpErrorCode: 'T04' })
  await assert.rejects(host.settle('bob', '1'), { name: 'UnreachableError' })
  await assert.rejects(host.settle('nobody', '1'), { name: 'UnreachableError' })
  assert.deepEqual(got, ['4'])
})

test('a ledger that fails ends the plugin with an error event', async (t) => {
  const store = new GatedStore(quietStore())
  store.held = false
  const host = await hosting(t, { store })
  const holder = await holding(t, host)
  host.registerDataHandler(async () => assert.fail('it was not durable'))
  const failed = once(host, 'error')
  store.held = true
  const call = holder.sendData(prepare(1))
  call.catch(() => undefined)
  while (store.waiting.length === 0) await turn()
  store.fail(new Error('the disk is gone'))
  const [error] = (await failed) as Error[]
  assert.match(String(error?.message), /disk is gone/)
  await assert.rejects(call, { name: 'UnreachableError' })
  assert.equal(host.isConnected(), false)
})

test('what a holder could not process is freed at once', async (t) => {
  const host = await hosting(t)
  const peer = await raw(t, host)
  const names = { UnreachableError: 'T01', NotAcceptedError: 'F00', InsufficientBalanceError: 'T04', TypeError: 'T01' }
  for (const [n, [name, code]] of Object.entries(names).entries()) {
    const call = host.sendData(prepare(n, { destination: `${PREFIX}alice`, amount: 1000n }))
    const { requestId } = await peer.frame((frame) => frame.type === 6 && frame.entries[0]?.data.at(-1) === n)
    peer.send({ type: 2, requestId, code: 'F00', name, triggeredAt: 0, data: new Uint8Array(0), entries: [] })
    assert.equal(answerOf(await call), code, name)
  }
  assert.equal(await host.balanceOf('alice'), '0')
})

test('connect and disconnect are told, and a host can be opened again', async (t) => {
  const host = new HostPlugin(hostOptions(), quiet)
  t.after(async () => host.disconnect())
  const told: string[] = []
  host.on('connect', () => told.push(`connect ${host.isConnected()}`)).on('disconnect', () => told.push('disconnect'))
  await Promise.all([host.connect(), host.connect()])
  const holder = await holding(t, host)
  host.registerDataHandler(async () => fulfill(1))
  await holder.sendData(prepare(1))
  await host.disconnect()
  await host.disconnect()
  await assert.rejects(host.sendData(prepare(2)), { name: 'UnreachableError' })
  await host.connect()
  assert.equal(await host.balanceOf('alice'), '-10')
  assert.deepEqual(told, ['connect true', 'disconnect', 'connect true'])
})

test('a holder is not another: packets of one never reach the other', async (t) => {
  const host = await hosting(t)
  const [alice, bob] = [await raw(t, host, 'alice'), await raw(t, host, 'bob')]
  const call = host.sendData(prepare(1, { destination: `${PREFIX}alice` }))
  const asked = await alice.frame((frame) => frame.type === 6)
  // Bob answers what alice was asked, under every id that he can guess.
  bob.data(90, Buffer.of(1))
  bob.send({ type: 1, requestId: asked.requestId, entries: [octetEntry('ilp', fulfill(1))] })
  await bob.answer(90)
  assert.equal(await host.balanceOf('bob'), '0')
  alice.send({ type: 1, requestId: asked.requestId, entries: [octetEntry('ilp', reject('F02'))] })
  assert.equal(answerOf(await call), 'F02')
  assert.ok(!bob.frames.some((frame) => frame.type === 6))
})

test('a holder without its own plugin: BtpPlugin by URI', async (t) => {
  const host = await hosting(t, { accounts: { 'ann-1': { token: 'p@ss/word' } } })
  const holder = new BtpPlugin(
    { server: `btp+ws://ann-1:${encodeURIComponent('p@ss/word')}@127.0.0.1:${host.port}` },
    quiet,
  )
  t.after(async () => holder.disconnect())
  await holder.connect()
  assert.equal(holder.isConnected(), true)
})
