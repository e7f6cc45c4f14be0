/** A letter shop and the ledger that it hosts, in one process: what `sluice shop` and `sluice demo` run. */
import { createServer, type Server } from 'node:http'
import {
  createShop,
  keptSecret,
  letter,
  letters,
  nodeListener,
  receiptSigner,
  Till,
  type StreamSummary,
} from '../http/index.js'
import type { AccountView } from '../ledger/index.js'
import { HostedLedger } from '../link/hosted-ledger.js'
import type { Log } from '../log/index.js'
import { hashToken, secretMatcher, type Authenticate } from '../session/index.js'
import type { LedgerStore } from '../store/index.js'
import { CliError } from './errors.js'
import type { Asset } from '../money/index.js'
import { openSettlement, type SettleHostOptions } from './settle-host.js'

export interface ShopHostOptions {
  readonly store: LedgerStore
  /** Where operators are let in: the store's directory, if it has one. */
  readonly adminDirectory: string | undefined
  /** Address to listen on. */
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly btpPort: number
  readonly price: bigint
  readonly window: bigint
  readonly asset: Asset
  /** How far below zero an account may go that its holder opened. */
  readonly credit: bigint
  readonly prefix: string
  /** What the one account's holder must show. Absent: anyone may open an account, on this machine. */
  readonly token: string | undefined
  readonly settle?: SettleHostOptions
  readonly log: Log
  readonly onStreamEnd?: (end: StreamSummary) => void
  /** The ledger stopped: the process should end. */
  readonly onFailure: (error: Error) => void
}

export interface ShopHost {
  readonly url: string
  readonly ledgerUri: string
  /** Address in the XRP Ledger. */
  readonly settlesFrom: string | undefined
  accounts(): readonly AccountView[]
  account(name: string): AccountView | undefined
  /** Takes no more customers, frees their holds and closes the ledger. */
  close(): Promise<void>
}

const BALANCE_MAX = 1n << 62n
const SHARED_ACCOUNT = 'client'
/** A request has no body worth waiting for; who has nothing to say makes room. */
export const HTTP_LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
} as const
const HTTP_SOCKETS_MAX = 10_000
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** @throws {CliError} `CLI_UNSAFE` when strangers could open accounts; what store, ledger and sockets throw */
export async function openShopHost(options: ShopHostOptions): Promise<ShopHost> {
  const { host, token, log } = options
  if (token === undefined && !LOOPBACK.has(host)) {
    throw new CliError(
      'CLI_UNSAFE',
      `without --token anyone at ${host} could spend your credit: add one, or listen on loopback`,
    )
  }
  const closers: (() => Promise<void> | void)[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }
  try {
    const book = new HostedLedger({
      store: options.store,
      prefix: options.prefix,
      assetCode: options.asset.code,
      assetScale: options.asset.scale,
      newAccount: { creditLimit: options.credit, balanceMax: BALANCE_MAX },
      listen: { host, port: options.btpPort, authenticate: authenticator(token) },
      log,
      onFailure: options.onFailure,
      ...(options.adminDirectory !== undefined && { adminDirectory: options.adminDirectory }),
    })
    await book.open()
    closers.push(() => book.close())
    const settlement = await openSettlement(book.host, options.settle ?? {}, log)
    if (settlement !== undefined) closers.push(() => settlement.close())
    const receipts = await receiptSigner(await keptSecret(book.ledger))
    const till = new Till({ link: book.host, receipts })
    till.open()
    closers.push(() => till.close())
    const ledgerUri = `btp+ws://${uriHost(host)}:${book.port}/`
    const server = createServer(
      HTTP_LIMITS,
      nodeListener(
        createShop({
          till,
          price: options.price,
          window: options.window,
          unit: letter,
          content: () => letters(),
          contentType: 'text/plain; charset=us-ascii',
          seller: {
            ledger: { uri: ledgerUri, version: 1 },
            accounts: token === undefined ? 'open' : 'known',
            key: receipts.key,
          },
          ...(options.onStreamEnd && { onStreamEnd: options.onStreamEnd }),
        }),
        (error) => log.error('a request failed', { error: String(error) }),
      ),
    )
    const port = await listenHttp(server, options.port, host)
    closers.push(() => closeHttp(server))
    return {
      url: `http://${uriHost(host)}:${port}/`,
      ledgerUri,
      settlesFrom: settlement?.address,
      accounts: () => book.ledger.accounts(),
      account: (name) => book.ledger.account(name),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * With a token there is one account, `client`. Without one, an account is named by the hash of its holder's token, so
 * that nobody else can open it; holders without a token share `client`, as in the tutorials of 2017.
 */
function authenticator(token: string | undefined): Authenticate {
  if (token === undefined) {
    return (claim) => {
      if (claim.username !== '') return undefined
      return claim.token === '' ? SHARED_ACCOUNT : hashToken(claim.token)
    }
  }
  const matches = secretMatcher(token)
  return (claim) => (matches(claim.token) ? SHARED_ACCOUNT : undefined)
}

/** Resolves with the port. */
export function listenHttp(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.maxConnections = HTTP_SOCKETS_MAX
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

export function closeHttp(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    // Streams last as long as they are paid: waiting for their end could take for ever.
    server.closeAllConnections()
  })
}

export function uriHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
