/** A response that is written by a handler, sold: what node:http and Express have in common. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { replyToNode, requestFromNode, type NodeBody } from '../node-reply.js'
import { paidRoute, type PaidTerms } from '../paid.js'
import { takingTurns } from '../pipelining.js'
import type { Seller } from '../seller.js'
import { CapturedResponse } from './captured-response.js'

export interface WrittenSale {
  /** Runs the handler, which writes to the response; called at most once. What it throws fails the response. */
  readonly run: () => void | Promise<void>
  /** Nothing was sent, and the route has no answer. `body` takes one. */
  readonly failed: (error: unknown, body: NodeBody) => void
  /** Path and query, where the framework changes the request's own. */
  readonly url?: string
}

/** @throws {ShopError} `SHOP_OPTIONS` */
export function sellWritten(
  seller: Seller,
  terms: PaidTerms,
): (request: IncomingMessage, response: ServerResponse, sale: WrittenSale) => void {
  const route = paidRoute(seller, terms)
  const inTurn = takingTurns()
  const onError = errorLog(seller)
  return (request, response, { run, failed, url }) =>
    inTurn(request, response, () => {
      let captured: CapturedResponse | undefined
      const produce = (): CapturedResponse['produced'] => {
        const capturing = new CapturedResponse(response)
        captured = capturing
        const handled = async (): Promise<void> => run()
        handled().catch((error: unknown) => {
          onError(error)
          capturing.fail(error)
        })
        return capturing.produced
      }
      route(requestFromNode(request, url), produce)
        .then((reply) => replyToNode(request, response, reply, onError, captured?.output))
        .catch((error: unknown) => {
          if (!response.destroyed) failed(error, captured?.output ?? response)
        })
        .catch((error: unknown) => {
          onError(error)
          response.destroy()
        })
    })
}

/** For what goes wrong when nobody is there to be told. */
export function errorLog({ log }: Seller): (error: unknown) => void {
  return (error) => log.error('a paid response failed', { error: String(error) })
}
