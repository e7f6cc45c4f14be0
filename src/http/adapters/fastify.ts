/**
 * Paid routes for Fastify 5, the entry `sluice/http/fastify`: the hooks of a route whose reply is sold.
 *
 *     app.get('/story', paid(seller, { price: 5n }), (request, reply) => reply.send(stream))
 *
 * The price is asked before the handler; its payload is taken from Fastify once its other `onSend` hooks have run, and
 * written to the connection as it is paid. Errors are answered by Fastify's error handler, free.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ShopError } from '../errors.js'
import { fieldsFromNode, replyToNode, requestFromNode } from '../node-reply.js'
import { paidRoute, type Produced } from '../paid.js'
import type { PaidTerms } from '../paid-terms.js'
import { takingTurns } from '../pipelining.js'
import type { Seller } from '../seller.js'
import { contentOf, fieldsOf } from './content-of.js'
import { errorLog } from './sell-written.js'

/** Options of a route, or part of them: the hooks belong together. */
export interface PaidHooks {
  readonly preHandler: (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void
  readonly onSend: (
    request: FastifyRequest,
    reply: FastifyReply,
    payload: unknown,
    done: (error?: Error | null, payload?: unknown) => void,
  ) => void
}

/** @throws {ShopError} `SHOP_OPTIONS` */
export function paid(seller: Seller, terms: PaidTerms): PaidHooks {
  const route = paidRoute(seller, terms)
  const inTurn = takingTurns()
  const onError = errorLog(seller)
  const producing = new WeakMap<FastifyRequest, (produced: Produced) => void>()
  return {
    preHandler(request, reply, done) {
      const { raw } = reply
      const produce = (): Promise<Produced> =>
        new Promise((resolve) => {
          producing.set(request, resolve)
          done()
        })
      inTurn(request.raw, raw, () => {
        route(requestFromNode(request.raw, request.originalUrl), produce)
          .then((answer) => {
            // One that streams has its handler's payload already, or gets it with the first payment (start "payment").
            if (!('stream' in answer)) reply.hijack()
            for (const [name, value] of Object.entries(reply.getHeaders())) {
              if (value !== undefined) raw.setHeader(name, value)
            }
            replyToNode(request.raw, raw, answer, onError)
          })
          .catch((error: unknown) => {
            onError(error)
            raw.destroy()
          })
      })
    },

    onSend(request, reply, payload, done) {
      const resolve = producing.get(request)
      if (resolve) {
        producing.delete(request)
        reply.hijack()
        return resolve(producedBy(reply, payload))
      }
      const sold = reply.statusCode >= 200 && reply.statusCode < 300
      const message = 'a reply of a paid route passed by its preHandler hook: keep both hooks of paid()'
      if (sold) done(new ShopError('SHOP_OPTIONS', message))
      else done(null, payload)
    },
  }
}

function producedBy(reply: FastifyReply, payload: unknown): Produced {
  const headers = fieldsFromNode(reply.getHeaders())
  if (!(payload instanceof Response)) return { status: reply.statusCode, headers, content: contentOf(payload) }
  return { status: payload.status, headers: { ...headers, ...fieldsOf(payload.headers) }, content: contentOf(payload) }
}
