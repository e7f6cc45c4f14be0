/**
 * The prepaid shop (tutorial "HTTP-ILP" of 2017, RFC-14 drafts 1 and 2): a client chooses a `Pay-Token`, tops up the
 * balance behind it by payments, and spends it request by request. A balance is an account of the till's own ledger:
 * credited in the commit that captures the payment, debited in a commit before the goods leave.
 *
 * `Pay-Token` is as good as money: serve it over TLS except on localhost. It is never logged, and the ledger knows only
 * its hash. Leaves out tokens inside encrypted PSK data (koa-ilp), and refunds.
 */
import { utf8 } from '../bytes/index.js'
import { openBalances, type BalancesOptions, type Charge } from './balances.js'
import { checkPrice } from './errors.js'
import { unavailable, UNCACHED, type Answer, type ShopHandler, type ShopRequest } from './exchange.js'
import { formatPayTerms } from './pay-terms.js'
import { termsOf, type SellerTerms } from './seller-terms.js'
import type { Chunk } from './source.js'
import { request as requestUnit } from './units.js'

export interface PrepaidOptions extends Omit<BalancesOptions, 'paymentMin'> {
  readonly seller?: SellerTerms
  /** Base units for one request; above 0. */
  readonly price: bigint
  /** What a paid request gets. When it fails the request stays paid; its repetition under the same key is free. */
  readonly goods: (request: ShopRequest) => Chunk | Promise<Chunk>
  /** Default `text/plain; charset=utf-8`. */
  readonly contentType?: string
}

/** Answers requests that carry a token with a balance; others with 402. The till and the ledger must be open. */
export function createPrepaidShop(options: PrepaidOptions): ShopHandler {
  const { till, price } = options
  checkPrice(price)
  const balances = openBalances({ ...options, paymentMin: price })
  const charge = (): Charge => ({
    price,
    headers: {
      ...UNCACHED,
      'Pay-Terms': formatPayTerms(termsOf(till, { unit: requestUnit, price, window: price }, options.seller)),
    },
  })
  const goodsFor = async (request: ShopRequest): Promise<Answer> => {
    const goods = await options.goods(request)
    const contentType = options.contentType ?? 'text/plain; charset=utf-8'
    return {
      status: 200,
      headers: { 'Content-Type': contentType },
      body: typeof goods === 'string' ? utf8(goods) : goods,
    }
  }
  return async (request) => {
    if (till.link.state !== 'open') return unavailable()
    return balances.answer(request, charge(), () => goodsFor(request))
  }
}
