/** The Ledger Plugin Interface version 1 (RFC-4 draft 8) on HostedLedgerPlugin, over a real socket. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encodePacket } from 'sluice/ilp'
import { HostedLedgerPlugin, type PluginEvents } from 'sluice/plugin'
import {
  CLIENT,
  freePort,
  hostOptions,
  next,
  PREFIX,
  prepared,
  quietStore,
  secret,
  SERVER,
  transfer,
  trustline,
} from './trustline.js'

const ILP = Buffer.from(
  encodePacket({ type: 1, amount: 10n, account: `${SERVER}.client1.0`, data: new Uint8Array(0) }),
).toString('base64url')

suite('connecting', () => {
  test('both sides know the ledger and their addresses', async (t) => {
    const { host, holder } = await trustline(t)
    const info = { prefix: PREFIX, currencyCode: 'XRP', currencyScale: 9, connectors: [] }
    assert.deepEqual(host.getInfo(), info)
    assert.deepEqual(holder.getInfo(), info)
    assert.equal(host.getAccount(), SERVER)
    assert.equal(holder.getAccount(), CLIENT)
    assert.ok(host.isConnected() && holder.isConnected())
  })

  test('getInfo gives a fresh copy', async (t) => {
    const { host } = await trustline(t)
    host.getInfo().connectors.push('example.stranger')
    assert.deepEqual(host.getInfo().connectors, [])
  })

  test('every method refuses before connect, by throwing or by rejecting', async () => {
    const plugin = new HostedLedgerPlugin(hostOptions())
    assert.equal(plugin.isConnected(), false)
    assert.throws(() => plugin.getInfo(), { name: 'UnreachableError' })
    assert.throws(() => plugin.getAccount(), { name: 'UnreachableError' })
    await assert.rejects(plugin.getBalance(), { name: 'UnreachableError' })
    await assert.rejects(plugin.getFulfillment(randomUUID()), { name: 'UnreachableError' })
    await assert.rejects(plugin.sendTransfer(transfer(secret().executionCondition)), { name: 'UnreachableError' })
    await assert.rejects(plugin.sendRequest({ to: CLIENT, custom: {} }), { name: 'UnreachableError' })
    await assert.rejects(plugin.fulfillCondition(randomUUID(), secret().fulfillment), { name: 'UnreachableError' })
    await assert.rejects(plugin.rejectIncomingTransfer(randomUUID(), {}), { name: 'UnreachableError' })
  })

  test('a failed connect leaves the plugin as it was, and a later one works', async (t) => {
    const host = new HostedLedgerPlugin(hostOptions())
    t.after(async () => host.disconnect())
    await host.connect()
    const { port } = host
    await host.disconnect()
    const holder = new HostedLedgerPlugin({ server: `btp+ws://:@localhost:${port}/` })
    t.after(async () => holder.disconnect())
    await assert.rejects(holder.connect({ timeout: 20 }), { name: 'UnreachableError' })
    const again = new HostedLedgerPlugin(hostOptions({ listener: { port: Number(port) } }))
    t.after(async () => again.disconnect())
    await again.connect()
    await holder.connect()
    assert.ok(holder.isConnected())
  })

  test('concurrent connects share one attempt; connect and disconnect twice are fine', async (t) => {
    const { host, holder } = await trustline(t)
    let connects = 0
    host.on('connect', () => connects++)
    await Promise.all([host.connect(), host.connect(), holder.connect()])
    assert.equal(connects, 0)
    await host.disconnect()
    await host.disconnect()
    await Promise.all([host.connect(), host.connect()])
    assert.equal(connects, 1)
  })

  test('a wrong token is NotAcceptedError, also at the next attempt', async (t) => {
    const host = new HostedLedgerPlugin(
      hostOptions({ incomingSecret: 'right', listener: { port: 0, host: '127.0.0.1' } }),
    )
    t.after(async () => host.disconnect())
    await host.connect()
    const holder = new HostedLedgerPlugin({ server: `btp+ws://:wrong@localhost:${host.port}/` })
    t.after(async () => holder.disconnect())
    await assert.rejects(holder.connect(), { name: 'NotAcceptedError' })
    await assert.rejects(holder.connect(), { name: 'NotAcceptedError' })
    const good = new HostedLedgerPlugin({ server: `btp+ws://:right@localhost:${host.port}/` })
    t.after(async () => good.disconnect())
    await good.connect()
  })

  test('authCheck decides by user name and token, percent-decoded', async (t) => {
    const seen: string[][] = []
    const authCheck = async (username: string, token: string): Promise<boolean> => {
      seen.push([username, token])
      return token === 'p@ss'
    }
    const host = new HostedLedgerPlugin(hostOptions({ authCheck, listener: { port: 0, host: '127.0.0.1' } }))
    t.after(async () => host.disconnect())
    await host.connect()
    const holder = new HostedLedgerPlugin({ server: `btp+ws://alice:p%40ss@localhost:${host.port}/` })
    t.after(async () => holder.disconnect())
    await holder.connect()
    assert.deepEqual(seen, [['alice', 'p@ss']])
  })

  test('a timeout that is not a number is a TypeError', async () => {
    const plugin = new HostedLedgerPlugin(hostOptions())
    await assert.rejects(plugin.connect({ timeout: '1' as unknown as number }), TypeError)
  })

  test('another prefix than the configured one is InvalidFieldsError', async (t) => {
    const { host } = await trustline(t)
    const server = `btp+ws://:@localhost:${host.port}/`
    const holder = new HostedLedgerPlugin({ server, prefix: 'example.other.' })
    t.after(async () => holder.disconnect())
    await assert.rejects(holder.connect(), { name: 'InvalidFieldsError' })
  })

  for (const [what, options] of [
    ['no role', {}],
    ['both roles', { ...hostOptions(), server: 'btp+ws://localhost' }],
    ['no prefix', { ...hostOptions(), prefix: undefined, info: { currencyCode: 'XRP', currencyScale: 9 } }],
    ['a prefix that is no address', hostOptions({ prefix: 'example..x' })],
    ['two prefixes', hostOptions({ prefix: 'example.a.' })],
    ['no maxBalance', { ...hostOptions(), maxBalance: undefined }],
    ['a maxBalance that is no number', hostOptions({ maxBalance: '1e9' })],
    ['no secret', { ...hostOptions(), incomingSecret: undefined }],
    ['no secret on all interfaces', hostOptions({ listener: { port: 0, host: '0.0.0.0' } })],
    ['a server that is no BTP URI', { server: 'http://localhost' }],
    ['options that are no object', undefined],
  ] as const) {
    test(`${what} is InvalidFieldsError`, () => {
      const make = (): unknown => new HostedLedgerPlugin(options as ReturnType<typeof hostOptions>)
      assert.throws(make, { name: 'InvalidFieldsError' })
    })
  }
})

suite('transfers', () => {
  test('holder pays host: every event with its arguments, in order, and both balances', async (t) => {
    const { host, holder } = await trustline(t)
    const events: unknown[][] = []
    const record = (side: string, plugin: HostedLedgerPlugin, names: readonly (keyof PluginEvents)[]): void => {
      for (const name of names) plugin.on(name, (...args: unknown[]) => events.push([side, name, ...args]))
    }
    record('holder', holder, ['outgoing_prepare', 'outgoing_fulfill', 'outgoing_reject', 'outgoing_cancel'])
    record('host', host, ['incoming_prepare', 'incoming_fulfill', 'incoming_reject', 'incoming_cancel'])
    const { executionCondition, fulfillment } = secret()
    const sent = transfer(executionCondition, { ilp: ILP, custom: { a: 1 }, noteToSelf: { mine: true } })
    const incoming = await prepared(holder, host, sent)
    assert.deepEqual(incoming, {
      id: sent.id,
      from: CLIENT,
      to: SERVER,
      ledger: PREFIX,
      amount: '10',
      executionCondition,
      expiresAt: sent.expiresAt,
      ilp: ILP,
      custom: { a: 1 },
    })
    const told = next(holder, 'outgoing_fulfill')
    await host.fulfillCondition(sent.id, fulfillment)
    await told
    const outgoing = { ...sent, from: CLIENT, ledger: PREFIX }
    assert.deepEqual(events, [
      ['host', 'incoming_prepare', incoming],
      ['holder', 'outgoing_prepare', outgoing],
      ['host', 'incoming_fulfill', incoming, fulfillment],
      ['holder', 'outgoing_fulfill', outgoing, fulfillment],
    ])
    assert.equal(await holder.getBalance(), '-10')
    assert.equal(await host.getBalance(), '10')
    assert.equal(await host.getFulfillment(sent.id), fulfillment)
    assert.equal(await holder.getFulfillment(sent.id), fulfillment)
  })

  test('host pays holder', async (t) => {
    const { host, holder } = await trustline(t)
    const { executionCondition, fulfillment } = secret()
    const sent = transfer(executionCondition, { to: CLIENT })
    const incoming = await prepared(host, holder, sent)
    assert.equal(incoming.from, SERVER)
    assert.equal(incoming.to, CLIENT)
    const told = next(host, 'outgoing_fulfill')
    await holder.fulfillCondition(sent.id, fulfillment)
    assert.equal((await told)[1], fulfillment)
    assert.equal(await holder.getBalance(), '10')
    assert.equal(await host.getBalance(), '-10')
  })

  test('the ilp of a fulfilment (draft 9) reaches the payer', async (t) => {
    const { host, holder } = await trustline(t)
    const { executionCondition, fulfillment } = secret()
    const sent = transfer(executionCondition)
    await prepared(holder, host, sent)
    const packet = Buffer.from(encodePacket({ type: 9, data: Uint8Array.of(1, 2, 3) })).toString('base64url')
    const told = next(holder, 'outgoing_fulfill')
    await host.fulfillCondition(sent.id, fulfillment, packet)
    assert.equal((await told)[2], packet)
  })

  test('a zero amount is a transfer', async (t) => {
    const { host, holder } = await trustline(t)
    const { executionCondition, fulfillment } = secret()
    const sent = transfer(executionCondition, { amount: '0' })
    await prepared(holder, host, sent)
    await host.fulfillCondition(sent.id, fulfillment)
    assert.equal(await host.getBalance(), '0')
  })

  for (const [what, reason, shown] of [
    [
      'an ISO string as its time',
      { triggered_at: '2017-12-24T16:14:32.279Z' },
      { triggered_at: '2017-12-24T16:14:32.279Z' },
    ],
    ['a Date as its time', { triggered_at: new Date(1_500_000_000_000) }, { triggered_at: '2017-07-14T02:40:00.000Z' }],
    ['nothing in it', {}, { code: 'F00', name: 'Bad Request', triggered_by: SERVER }],
    [
      'everything in it',
      {
        code: 'F06',
        name: 'Unexpected Payment',
        message: 'unknown client',
        triggered_by: 'example.a.b',
        forwarded_by: ['example.c', 'example.d'],
        additional_info: { client: 'x' },
      },
      {
        code: 'F06',
        name: 'Unexpected Payment',
        message: 'unknown client',
        triggered_by: 'example.a.b',
        forwarded_by: 'example.d',
      },
    ],
    ['one address that forwarded it', { forwarded_by: 'example.c' }, { forwarded_by: 'example.c' }],
  ] as const) {
    test(`a rejection with ${what} reaches the payer and frees the money`, async (t) => {
      const { host, holder } = await trustline(t, { maxBalance: '10' })
      const sent = transfer(secret().executionCondition)
      await prepared(holder, host, sent)
      const told = next(holder, 'outgoing_reject')
      const forwarded = 'forwarded_by' in reason ? { forwarded_by: [reason.forwarded_by].flat() } : {}
      await host.rejectIncomingTransfer(sent.id, { ...reason, ...forwarded } as Parameters<
        typeof host.rejectIncomingTransfer
      >[1])
      const [rejected, seen] = await told
      assert.equal(rejected.id, sent.id)
      assert.deepEqual({ ...seen, ...shown }, seen)
      await prepared(holder, host, transfer(secret().executionCondition))
    })
  }

  test('an expired transfer is cancelled on both sides, with a reason, and its money is free', async (t) => {
    const { host, holder } = await trustline(t, { maxBalance: '10' })
    const sent = transfer(secret().executionCondition, { expiresAt: new Date(Date.now() + 50).toISOString() })
    const told = Promise.all([next(host, 'incoming_cancel'), next(holder, 'outgoing_cancel')])
    await prepared(holder, host, sent)
    for (const [cancelled, reason] of await told) {
      assert.equal(cancelled.id, sent.id)
      assert.equal(reason.code, 'R00')
    }
    await assert.rejects(host.fulfillCondition(sent.id, secret().fulfillment), { name: 'AlreadyRolledBackError' })
    await prepared(holder, host, transfer(secret().executionCondition))
  })

  test('a listener that throws does not harm the transfer', async (t) => {
    const { host, holder } = await trustline(t)
    host.on('incoming_prepare', () => {
      throw new Error('thrown by a listener')
    })
    const { executionCondition, fulfillment } = secret()
    const sent = transfer(executionCondition)
    await holder.sendTransfer(sent)
    await host.fulfillCondition(sent.id, fulfillment)
    assert.equal(await host.getBalance(), '10')
  })
})

suite('refusals', () => {
  test('over the credit limit, again and again: nothing is held, nothing is told', async (t) => {
    const { host, holder } = await trustline(t, { maxBalance: '9' })
    let incoming = 0
    host.on('incoming_prepare', () => incoming++)
    const sent = transfer(secret().executionCondition)
    for (let attempt = 0; attempt < 3; attempt++) {
      await assert.rejects(holder.sendTransfer(sent), { name: 'InsufficientBalanceError' })
    }
    assert.equal(incoming, 0)
    await prepared(holder, host, transfer(secret().executionCondition, { amount: '9' }))
  })

  test('minBalance bounds what the host may owe', async (t) => {
    const { host, holder } = await trustline(t, { minBalance: '-10' })
    await prepared(host, holder, transfer(secret().executionCondition, { to: CLIENT }))
    const over = transfer(secret().executionCondition, { to: CLIENT, amount: '1' })
    await assert.rejects(host.sendTransfer(over), { name: 'InsufficientBalanceError' })
  })

  test('the same transfer twice is one; the same id for another is DuplicateIdError', async (t) => {
    const { host, holder } = await trustline(t)
    let incoming = 0
    host.on('incoming_prepare', () => incoming++)
    const sent = transfer(secret().executionCondition)
    await Promise.all([holder.sendTransfer(sent), holder.sendTransfer({ ...sent })])
    assert.equal(incoming, 1)
    await assert.rejects(holder.sendTransfer({ ...sent, amount: '11' }), { name: 'DuplicateIdError' })
  })

  test('a finished id is not taken again', async (t) => {
    const { host, holder } = await trustline(t)
    const { executionCondition, fulfillment } = secret()
    const sent = transfer(executionCondition)
    await prepared(holder, host, sent)
    const told = next(holder, 'outgoing_fulfill')
    await host.fulfillCondition(sent.id, fulfillment)
    await told
    await assert.rejects(holder.sendTransfer(sent), { name: 'DuplicateIdError' })
    await assert.rejects(holder.sendTransfer({ ...sent, amount: '11' }), { name: 'DuplicateIdError' })
    assert.equal(await host.getBalance(), '10')
  })

  for (const [what, fields] of [
    ['an id that is no UUID', { id: 'nope' }],
    ['no id', { id: undefined }],
    ['an amount of 2^64', { amount: '18446744073709551616' }],
    ['a negative amount', { amount: '-1' }],
    ['an amount in floating point', { amount: '1e3' }],
    ['an amount that is a number', { amount: 1 }],
    ['a condition of 31 bytes', { executionCondition: Buffer.alloc(31).toString('base64url') }],
    ['no condition', { executionCondition: undefined }],
    ['no expiry', { expiresAt: undefined }],
    ['an expiry that is no time', { expiresAt: 'soon' }],
    ['an expiry in the past', { expiresAt: '2017-12-24T16:14:32.279Z' }],
    ['another ledger', { ledger: 'example.other.' }],
    ["somebody else's from", { from: SERVER }],
    ['a receiver elsewhere', { to: 'example.other.bob' }],
    ['a receiver whose name only begins the same', { to: `${SERVER}by.1` }],
    ['no receiver', { to: undefined }],
    ['custom that is no object', { custom: 'text' }],
  ] as const) {
    test(`${what} is InvalidFieldsError and leaves nothing behind`, async (t) => {
      const { host, holder } = await trustline(t)
      const bad = { ...transfer(secret().executionCondition), ...fields } as ReturnType<typeof transfer>
      await assert.rejects(holder.sendTransfer(bad), { name: 'InvalidFieldsError' })
      assert.equal(await host.getBalance(), '0')
    })
  }

  test('ilp and custom have their own errors of size', async (t) => {
    const { holder } = await trustline(t)
    const long = transfer(secret().executionCondition, { ilp: Buffer.alloc(40_000).toString('base64url') })
    await assert.rejects(holder.sendTransfer(long), { name: 'MaximumIlpDataSizeExceededError' })
    const wide = transfer(secret().executionCondition, { custom: { text: 'x'.repeat(40_000) } })
    await assert.rejects(holder.sendTransfer(wide), { name: 'MaximumCustomDataSizeExceededError' })
  })

  test('fulfilling: wrong preimage, unknown id, outgoing transfer; twice is once', async (t) => {
    const { host, holder } = await trustline(t)
    const { executionCondition, fulfillment } = secret()
    const sent = transfer(executionCondition)
    await prepared(holder, host, sent)
    await assert.rejects(host.fulfillCondition(sent.id, secret().fulfillment), { name: 'NotAcceptedError' })
    await assert.rejects(host.fulfillCondition(sent.id, 'short'), { name: 'InvalidFieldsError' })
    await assert.rejects(host.fulfillCondition(randomUUID(), fulfillment), { name: 'TransferNotFoundError' })
    await assert.rejects(holder.fulfillCondition(sent.id, fulfillment), { name: 'NotAcceptedError' })
    await assert.rejects(holder.rejectIncomingTransfer(sent.id, {}), { name: 'NotAcceptedError' })
    await assert.rejects(host.getFulfillment(sent.id), { name: 'MissingFulfillmentError' })
    let fulfilled = 0
    host.on('incoming_fulfill', () => fulfilled++)
    await Promise.all([host.fulfillCondition(sent.id, fulfillment), host.fulfillCondition(sent.id, fulfillment)])
    await host.fulfillCondition(sent.id.toUpperCase(), fulfillment)
    assert.equal(fulfilled, 1)
    assert.equal(await host.getBalance(), '10')
    await assert.rejects(host.rejectIncomingTransfer(sent.id, {}), { name: 'AlreadyFulfilledError' })
    await assert.rejects(host.fulfillCondition(sent.id, secret().fulfillment), { name: 'NotAcceptedError' })
  })

  test('a rejected transfer is not fulfilled', async (t) => {
    const { host, holder } = await trustline(t)
    const { executionCondition, fulfillment } = secret()
    const sent = transfer(executionCondition)
    await prepared(holder, host, sent)
    await host.rejectIncomingTransfer(sent.id, { code: 'F06' })
    await assert.rejects(host.fulfillCondition(sent.id, fulfillment), { name: 'AlreadyRolledBackError' })
    await assert.rejects(host.getFulfillment(sent.id), { name: 'AlreadyRolledBackError' })
    assert.equal(await host.getBalance(), '0')
  })
})

suite('requests', () => {
  test('a request and its answer, with the passive events', async (t) => {
    const { host, holder } = await trustline(t)
    const seen: string[] = []
    for (const name of ['outgoing_request', 'incoming_response'] as const) holder.on(name, () => seen.push(name))
    for (const name of ['incoming_request', 'outgoing_response'] as const) host.on(name, () => seen.push(name))
    host.registerRequestHandler(async (message) => {
      assert.equal(message.from, CLIENT)
      assert.equal(message.to, SERVER)
      assert.deepEqual(message.custom, { question: 1 })
      return { to: CLIENT, ilp: ILP, custom: { answer: 2 } }
    })
    const answer = await holder.sendRequest({ to: SERVER, custom: { question: 1 } })
    assert.equal(answer.ilp, ILP)
    assert.deepEqual(answer.custom, { answer: 2 })
    assert.deepEqual(seen, ['outgoing_request', 'incoming_request', 'outgoing_response', 'incoming_response'])
  })

  test('without a handler, and after deregistering, the asker gets NotAcceptedError', async (t) => {
    const { host, holder } = await trustline(t)
    await assert.rejects(holder.sendRequest({ to: SERVER, ilp: ILP }), { name: 'NotAcceptedError' })
    host.registerRequestHandler(async () => ({ to: CLIENT, custom: {} }))
    await holder.sendRequest({ to: SERVER, ilp: ILP })
    host.deregisterRequestHandler()
    host.deregisterRequestHandler()
    await assert.rejects(holder.sendRequest({ to: SERVER, ilp: ILP }), { name: 'NotAcceptedError' })
  })

  test('what a handler throws stays here', async (t) => {
    const { host, holder } = await trustline(t)
    host.registerRequestHandler(async () => {
      throw new Error('password=hunter2')
    })
    await assert.rejects(holder.sendRequest({ to: SERVER, ilp: ILP }), (error: Error) => {
      assert.doesNotMatch(error.message, /hunter2/)
      return error.name === 'NotAcceptedError'
    })
  })

  test('one handler at a time', async (t) => {
    const { host } = await trustline(t)
    host.registerRequestHandler(async () => ({ to: CLIENT }))
    assert.throws(() => host.registerRequestHandler(async () => ({ to: CLIENT })), {
      name: 'RequestHandlerAlreadyRegisteredError',
    })
  })

  test('a message needs ilp or custom, and the right receiver', async (t) => {
    const { holder } = await trustline(t)
    await assert.rejects(holder.sendRequest({ to: SERVER }), { name: 'InvalidFieldsError' })
    await assert.rejects(holder.sendRequest({ to: CLIENT, custom: {} }), { name: 'InvalidFieldsError' })
  })
})

suite('restarts', () => {
  test('a host that restarts keeps balances, holds and outcomes; the holder reconnects and hears them', async (t) => {
    const store = quietStore()
    const { host, holder } = await trustline(t, { store, maxBalance: '30' })
    const paid = secret()
    const first = transfer(paid.executionCondition)
    await prepared(holder, host, first)
    const told = next(holder, 'outgoing_fulfill')
    await host.fulfillCondition(first.id, paid.fulfillment)
    await told
    const pending = secret()
    const second = transfer(pending.executionCondition)
    await prepared(holder, host, second)
    const { port } = host
    const dropped = next(holder, 'disconnect')
    await host.disconnect()
    await dropped
    assert.equal(holder.isConnected(), false)
    assert.equal(holder.getAccount(), CLIENT)

    const again = new HostedLedgerPlugin(hostOptions({ store, maxBalance: '30', listener: { port: Number(port) } }))
    t.after(async () => again.disconnect())
    const offered = next(again, 'incoming_prepare')
    const connected = next(holder, 'connect')
    await again.connect()
    const [[recovered]] = await Promise.all([offered, connected])
    assert.equal(recovered.id, second.id)
    assert.equal(await again.getBalance(), '10')
    assert.equal(await again.getFulfillment(first.id), paid.fulfillment)
    const over = transfer(secret().executionCondition, { amount: '11' })
    await assert.rejects(holder.sendTransfer(over), { name: 'InsufficientBalanceError' })
    const late = next(holder, 'outgoing_fulfill')
    await again.fulfillCondition(second.id, pending.fulfillment)
    assert.equal((await late)[0].id, second.id)
    assert.equal(await holder.getBalance(), '-20')
  })

  test('a lower limit does not stop a ledger from opening', async (t) => {
    const store = quietStore()
    const { host, holder } = await trustline(t, { store })
    await prepared(holder, host, transfer(secret().executionCondition))
    await host.disconnect()
    const again = new HostedLedgerPlugin(hostOptions({ store, maxBalance: '1' }))
    t.after(async () => again.disconnect())
    await again.connect()
    assert.ok(again.isConnected())
  })

  test('the 2017 _store, answering at once or by promises, keeps the ledger too', async (t) => {
    const values: Record<string, string> = {}
    const _store = {
      get: (key: string) => values[key],
      put: (key: string, value: string) => {
        values[key] = value
      },
      del: (key: string) => delete values[key],
    }
    const options = { ...hostOptions(), _store }
    delete (options as { store?: unknown }).store
    const host = new HostedLedgerPlugin(options)
    t.after(async () => host.disconnect())
    await host.connect()
    const holder = new HostedLedgerPlugin({ server: `btp+ws://:@localhost:${host.port}/` })
    t.after(async () => holder.disconnect())
    await holder.connect()
    const { executionCondition, fulfillment } = secret()
    const sent = transfer(executionCondition)
    await prepared(holder, host, sent)
    await host.fulfillCondition(sent.id, fulfillment)
    await host.disconnect()
    const again = new HostedLedgerPlugin({
      ...options,
      _store: {
        get: async (k: string) => values[k],
        put: async (k: string, v: string) => void (values[k] = v),
        del: async (k: string) => void delete values[k],
      },
    })
    t.after(async () => again.disconnect())
    await again.connect()
    assert.equal(await again.getBalance(), '10')
  })
})

suite('other trustlines', () => {
  test('symmetrical: both sides keep the book, over restarts of either', async (t) => {
    const stores = { a: quietStore(), b: quietStore() }
    const port = await freePort()
    const a = (): HostedLedgerPlugin =>
      new HostedLedgerPlugin(hostOptions({ store: stores.a, symmetrical: true, listener: { port } }))
    const b = (): HostedLedgerPlugin => {
      const { listener: _, ...options } = hostOptions({ store: stores.b, symmetrical: true })
      return new HostedLedgerPlugin({ ...options, server: `btp+ws://:@localhost:${port}/` })
    }
    let [server, client] = [a(), b()]
    t.after(async () => Promise.all([client.disconnect(), server.disconnect()]))
    await server.connect()
    await client.connect()
    assert.equal(client.getAccount(), CLIENT)
    const paid = secret()
    const first = transfer(paid.executionCondition)
    await prepared(client, server, first)
    const told = next(client, 'outgoing_fulfill')
    await server.fulfillCondition(first.id, paid.fulfillment)
    await told
    const back = secret()
    const second = transfer(back.executionCondition, { to: CLIENT, amount: '3' })
    await prepared(server, client, second)
    await client.fulfillCondition(second.id, back.fulfillment)
    for (const plugin of [client, server]) await plugin.disconnect()
    ;[server, client] = [a(), b()]
    await server.connect()
    await client.connect()
    assert.equal(await server.getBalance(), '7')
    assert.equal(await client.getBalance(), '-7')
  })

  test('btp+wss: over TLS, with a certificate that the holder trusts', async (t) => {
    const pem = (name: string): string =>
      fileURLToPath(new URL(`../../../test/session/fixtures/${name}`, import.meta.url))
    const listener = { port: 0, host: '127.0.0.1', cert: pem('cert.pem'), key: pem('key.pem') }
    const host = new HostedLedgerPlugin(hostOptions({ incomingSecret: 'token', listener }))
    t.after(async () => host.disconnect())
    await host.connect()
    const server = `btp+wss://:token@localhost:${host.port}/`
    const holder = new HostedLedgerPlugin({ server, ca: pem('cert.pem') })
    t.after(async () => holder.disconnect())
    await holder.connect()
    assert.equal(holder.getAccount(), CLIENT)
    const stranger = new HostedLedgerPlugin({ server })
    t.after(async () => stranger.disconnect())
    await assert.rejects(stranger.connect({ timeout: 300 }), { name: 'UnreachableError' })
  })
})
