/**
 * What a seller tells while it sells, for logs, figures and traces: plain callbacks, called at most once a turn for each
 * stream, whatever it captures meanwhile. Money never depends on them: one that throws is reported, and nothing else.
 */
import type { Log } from '../log/index.js'
import type { StreamEnd, Totals } from './stream-messages.js'

/** One sale: a stream, or one request that was paid for as a whole. The same object in all its events. */
export interface SaleInfo {
  /** Names a stream in its address and in `sluice.cancel`; other sales by whatever paid for them. */
  readonly id: string
  readonly flow: 'stream' | 'once' | 'prepaid'
  /** The route's name from its terms: one of few. */
  readonly route: string
  /** Path and query of the request. */
  readonly url: string
  /** As `Pay-Terms` says it. */
  readonly unit: string
  /** Base units for one unit. */
  readonly price: bigint
  /** Code of the asset that all of it is in. */
  readonly asset: string
}

/** What was captured since the last time. */
export interface SalePayment {
  /** Whose holds they were: the name of the holder's account. */
  readonly account: string
  readonly captures: number
  readonly units: number
  /** Base units. */
  readonly amount: bigint
  /** From the slowest of these captures to the word of the disk. */
  readonly slowestMs: number
}

/** What a sale came to. */
export interface SaleEnd {
  readonly why: StreamEnd
  readonly totals: Totals
  /** Units captured, and delivered unless the response had gone. */
  readonly units: number
  /** Who paid; `undefined` when nobody did. */
  readonly account: string | undefined
  /** What the source threw, if that ended the stream. */
  readonly error: unknown
}

/** Why a stream stands still: nobody pays for its next unit, or nobody reads what was paid for. */
export type StallReason = 'unpaid' | 'unread'

export interface SellerEvents {
  readonly started?: (sale: SaleInfo) => void
  readonly paid?: (sale: SaleInfo, payment: SalePayment) => void
  /** Nothing was captured for {@link STALL_MS}. */
  readonly stalled?: (sale: SaleInfo, why: StallReason) => void
  readonly resumed?: (sale: SaleInfo) => void
  readonly ended?: (sale: SaleInfo, end: SaleEnd) => void
  /** A hold was given back, each one told: by a code of docs/reference/headers.md, or for `F99` the stream's reason. */
  readonly rejected?: (why: string) => void
}

/** How long a stream without a capture is only slow. */
export const STALL_MS = 1000

/** Tells any number of listeners. */
export class SellerWatch {
  readonly #log: Log
  #listeners: readonly SellerEvents[] = []

  constructor(log: Log) {
    this.#log = log
  }

  /** The result takes it away again. */
  add(events: SellerEvents): () => void {
    this.#listeners = [...this.#listeners, events]
    return () => {
      this.#listeners = this.#listeners.filter((listener) => listener !== events)
    }
  }

  /** Whether anybody listens. */
  get used(): boolean {
    return this.#listeners.length > 0
  }

  tell(call: (events: SellerEvents) => void): void {
    for (const events of this.#listeners) {
      try {
        call(events)
      } catch (error) {
        this.#log.error('a listener of the seller failed', { error: String(error) })
      }
    }
  }
}
