/** What an author tells the suite for version 1 about a plugin, and the transfers and events of its cases. */
import { randomBytes, randomUUID } from 'node:crypto'
import { sha256 } from '../crypto/index.js'
import type { LedgerPluginV1, LedgerTransfer, PluginEvents, Transfer } from '../plugin/index.js'
import { type PluginPair, within } from './plugin-suite.js'

export interface PluginV1Subject {
  readonly name: string
  /** A new pair for each case. Each can send the other 100 base units. */
  readonly create: () => Promise<PluginPair<LedgerPluginV1>>
  /** Makes a plugin of options with a mistake in them. */
  readonly wrongOptions?: () => unknown
  /** A pair whose first refuses the second's credentials. */
  readonly refused?: () => Promise<PluginPair<LedgerPluginV1>>
  /** A plugin whose peer is not there. */
  readonly unreachable?: () => LedgerPluginV1
  /** An amount that the second cannot send: `sendTransfer` rejects with this. */
  readonly beyondLimits?: { readonly amount: string; readonly error: string }
}

/** How long a transfer waits that is to expire. */
const EXPIRES_MS = 400
const LIVES_MS = 30_000

export interface Deal {
  readonly transfer: Transfer & { readonly id: string }
  readonly fulfillment: string
}

/** A transfer to another plugin of 10 base units, and what fulfills it. */
export function deal(to: Pick<LedgerPluginV1, 'getAccount'>, fields: Partial<Transfer> = {}): Deal {
  const preimage = randomBytes(32)
  const transfer = {
    id: randomUUID(),
    to: to.getAccount(),
    amount: '10',
    executionCondition: Buffer.from(sha256(preimage)).toString('base64url'),
    expiresAt: new Date(Date.now() + LIVES_MS).toISOString(),
    ...fields,
  }
  return { transfer, fulfillment: preimage.toString('base64url') }
}

/** As `deal`, soon over. */
export function shortDeal(to: LedgerPluginV1): Deal {
  return deal(to, { expiresAt: new Date(Date.now() + EXPIRES_MS).toISOString() })
}

/** The arguments of the next event of a name. */
export async function next<Name extends keyof PluginEvents>(
  plugin: LedgerPluginV1,
  name: Name,
): Promise<PluginEvents[Name]> {
  const event = new Promise<PluginEvents[Name]>((resolve) => {
    plugin.on(name, (...args: unknown[]) => resolve(args as PluginEvents[Name]))
  })
  return within(event, `the event ${name}`)
}

/** Sends; gives what both were shown of it. */
export async function prepared(
  from: LedgerPluginV1,
  to: LedgerPluginV1,
  { transfer }: Deal,
): Promise<{ sent: LedgerTransfer; received: LedgerTransfer; result: unknown }> {
  const [[received], [sent], result] = await Promise.all([
    next(to, 'incoming_prepare'),
    next(from, 'outgoing_prepare'),
    within(from.sendTransfer(transfer), 'sendTransfer()'),
  ])
  return { sent, received, result }
}

/** Every event about transfers of a plugin, by name, as they come. */
export function transferEvents(plugin: LedgerPluginV1): string[] {
  const events: string[] = []
  for (const way of ['incoming', 'outgoing']) {
    for (const what of ['prepare', 'fulfill', 'reject', 'cancel']) {
      plugin.on(`${way}_${what}`, () => events.push(`${way}_${what}`))
    }
  }
  return events
}
