/**
 * The trustline of the hosted-ledgers tutorial (seeds 000, 001, 002), both roles in one class, with the options of
 * ilp-plugin-payment-channel-framework 1.3. With `listener` it is the host and keeps the book; with `server` the holder.
 * Left out: a plugin that listens and dials at once.
 */
import { readFileSync } from 'node:fs'
import { parseBtpUri } from '../btp/index.js'
import { toBase64url } from '../bytes/index.js'
import { isAddress } from '../ilp/index.js'
import type { Limits, TransferView } from '../ledger/index.js'
import { HostedLedger } from '../link/hosted-ledger.js'
import { Holder } from '../link/index.js'

import { type Log, silentLog } from '../log/index.js'
import { type Claim, secretMatcher } from '../session/index.js'
import { dialWebSocket } from '../session/ws.js'
import { KvStore, type LedgerStore, MemoryStore } from '../store/index.js'
import { InvalidFieldsError } from './errors.js'
import { NO_LIMIT, parseSigned } from './signed-amount.js'
import type { Ended } from './v1-ended.js'
import { PluginV1 } from './v1-face.js'
import type { LedgerInfo, PluginStore } from './v1-types.js'

export interface ListenerOptions {
  /** Default 4195. 0 takes any free one: see {@link HostedLedgerPlugin.port}. */
  port?: number
  /** Default: loopback without a secret, all interfaces with one. */
  host?: string
  /** PEM text, or the name of a file that holds it. Together they make it `btp+wss:`. */
  cert?: string
  key?: string
  /** Whose certificates holders must show. */
  ca?: string
}

export interface HostedLedgerPluginOptions {
  /** Makes this side the host. */
  listener?: ListenerOptions
  /** `btp+ws://user:token@host:port/path`; makes this side the holder. */
  server?: string
  /** The token that holders authenticate with, under the empty user name. `''` lets in every program on this machine. */
  incomingSecret?: string
  /** Decides instead of `incomingSecret`. */
  authCheck?: (username: string, token: string) => boolean | Promise<boolean>
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

const DEFAULT_PORT = 4195
/** What the seeds call the one holder. */
const ACCOUNT = 'client'
const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

export class HostedLedgerPlugin extends PluginV1 {
  readonly #hosted: HostedLedger | undefined

