/**
 * Between node:http and a shop: a request as a flow reads it, and a reply written to a `ServerResponse`. Headers are
 * flushed at once, the body is written as it is paid, and a stream ends when the client goes, by FIN or RST.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { corsHeaders, EXPOSE, EXPOSED } from './cors.js'
import { OF_THE_BODY, type Reply, type ReplyHeaders, type ShopRequest, type StreamingAnswer } from './exchange.js'
import { isShared, withNames } from './field-list.js'
import type { Sink } from './meter.js'

type OnError = (error: unknown) => void

/** Carries the receipt behind the body (RFC 9110 section 6.5), for who looks there; buyers ask over the ledger. */
const RECEIPT_TRAILER = 'Pay-Receipt'

/** What a body is written to: the part of a `ServerResponse` that is used. */
export interface NodeBody {
  readonly destroyed: boolean
  readonly writableEnded: boolean
  flushHeaders(): void
  write(bytes: Uint8Array | string, flushed?: () => void): boolean
  end(bytes?: Uint8Array): unknown
  destroy(): unknown
  on(event: 'close' | 'drain', listener: () => void): unknown
}

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

type NodeHeaders = Readonly<Record<string, number | string | readonly string[] | undefined>>

export function fieldsFromNode(headers: NodeHeaders): ReplyHeaders {
  const fields: Record<string, string | readonly string[]> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) fields[name] = typeof value === 'number' ? String(value) : value
  }
  return fields
}

/**
 * Writes the whole reply, its body over the time it takes. `onError` hears of streams that fail; none is thrown. `body`:
 * where the body goes when the response's own methods are somebody else's.
 */
export function replyToNode(
  request: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
  onError: OnError = () => {},
  body: NodeBody = response,
): void {
  response.on('error', () => {
    // The client went while it was written to; `close` follows.
  })
  headToNode(request, response, reply)
  if (!('stream' in reply)) {
    body.end(request.method === 'HEAD' ? undefined : reply.body)
  } else if (request.method === 'HEAD') {
    reply.cancel()
    body.end()
  } else {
    stream(request, response, body, reply, onError)
  }
}

/** Sets status and header fields; what a framework set before stays, where it is not of the body it had in mind. */
export function headToNode(request: IncomingMessage, response: ServerResponse, { status, headers }: Reply): void {
  response.statusCode = status
  for (const name of OF_THE_BODY) response.removeHeader(name)
  const present = (name: string): string => String(response.getHeader(name) ?? '')
  for (const [name, value] of Object.entries(headers)) {
    response.setHeader(name, isShared(name) ? withNames(present(name), String(value)) : value)
  }
  if (request.headers.origin === undefined) return
  for (const [name, value] of Object.entries(corsHeaders(request.method === 'OPTIONS' && status === 204))) {
    if (!response.hasHeader(name)) response.setHeader(name, value)
  }
  response.setHeader(EXPOSE, withNames(present(EXPOSE), EXPOSED))
}

/**
 * What ends a body: with its receipt behind it, where it is chunked and so can have trailers. To be called before the head
 * leaves, which announces them.
 */
export function endWithReceipt(
  request: IncomingMessage,
  response: ServerResponse,
  { receipt }: StreamingAnswer,
  end: () => void,
  onError: OnError,
): () => void {
  if (receipt === undefined || request.httpVersion !== '1.1') return end
  response.setHeader('Trailer', RECEIPT_TRAILER)
  return () => {
    receipt()
      .then((text) => text !== undefined && response.addTrailers({ [RECEIPT_TRAILER]: text }))
      .catch(onError)
      .finally(end)
      .catch(onError)
  }
}

function stream(
  request: IncomingMessage,
  response: ServerResponse,
  body: NodeBody,
  reply: StreamingAnswer,
  onError: OnError,
): void {
  // Errors in a listener of the response would end the process.
  const guarded = (act: () => void): void => {
    try {
      act()
    } catch (error) {
      onError(error)
    }
  }
  const end = endWithReceipt(request, response, reply, () => body.end(), onError)
  body.flushHeaders()
  const events = reply.stream(sinkOf(body, end))
  const closed = (): void => guarded(() => events.closed())
  body.on('drain', () => guarded(() => events.drained()))
  body.on('close', closed)
  // It may have gone while the handler was busy.
  if (request.socket.destroyed) closed()
}

function sinkOf(body: NodeBody, end: () => void): Sink {
  return {
    write: (bytes) => !body.destroyed && !body.writableEnded && body.write(bytes),
    end,
    fail: () => {
      // What was paid for leaves first; then the chunked body breaks off, so that nobody takes it for whole.
      if (body.destroyed || body.writableEnded) return
      body.write('', () => body.destroy())
    },
  }
}
