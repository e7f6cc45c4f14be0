/** What an author tells the suite for adapters about one, and what the suite's routes answer. */
import type { Server } from 'node:http'
import type { PaidTerms } from '../http/index.js'
import type { Seller } from '../http/seller.js'

export interface AdapterSubject {
  readonly name: string
  /**
   * A server with these routes, not listening yet, as a user of the framework writes it. It answers GET, HEAD and OPTIONS,
   * and an answer that throws with the framework's own 500.
   */
  readonly serve: (seller: Seller, routes: readonly AdapterRoute[]) => Server | Promise<Server>
  /** The server compresses what it may (gzip), by middleware ahead of every route. */
  readonly compresses?: boolean
}

export interface AdapterRoute {
  /** Such as `/story`; the query is the request's own. */
  readonly path: string
  /** Fields that middleware ahead of the route sets, as one for CORS does. */
  readonly fields?: Readonly<Record<string, string>>
  /** Absent: the route is not sold. */
  readonly terms?: PaidTerms
  /** What the handler answers; called for each request that reaches it. What it throws, the handler throws. */
  readonly answer: () => AdapterAnswer
}

/** `text` and `stream` are `text/plain`. A stream is to be read no further ahead than it is asked for. */
export type AdapterAnswer =
  | { readonly kind: 'text'; readonly status?: number; readonly text: string }
  | { readonly kind: 'json'; readonly value: object }
  | { readonly kind: 'stream'; readonly chunks: AsyncIterable<Uint8Array> }