  /** Nothing starts here; `connect()` does. @throws {InvalidFieldsError} */
  constructor(options: HostedLedgerPluginOptions) {
    if (typeof options !== 'object' || options === null) throw new InvalidFieldsError('options must be an object')
    const { listener, server, log = silentLog } = options
    if (listener !== undefined && server !== undefined) {
      throw new InvalidFieldsError('give listener (to be the host) or server (to be the holder), not both')
    }
    if (server !== undefined) {
      super(makeHolder(server, options, log), { log })
      return
    }
    if (typeof listener !== 'object' || listener === null) {
      throw new InvalidFieldsError('give listener, to be the host, or server, to be the holder')
    }
    const limits = limitsOf(options)
    const hosted = makeHost(listener, options, log)
    super(hosted.host.link(ACCOUNT), {
      log,
      open: async () => {
        await hosted.open()
        await hosted.host.openAccount(ACCOUNT, limits)
      },
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

function endedOf(view: TransferView | undefined): Ended | undefined {
  if (view?.state !== 'finished') return undefined
  const { outcome } = view
  if (outcome.state === 'fulfilled') return { state: 'fulfilled', fulfillment: toBase64url(outcome.fulfillment) }
  return outcome.state === 'posted' ? undefined : { state: 'rolledBack' }
}

function limitsOf({ maxBalance, minBalance }: HostedLedgerPluginOptions): Limits {
  const creditLimit = parseSigned(maxBalance, 'maxBalance')
  const owedMax = minBalance === undefined ? NO_LIMIT : -parseSigned(minBalance, 'minBalance')
  return { creditLimit: least(creditLimit, NO_LIMIT - 1n), balanceMax: least(owedMax, NO_LIMIT - 1n) }
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

function makeHolder(server: string, options: HostedLedgerPluginOptions, log: Log): Holder {
  const uri = invalidFields('server', () => parseBtpUri(server))
  const tls = options.ca === undefined ? {} : { tls: { ca: pem('ca', options.ca) } }
  return new Holder({
    dial: dialWebSocket(uri.url, tls),
    username: uri.username,
    token: uri.token,
    log,
    ...(options.prefix === undefined ? {} : { prefix: checkPrefix(options.prefix) }),
  })
}

function makeHost(listener: ListenerOptions, options: HostedLedgerPluginOptions, log: Log): HostedLedger {
  const prefix = checkPrefix(options.prefix ?? options.info?.prefix)
  const { currencyCode, currencyScale, connectors = [] } = options.info ?? {}
  if (typeof currencyCode !== 'string' || !Number.isInteger(currencyScale)) {
    throw new InvalidFieldsError('info needs a currencyCode (text) and a currencyScale (a whole number)')
  }
  if (options.info?.prefix !== undefined && checkPrefix(options.info.prefix) !== prefix) {
    throw new InvalidFieldsError('prefix and info.prefix must be the same')
  }
  const { cert, key, ca } = listener
  return new HostedLedger({
    store: chooseStore(options, log),
    authenticate: authenticator(options),
    prefix,
    assetCode: currencyCode,
    assetScale: Number(currencyScale),
    connectors,
    log,
    listen: {
      port: listener.port ?? DEFAULT_PORT,
      host: listeningHost(listener.host, options),
      ...(cert === undefined ? {} : { cert: pem('cert', cert) }),
      ...(key === undefined ? {} : { key: pem('key', key) }),
      ...(ca === undefined ? {} : { ca: pem('ca', ca) }),
    },
  })
}

function chooseStore({ store, _store }: HostedLedgerPluginOptions, log: Log): LedgerStore {
  if (store !== undefined) return store
  return _store === undefined
    ? new MemoryStore({ warn: (message) => log.warn(message) })
    : new KvStore({ store: _store })
}

type Check = (claim: Claim) => Promise<string | undefined>

function authenticator({ incomingSecret, authCheck }: HostedLedgerPluginOptions): Check {
  if (authCheck !== undefined) {
    if (typeof authCheck !== 'function') throw new InvalidFieldsError('authCheck must be a function')
    return async ({ username, token }) => ((await authCheck(username, token)) === true ? ACCOUNT : undefined)
  }
  if (typeof incomingSecret !== 'string') {
    throw new InvalidFieldsError("a listener needs incomingSecret (or authCheck); '' lets in programs on this machine")
  }
  const matches = secretMatcher(incomingSecret)
  return async ({ username, token }) => (matches(token) && username === '' ? ACCOUNT : undefined)
}

/** Without a secret anyone who reaches the port has the account, so nobody else may. */
function listeningHost(host: string | undefined, { incomingSecret, authCheck }: HostedLedgerPluginOptions): string {
  const open = authCheck === undefined && incomingSecret === ''
  if (!open) return host ?? '0.0.0.0'
  if (host !== undefined && !LOOPBACK.includes(host)) {
    throw new InvalidFieldsError('without a secret the ledger listens on loopback only: give an incomingSecret')
  }
  return host ?? '127.0.0.1'
}

function checkPrefix(prefix: string | undefined): string {
  if (prefix === undefined || !isAddress(prefix, 'prefix')) {
    throw new InvalidFieldsError('prefix must be a ledger prefix such as example.shop.trustline.')
  }
  return prefix.endsWith('.') ? prefix : `${prefix}.`
}

function pem(name: string, text: string): string {
  return text.includes('-----BEGIN') ? text : invalidFields(name, () => readFileSync(text, 'utf8'))
}

function invalidFields<Value>(name: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    throw new InvalidFieldsError(`${name}: ${error instanceof Error ? error.message : 'cannot be read'}`)
  }
}
