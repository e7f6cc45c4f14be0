/**
 * The streaming shop (tutorials "Streaming Payments" and "Hosted Ledgers" of 2017): 200, the headers and no byte of the
 * body; then one unit for each price that a captured hold pays, until the source ends or the client leaves.
 */
import { EMPTY } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import { checkPrice } from './errors.js'
import { notAllowed, unavailable, UNCACHED, type Reply, type ShopHandler, type ShopRequest } from './exchange.js'
import type { MeterLimits } from './meter.js'
import { formatPayTerms } from './pay-terms.js'
import type { SaleEnd } from './seller-events.js'
import { termsOf, type PayDialect, type SellerTerms } from './seller-terms.js'
import { sourceOf, type Content, type Source } from './source.js'
import { streamReply } from './stream-sale.js'
import type { Till } from './till.js'
import { chunk, type Unit } from './units.js'

export interface ShopOptions extends Partial<MeterLimits> {
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
  readonly clock?: Clock
  /** Hears when a stream has ended, for logs and figures. */
  readonly onStreamEnd?: (end: StreamSummary) => void
}

export interface StreamSummary extends SaleEnd {
  readonly clientId: string
}

/** Answers GET with a paid stream, HEAD and OPTIONS with the terms. The till must be open. */
export function createShop(options: ShopOptions): ShopHandler {
  const { till, price, unit = chunk, window = 100n * price } = options
  checkPrice(price)
  const termsHeaders = (): Record<string, string> => ({
    ...UNCACHED,
    'Pay-Terms': formatPayTerms(termsOf(till, { unit, price, window }, options.seller)),
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

function openStream(options: ShopOptions, headers: Record<string, string>, source: Source): Reply {
  const { unit = chunk, onStreamEnd } = options
  return streamReply({
    ...options,
    headers: { ...headers, 'Content-Type': contentTypeOf(options) },
    unit,
    source,
    watch: onStreamEnd && ((clientId) => ({ ended: (end) => onStreamEnd({ clientId, ...end }) })),
  })
}

function contentTypeOf(options: ShopOptions): string {
  return options.contentType ?? 'application/octet-stream'
}
