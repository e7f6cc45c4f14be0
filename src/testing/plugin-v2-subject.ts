/** What an author tells the suite for version 2 about a plugin, and how the suite's bytes travel over it. */
import assert from 'node:assert/strict'
import { decodePacket, encodePacket, PEER_CONDITION, PEER_FULFILLMENT } from '../ilp/index.js'
import type { LedgerPluginV2, PluginServices } from '../plugin/index.js'
import type { PluginPair } from './plugin-suite.js'

/** The class. Its constructor's types are its own. */
export type PluginV2Class = abstract new (...args: never[]) => LedgerPluginV2

export interface PluginV2Subject {
  readonly name: string
  /** Absent: a function makes the plugin, and the cases about its constructor are left out. */
  readonly Plugin?: PluginV2Class & { readonly version?: unknown }
  /** Options that the constructor takes. Default: none. */
  readonly options?: () => object
  /** A new pair for each case. `api` is what its constructors are to be given. */
  readonly create: (api: PluginServices | undefined) => Promise<PluginPair<LedgerPluginV2>>
  /**
   * Absent: bytes are sent that mean nothing. A plugin that reads what it carries names the addresses of first and second: then the
   * suite sends ILP Prepare packets of amount 0 to them.
   */
  readonly addresses?: readonly [first: string, second: string]
  /** A plugin whose credentials the peer refuses. */
  readonly refused?: () => Promise<PluginPair<LedgerPluginV2>>
  /** A plugin whose peer is not there. */
  readonly unreachable?: () => LedgerPluginV2
  /** Options with a mistake in them. */
  readonly wrongOptions?: () => object
  /** The constructor needs `api.store`. */
  readonly needsStore?: boolean
  /** No money can be sent over the pair: the cases about money that arrives are left out. */
  readonly withoutMoney?: boolean
  /** Credentials that the pair uses: no log line may have them. */
  readonly secrets?: readonly string[]
}

/** How the suite's bytes travel: as they are, or in ILP packets to the addresses of a plugin that reads them. */
export function speech({ addresses }: PluginV2Subject) {
  if (addresses === undefined) {
    return {
      request: (_to: 0 | 1, bytes: Buffer) => bytes,
      response: (bytes: Buffer) => bytes,
      read: asIs,
      refuses: no,
    }
  }
  return {
    request: (to: 0 | 1, data: Buffer) => {
      const expiresAt = Date.now() + 30_000
      const prepare = { amount: 0n, expiresAt, executionCondition: PEER_CONDITION, destination: addresses[to], data }
      return Buffer.from(encodePacket({ type: 12, ...prepare }))
    },
    response: (bytes: Buffer) =>
      Buffer.from(encodePacket({ type: 13, fulfillment: PEER_FULFILLMENT, data: dataOf(bytes) })),
    read: dataOf,
    refuses: (answer: Buffer) => decodePacket(answer).type === 14,
  }
}

function asIs(bytes: Buffer): Buffer {
  return bytes
}

function no(): boolean {
  return false
}

/** What a packet carries. */
function dataOf(bytes: Buffer): Buffer {
  const packet = decodePacket(bytes)
  assert.ok(packet.type === 12 || packet.type === 13 || packet.type === 14, 'an ILP packet of version 4')
  return Buffer.from(packet.data)
}
