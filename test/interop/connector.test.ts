/**
 * ilp-connector 23, started from configuration with our classes by name on each of its links (client, listener, hosted);
 * STREAM and @interledger/pay through two of them.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { before, test, type TestContext } from 'node:test'
import type { LedgerPluginV2 } from 'sluice/plugin'
import { LogLines } from '../plugin/v2-pair.js'
import { repositoryRoot } from './old-peers.js'
import { freePort, installV2Peers, pluginClass, streamModule, unrefTimers, v2PeersFolder } from './v2-peers.js'

const quiet = new LogLines().services
const require = createRequire(import.meta.url)
const BTP = join(repositoryRoot, 'compat/ilp-plugin-btp')
const MINI_ACCOUNTS = join(repositoryRoot, 'compat/ilp-plugin-mini-accounts')
/** The connector tells its peers about a change of routes after 150 ms; then every 30 s. */
const ROUTES_MS = 5_000

interface Connector {
  listen(): Promise<void>
  shutdown(): Promise<void>
  getPlugin(account: string): LedgerPluginV2
}

interface PayModule {
  readonly quote: (options: object) => Promise<{ pay(): Promise<{ amountSent: unknown; error?: string }> }>
}

before(async () => {
  await installV2Peers()
  // Connectors that were shut down still wait to broadcast routes.
  unrefTimers()
})

function connector(
  name: string,
  accounts: Record<string, { relation: string; plugin: string; options: object }>,
): Connector {
  const { createApp } = require(join(v2PeersFolder, 'node_modules/ilp-connector')) as {
    readonly createApp: (config: object) => Connector
  }
  const asset = { assetCode: 'USD', assetScale: 9, sendRoutes: true, receiveRoutes: true }
  return createApp({
    ilpAddress: `test.${name}`,
    env: 'test',
    adminApi: false,
    backend: 'one-to-one',
    spread: 0,
    accounts: Object.fromEntries(Object.entries(accounts).map(([id, account]) => [id, { ...asset, ...account }])),
  })
}

/** Two connectors, peered over our plugin for one peer, each with a host for its children. */
async function network(t: TestContext) {
  const [peering, left, right] = [await freePort(), await freePort(), await freePort()]
  const a = connector('a', {
    b: { relation: 'peer', plugin: BTP, options: { listener: { port: peering, secret: 'peering' } } },
    kids: { relation: 'child', plugin: MINI_ACCOUNTS, options: { port: left } },
  })
  const b = connector('b', {
    a: { relation: 'peer', plugin: BTP, options: { server: `btp+ws://:peering@127.0.0.1:${peering}` } },
    kids: { relation: 'child', plugin: MINI_ACCOUNTS, options: { port: right } },
  })
  await Promise.all([a.listen(), b.listen()])
  const Plugin = pluginClass('ours', 'ilp-plugin-btp')
  const payer = (): LedgerPluginV2 => new Plugin({ server: `btp+ws://:payer@127.0.0.1:${left}` }, quiet)
  const payee = new Plugin({ server: `btp+ws://:payee@127.0.0.1:${right}` }, quiet)
  const { createServer } = streamModule()
  const server = await createServer({ plugin: payee, serverSecret: Buffer.alloc(32, 1) })
  t.after(async () => {
    await server.close()
    await Promise.all([a.shutdown(), b.shutdown()])
  })
  let received = 0n
  server.on('connection', (connection) => {
    connection.on('stream', (stream) => {
      stream.setReceiveMax('1000000000')
      stream.on('money', (amount) => (received += BigInt(amount)))
    })
  })
  return { a, b, payer, server, received: () => received }
}

type Network = Awaited<ReturnType<typeof network>>

/** Sends over a connection of its own, as soon as the routes are there. */
async function pay(net: Network, amount: string): Promise<void> {
  const { createConnection } = streamModule()
  const giveUpAt = Date.now() + ROUTES_MS
  for (;;) {
    const plugin = net.payer()
    try {
      const connection = await createConnection({ plugin, ...net.server.generateAddressAndSecret() })
      await connection.createStream().sendTotal(amount, { timeout: ROUTES_MS })
      await connection.destroy()
      return
    } catch (error) {
      if (Date.now() > giveUpAt) throw error
    } finally {
      await plugin.disconnect()
    }
  }
}

test('STREAM through two connectors, at once after their start and after a dropped link', async (t) => {
  const net = await network(t)
  await pay(net, '1000000')
  assert.equal(net.received(), 1_000_000n)
  const [near, far] = [net.a.getPlugin('b'), net.b.getPlugin('a')]
  const lost = once(near as unknown as EventEmitter, 'disconnect')
  await far.disconnect()
  await lost
  await far.connect()
  await pay(net, '5000')
  assert.equal(net.received(), 1_005_000n)
})

test('@interledger/pay through two connectors', async (t) => {
  const net = await network(t)
  await pay(net, '1')
  const { quote } = require(join(v2PeersFolder, 'node_modules/@interledger/pay')) as PayModule
  const { destinationAccount, sharedSecret } = net.server.generateAddressAndSecret()
  const plugin = net.payer()
  t.after(async () => plugin.disconnect())
  await plugin.connect()
  const payment = await quote({
    plugin,
    destinationAddress: destinationAccount,
    sharedSecret,
    amountToSend: '0.001',
    prices: { USD: 1 },
  })
  const { error, amountSent } = await payment.pay()
  assert.equal(error, undefined)
  assert.equal(String(amountSent), '0.001')
  assert.equal(net.received(), 1_000_001n)
})
