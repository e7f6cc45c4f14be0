/** The version 2 interface to the letter (RFC-24 draft 1), on the plugin for one peer. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'node:test'
import { BtpPlugin, HostPlugin, type BtpPluginOptions, type PluginServices } from 'sluice/plugin'
import { FakeClock } from 'sluice/testing'
import { hostOptions, listening, LogLines, peers, RawPeer, SECRET, turn } from './v2-pair.js'

const quiet = new LogLines().services
const trusting = { trustSettlements: true }

test('version is 2', () => {
  assert.equal(BtpPlugin.version, 2)
  assert.equal(HostPlugin.version, 2)
})

test('the constructor checks its arguments', () => {
  const make = (opts: unknown, api?: unknown) => () => new BtpPlugin(opts as BtpPluginOptions, api as PluginServices)
  for (const opts of [undefined, null, 'btp+ws://localhost', 1]) assert.throws(make(opts), TypeError)
  for (const api of [null, 'log', 1]) assert.throws(make({}, api), TypeError)
  const invalid = { name: 'InvalidFieldsError', code: 'LPI_INVALID_FIELDS' }
  for (const opts of [
    { server: 1 },
    { server: 'ws://localhost' },
    { server: 'btp+ws://a:b@localhost', btpToken: 'c' },
    { server: 'btp+ws://localhost', btpToken: 5 },
    { listener: 9000 },
    { listener: { port: 0 } },
    { listener: { port: 0, secret: '', host: '0.0.0.0' } },
    { server: 'btp+ws://localhost', responseTimeout: 'soon' },
    { server: 'btp+ws://localhost', acceptSettlement: 'yes' },
  ]) {
    assert.throws(make(opts), invalid, JSON.stringify(opts))
  }
  const services = { name: 'InvalidServicesError', code: 'LPI_INVALID_SERVICES' }
  assert.throws(make({}, { store: {} }), services)
  assert.throws(make({}, { log: 'console' }), services)
  assert.throws(() => new HostPlugin({ ...hostOptions({ openAccounts: {} }), store: undefined } as never), services)
  // What every program passes, and what none of us knows, is ignored.
  make({ server: 'btp+ws://localhost', _store: {}, _log: console, unknown: true })()
})

test('a missing way to connect is told by connect', async () => {
  await assert.rejects(new BtpPlugin({}).connect(), { name: 'InvalidFieldsError' })
})

test('connect checks its timeout', async () => {
  const plugin = new BtpPlugin({ server: 'btp+ws://localhost:1' }, quiet)
  for (const timeout of ['300', {}, true] as unknown as number[]) {
    await assert.rejects(plugin.connect({ timeout }), TypeError)
  }
})

test('a dead port rejects when the timeout has passed, and leaves nothing behind', async () => {
  const clock = new FakeClock()
  const plugin = new BtpPlugin({ server: 'btp+ws://127.0.0.1:1', clock }, quiet)
  let ended = false
  const connecting = plugin.connect({ timeout: 300 }).finally(() => (ended = true))
  connecting.catch(() => undefined)
  await turn()
  clock.advance(299)
  await turn()
  assert.equal(ended, false)
  clock.advance(1)
  await assert.rejects(connecting, { name: 'UnreachableError', ilpErrorCode: 'T01' })
  await plugin.disconnect()
  assert.equal(clock.pending, 0)
})

test('an infinite timeout waits for ever, a falsy one as long as the default', async () => {
  for (const [timeout, waits] of [
    [Infinity, true],
    [0, false],
    [undefined, false],
  ] as const) {
    const clock = new FakeClock()
    const plugin = new BtpPlugin({ server: 'btp+ws://127.0.0.1:1', clock }, quiet)
    let ended = false
    const connecting = plugin.connect(timeout === undefined ? {} : { timeout }).catch(() => (ended = true))
    for (let s = 0; s < 25; s++) {
      clock.advance(1000)
      await turn()
    }
    assert.equal(ended, !waits, String(timeout))
    await plugin.disconnect()
    await connecting
  }
})

test('wrong credentials are refused', async (t) => {
  const { port } = await peers(t)
  const stranger = new BtpPlugin({ server: `btp+ws://:wrong@127.0.0.1:${port}` }, quiet)
  await assert.rejects(stranger.connect(), { name: 'NotAcceptedError' })
  assert.equal(stranger.isConnected(), false)
})

test('concurrent calls of connect share one attempt, and later ones do nothing', async (t) => {
  const listener = new BtpPlugin({ listener: { port: 0, host: '127.0.0.1', secret: SECRET } }, quiet)
  t.after(async () => listener.disconnect())
  const { port } = await listening(listener)
  const client = new BtpPlugin({ server: `btp+ws://127.0.0.1:${port}`, btpToken: SECRET }, quiet)
  t.after(async () => client.disconnect())
  let connects = 0
  client.on('connect', () => connects++)
  await Promise.all([client.connect(), client.connect({ timeout: 5000 }), client.connect()])
  await client.connect()
  assert.equal(connects, 1)
})

test('connected is true when connect is emitted, which comes before the promise and before frames', async (t) => {
  const listener = new BtpPlugin({ listener: { port: 0, host: '127.0.0.1', secret: SECRET } }, quiet)
  t.after(async () => listener.disconnect())
  const seen: string[] = []
  listener.on('connect', () => seen.push(`connect ${listener.isConnected()}`))
  listener.registerDataHandler(async (data) => {
    seen.push('data')
    return data
  })
  const { connecting, port } = await listening(listener)
  const resolved = connecting.then(() => seen.push('resolved'))
  assert.equal(listener.isConnected(), false)
  const peer = await RawPeer.dial(t, port)
  // Pipelined behind authentication, as interledger-rs does.
  peer.authenticate(SECRET)
  peer.data(2, Uint8Array.of(1))
  peer.data(3, Uint8Array.of(2))
  assert.deepEqual(Buffer.from(await peer.answer(3)), Buffer.of(2))
  await resolved
  assert.deepEqual(
    seen.filter((what) => what !== 'resolved'),
    ['connect true', 'data', 'data'],
  )
  assert.ok(seen.indexOf('resolved') > 0)
})

test('events tell each loss and each reconnection', async (t) => {
  const { listener, client, port } = await peers(t)
  const lost = once(listener, 'disconnect')
  await client.disconnect()
  await lost
  assert.equal(listener.isConnected(), false)
  await assert.rejects(listener.sendData(Buffer.of(1)), { name: 'UnreachableError', ilpErrorCode: 'T01' })
  const again = once(listener, 'connect')
  const peer = await RawPeer.dial(t, port)
  peer.authenticate(SECRET)
  await again
  assert.equal(listener.isConnected(), true)
})

test('the client connects again by itself, and tells it', async (t) => {
  const { listener, client } = await peers(t)
  const port = listener.port
  const lost = once(client, 'disconnect')
  await listener.disconnect()
  await lost
  const next = new BtpPlugin({ listener: { port: Number(port), host: '127.0.0.1', secret: SECRET } }, quiet)
  t.after(async () => next.disconnect())
  const back = once(client, 'connect')
  await next.connect()
  await back
  next.registerDataHandler(async (data) => data)
  assert.deepEqual(await client.sendData(Buffer.of(5)), Buffer.of(5))
})

test('disconnect ends a connect that is under way, and a later connect works', async (t) => {
  const listener = new BtpPlugin({ listener: { port: 0, host: '127.0.0.1', secret: SECRET } }, quiet)
  t.after(async () => listener.disconnect())
  const first = await listening(listener)
  await listener.disconnect()
  await assert.rejects(first.connecting, { name: 'UnreachableError' })
  await assert.rejects(RawPeer.dial(t, first.port))
  const { connecting, port } = await listening(listener)
  const client = new BtpPlugin({ server: `btp+ws://127.0.0.1:${port}`, btpToken: SECRET }, quiet)
  t.after(async () => client.disconnect())
  const early = client.connect()
  early.catch(() => undefined)
  const gone = client.disconnect()
  const later = client.connect()
  await assert.rejects(early, { name: 'UnreachableError' })
  await gone
  await Promise.all([later, connecting])
  assert.equal(client.isConnected(), true)
})

test('disconnect resolves at all times', async () => {
  const plugin = new BtpPlugin({ server: 'btp+ws://127.0.0.1:1' }, quiet)
  await plugin.disconnect()
  await plugin.disconnect()
  assert.equal(plugin.isConnected(), false)
})

test('data go both ways, as Buffers', async (t) => {
  const { listener, client } = await peers(t)
  const got: unknown[] = []
  for (const plugin of [listener, client]) {
    plugin.registerDataHandler(async (data) => {
      got.push(data)
      return Buffer.concat([data, Buffer.of(0)])
    })
  }
  for (const [from, n] of [
    [client, 1],
    [listener, 2],
  ] as const) {
    const answer = await from.sendData(Buffer.of(n))
    assert.ok(Buffer.isBuffer(answer))
    assert.deepEqual(answer, Buffer.of(n, 0))
  }
  assert.ok(got.every((data) => Buffer.isBuffer(data)))
})

test('one handler of each kind', async (t) => {
  const { client, listener } = await peers(t)
  client.deregisterDataHandler()
  client.deregisterMoneyHandler()
  const echo = async (data: Buffer) => data
  const money = async () => undefined
  client.registerDataHandler(echo)
  client.registerMoneyHandler(money)
  assert.throws(() => client.registerDataHandler(echo), { name: 'DataHandlerAlreadyRegisteredError' })
  assert.throws(() => client.registerMoneyHandler(money), { name: 'MoneyHandlerAlreadyRegisteredError' })
  client.deregisterDataHandler()
  client.deregisterDataHandler()
  await assert.rejects(listener.sendData(Buffer.of(1)), { name: 'NotAcceptedError', ilpErrorCode: 'F00' })
  client.registerDataHandler(echo)
  assert.deepEqual(await listener.sendData(Buffer.of(1)), Buffer.of(1))
  assert.throws(() => client.registerDataHandler('echo' as never), { name: 'InvalidFieldsError' })
})

test('what a handler throws reaches the peer without its text', async (t) => {
  const { client, listener } = await peers(t)
  for (const failing of [
    async () => Promise.reject(new Error('the password is swordfish')),
    () => {
      throw new TypeError('swordfish')
    },
    async () => 'swordfish' as never,
  ]) {
    listener.registerDataHandler(failing)
    const error = await client.sendData(Buffer.of(1)).catch((reason: unknown) => reason)
    assert.ok(error instanceof Error)
    assert.doesNotMatch(JSON.stringify(error) + error.message, /swordfish/)
    listener.deregisterDataHandler()
  }
})

test('rejections are new objects that may be changed', async () => {
  const plugin = new BtpPlugin({ server: 'btp+ws://127.0.0.1:1' }, quiet)
  const errors: Error[] = []
  for (let i = 0; i < 2; i++) await plugin.sendData(Buffer.of(1)).catch((error: Error) => errors.push(error))
  assert.notEqual(errors[0], errors[1])
  const [first] = errors
  assert.ok(first instanceof Error)
  first.message = 'changed'
  Object.assign(first, { ilpErrorCode: 'F02' })
  await assert.rejects(plugin.sendData('data' as never), { name: 'InvalidFieldsError' })
})

test('a listener that throws, and an error that nobody hears, harm nobody', async (t) => {
  const log = new LogLines()
  const listener = new BtpPlugin({ listener: { port: 0, host: '127.0.0.1', secret: SECRET } }, log.services)
  t.after(async () => listener.disconnect())
  listener.on('connect', () => {
    throw new Error('a listener of the program')
  })
  listener.registerDataHandler(async (data) => data)
  const { port } = await listening(listener)
  const peer = await RawPeer.dial(t, port)
  peer.authenticate(SECRET)
  peer.data(2, Uint8Array.of(1))
  assert.deepEqual(Buffer.from(await peer.answer(2)), Buffer.of(1))
  assert.match(log.text, /a listener threw/)
})

test('amounts are checked', async () => {
  const plugin = new BtpPlugin({ server: 'btp+ws://127.0.0.1:1' }, quiet)
  for (const amount of ['0', '-1', '1e3', '01', '', '1.5', String(2n ** 63n), 5] as string[]) {
    await assert.rejects(plugin.sendMoney(amount), { name: 'InvalidFieldsError' }, amount)
  }
})

test('money that is sent before there is a connection waits for it', async (t) => {
  const listener = new BtpPlugin({ listener: { port: 0, host: '127.0.0.1', secret: SECRET }, ...trusting }, quiet)
  t.after(async () => listener.disconnect())
  const { port } = await listening(listener)
  const got: string[] = []
  listener.registerMoneyHandler(async (amount) => got.push(amount))
  const client = new BtpPlugin({ server: `btp+ws://127.0.0.1:${port}`, btpToken: SECRET }, quiet)
  t.after(async () => client.disconnect())
  const early = client.sendMoney('5')
  await turn()
  assert.deepEqual(got, [])
  await client.connect()
  assert.equal(await early, undefined)
  assert.deepEqual(got, ['5'])
})

test('money waits for a reconnection, too', async (t) => {
  const { listener, client } = await peers(t, { client: trusting })
  const got: string[] = []
  client.registerMoneyHandler(async (amount) => got.push(amount))
  const lost = once(listener, 'disconnect')
  await client.disconnect()
  await lost
  const late = listener.sendMoney('6')
  await client.connect()
  await late
  assert.deepEqual(got, ['6'])
})

test('money that waits is not sent when connecting fails or is given up', async () => {
  const unsent = { name: 'UnreachableError', ilpErrorCode: 'T01', message: /not sent/ }
  const clock = new FakeClock()
  const plugin = new BtpPlugin({ server: 'btp+ws://127.0.0.1:1', clock }, quiet)
  const given = assert.rejects(plugin.sendMoney('1'), unsent)
  await plugin.disconnect()
  await given
  await assert.rejects(plugin.sendMoney('1'), { name: 'UnreachableError', ilpErrorCode: 'T01' })
  const connecting = assert.rejects(plugin.connect({ timeout: 300 }), { name: 'UnreachableError' })
  const failed = assert.rejects(plugin.sendMoney('1'), unsent)
  await turn()
  clock.advance(300)
  await Promise.all([failed, connecting])
})

test('no more than a hundred payments wait', async () => {
  const plugin = new BtpPlugin({ server: 'btp+ws://127.0.0.1:1' }, quiet)
  const waiting = Array.from({ length: 100 }, async () => plugin.sendMoney('1').catch((error: Error) => error.message))
  await assert.rejects(plugin.sendMoney('1'), { name: 'UnreachableError', message: /too many payments/ })
  await plugin.disconnect()
  assert.ok((await Promise.all(waiting)).every((message) => /not sent/.test(String(message))))
})
