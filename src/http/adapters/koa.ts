/**
 * Paid routes for Koa, the entry `sluice/http/koa`: middleware that sells what those after it leave in `ctx.body`. Koa
 * writes what is sold, so that middleware before it works as it does on any stream.
 *
 *     router.get('/story', paid(seller, { price: 5n }), (ctx) => { ctx.body = stream })
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { ResponseEvents, StreamingAnswer } from '../exchange.js'
import { endWithReceipt, fieldsFromNode, headToNode, replyToNode, requestFromNode } from '../node-reply.js'
import { paidRoute } from '../paid.js'
import type { PaidTerms } from '../paid-terms.js'
import type { Seller } from '../seller.js'
import { contentOf } from './content-of.js'
import { waitingTurns } from './node-turn.js'
import { errorLog } from './sell-written.js'

/** What is used of Koa's context. Koa's types are a package of their own, which is not asked of users. */
export interface KoaContext {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly originalUrl: string
  readonly response: object
  status: number
  body: unknown
  respond?: boolean | undefined
}

/** @throws {ShopError} `SHOP_OPTIONS` */
export function paid(
  seller: Seller,
  terms: PaidTerms,
): (ctx: KoaContext, next: () => Promise<unknown>) => Promise<void> {
  const route = paidRoute(seller, terms)
  const turn = waitingTurns()
  const onError = errorLog(seller)
  return async (ctx, next) => {
    const { req, res } = ctx
    await turn({ incoming: req, outgoing: res })
    let produced = false
    let begun = false
    const reply = await route(requestFromNode(req, ctx.originalUrl), async () => {
      produced = true
      if (begun) keepStatus(ctx)
      await next()
      return { status: ctx.status, headers: fieldsFromNode(res.getHeaders()), content: contentOf(ctx.body) }
    })
    ctx.status = reply.status
    if ('stream' in reply && !produced) {
      // With start "payment" the handler has yet to run, and will use the context when Koa is done with it.
      begun = true
      ctx.respond = false
      return replyToNode(req, res, reply, onError)
    }
    if ('stream' in reply) ctx.body = bodyOf(ctx, reply, onError)
    else if (reply.body.length > 0) ctx.body = Buffer.from(reply.body)
    headToNode(req, res, reply)
  }
}

/** Lets a handler set a status when that of the response has left: it says whether what is produced may be sold. */
function keepStatus({ response, status }: KoaContext): void {
  Object.defineProperty(response, 'status', { value: status, writable: true })
}

/** Begins when Koa sends it: the head is complete by then, and the buyer needs it to pay. */
function bodyOf(
  { req, res: response }: KoaContext,
  reply: StreamingAnswer,
  onError: (error: unknown) => void,
): Readable {
  let events: ResponseEvents | undefined
  /** What was paid for leaves first; then the body breaks off. */
  const breakOff = (): void => {
    response.write('', () => {
      if (body.readableLength > 0 && !response.destroyed) response.once('drain', breakOff)
      else body.destroy(new Error('the content failed: what came is not the whole'))
    })
  }
  const body = new Readable({
    highWaterMark: 1,
    read() {
      if (events) return events.drained()
      const end = endWithReceipt(req, response, reply, () => body.push(null), onError)
      response.flushHeaders()
      events = reply.stream({
        write: (bytes) => body.push(bytes),
        end,
        fail: breakOff,
      })
    },
    destroy(error, done) {
      if (events) events.closed()
      else reply.cancel()
      done(error)
    },
  })
  return body
}
