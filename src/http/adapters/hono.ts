/**
 * Paid routes for Hono, the entry `sluice/http/hono`: middleware before the handler whose response is sold, on
 * `@hono/node-server` and wherever else the seller runs.
 *
 *     app.get('/story', paid(seller, { price: 5n }), (c) => c.body(stream))
 */
import type { MiddlewareHandler } from 'hono'
import { paidRoute } from '../paid.js'
import type { PaidTerms } from '../paid-terms.js'
import type { Seller } from '../seller.js'
import { replyToWeb, requestFromWeb } from '../web-reply.js'
import { producedFrom } from './content-of.js'
import { waitingTurns } from './node-turn.js'

/** @throws {ShopError} `SHOP_OPTIONS` */
export function paid(seller: Seller, terms: PaidTerms): MiddlewareHandler {
  const route = paidRoute(seller, terms)
  const turn = waitingTurns()
  return async (c, next) => {
    await turn(c.env)
    const request = c.req.raw
    const reply = await route(requestFromWeb(request), async () => {
      // With start "payment" the response has left by now, and Hono would not take another.
      c.finalized = false
      await next()
      return producedFrom(c.res)
    })
    const response = replyToWeb(request, reply, new Headers(c.res.headers))
    // Otherwise Hono writes the old response's fields over those of the new one.
    c.res = undefined
    c.res = response
  }
}
