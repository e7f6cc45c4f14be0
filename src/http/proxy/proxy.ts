/**
 * A gateway that sells an HTTP API, the entry `sluice/http/proxy`: each request goes to the upstream, and its answer is
 * sold as it streams. The upstream is read only as its answer is paid, and its call is aborted when the buyer goes, by FIN
 * or RST, or the sale ends. WebSockets are not sold.
 *
 *     createServer(createProxy(seller, { price: '0.01 USD per 1k tokens' }, { upstream: 'https://api.example/v1' }))
 *
 * When the upstream is called is `start` of the terms. `request`: at once, for whoever asks; what refuses the buyer then
 * has its own status. `payment`: with the first payment, so that strangers cost nothing. Default here: `request` for GET
 * and HEAD, `payment` for all others.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { notAllowed, problem, type Reply } from '../exchange.js'
import type { NodeListener } from '../node-listener.js'
import { replyToNode, requestFromNode } from '../node-reply.js'
import { openAiTokens } from '../open-ai.js'
import { paidRoute } from '../paid.js'
import type { PaidTerms } from '../paid-terms.js'
import { takingTurns } from '../pipelining.js'
import { readPrice } from '../price.js'
import type { Produced } from '../produced.js'
import type { Seller } from '../seller.js'
import { asPromised, promisedType } from './promised.js'
import { RequestBody } from './request-body.js'
import { busy, upstreamAt, type UpstreamOptions } from './upstream.js'

export interface ProxyOptions extends UpstreamOptions {
  /** Paths, exactly as the upstream is asked for them, that cost nothing. */
  readonly freePaths?: readonly string[]
  /** A request's body; the buyer of a longer one gets a 413. Default 16 MiB. */
  readonly requestBytesMax?: number
  /** Bodies that wait for a first payment, in all; for one more the buyer gets a 503. Default 256 MiB. */
  readonly waitingBytesMax?: number
}

const REQUEST_BYTES = 16_777_216
const WAITING_BYTES = 268_435_456
const READING = new Set(['GET', 'HEAD'])
/** What `fetch` does not send. */
const UNSENT = new Set(['CONNECT', 'TRACE', 'TRACK'])

/**
 * A listener for a server of node:http. The unit `token` counts as APIs in the form of OpenAI's do ({@link openAiTokens}).
 * @throws {ShopError} `SHOP_OPTIONS`, `SHOP_PRICE`
 */
export function createProxy(seller: Seller, prices: PaidTerms, options: ProxyOptions): NodeListener {
  const { requestBytesMax = REQUEST_BYTES, waitingBytesMax = WAITING_BYTES, freePaths = [] } = options
  const upstream = upstreamAt(options, seller)
  const terms = withTokens(seller, { route: 'proxy', ...prices })
  const atOnce = paidRoute(seller, { ...terms, start: 'request' })
  const free = paidRoute(seller, { price: 0n })
  let waitingBytes = 0
  const inTurn = takingTurns()
  const onError = (error: unknown): void => seller.log.error('a request failed', { error: String(error) })

  const answer = async (request: IncomingMessage, gone: AbortController): Promise<Reply> => {
    const { method = 'GET', headers, url = '/' } = request
    if (headers.upgrade?.toLowerCase() === 'websocket') {
      return problem(501, 'upgrade', 'WebSockets are not sold here: use HTTP requests')
    }
    if (UNSENT.has(method)) return notAllowed('GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
    const target = upstream.target(url)
    if (target === undefined) return problem(404, 'not-found', 'there is nothing at this path')
    const body = new RequestBody(request, requestBytesMax)
    const tooBig = problem(413, 'too-big', `a request may have ${requestBytesMax} bytes`)
    if (body.overrun) return tooBig
    const call = (bytes: Uint8Array | AsyncIterable<Uint8Array> | undefined): Promise<Produced> =>
      upstream.call({ method, target, fields: request.headersDistinct, body: bytes, gone })
    const asked = requestFromNode(request)
    const isFree = freePaths.includes(upstream.pathOf(target))
    const { start = READING.has(method) ? 'request' : 'payment' } = terms
    if (isFree || start === 'request') {
      const streamed = body.present && !READING.has(method) ? body.stream() : undefined
      return (isFree ? free : atOnce)(asked, async () => {
        const produced = await call(streamed)
        return body.overrun ? { ...tooBig, content: tooBig.body } : produced
      })
    }
    const room = body.lengthMost
    if (waitingBytes + room > waitingBytesMax) return busy('too many requests wait to be paid for: try again')
    waitingBytes += room
    gone.signal.addEventListener('abort', () => (waitingBytes -= room), { once: true })
    let bytes: Uint8Array | undefined
    try {
      bytes = body.present && !READING.has(method) ? await body.whole() : undefined
    } catch (error) {
      if (body.overrun) return tooBig
      throw error
    }
    const { contentType = promisedType(headers, bytes) } = terms
    const paidFirst = paidRoute(seller, { ...terms, start, contentType })
    return paidFirst(asked, async () => asPromised(contentType, await call(bytes)))
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController()
    response.once('close', () => {
      gone.abort()
      // What the upstream did not want of the body would keep the connection from its next request.
      request.resume()
    })
    if (request.socket.destroyed) return
    replyToNode(request, response, await answer(request, gone), onError)
  }

  return (request, response) =>
    inTurn(request, response, () => {
      serve(request, response).catch((error: unknown) => {
        if (!request.socket.destroyed) onError(error)
        response.destroy()
      })
    })
}

/** Tokens are counted as the upstream's are. */
function withTokens(seller: Seller, terms: PaidTerms): PaidTerms {
  const { price, unit } = terms
  const { assetCode: code, assetScale: scale } = seller.till.link.info
  const named = unit ?? (typeof price === 'string' ? readPrice(price, undefined, { code, scale }).unit.name : undefined)
  return named === 'token' ? { ...terms, unit: openAiTokens } : terms
}
