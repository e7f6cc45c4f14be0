/**
 * ilp-connector 23, started from configuration with our classes by name on each of its links (client, listener, hosted);
 * STREAM and @interledger/pay through two of them.
 */
import assert from 'node:assert/strict'
import { type EventEmitter, once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { before, test, type TestContext } from 'node:test'
import { decodePacketOf } from 'sluice/ilp'
import { type LedgerPluginV2, PluginV2 } from 'sluice/plugin'
import { LogLines } from '../plugin/v2-pair.js'
import { freePort, installV2Peers, pluginClass, streamModule, unrefTimers, v2PeersFolder, Wire } from './v2-peers.js'

const quiet = new LogLines().services
const require = createRequire(import.meta.url)
/** As a connector's configuration names them. */
const BTP = 'sluice/compat/ilp-plugin-btp'
const MINI_ACCOUNTS = 'sluice/compat/ilp-plugin-mini-accounts'
const PAY_MS = 5_000

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

/** What connectors tell each other about routes (`peer.route.control`, `peer.route.update`), and how it was answered. */
class RouteTalk {
  #told: { from: LedgerPluginV2; destination: string; data: string; answer: number }[] = []
  #waiting: (() => void)[] = []

  constructor(t: TestContext) {
    const listen = (from: LedgerPluginV2, data: Buffer, answer: Buffer): void => this.#hear(from, data, answer)
    const original = Reflect.get(PluginV2.prototype, 'sendData')
    t.mock.method(PluginV2.prototype, 'sendData', async function (this: PluginV2, data: Buffer) {
      const answer = await original.call(this, data).catch(() => Buffer.alloc(1))
      listen(this, data, answer)
      return answer
    })
  }

  /** Resolves when the peer has taken a route to `address` from `from`. */
  async route(from: LedgerPluginV2, address: string): Promise<void> {
    while (!this.#told.some((one) => one.from === from && one.data.includes(address) && one.answer === 13)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** How its requests for routes were answered. One that fails is repeated after 30 s. */
  controls(from: LedgerPluginV2): number[] {
    const controls = this.#told.filter((one) => one.from === from && one.destination === 'peer.route.control')
    return controls.map(({ answer }) => answer)
  }

  forget(): void {
    this.#told = []
  }

  #hear(from: LedgerPluginV2, bytes: Buffer, answer: Buffer): void {
    if (bytes[0] !== 12) return
    const { destination, data } = decodePacketOf(12, bytes)
    const text = destination === 'peer.route.update' ? Buffer.from(data).toString('latin1') : ''
    this.#told.push({ from, destination, data: text, answer: answer[0] ?? 0 })
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** Two connectors, peered over our plugin for one peer, each with a host for its children. */
async function network(t: TestContext) {
  const routes = new RouteTalk(t)
  const [peering, left, right] = [await freePort(), await freePort(), await freePort()]
  const wire = await Wire.to(peering)
  const a = connector('a', {
    b: { relation: 'peer', plugin: BTP, options: { listener: { port: peering, secret: 'peering' } } },
    kids: { relation: 'child', plugin: MINI_ACCOUNTS, options: { port: left } },
  })
  const b = connector('b', {
    a: { relation: 'peer', plugin: BTP, options: { server: `btp+ws://:peering@127.0.0.1:${wire.port}` } },
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
    // A connector disconnects those that are connected only.
    await Promise.all([a.shutdown(), b.shutdown()])
    wire.close()
  })
  let received = 0n
  server.on('connection', (connection) => {
    connection.on('stream', (stream) => {
      stream.setReceiveMax('1000000000')
      stream.on('money', (amount) => (received += BigInt(amount)))
    })
  })
  return { a, b, wire, routes, payer, server, received: () => received }
}

type Network = Awaited<ReturnType<typeof network>>

/** Sends over a connection of its own, without a second try. */
async function pay(net: Network, amount: string): Promise<void> {
  const { createConnection } = streamModule()
  const plugin = net.payer()
  try {
    const connection = await createConnection({ plugin, ...net.server.generateAddressAndSecret() })
    await connection.createStream().sendTotal(amount, { timeout: PAY_MS })
    await connection.destroy()
  } finally {
    await plugin.disconnect()
  }
}

test('connectors exchange routes by their first words, after their start and after a dropped link', async (t) => {
  const net = await network(t)
  const [near, far] = [net.a.getPlugin('b'), net.b.getPlugin('a')]
  const exchanged = async (): Promise<number[][]> => {
    await Promise.all([net.routes.route(far, 'test.b'), net.routes.route(near, 'test.a')])
    return [near, far].map((plugin) => net.routes.controls(plugin))
  }
  // A connector that is still starting rejects the first request, and sends its own once it has started.
  for (const answers of await exchanged()) assert.equal(answers.at(-1), 13)
  await pay(net, '1000000')
  assert.equal(net.received(), 1_000_000n)
  const lost = [near, far].map(async (plugin) => once(plugin as unknown as EventEmitter, 'disconnect'))
  net.wire.cut()
  await Promise.all(lost)
  net.routes.forget()
  assert.deepEqual(await exchanged(), [[13], [13]])
  await pay(net, '5000')
  assert.equal(net.received(), 1_005_000n)
})

test('@interledger/pay through two connectors', async (t) => {
  const net = await network(t)
  await net.routes.route(net.b.getPlugin('a'), 'test.b')
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
  assert.equal(net.received(), 1_000_000n)
})
