/** makePaymentChannelPlugin and its transfer logs and trackers (ilp-plugin-payment-channel-framework 1.3). */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { suite, test, type TestContext } from 'node:test'
import {
  channelBackend,
  type ChannelContext,
  type ChannelModule,
  makePaymentChannelPlugin,
  type PaymentChannelPluginOptions,
  type PluginStore,
} from 'sluice/plugin'
import { freePort, next, prepared, secret, transfer } from './trustline.js'

const LEDGER = 'example.channel.'

function objectStore(values: Record<string, string> = {}): PluginStore & { readonly values: Record<string, string> } {
  return {
    values,
    get: async (key) => values[key],
    put: (key, value) => {
      values[key] = value
    },
    del: async (key) => {
      delete values[key]
    },
  }
}

/** A module that claims the total it owes, and takes claims, refusing transfers above `maxUnsecured`. */
function claimingModule(seen: EventEmitter): ChannelModule {
  const optionsOf = (context: ChannelContext): PaymentChannelPluginOptions =>
    context.state['options'] as PaymentChannelPluginOptions
  return {
    pluginName: 'claim-test',
    constructor(context, options) {
      context.state['options'] = options
      context.state['best'] = context.backend.getMaxValueTracker('best')
      context.rpc.addMethod('double', async (value) => Number(value) * 2)
    },
    getAuthToken: () => 'shared',
    getInfo: () => ({ prefix: LEDGER, currencyCode: 'X', currencyScale: 6, connectors: [] }),
    getAccount: (context) => LEDGER + String(optionsOf(context)['me']),
    getPeerAccount: (context) => LEDGER + String(optionsOf(context)['other']),
    connect: async () => undefined,
    disconnect: async (context) => {
      seen.emit('disconnected', optionsOf(context)['me'])
    },
    async handleIncomingPrepare(context, incoming) {
      const total = BigInt(await context.transferLog.getIncomingFulfilledAndPrepared())
      const best = BigInt((await context.backend.getMaxValueTracker('best').getMax()).value)
      const { maxUnsecured = '1000' } = optionsOf(context) as { maxUnsecured?: string }
      if (total - best > BigInt(maxUnsecured)) throw new Error(`${incoming.id} is over the unsecured maximum`)
    },
    createOutgoingClaim: async (_context, total) => ({ total }),
    async handleIncomingClaim(context, claim) {
      const { total } = claim as { total: string }
      await context.backend.getMaxValueTracker('best').setIfMax({ value: total, data: claim })
      seen.emit('claim', total)
    },
  }
}

async function channel(t: TestContext, options: Partial<PaymentChannelPluginOptions> = {}) {
  const seen = new EventEmitter()
  const Plugin = makePaymentChannelPlugin(claimingModule(seen))
  const shared = { maxBalance: '1000', minBalance: '-1000', ...options }
  const port = await freePort()
  const alice = new Plugin({
    ...shared,
    _store: objectStore(),
    listener: { port, host: '127.0.0.1' },
    me: 'alice',
    other: 'bob',
  })
  t.after(async () => alice.disconnect())
  await alice.connect()
  const bob = new Plugin({
    ...shared,
    _store: objectStore(),
    server: `btp+ws://:@127.0.0.1:${port}`,
    me: 'bob',
    other: 'alice',
  })
  t.after(async () => bob.disconnect())
  await bob.connect()
  return { alice, bob, seen, Plugin }
}

suite('a payment channel plugin', () => {
  test('pays in both directions; each side keeps the book; claims follow the fulfilments', async (t) => {
    const { alice, bob, seen, Plugin } = await channel(t)
    assert.equal(Plugin.name, 'PluginClaimTest')
    assert.equal(alice.getAccount(), `${LEDGER}alice`)
    assert.equal(bob.getInfo().prefix, LEDGER)
    for (const [from, to, amount, total] of [
      [bob, alice, '30', '30'],
      [bob, alice, '5', '35'],
      [alice, bob, '12', '12'],
    ] as const) {
      const { executionCondition, fulfillment } = secret()
      const sent = transfer(executionCondition, { to: to.getAccount(), amount })
      await prepared(from, to, sent)
      const claimed = once(seen, 'claim')
      const told = next(from, 'outgoing_fulfill')
      await to.fulfillCondition(sent.id, fulfillment)
      await told
      assert.deepEqual(await claimed, [total])
    }
    assert.equal(await alice.getBalance(), '23')
    assert.equal(await bob.getBalance(), '-23')
  })

  test('a transfer that the module refuses is rejected, and its money is free', async (t) => {
    const { alice, bob } = await channel(t, { maxUnsecured: '10' })
    let shown = 0
    alice.on('incoming_prepare', () => shown++)
    for (let round = 0; round < 2; round++) {
      const told = next(bob, 'outgoing_reject')
      await bob.sendTransfer(transfer(secret().executionCondition, { to: alice.getAccount(), amount: '11' }))
      assert.match((await told)[1].message ?? '', /unsecured/)
    }
    assert.equal(shown, 0)
    await prepared(bob, alice, transfer(secret().executionCondition, { to: alice.getAccount() }))
  })

  test('modules call each other', async (t) => {
    const contexts: ChannelContext[] = []
    const module = claimingModule(new EventEmitter())
    const keep = module.constructor.bind(module)
    const Plugin = makePaymentChannelPlugin({
      ...module,
      constructor(context, options) {
        contexts.push(context)
        keep(context, options)
      },
    })
    const port = await freePort()
    const common = { maxBalance: '10', me: 'a', other: 'b' }
    const listening = new Plugin({ ...common, _store: objectStore(), listener: { port, host: '127.0.0.1' } })
    const dialling = new Plugin({ ...common, _store: objectStore(), server: `btp+ws://127.0.0.1:${port}` })
    t.after(async () => Promise.all([dialling.disconnect(), listening.disconnect()]))
    await listening.connect()
    await dialling.connect()
    const [first, second] = contexts
    assert.equal(await second?.rpc.call('double', '', 21), 42)
    await assert.rejects(Promise.resolve(second?.rpc.call('absent', '', 1)), { name: 'NotAcceptedError' })
    assert.equal(first?.plugin, listening)
  })

  test('a module without a hook, and a plugin without a store, are refused', () => {
    const module = claimingModule(new EventEmitter())
    const lacking = { ...module, getAuthToken: undefined } as unknown as ChannelModule
    assert.throws(() => makePaymentChannelPlugin(lacking), { name: 'InvalidFieldsError' })
    const Plugin = makePaymentChannelPlugin(module)
    assert.throws(() => new Plugin({ maxBalance: '1', listener: {} }), { name: 'InvalidFieldsError' })
  })
})

