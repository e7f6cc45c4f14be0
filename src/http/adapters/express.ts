/**
 * Paid routes for Express 5, the entry `sluice/http/express`: middleware before the handler whose response is sold.
 *
 *     app.get('/story', paid(seller, { price: 5n }), (request, response) => …)
 *
 * What fails before the first byte goes to Express's error handlers, whose answers are free; afterwards Express breaks the
 * connection off, as it does for any response.
 */
import type { RequestHandler } from 'express'
import type { PaidTerms } from '../paid.js'
import type { Seller } from '../seller.js'
import { sellWritten } from './sell-written.js'

/** @throws {ShopError} `SHOP_OPTIONS` */
export function paid(seller: Seller, terms: PaidTerms): RequestHandler {
  const sell = sellWritten(seller, terms)
  return (request, response, next) => sell(request, response, () => next(), request.originalUrl)
}
