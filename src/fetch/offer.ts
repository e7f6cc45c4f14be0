/**
 * What a response asks for: the `Pay` and `Pay-Terms` headers, read together and checked against each other.
 * Nothing here pays. `Pay` comes from RFC-14 and the 2017 tutorials, `Pay-Terms` is Sluice's own.
 */
import {
  parsePay,
  parsePayTerms,
  type BareMeaning,
  type LedgerLocation,
  type PayHeader,
  type PayTerms,
} from '../http/headers.js'
import { hasPrefix } from '../ilp/index.js'
import type { LinkInfo } from '../link/index.js'
import { FetchError } from './errors.js'
import { WalletError } from './wallet-errors.js'

export interface Offer {
  /** `stream`: pay while the body flows. `once`: one payment, then ask again. */
  readonly flow: 'stream' | 'once'
  /** Where the response came from. */
  readonly url: string
  readonly pay: Exclude<PayHeader, { readonly method: 'psk2' }>
  /** Absent from sellers of 2017. */
  readonly terms: PayTerms | undefined
  /** Base units of money for one unit. */
  readonly price: bigint
  readonly unit: string
}

export interface OfferReading {
  /** What the third field of a bare `Pay` header means. */
  readonly bare: BareMeaning
  /** What is sold where the seller does not say. */
  readonly unit: string
}

/** The response's offer, or `undefined` when it asks for nothing. `asked`: the request's URL. @throws {FetchError} `FETCH_HEADERS`, `FETCH_PRICE` */
export function readOffer(response: Response, asked: string, reading: OfferReading): Offer | undefined {
  const text = response.headers.get('pay')
  if (text === null || (response.status !== 402 && !response.ok)) return undefined
  // A 200 with a balance was paid from that balance: its Pay header says where to top it up.
  const flow = response.status === 402 ? 'once' : 'stream'
  if (flow === 'stream' && (response.headers.has('pay-balance') || response.body === null)) return undefined
  const { pay, terms } = parseHeaders(response, text, reading.bare)
  if (pay.method === 'psk2') {
    throw new FetchError('FETCH_HEADERS', 'the seller wants PSK 2 payments: ask it for interledger-psk')
  }
  if (flow === 'stream' && pay.method === 'condition') {
    throw new FetchError(
      'FETCH_HEADERS',
      'a stream cannot be paid with a single condition: ask the seller for a secret',
    )
  }
  if (terms !== undefined && terms.price !== pay.amount) {
    const message = `the Pay header asks for ${pay.amount} and Pay-Terms for ${terms.price}: do not trust either`
    throw new FetchError('FETCH_PRICE', message)
  }
  if (pay.amount === 0n) return undefined
  return { flow, url: response.url || asked, pay, terms, price: pay.amount, unit: terms?.unit ?? reading.unit }
}

/** Whether two answers to one request ask for the same: unit, price and asset. */
export function sameTerms(one: PayTerms | undefined, other: PayTerms | undefined): boolean {
  const said = (terms: PayTerms | undefined): string =>
    terms === undefined ? '' : JSON.stringify([terms.unit, String(terms.price), terms.asset, terms.scale, terms.ledger])
  return said(one) === said(other)
}

/** The `Pay-Terms` of a response; `undefined` when it has none. @throws {FetchError} `FETCH_HEADERS` */
export function readTerms(response: Response): PayTerms | undefined {
  const text = response.headers.get('pay-terms')
  return text === null ? undefined : readable(() => parsePayTerms(text))
}

function parseHeaders(response: Response, text: string, bare: BareMeaning): { pay: PayHeader; terms?: PayTerms } {
  const terms = readTerms(response)
  const pay = readable(() => parsePay(text, bare))
  return terms === undefined ? { pay } : { pay, terms }
}

/** @throws {FetchError} `FETCH_HEADERS` */
function readable<T>(parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new FetchError('FETCH_HEADERS', `the seller's payment headers cannot be read: ${why}`, { cause })
  }
}

/** Bytes of one unit, where a buyer can count units by itself. */
export function unitBytesOf(unit: string, step = 1): number | undefined {
  return unit === 'letter' || unit === 'byte' ? step : undefined
}

/** How long one unit lasts, in milliseconds, where it is a unit of time. */
export function unitMsOf(unit: string, step = 1): number | undefined {
  return unit === 'second' ? step * 1000 : undefined
}

/**
 * The ledger that the seller names, when it may be believed: on the response's own host, and not in the clear where the
 * response was not.
 */
export function ownLedgerOf(offer: Pick<Offer, 'terms' | 'url'>): LedgerLocation | undefined {
  const ledger = offer.terms?.ledger
  if (ledger === undefined || !URL.canParse(offer.url)) return undefined
  const seller = new URL(offer.url)
  const named = new URL(ledger.uri)
  if (named.hostname.toLowerCase() !== seller.hostname.toLowerCase()) return undefined
  return seller.protocol === 'https:' && named.protocol !== 'btp+wss:' ? undefined : ledger
}

/** The address of the ledger that the seller names. @throws {WalletError} `WALLET_LEDGER` when it may not be believed */
export function ledgerByTerms(offer: Offer): string {
  const named = offer.terms?.ledger
  const how = `allow one with openWallet(dir, { ledgers: { '${new URL(offer.url).origin}': 'btp+ws://host:port/' } })`
  if (named === undefined) throw new WalletError('WALLET_LEDGER', `the seller does not say where its ledger is: ${how}`)
  const own = ownLedgerOf(offer)
  if (own === undefined) {
    const message = `the seller names the ledger ${named.uri}, which is not on its own host or not as secure`
    throw new WalletError('WALLET_LEDGER', `${message}: if you trust it, ${how}`)
  }
  if (own.version === 1) return own.uri
  throw new WalletError('WALLET_LEDGER', `the ledger ${own.uri} speaks BTP ${own.version}.0, wallets speak 1.0`)
}

/** @throws {FetchError} `FETCH_WRONG_LEDGER` unless address and asset are those of the ledger */
export function checkLedger(offer: Offer, { prefix, assetCode, assetScale }: LinkInfo): void {
  const { terms } = offer
  if (terms !== undefined && (terms.asset !== assetCode || terms.scale !== assetScale)) {
    const message = `the seller's prices are in ${terms.asset} (scale ${terms.scale}), the ledger is in ${assetCode} (scale ${assetScale})`
    throw new FetchError('FETCH_WRONG_LEDGER', `${message}: budgets would mean something else`)
  }
  if (hasPrefix(offer.pay.address, prefix)) return
  const message = `the seller wants to be paid at ${offer.pay.address}, which is not on the ledger ${prefix}`
  throw new FetchError('FETCH_WRONG_LEDGER', `${message}: use a link to the seller's own ledger`)
}
