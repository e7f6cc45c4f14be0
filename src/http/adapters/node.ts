/**
 * Paid routes for node:http, the entry `sluice/http/node`: a request listener whose response is sold. What it writes waits
 * for payment (see captured-response.ts).
 *
 *     createServer(paid(seller, { price: 5n }, (request, response) => …))
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { PaidTerms } from '../paid-terms.js'
import type { Seller } from '../seller.js'
import { sellWritten } from './sell-written.js'

/** May be async; whatever it throws or rejects with, the server lives on. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

/** The listener, sold. @throws {ShopError} `SHOP_OPTIONS` */
export function paid(
  seller: Seller,
  terms: PaidTerms,
  listener: Listener,
): (request: IncomingMessage, response: ServerResponse) => void {
  const sell = sellWritten(seller, terms)
  return (request, response) =>
    sell(request, response, async () => {
      await listener(request, response)
    })
}
