/** A host and a holder of a hosted ledger over a real socket, as version 1 plugins, and what tests do with them. */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { type EventEmitter, once } from 'node:events'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import {
  HostedLedgerPlugin,
  type PluginV1,
  type HostedLedgerPluginOptions,
  type LedgerTransfer,
  type PluginEvents,
  type Transfer,
} from 'sluice/plugin'
import { MemoryStore } from 'sluice/store'

export const PREFIX = 'example.letter-shop.mytrustline.'
export const SERVER = `${PREFIX}server`
export const CLIENT = `${PREFIX}client`

export function hostOptions(options: Partial<HostedLedgerPluginOptions> = {}): HostedLedgerPluginOptions {
  return {
    listener: { port: 0 },
    incomingSecret: '',
    maxBalance: '1000000000',
    prefix: PREFIX,
    info: { currencyScale: 9, currencyCode: 'XRP', prefix: PREFIX, connectors: [] },
    store: quietStore(),
    ...options,
  }
}

export function quietStore(): MemoryStore {
  return new MemoryStore({ warn: () => undefined })
}

export interface Trustline {
  readonly host: HostedLedgerPlugin
  readonly holder: HostedLedgerPlugin
}

/** Both connected; they are disconnected after the test. */
export async function trustline(t: TestContext, options: Partial<HostedLedgerPluginOptions> = {}): Promise<Trustline> {
  const host = new HostedLedgerPlugin(hostOptions(options))
  t.after(async () => host.disconnect())
  await host.connect()
  const holder = new HostedLedgerPlugin({ server: `btp+ws://:@localhost:${host.port}/` })
  t.after(async () => holder.disconnect())
  await holder.connect()
  return { host, holder }
}

export interface Secret {
  readonly fulfillment: string
  readonly executionCondition: string
}

export function secret(): Secret {
  const preimage = randomBytes(32)
  return {
    fulfillment: preimage.toString('base64url'),
    executionCondition: createHash('sha256').update(preimage).digest('base64url'),
  }
}

export function transfer(executionCondition: string, fields: Partial<Transfer> = {}): Transfer {
  return {
    id: randomUUID(),
    to: `${SERVER}.client1.0`,
    amount: '10',
    executionCondition,
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
    ...fields,
  }
}

/** The arguments of the next event of this name. */
export async function next<Name extends keyof PluginEvents>(plugin: PluginV1, name: Name): Promise<PluginEvents[Name]> {
  return (await once(plugin as EventEmitter, name)) as PluginEvents[Name]
}

/** Sends a transfer and gives what the receiver was shown of it. */
export async function prepared(from: PluginV1, to: PluginV1, sent: Transfer): Promise<LedgerTransfer> {
  const [[incoming]] = await Promise.all([next(to, 'incoming_prepare'), from.sendTransfer(sent)])
  return incoming
}

/** A port that was free a moment ago, for a plugin that does not tell which one it took. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
