/**
 * The seller of a process, whole: the store, the ledger that it hosts, where holders connect to it, and the till that its
 * paid routes share. The Node rim of the selling side; routes are `paid.ts`.
 */
import type { Server } from 'node:http'
import { systemClock, type Clock } from '../clock/index.js'
import type { Ledger, LedgerLimits } from '../ledger/index.js'
import { HostedLedger } from '../link/hosted-ledger.js'
import type { Host } from '../link/index.js'
import { silentLog, type Log } from '../log/index.js'
import { parseMoney, toBaseUnits } from '../money/index.js'
import { hashToken, type Authenticate, type Claim } from '../session/index.js'
import type { ListenOptions } from '../session/ws.js'
import type { LedgerStore } from '../store/index.js'
import { openBalances, type Balances } from './balances.js'
import { ShopError } from './errors.js'
import type { ShopRequest } from './exchange.js'
import type { MeterLimits } from './meter.js'
import { openOffers, type Offers } from './offers.js'
import type { LedgerLocation } from './pay-terms.js'
import { receiptSigner } from './receipt-signer.js'
import { SellerWatch, type SellerEvents } from './seller-events.js'
import type { SellerTerms } from './seller-terms.js'
import { keptSecret } from './shop-secret.js'
import { Till, type TillOptions } from './till.js'

/**
 * Who may have an account. `open`: anyone; it is named by the hash of its holder's token. `tokens`: whose token has one of
 * these hashes (`hashToken`). Or the account's name for a claim, or `undefined` to refuse it.
 */
export type AccountPolicy = 'open' | { readonly tokens: readonly string[] } | Authenticate

export interface SellerOptions {
  /** Directory of the books; made when it is not there. */
  readonly dir?: string
  /** Where the books are kept, instead of `dir`. */
  readonly store?: LedgerStore
  /** Address prefix of the ledger, the same for its whole life. Default `example.shop.` */
  readonly prefix?: string
  /** What the ledger counts in. Default USD with 9 decimal places: one base unit is a billionth of a dollar. */
  readonly asset?: { readonly code: string; readonly scale: number }
  /** Default: anyone who connects from this machine, and nobody else. */
  readonly accounts?: AccountPolicy
  /**
   * How far below zero an account may go that its holder opened: base units, or a text such as `0.01 USD`. It is what you
   * may lose to it. Default 0.
   */
  readonly credit?: bigint | string
  /** A port of the ledger's own, on loopback by default; without it, {@link Seller.attach} gives it a path of your server. */
  readonly listen?: Omit<ListenOptions, 'onTransport'>
  /** Where buyers reach the ledger, such as `btp+wss://shop.example/btp`. Default: on the host that they asked. */
  readonly uri?: string
  /** Believes `X-Forwarded-Proto`: only behind a proxy that sets it. Default false. */
  readonly trustProxy?: boolean
  readonly limits?: Partial<MeterLimits> &
    Omit<TillOptions, 'link' | 'clock' | 'randomBytes' | 'receipts' | 'onRejected'>
  readonly ledgerLimits?: Partial<LedgerLimits>
  readonly on?: SellerEvents
  readonly log?: Log
  readonly clock?: Clock
  /** The ledger stopped: nothing is sold any more. End the process; a restart recovers. */
  readonly onFailure?: (error: Error) => void
}

export interface Seller {
  readonly till: Till
  readonly ledger: Ledger
  readonly host: Host
  /** 32 bytes, kept in the ledger: what offers and tokens are derived from. */
  readonly secret: Uint8Array
  /** Of clients that pay ahead, by their `Pay-Token`. */
  readonly balances: Balances
  /** Of single requests, each paid by one condition. */
  readonly offers: Offers
  readonly clock: Clock
  readonly log: Log
  readonly events: SellerWatch
  readonly meterLimits: Partial<MeterLimits>
  /** The ledger's own port, when it has one. */
  readonly port: number | undefined
  /** What `Pay-Terms` says of this seller to whoever sent the request. */
  termsFor(request: ShopRequest): SellerTerms
  /** Serves the ledger at a path of an HTTP server; its other upgrades stay its own. The result takes it away again. */
  attach(server: Server, path?: string): () => void
  /** Ends all streams, frees their holds and closes the ledger. Twice is fine. */
  close(): Promise<void>
}

const BALANCE_MAX = 1n << 62n
const LOOPBACK = /^(?:127\.[0-9.]+|::1|::ffff:127\.[0-9.]+|localhost)$/
/** `Host` of a request, with or without a port (RFC 9110 section 7.2). */
const HOST = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?$/

