/** Plugins for one version of the interface as plugins for the other, and as links. */
import { type Clock, systemClock } from '../clock/index.js'
import { isAddress } from '../ilp/index.js'
import type { Link, LinkInfo } from '../link/index.js'
import type { Log } from '../log/index.js'
import { PacketPluginLink } from './adapters-packet-link.js'
import { LinkPackets } from './adapters-link-packets.js'
import { TransferPluginLink } from './adapters-transfer-link.js'
import { InvalidFieldsError } from './errors.js'
import { PluginV1 } from './v1-face.js'
import { PluginV2 } from './v2-face.js'
import type { LedgerPluginV1 } from './v1-types.js'
import type { LedgerPluginV2, PluginServices } from './v2-types.js'

export interface AdapterOptions {
  /**
   * Who we are. Absent: the peer is asked (`peer.config`), who must then be one that answers, and whose own address is
   * taken to be the prefix and `server`.
   */
  readonly info?: LinkInfo
  /** The peer is no adapter of ours: it gets the data of a transfer's packet, without its id, amount and `custom`. */
  readonly foreignPeer?: boolean
  readonly log?: Log
  readonly clock?: Clock
}

/** A plugin for version 2 as one for version 1. Its data handler is the adapter's. @throws {InvalidFieldsError} */
export function asVersion1(plugin: LedgerPluginV2, options: AdapterOptions = {}): PluginV1 {
  const link = asLink(plugin, options)
  return new PluginV1(async () => link, options.log === undefined ? {} : { log: options.log })
}

/** A plugin for version 1 as one for version 2. Its request handler is the adapter's. No money can be sent over it. */
export function asVersion2(plugin: LedgerPluginV1, options: AdapterOptions = {}, api?: PluginServices): PluginV2 {
  const { clock = systemClock } = options
  return new PluginV2(options, api, (owner) => new LinkPackets(asLink(plugin, options), owner, clock))
}

/** A plugin for either version as a link. @throws {InvalidFieldsError} */
export function asLink(plugin: LedgerPluginV1 | LedgerPluginV2, options: AdapterOptions = {}): Link {
  const { info, foreignPeer = false, clock = systemClock } = options
  if ('sendTransfer' in plugin) return new TransferPluginLink(plugin, { peer: info?.peer, clock })
  if (info !== undefined) checkInfo(info)
  return new PacketPluginLink(plugin, { info, whole: !foreignPeer, clock })
}

function checkInfo({ prefix, account, peer }: LinkInfo): void {
  if (!isAddress(prefix, 'prefix') || !prefix.endsWith('.')) {
    throw new InvalidFieldsError('info.prefix must be a ledger prefix with its trailing dot')
  }
  if (!isAddress(account) || !isAddress(peer)) throw new InvalidFieldsError('info needs two ILP addresses')
}
