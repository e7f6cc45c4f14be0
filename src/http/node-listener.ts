/**
 * A shop's handler as a request listener for node:http: headers are flushed at once, the body is written as it is paid,
 * and the stream ends when the client goes, by FIN or RST. Whatever the handler or the client does, the server lives on.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  problem,
  type Answer,
  type Reply,
  type ShopHandler,
  type ShopRequest,
  type StreamingAnswer,
} from './exchange.js'
import type { Sink } from './meter.js'

export type NodeListener = (request: IncomingMessage, response: ServerResponse) => void

type OnError = (error: unknown) => void

/** Requests of one connection that wait until those before them are answered; one more ends the connection. */
export const PIPELINED_MAX = 16

/** `onError` hears of handlers that failed; the client gets a 500 without particulars. */
export function nodeListener(handler: ShopHandler, onError: OnError = () => {}): NodeListener {
  const waiting = new WeakMap<Socket, number>()
  const serve: NodeListener = (request, response) => {
    answerOf(handler, request)
      .catch((error: unknown): Reply => {
        onError(error)
        return problem(
          500,
          'internal',
          'the shop has failed: try again, under the same Idempotency-Key if the request has one',
        )
      })
      .then((reply) => write(request, response, reply, onError))
      .catch((error: unknown) => {
        onError(error)
        response.destroy()
      })
  }
  return (request, response) => {
    if (response.socket !== null) return serve(request, response)
    // Not before its turn: a stream that nobody can see yet cannot be paid for, and would take the room of others.
    const { socket } = request
    const before = waiting.get(socket) ?? 0
    if (before >= PIPELINED_MAX) {
      socket.destroy()
      return
    }
    waiting.set(socket, before + 1)
    response.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
      serve(request, response)
    })
  }
}

async function answerOf(handler: ShopHandler, request: IncomingMessage): Promise<Reply> {
  const { method = 'GET', url = '/', headers } = request
  const shopRequest: ShopRequest = {
    method,
    url,
    header: (name) => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
  }
  return handler(shopRequest)
}

function write(request: IncomingMessage, response: ServerResponse, reply: Reply, onError: OnError): void {
  // A body that nobody reads would keep the connection from its next request.
  request.resume()
  response.on('error', () => {
    // The client went while it was written to; `close` follows.
  })
  response.writeHead(reply.status, { ...reply.headers, ...exposed(request, reply) })
  if ('stream' in reply) stream(request, response, reply, onError)
  else response.end(request.method === 'HEAD' ? undefined : reply.body)
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
  response.flushHeaders()
  const events = reply.stream(sinkOf(response))
  const closed = (): void => guarded(() => events.closed())
  response.on('drain', () => guarded(() => events.drained()))
  response.once('close', closed)
  // It may have gone while the handler was busy.
  if (request.socket.destroyed) closed()
}

function sinkOf(response: ServerResponse): Sink {
  return {
    write: (bytes) => !response.destroyed && !response.writableEnded && response.write(bytes),
    end: () => {
      response.end()
    },
    fail: () => {
      // What was paid for leaves first; then the chunked body breaks off, so that nobody takes it for whole.
      if (response.destroyed || response.writableEnded) return
      response.write('', () => response.destroy())
    },
  }
}

/** Lets scripts of other origins read what they need to pay (Fetch standard, CORS protocol). */
function exposed(request: IncomingMessage, reply: Answer | StreamingAnswer): Record<string, string> {
  if (request.headers.origin === undefined) return {}
  const headers: Record<string, string> = {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': 'Pay, Pay-Balance, Pay-Terms',
  }
  if (request.method === 'OPTIONS' && reply.status === 204) {
    headers['Access-Control-Allow-Methods'] = 'GET, HEAD, OPTIONS'
    headers['Access-Control-Allow-Headers'] = 'Pay-Token, Idempotency-Key'
  }
  return headers
}