/** @throws {ShopError} `SHOP_OPTIONS`, `SHOP_UNSAFE`; {@link MoneyError}; what store, ledger and sockets throw */
export async function openSeller(options: SellerOptions): Promise<Seller> {
  const { listen, accounts, prefix = 'example.shop.', asset = { code: 'USD', scale: 9 }, credit = 0n } = options
  const { clock = systemClock, log = silentLog } = options
  if (listen?.host !== undefined && accounts === undefined && !LOOPBACK.test(listen.host)) {
    throw new ShopError('SHOP_UNSAFE', `say who may have an account (accounts), or listen on loopback`)
  }
  const creditLimit = typeof credit === 'string' ? toBaseUnits(parseMoney(credit), asset) : credit
  const authenticate = authenticator(accounts)
  const book = new HostedLedger({
    store: await storeOf(options),
    prefix,
    assetCode: asset.code,
    assetScale: asset.scale,
    newAccount: { creditLimit, balanceMax: BALANCE_MAX },
    ...(listen && { listen: { ...listen, authenticate } }),
    ...(options.dir !== undefined && { adminDirectory: options.dir }),
    ...(options.ledgerLimits && { ledgerLimits: options.ledgerLimits }),
    ...(options.onFailure && { onFailure: options.onFailure }),
    clock,
    log,
  })
  await book.open()
  const events = new SellerWatch(log)
  if (options.on) events.add(options.on)
  let path: string | undefined

  const locate = (request: ShopRequest): LedgerLocation | undefined => {
    if (options.uri !== undefined) return { uri: options.uri, version: 1 }
    const [, hostname, port = ''] = HOST.exec(request.header('host') ?? '') ?? []
    if (hostname === undefined) return undefined
    if (path !== undefined) {
      const forwarded = options.trustProxy === true && request.header('x-forwarded-proto')?.split(',')[0]?.trim()
      const secure = forwarded ? forwarded === 'https' : request.secure === true
      return locationAt(`btp+${secure ? 'wss' : 'ws'}://${hostname}${port}${path}`)
    }
    if (book.port === undefined) return undefined
    return locationAt(`btp+${listen?.cert === undefined ? 'ws' : 'wss'}://${hostname}:${book.port}/`)
  }

  const onRejected = (code: string): void => events.tell((listener) => listener.rejected?.(code))

  try {
    const secret = await keptSecret(book.ledger)
    const receipts = await receiptSigner(secret)
    const till = new Till({ ...options.limits, link: book.host, clock, receipts, onRejected })
    till.open()
    return {
      till,
      ledger: book.ledger,
      host: book.host,
      secret,
      balances: openBalances({ till, ledger: book.ledger, secret }),
      offers: openOffers({ till, ledger: book.ledger, secret, clock }),
      clock,
      log,
      events,
      meterLimits: options.limits ?? {},
      get port() {
        return book.port
      },
      termsFor(request) {
        const ledger = locate(request)
        return {
          ...(ledger && { ledger }),
          key: receipts.key,
          accounts: accounts === undefined || accounts === 'open' ? 'open' : 'known',
        }
      },
      attach(server, at = '/btp') {
        path = at
        return book.attach(server, { path: at, authenticate })
      },
      async close() {
        await till.close()
        await book.close()
      },
    }
  } catch (error) {
    await book.close()
    throw error
  }
}

/** Nothing for what is no address, such as a port beyond the last: a stranger's `Host` may be anything. */
function locationAt(uri: string): LedgerLocation | undefined {
  return URL.canParse(uri) ? { uri, version: 1 } : undefined
}

async function storeOf({ dir, store }: SellerOptions): Promise<LedgerStore> {
  if (store !== undefined) return store
  if (dir === undefined) throw new ShopError('SHOP_OPTIONS', 'say where the books are kept: dir, or store')
  const { LevelStore } = await import('../store/level.js')
  return new LevelStore(dir)
}

function authenticator(accounts: AccountPolicy | undefined): Authenticate {
  if (typeof accounts === 'function') return accounts
  if (typeof accounts === 'object') {
    const known = new Set(accounts.tokens)
    return ({ username, token }) => (username === '' && known.has(hashToken(token)) ? hashToken(token) : undefined)
  }
  return (claim: Claim) => {
    if (claim.username !== '') return undefined
    const local = LOOPBACK.test(claim.remoteAddress)
    if (accounts === undefined && !local) return undefined
    if (claim.token !== '') return hashToken(claim.token)
    // Holders without a token share one account, as in the tutorials of 2017.
    return local ? 'client' : undefined
  }
}
