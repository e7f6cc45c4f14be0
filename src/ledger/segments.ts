/**
 * Which part of the log is still needed for the ids that ended in it: runs of batches, each with the latest expiry in
 * it. A run goes whole, the oldest first, once a snapshot contains it and all of its ids have been forgotten.
 */
import type { LedgerEvent } from './events.js'

/** Batches in one run. */
const RUN_BATCHES = 64

interface Run {
  first: number
  last: number
  expiresAt: number
}

export class LogSegments {
  readonly #runs: Run[] = []

  /** Adds a batch, in order. */
  add(seq: number, expiresAt: number): void {
    const run = this.#runs.at(-1)
    if (run === undefined || run.last - run.first + 1 >= RUN_BATCHES) {
      this.#runs.push({ first: seq, last: seq, expiresAt })
    } else {
      run.last = seq
      run.expiresAt = Math.max(run.expiresAt, expiresAt)
    }
  }

  /** Takes out the runs that a snapshot of `seq` contains and whose ids all expire by `before`; the batch that is first then. */
  drop(seq: number, before: number): number | undefined {
    let next: number | undefined
    for (
      let run = this.#runs[0];
      run !== undefined && run.last <= seq && run.expiresAt <= before;
      run = this.#runs[0]
    ) {
      next = run.last + 1
      this.#runs.shift()
    }
    return next
  }
}

/** The expiry of the id that an event ends; 0 for other events. */
export function endedExpiresAt(event: LedgerEvent): number {
  switch (event.type) {
    case 'fulfilled':
    case 'rejected':
    case 'expired':
    case 'voided':
    case 'posted':
      return event.expiresAt
    default:
      return 0
  }
}
