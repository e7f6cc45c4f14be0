/**
 * Paid routes for handlers in the style of fetch, the entry `sluice/http/fetch`: a function from `Request` to `Response`,
 * whose responses are sold.
 *
 *     export default { fetch: paid(seller, { price: 5n }, (request) => new Response(stream)) }
 */
import { paidRoute } from '../paid.js'
import type { PaidTerms } from '../paid-terms.js'
import type { Seller } from '../seller.js'
import { replyToWeb, requestFromWeb } from '../web-reply.js'
import { producedFrom } from './content-of.js'
import { waitingTurns } from './node-turn.js'

/**
 * The handler, sold. It rejects as the handler does, and hands on what its server passes beside the request.
 * @throws {ShopError} `SHOP_OPTIONS`
 */
export function paid<More extends unknown[]>(
  seller: Seller,
  terms: PaidTerms,
  handler: (request: Request, ...more: More) => Response | Promise<Response>,
): (request: Request, ...more: More) => Promise<Response> {
  const route = paidRoute(seller, terms)
  const turn = waitingTurns()
  return async (request, ...more) => {
    await turn(more[0])
    const reply = await route(requestFromWeb(request), async () => producedFrom(await handler(request, ...more)))
    return replyToWeb(request, reply)
  }
}