suite('a transfer log', () => {
  test('sums what is prepared and fulfilled, and keeps it over a restart', async () => {
    const store = objectStore()
    const log = channelBackend(store).getTransferLog({ key: 'settled' })
    await log.prepare({ id: 'tx1', amount: '10' }, true)
    await log.prepare({ id: 'tx2', amount: '4' }, false)
    await log.prepare({ id: 'tx1', amount: '10' }, true)
    await log.fulfill('tx1')
    await log.cancel('tx2')
    await log.fulfill('tx1')
    const again = channelBackend(objectStore(store.values)).getTransferLog('settled')
    assert.equal(await again.getBalance(), '10')
    assert.equal(await again.getIncomingFulfilledAndPrepared(), '10')
    assert.equal(await again.getOutgoingFulfilledAndPrepared(), '0')
    assert.equal((await again.get('tx1')).state, 'fulfilled')
    await assert.rejects(again.prepare({ id: 'tx1', amount: '11' }, true), { name: 'DuplicateIdError' })
    await assert.rejects(again.cancel('tx1'), { name: 'AlreadyFulfilledError' })
    await assert.rejects(again.fulfill('tx2'), { name: 'AlreadyRolledBackError' })
    await assert.rejects(again.get('tx3'), { name: 'TransferNotFoundError' })
  })

  test('its limits gate prepares, and a refused one leaves nothing behind', async () => {
    const log = channelBackend(objectStore()).getTransferLog({ key: 'limited', maximum: '10', minimum: '-5' })
    await assert.rejects(log.prepare({ id: 'a', amount: '11' }, true), { name: 'NotAcceptedError' })
    await assert.rejects(log.prepare({ id: 'a', amount: '11' }, true), { name: 'NotAcceptedError' })
    await log.prepare({ id: 'a', amount: '10' }, true)
    await assert.rejects(log.prepare({ id: 'b', amount: '6' }, false), { name: 'NotAcceptedError' })
    await log.setMinimum('-6')
    await log.prepare({ id: 'b', amount: '6' }, false)
    assert.equal(await log.getMinimum(), '-6')
  })

  for (const lost of [1, 2]) {
    test(`a crash with the last ${lost} of its puts lost leaves sums and transfers of one mind`, async () => {
      const puts: [string, string][] = []
      const values: Record<string, string> = {}
      const store: PluginStore = {
        get: (key) => values[key],
        put: (key, value) => {
          puts.push([key, value])
          values[key] = value
        },
        del: (key) => delete values[key],
      }
      const log = channelBackend(store).getTransferLog('log')
      await log.prepare({ id: randomUUID(), amount: '1' }, true)
      await log.prepare({ id: 'last', amount: '2' }, true)
      await log.fulfill('last')
      const survived = Object.fromEntries(puts.slice(0, puts.length - lost))
      const again = channelBackend(objectStore(survived)).getTransferLog('log')
      const { state } = await again.get('last')
      assert.equal(await again.getIncomingFulfilled(), state === 'fulfilled' ? '2' : '0')
      await again.fulfill('last')
      assert.equal(await again.getIncomingFulfilled(), '2')
    })
  }

  test('a tracker keeps the highest value and gives the one before', async () => {
    const tracker = channelBackend(objectStore()).getMaxValueTracker({ key: 'claims' })
    assert.deepEqual(await tracker.getMax(), { value: '0', data: null })
    const [first, second] = await Promise.all([
      tracker.setIfMax({ value: '10', data: 'a' }),
      tracker.setIfMax({ value: '9', data: 'b' }),
    ])
    assert.deepEqual(first, { value: '0', data: null })
    assert.deepEqual(second, { value: '9', data: 'b' })
    assert.deepEqual(await tracker.getMax(), { value: '10', data: 'a' })
  })

  test('keys are checked', () => {
    const backend = channelBackend(objectStore())
    assert.throws(() => backend.getTransferLog({ key: 'a:b' }), { name: 'InvalidFieldsError' })
    assert.throws(() => backend.getMaxValueTracker(''), { name: 'InvalidFieldsError' })
  })
})
