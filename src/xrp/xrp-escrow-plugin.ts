/**
 * The plugin of the letter shop tutorials (seeds 000, 002, 003): Ledger Plugin Interface version 1 over escrows of the
 * XRP Ledger, with the options of ilp-plugin-xrp-escrow. Differences from it are listed in docs/reference/xrp.md.
 */
import { toBase64url } from '../bytes/index.js'
import { type Log, silentLog } from '../log/index.js'
import { type Ended, InvalidFieldsError, PluginV1, type PluginStore, UnreachableError } from '../plugin/index.js'
import { KvStore, type LedgerStore, MemoryStore } from '../store/index.js'
import { XrpError } from './errors.js'
import { XrpLink } from './link.js'
import type { XrpLimits } from './options.js'
import type { TransferEnd } from './stored-transfers.js'

export interface XrpEscrowPluginOptions {
  /** The account's seed, of either key type. Stays in memory. */
  secret: string
  /** `ws:` or `wss:` address of a server of the ledger. */
  server: string
  /** The account's address, if given: must be the secret's. `account` is the same, as the tutorials call it. */
  address?: string
  account?: string
  /** Ledger prefix. Default `g.crypto.ripple.escrow.`. */
  prefix?: string
  /** Version of the server's interface. Default 2; servers before 2.0 have 1 only. */
  apiVersion?: 1 | 2
  /** The most that one transaction may cost, in drops. Default 10000. */
  feeDropsMax?: bigint | number | string
  /** Serialized memos of a transfer. Default 1024, which is the ledger's limit. */
  memoBytesMax?: number
  limits?: Partial<XrpLimits>
  /** Where transactions on the way are kept; see `KvStore` for what it can promise. */
  _store?: PluginStore
  /** A store of `sluice/store` instead. Without either, a restart cancels what has expired, and knows no more. */
  store?: LedgerStore
  log?: Log
}

export class XrpEscrowPlugin extends PluginV1 {
  /** Nothing starts here; `connect()` does. @throws {InvalidFieldsError} */
  constructor(options: XrpEscrowPluginOptions) {
    if (typeof options !== 'object' || options === null) throw new InvalidFieldsError('options must be an object')
    const link = makeLink(options)
    super(async () => link, {
      log: options.log ?? silentLog,
      open: async (wait) => link.open(wait).catch(unreachable),
      ended: (id) => endedOf(link.ended(id)),
      recovered: (adopt) => link.onRecovered(adopt),
    })
  }
}

/** Trouble with the server is what the interface calls unreachable. */
function unreachable(error: unknown): never {
  if (error instanceof XrpError) throw new UnreachableError(`${error.code}: ${error.message}`)
  throw error
}

/** What the link refuses of the options is a refused field of the interface. */
function makeLink(options: XrpEscrowPluginOptions): XrpLink {
  const { secret, server, prefix, apiVersion, log, memoBytesMax } = options
  const address = options.address ?? options.account
  if (options.address !== undefined && options.account !== undefined && options.address !== options.account) {
    throw new InvalidFieldsError('address and account are two names of one option: give one')
  }
  try {
    return new XrpLink({
      secret,
      server,
      store: chooseStore(options),
      ...(address !== undefined && { address }),
      ...(prefix !== undefined && { prefix: prefix.endsWith('.') ? prefix : `${prefix}.` }),
      ...(apiVersion !== undefined && { apiVersion }),
      ...(log !== undefined && { log }),
      limits: {
        ...options.limits,
        ...(options.feeDropsMax !== undefined && { feeDropsMax: drops(options.feeDropsMax) }),
        ...(memoBytesMax !== undefined && { memoBytesMax }),
      },
    })
  } catch (error) {
    if (error instanceof XrpError) throw new InvalidFieldsError(error.message)
    throw error
  }
}

/** Without one it is said that little survives: to the log, or by Node itself. */
function chooseStore({ store, _store, log }: XrpEscrowPluginOptions): LedgerStore {
  if (store !== undefined) return store
  if (_store !== undefined) return new KvStore({ store: _store, prefix: 'sluice-xrp' })
  const forgetful = 'without a store a restart only finds what is in escrow: transfers that have ended are forgotten'
  return new MemoryStore({ warn: () => (log === undefined ? process.emitWarning(forgetful) : log.warn(forgetful)) })
}

function drops(value: bigint | number | string): bigint {
  if (!/^[0-9]{1,18}$/.test(String(value))) throw new InvalidFieldsError('feeDropsMax must be a whole number of drops')
  return BigInt(value)
}

function endedOf(end: TransferEnd | undefined): Ended | undefined {
  if (end === undefined || end.state === 'rolledBack') return end
  return { state: 'fulfilled', fulfillment: toBase64url(end.fulfillment) }
}
