/** Any content as a paid body, for servers without an adapter: headers to send, and a stream that flows as it is paid. */
import { ShopError, checkPrice } from './errors.js'
import { UNCACHED, type ReplyHeaders, type ShopRequest } from './exchange.js'
import { formatPayTerms } from './pay-terms.js'
import { readPrice, type Price } from './price.js'
import { watcherOf } from './sale-watcher.js'
import type { SaleEnd } from './seller-events.js'
import { termsOf, type PayDialect } from './seller-terms.js'
import type { Seller } from './seller.js'
import { sourceOf, type Content } from './source.js'
import { streamReply } from './stream-sale.js'
import { unitNamed, type Unit, type UnitName } from './units.js'
import { requestFromWeb, webBody } from './web-reply.js'

export interface MeteredOptions {
  readonly seller: Seller
  /** Above 0. */
  readonly price: Price
  /** Default `chunk`. */
  readonly unit?: Unit | UnitName
  /** Base units that buyers are asked to have at risk. Default 100 prices. */
  readonly window?: bigint
  readonly dialect?: PayDialect
  /** Whom it is for: says at which host the buyer finds the ledger. Without it the seller's `uri` must be set. */
  readonly request?: Request | ShopRequest
  /** What events and figures call it. Default `meter`. */
  readonly route?: string
}

export interface Metered {
  /** `Pay`, `Pay-Terms` and `Cache-Control`: all must be sent, before the body. */
  readonly headers: ReplyHeaders
  /** For Node servers: `Readable.fromWeb(body).pipe(response)`. Cancelling it ends the sale, and what was held goes back. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>
  readonly ended: Promise<SaleEnd>
}

/**
 * Reads the content only as it is paid. @throws {ShopError} `SHOP_UNAVAILABLE` (answer 503), `SHOP_PRICE`, `SHOP_OPTIONS`;
 * the content is cancelled then
 */
export function meter(content: Content, options: MeteredOptions): Metered {
  const { seller, dialect, request, route = 'meter' } = options
  const source = sourceOf(content)
  try {
    const { till } = seller
    if (till.link.state !== 'open' || till.full) {
      throw new ShopError('SHOP_UNAVAILABLE', 'nothing can be sold now: answer 503 and let the client try again later')
    }
    const { assetCode: code, assetScale: scale } = till.link.info
    const wanted = typeof options.unit === 'string' ? unitNamed(options.unit) : options.unit
    const { price, unit } = readPrice(options.price, wanted, { code, scale })
    checkPrice(price)
    const asked: ShopRequest = request instanceof Request ? requestFromWeb(request) : (request ?? NOBODY)
    const terms = termsOf(till, { unit, price, window: options.window ?? 100n * price }, seller.termsFor(asked))
    let ended: (end: SaleEnd) => void = () => {}
    const reply = streamReply({
      ...seller.meterLimits,
      till,
      clock: seller.clock,
      headers: { ...UNCACHED, 'Pay-Terms': formatPayTerms(terms) },
      price,
      unit,
      source,
      dialect,
      watch: (id) => {
        const asset = till.link.info.assetCode
        const sale = { id, flow: 'stream', route, url: asked.url, unit: unit.name, price, asset } as const
        const watcher = watcherOf(seller.events, sale)
        return {
          ...watcher,
          ended(end) {
            watcher.ended(end)
            ended(end)
          },
        }
      },
    })
    if (!('stream' in reply)) throw new ShopError('SHOP_UNAVAILABLE', 'the shop is full: answer 503')
    const end = new Promise<SaleEnd>((resolve) => (ended = resolve))
    return { headers: reply.headers, body: webBody(reply), ended: end }
  } catch (error) {
    source.cancel()
    throw error
  }
}

const NOBODY: ShopRequest = { method: 'GET', url: '/', header: () => undefined }
