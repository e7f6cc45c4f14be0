/** A response that is written by a handler, sold: what node:http and Express have in common. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { problem } from '../exchange.js'
import { replyToNode, requestFromNode } from '../node-reply.js'
import { paidRoute, type Produced } from '../paid.js'
import type { PaidTerms } from '../paid-terms.js'
import { takingTurns } from '../pipelining.js'
import type { Seller } from '../seller.js'
import { CapturedResponse } from './captured-response.js'

/** Runs the handler, which writes to the response; called at most once. What it throws fails the response. */
type Run = () => void | Promise<void>

/**
 * The result sells one response. `url`: path and query, where a framework changes the request's own.
 * @throws {ShopError} `SHOP_OPTIONS`
 */
export function sellWritten(
  seller: Seller,
  terms: PaidTerms,
): (request: IncomingMessage, response: ServerResponse, run: Run, url?: string) => void {
  const route = paidRoute(seller, terms)
  const inTurn = takingTurns()
  const onError = errorLog(seller)
  return (request, response, run, url) =>
    inTurn(request, response, () => {
      const captured = new CapturedResponse(response)
      const produce = (): Promise<Produced> => {
        captured.handlerRuns()
        const handled = async (): Promise<void> => run()
        handled().catch((error: unknown) => {
          onError(error)
          captured.fail(error)
        })
        return captured.produced
      }
      route(requestFromNode(request, url), produce)
        .catch(() => problem(500, 'internal', 'the server has failed: try again later'))
        .then((reply) => replyToNode(request, response, reply, onError, captured.output))
        .catch((error: unknown) => {
          onError(error)
          captured.output.destroy()
        })
    })
}

/** For what goes wrong when nobody is there to be told. */
export function errorLog({ log }: Seller): (error: unknown) => void {
  return (error) => log.error('a paid response failed', { error: String(error) })
}
