/**
 * The trustline of the hosted-ledgers tutorial (seeds 000, 001, 002), both roles in one class, with the options of
 * ilp-plugin-payment-channel-framework 1.3. With `listener` it is the host and keeps the book; with `server` the holder;
 * with `symmetrical` on both sides each keeps the book, and each decides about what it pays.
 * Left out: a plugin that listens and dials at once.
 */
import { toBase64url } from '../bytes/index.js'
import { isAddress } from '../ilp/index.js'
import type { Limits, TransferView } from '../ledger/index.js'
import { HostedLedger } from '../link/hosted-ledger.js'
import { Holder } from '../link/index.js'
import { type Log, silentLog } from '../log/index.js'
import { KvStore, type LedgerStore, MemoryStore } from '../store/index.js'
import { InvalidFieldsError } from './errors.js'
import { type AccessOptions, authenticator, dialOptions, type ListenerOptions, listenOptions } from './listener.js'
import { NO_LIMIT, parseSigned } from './signed-amount.js'
import type { Ended } from './v1-ended.js'
import { PluginV1 } from './v1-face.js'
import type { LedgerInfo, PluginStore } from './v1-types.js'

export interface HostedLedgerPluginOptions extends AccessOptions {
  /** Makes this side the host. */
  listener?: ListenerOptions
  /** `btp+ws://user:token@host:port/path`; makes this side the holder. */
  server?: string
  /** Both sides keep the book. Both must say so; the side with `server` then needs what a host needs. */
  symmetrical?: boolean
  /** Host: how far the holder may go into debt, in base units. */
  maxBalance?: string
  /** Host: how low the host's own position may go; `-1000` lets the host owe 1000. Default: no limit. */
  minBalance?: string
  /** Ledger prefix. Holder: must be the host's, if given. */
  prefix?: string
  info?: Partial<LedgerInfo>
  /** Host: where the ledger is kept; see `KvStore` for what it can promise. */
  _store?: PluginStore
  /** Host: a store of `sluice/store` instead, such as the level store. Without either, nothing survives a restart. */
  store?: LedgerStore
  /** Holder: PEM text or file of the authorities to trust for `btp+wss:`, beside the system's. */
  ca?: string
  log?: Log
}

/** What the seeds call the one holder. */
const ACCOUNT = 'client'

export class HostedLedgerPlugin extends PluginV1 {
  readonly #hosted: HostedLedger | undefined

  /** Nothing starts here; `connect()` does. @throws {InvalidFieldsError} */
  constructor(options: HostedLedgerPluginOptions) {
    if (typeof options !== 'object' || options === null) throw new InvalidFieldsError('options must be an object')
    const { listener, server, log = silentLog } = options
    if (listener !== undefined && server !== undefined) {
      throw new InvalidFieldsError('give listener (to be the host) or server (to be the holder), not both')
    }
    if (server !== undefined && options.symmetrical !== true) {
      const holder = makeHolder(server, options, log)
      super(async () => holder, { log })
      return
    }
    if (server === undefined && (typeof listener !== 'object' || listener === null)) {
      throw new InvalidFieldsError('give listener, to be the host, or server, to be the holder')
    }
    const hosted = makeHost(options, log)
    super(async () => hosted.host.link(ACCOUNT), {
      log,
      open: async (wait) => hosted.open(wait),
      close: async () => hosted.close(),
      ended: (id) => endedOf(hosted.ledger.transfer(ACCOUNT, id)),
    })
    this.#hosted = hosted
  }

  /** Host: the port that it listens on, while it does. */
  get port(): number | undefined {
    return this.#hosted?.port
  }
}

/** For `ended` of a face over a ledger. */
export function endedOf(view: TransferView | undefined): Ended | undefined {
  if (view?.state !== 'finished') return undefined
  const { outcome } = view
  if (outcome.state === 'fulfilled') return { state: 'fulfilled', fulfillment: toBase64url(outcome.fulfillment) }
  return outcome.state === 'posted' ? undefined : { state: 'rolledBack' }
}

/** @throws {InvalidFieldsError} */
export function limitsOf({ maxBalance, minBalance }: { maxBalance?: string; minBalance?: string }): Limits {
  const creditLimit = parseSigned(maxBalance, 'maxBalance')
  const owedMax = minBalance === undefined ? NO_LIMIT : -parseSigned(minBalance, 'minBalance')
  return { creditLimit: least(creditLimit, NO_LIMIT - 1n), balanceMax: least(owedMax, NO_LIMIT - 1n) }
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function makeHolder(server: string, options: HostedLedgerPluginOptions, log: Log): Holder {
  const prefix = options.prefix === undefined ? {} : { prefix: checkPrefix(options.prefix) }
  return new Holder({ ...dialOptions(server, options.ca), ...prefix, log })
}

function makeHost(options: HostedLedgerPluginOptions, log: Log): HostedLedger {
  const prefix = checkPrefix(options.prefix ?? options.info?.prefix)
  const { currencyCode, currencyScale, connectors = [] } = options.info ?? {}
  if (typeof currencyCode !== 'string' || !Number.isInteger(currencyScale)) {
    throw new InvalidFieldsError('info needs a currencyCode (text) and a currencyScale (a whole number)')
  }
  if (options.info?.prefix !== undefined && checkPrefix(options.info.prefix) !== prefix) {
    throw new InvalidFieldsError('prefix and info.prefix must be the same')
  }
  const { listener, server, symmetrical = false } = options
  const ends = [`${prefix}server`, `${prefix}client`] as const
  const [account, peer] = server === undefined ? ends : ends.toReversed()
  return new HostedLedger({
    store: chooseStore(options),
    accounts: { [ACCOUNT]: limitsOf(options) },
    prefix,
    assetCode: currencyCode,
    assetScale: Number(currencyScale),
    connectors,
    log,
    ...(symmetrical && { authority: 'payer', addresses: { account, peer } }),
    ...(listener !== undefined && {
      listen: { ...listenOptions(listener, options), authenticate: authenticator(options, ACCOUNT) },
    }),
    ...(server !== undefined && { dial: { ...dialOptions(server, options.ca), account: ACCOUNT } }),
  })
}

/** Without one, and without a log, Node itself warns that nothing survives. */
export function chooseStore({
  store,
  _store,
  log,
}: Pick<HostedLedgerPluginOptions, 'store' | '_store' | 'log'>): LedgerStore {
  if (store !== undefined) return store
  if (_store !== undefined) return new KvStore({ store: _store })
  return new MemoryStore(log === undefined ? {} : { warn: (message) => log.warn(message) })
}

function checkPrefix(prefix: string | undefined): string {
  if (prefix === undefined || !isAddress(prefix, 'prefix')) {
    throw new InvalidFieldsError('prefix must be a ledger prefix such as example.shop.trustline.')
  }
  return prefix.endsWith('.') ? prefix : `${prefix}.`
}
