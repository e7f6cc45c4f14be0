/**
 * A shop's handler as a request listener for node:http. Whatever the handler or the client does, the server lives on.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { problem, type Reply, type ShopHandler } from './exchange.js'
import { replyToNode, requestFromNode } from './node-reply.js'
import { takingTurns } from './pipelining.js'

export type NodeListener = (request: IncomingMessage, response: ServerResponse) => void

/** `onError` hears of handlers that failed; the client gets a 500 without particulars. */
export function nodeListener(handler: ShopHandler, onError: (error: unknown) => void = () => {}): NodeListener {
  const inTurn = takingTurns()
  const answer = async (request: IncomingMessage): Promise<Reply> => handler(requestFromNode(request))
  return (request, response) =>
    inTurn(request, response, () => {
      // A body that nobody reads would keep the connection from its next request.
      request.resume()
      answer(request)
        .catch((error: unknown): Reply => {
          onError(error)
          return problem(
            500,
            'internal',
            'the shop has failed: try again, under the same Idempotency-Key if the request has one',
          )
        })
        .then((reply) => replyToNode(request, response, reply, onError))
        .catch((error: unknown) => {
          onError(error)
          response.destroy()
        })
    })
}
