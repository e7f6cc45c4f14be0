/**
 * Between node:http and a shop: a request as a flow reads it, and a reply written to a `ServerResponse`. Headers are
 * flushed at once, the body is written as it is paid, and a stream ends when the client goes, by FIN or RST.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { corsHeaders } from './cors.js'
import type { Reply, ShopRequest, StreamingAnswer } from './exchange.js'
import type { Sink } from './meter.js'

type OnError = (error: unknown) => void

/** Carries the receipt behind the body (RFC 9110 section 6.5), for who looks there; buyers ask over the ledger. */
const RECEIPT_TRAILER = 'Pay-Receipt'

const OF_THE_BODY = ['Content-Length', 'Content-Encoding', 'ETag'] as const

/** `url`: what a framework calls the whole path, where it changes the request's own. */
export function requestFromNode(request: IncomingMessage, url = request.url ?? '/'): ShopRequest {
  const { method = 'GET', headers, socket } = request
  return {
    method,
    url,
    header: (name) => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    secure: 'encrypted' in socket && socket.encrypted === true,
  }
}

/** Writes the whole reply, body included, over the time it takes. `onError` hears of streams that fail; none is thrown. */
export function replyToNode(
  request: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
  onError: OnError = () => {},
): void {
  // A body that nobody reads would keep the connection from its next request.
  request.resume()
  response.on('error', () => {
    // The client went while it was written to; `close` follows.
  })
  response.statusCode = reply.status
  // What a framework said of the body that it had in mind is not true of this one.
  for (const name of OF_THE_BODY) response.removeHeader(name)
  for (const [name, value] of Object.entries(exposed(request, reply))) {
    if (!response.hasHeader(name)) response.setHeader(name, value)
  }
  for (const [name, value] of Object.entries(reply.headers)) response.setHeader(name, value)
  if (!('stream' in reply)) {
    response.end(request.method === 'HEAD' ? undefined : reply.body)
  } else if (request.method === 'HEAD') {
    reply.cancel()
    response.end()
  } else {
    stream(request, response, reply, onError)
  }
}

function stream(request: IncomingMessage, response: ServerResponse, reply: StreamingAnswer, onError: OnError): void {
  // Errors in a listener of the response would end the process.
  const guarded = (act: () => void): void => {
    try {
      act()
    } catch (error) {
      onError(error)
    }
  }
  // Trailers exist in chunked bodies only.
  const receipt = request.httpVersion === '1.1' ? reply.receipt : undefined
  if (receipt) response.setHeader('Trailer', RECEIPT_TRAILER)
  response.flushHeaders()
  const events = reply.stream(sinkOf(response, receipt, onError))
  const closed = (): void => guarded(() => events.closed())
  response.on('drain', () => guarded(() => events.drained()))
  response.once('close', closed)
  // It may have gone while the handler was busy.
  if (request.socket.destroyed) closed()
}

function sinkOf(response: ServerResponse, receipt: StreamingAnswer['receipt'], onError: OnError): Sink {
  return {
    write: (bytes) => !response.destroyed && !response.writableEnded && response.write(bytes),
    end: () => {
      if (receipt === undefined) {
        response.end()
        return
      }
      receipt()
        .then((text) => text !== undefined && response.addTrailers({ [RECEIPT_TRAILER]: text }))
        .catch(onError)
        .finally(() => response.end())
        .catch(onError)
    },
    fail: () => {
      // What was paid for leaves first; then the chunked body breaks off, so that nobody takes it for whole.
      if (response.destroyed || response.writableEnded) return
      response.write('', () => response.destroy())
    },
  }
}

/** Lets scripts of other origins read what they need to pay (Fetch standard, CORS protocol). */
function exposed(request: IncomingMessage, reply: Reply): Record<string, string> {
  if (request.headers.origin === undefined) return {}
  return corsHeaders(request.method === 'OPTIONS' && reply.status === 204)
}
