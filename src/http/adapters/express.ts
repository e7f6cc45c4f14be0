/**
 * Paid routes for Express 5, the entry `sluice/http/express`: middleware before the handler whose response is sold.
 *
 *     app.get('/story', paid(seller, { price: 5n }), (request, response) => …)
 *
 * What fails before the first byte goes to Express's error handlers, whose answers are free; afterwards Express breaks the
 * connection off, as it does for any response, once what was paid for has left.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestHandler } from 'express'
import type { PaidTerms } from '../paid-terms.js'
import type { Seller } from '../seller.js'
import { sellWritten } from './sell-written.js'

/** @throws {ShopError} `SHOP_OPTIONS` */
export function paid(seller: Seller, terms: PaidTerms): RequestHandler {
  const sell = sellWritten(seller, terms)
  return (request, response, next) => {
    const run = (): void => {
      breakOffByResponse(request, response)
      next()
    }
    sell(request, response, run, request.originalUrl)
  }
}

/**
 * Express ends a failed response by destroying its request's socket, and with it units whose captures are under way. Here
 * that destroys the response instead, which is sold and knows what it owes.
 */
function breakOffByResponse(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  const destroy = (error?: Error): typeof socket => {
    response.destroy(error)
    return socket
  }
  const get = (_: typeof socket, name: string | symbol): unknown =>
    name === 'destroy' ? destroy : Reflect.get(socket, name)
  request.socket = new Proxy(socket, { get })
}
