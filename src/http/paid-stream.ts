/** The flow `stream` of a paid route: 200 at once, and the body as it is paid. Optional: the body at once, paid or not. */
import { donationReply } from './donation.js'
import { problem, type Reply, type ShopRequest } from './exchange.js'
import type { PaidTerms } from './paid-terms.js'
import type { Quote } from './price.js'
import {
  essenceOf,
  freeReply,
  headReply,
  isEncoded,
  isSold,
  isSuccess,
  laterPieces,
  soldHeaders,
  type Produced,
} from './produced.js'
import { watcherOf, type SaleWatcher } from './sale-watcher.js'
import type { Seller } from './seller.js'
import { sourceOf } from './source.js'
import { streamReply } from './stream-sale.js'

/** `headers`: those of every answer of the route. Rejects as `produce` does. */
export async function sellStream(
  seller: Seller,
  terms: PaidTerms,
  { price, unit }: Quote,
  headers: Readonly<Record<string, string>>,
  request: ShopRequest,
  produce: () => Promise<Produced>,
): Promise<Reply> {
  const { start, contentType = '' } = terms
  const later = start === 'payment' ? laterPieces(unit, contentType, produce) : undefined
  const produced: Produced = later
    ? { status: 200, headers: { 'Content-Type': contentType }, content: later }
    : await produce()
  if (request.method === 'HEAD' && isSuccess(produced)) return headReply(produced, headers)
  if (!isSold(produced)) return freeReply(produced, seller.log)
  const source = sourceOf(produced.content)
  if (isEncoded(produced.headers)) {
    source.cancel()
    seller.log.error('content that is compressed cannot be sold: turn compression off for paid routes')
    return problem(500, 'encoded', 'the shop has failed: try again later')
  }
  const sale = {
    till: seller.till,
    status: produced.status,
    headers: { ...soldHeaders(produced.headers), ...headers },
    price,
    source,
    dialect: terms.dialect,
    watch: (id: string): SaleWatcher =>
      watcherOf(seller.events, {
        id,
        flow: 'stream',
        route: terms.route ?? 'paid',
        url: request.url,
        unit: unit.name,
        price,
        asset: seller.till.link.info.assetCode,
      }),
  }
  if (terms.optional === true) return donationReply({ ...sale, unit: unit.name })
  return streamReply({
    ...seller.meterLimits,
    ...sale,
    clock: seller.clock,
    unit: later ? { ...unit, cut: () => later } : unit,
    receiptEvent: terms.receiptEvent === true && essenceOf(produced.headers) === 'text/event-stream',
  })
}
