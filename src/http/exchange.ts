/**
 * Requests and answers as values, so that every flow of a shop is one function whatever server it runs in: what a flow
 * reads of a request, and what it answers. Problem documents are RFC 9457's; a 402 always says how to pay.
 */
import { utf8 } from '../bytes/index.js'
import type { Sink } from './meter.js'

/** The part of a request that decides about money. */
export interface ShopRequest {
  readonly method: string
  /** Path and query, as in the request line. */
  readonly url: string
  /** A header's value, by its lower-case name. */
  readonly header: (name: string) => string | undefined
  /** It came over TLS, as far as this server can see. */
  readonly secure?: boolean
}

/** By name, in any case; a list for a field that stands several times, such as `Set-Cookie`. */
export type ReplyHeaders = Readonly<Record<string, string | readonly string[]>>

/** Fields that are true of one body only. */
export const OF_THE_BODY = ['Content-Length', 'Content-Encoding', 'ETag'] as const

/** An answer that is known whole. */
export interface Answer {
  readonly status: number
  readonly headers: ReplyHeaders
  readonly body: Uint8Array
}

/** What whoever writes the response reports. */
export interface ResponseEvents {
  /** The sink, once full, takes bytes again. */
  drained(): void
  /** The response is over: finished, or the client has gone. Twice is fine. */
  closed(): void
}

/** An answer that streams: its headers leave at once, its body as it is paid. */
export interface StreamingAnswer {
  readonly status: number
  readonly headers: ReplyHeaders
  /** The receipt of what was sold, for the end of the body; `undefined` when nothing was. Absent: nobody signs. */
  readonly receipt?: () => Promise<string | undefined>
  /** Begins the body; called at most once. */
  readonly stream: (sink: Sink) => ResponseEvents
  /** Instead of `stream`, when nobody will read it: stops the producer. */
  readonly cancel: () => void
}

export type Reply = Answer | StreamingAnswer

export type ShopHandler = (request: ShopRequest) => Reply | Promise<Reply>

/** Headers of every answer that costs money or speaks of it. */
export const UNCACHED = { 'Cache-Control': 'no-store, no-transform' } as const

const TITLES = {
  400: 'Bad Request',
  402: 'Payment Required',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
} as const

/**
 * A problem document. `code` is stable and for programs, `detail` tells a person what to do; `members` are further
 * fields of the document (RFC 9457 section 3.2), `headers` further headers of the answer.
 */
export function problem(
  status: keyof typeof TITLES,
  code: string,
  detail: string,
  extra: { headers?: Record<string, string>; members?: Record<string, string> } = {},
): Answer {
  const document = { type: 'about:blank', title: TITLES[status], status, code, detail, ...extra.members }
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json', ...UNCACHED, ...extra.headers },
    body: utf8(`${JSON.stringify(document)}\n`),
  }
}

/** Nothing is sold while the ledger cannot be reached: a shop fails closed. */
export function unavailable(detail = 'the shop cannot take payments now: try again later'): Answer {
  return problem(503, 'unavailable', detail, { headers: { 'Retry-After': '5' } })
}

export function notAllowed(allowed: string): Answer {
  return problem(405, 'method-not-allowed', `this is sold by ${allowed} only`, { headers: { Allow: allowed } })
}
