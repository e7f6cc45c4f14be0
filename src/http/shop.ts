/**
 * The streaming shop (tutorials "Streaming Payments" and "Hosted Ledgers" of 2017): 200, the headers and no byte of the
 * body; then one unit for each price that a captured hold pays, until the source ends or the client leaves.
 */
import { EMPTY } from '../bytes/index.js'
import { accountFulfiller, pskFulfiller } from '../ilp/index.js'
import { checkPrice } from './errors.js'
import { notAllowed, unavailable, UNCACHED, type Reply, type ShopHandler, type ShopRequest } from './exchange.js'
import { Meter, type MeterOptions } from './meter.js'
import { formatPay } from './pay-header.js'
import { formatPayTerms, type LedgerLocation, type PayTerms } from './pay-terms.js'
import { sourceOf, type Content, type Source } from './source.js'
import type { Totals } from './stream-messages.js'
import type { StreamPayee, Till } from './till.js'
import { chunk, type Unit } from './units.js'

/**
 * What the `Pay` header looks like. `psk`: `interledger-psk`, amount, address, secret (http-ilp, seed 003's client).
 * `bare-psk`: the same without the method (RFC-14 draft 1, koa-ilp 0.1). `hmac-account`: the same three fields, and
 * conditions that are derived from the address alone (seed 002).
 */
export type PayDialect = 'psk' | 'bare-psk' | 'hmac-account'

/** What a shop says of itself in `Pay-Terms`. */
export interface SellerTerms {
  /** Where the ledger listens; needed by buyers that know nothing but the URL. */
  readonly ledger?: LedgerLocation
  readonly accounts?: 'open' | 'known'
  /** Ed25519 public key for receipts. */
  readonly key?: Uint8Array
}

export interface ShopOptions extends Omit<MeterOptions, 'onEnd'> {
  readonly till: Till
  readonly seller?: SellerTerms
  /** Base units for one unit; above 0. */
  readonly price: bigint
  /** What is sold in this response. It is read only as it is paid. */
  readonly content: (request: ShopRequest) => Content | Promise<Content>
  /** Default `chunk`. */
  readonly unit?: Unit
  /** The most money that buyers are asked to have at risk. Default 100 units. */
  readonly window?: bigint
  /** Default `application/octet-stream`. */
  readonly contentType?: string
  readonly dialect?: PayDialect
  /** Hears when a stream has ended, for logs and figures. */
  readonly onStreamEnd?: (end: StreamSummary) => void
}

export interface StreamSummary {
  readonly clientId: string
  readonly why: string
  readonly totals: Totals
  /** What the source threw, if that ended the stream. */
  readonly error: unknown
}

/** Answers GET with a paid stream, HEAD and OPTIONS with the terms. The till must be open. */
export function createShop(options: ShopOptions): ShopHandler {
  const { till, price, unit = chunk, window = 100n * price } = options
  checkPrice(price)
  const termsHeaders = (): Record<string, string> => ({
    ...UNCACHED,
    'Pay-Terms': formatPayTerms(termsOf(till, { unit: unit.name, price, window }, options.seller)),
  })

  return async (request) => {
    if (till.link.state !== 'open') return unavailable()
    switch (request.method) {
      case 'OPTIONS':
        return { status: 204, headers: termsHeaders(), body: EMPTY }
      case 'HEAD':
        return { status: 200, headers: { ...termsHeaders(), 'Content-Type': contentTypeOf(options) }, body: EMPTY }
      case 'GET':
        return openStream(options, termsHeaders(), sourceOf(await options.content(request)))
      default:
        return notAllowed('GET, HEAD, OPTIONS')
    }
  }
}

/** The terms of a shop: prices, and the asset of the ledger that its till takes payments over. */
export function termsOf(
  till: Till,
  prices: { readonly unit: string; readonly price: bigint; readonly window: bigint },
  { ledger, accounts, key }: SellerTerms = {},
): PayTerms {
  const { assetCode, assetScale } = till.link.info
  return {
    ...prices,
    asset: assetCode,
    scale: assetScale,
    ...(ledger && { ledger }),
    ...(accounts && { accounts }),
    ...(key && { key }),
  }
}

function openStream(options: ShopOptions, headers: Record<string, string>, source: Source): Reply {
  const { till, price, unit = chunk, dialect = 'psk' } = options
  if (till.full) {
    source.cancel()
    return unavailable('the shop is full: try again later')
  }
  const { clientId, address } = till.newClient()
  const secret = till.newSecret()
  const pay = formatPay(
    { method: dialect === 'hmac-account' ? 'hmac-account' : 'psk', amount: price, address, secret },
    dialect === 'psk' ? 'named' : 'bare',
  )
  return {
    status: 200,
    headers: { ...headers, Pay: pay, 'Content-Type': contentTypeOf(options) },
    stream: (sink) => {
      const meter = new Meter(unit.cut(source), sink, {
        ...options,
        onEnd: (why, totals, error) => {
          till.removeStream(clientId, totals)
          options.onStreamEnd?.({ clientId, why, totals, error })
        },
      })
      till.addStream(clientId, {
        price,
        fulfillmentFor: fulfillerOf(dialect, secret),
        take: ({ hold, packet, fulfillment }) => meter.pay({ hold, fulfillment, units: Number(packet.amount / price) }),
        stop: async (why) => meter.stop(why),
      })
      meter.start()
      return {
        drained: () => meter.drained(),
        closed: () => meter.close(),
      }
    },
  }
}

function fulfillerOf(dialect: PayDialect, secret: Uint8Array): StreamPayee['fulfillmentFor'] {
  if (dialect === 'hmac-account') {
    const fulfill = accountFulfiller(secret)
    return (_packet, destination) => fulfill(destination)
  }
  return pskFulfiller(secret)
}

function contentTypeOf(options: ShopOptions): string {
  return options.contentType ?? 'application/octet-stream'
}
