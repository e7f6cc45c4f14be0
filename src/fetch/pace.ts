/**
 * How wide a stream's window needs to be, within the bounds of caller and seller: what the application reads in one
 * round trip, twice. It starts with a few units and at most doubles in each round; a reader that slows down gets a
 * narrower one. Pure: times and counts are passed in.
 *
 * A round is one hold's way: from its sending to its capture. Rate × round trip is what was read meanwhile; but a hold
 * that waits at a slow source, or in our own queues, has not travelled for so long, so that the shortest round so far
 * stands for the distance: window = 2 × units read in the round × shortest round ÷ this round.
 */

/** Units to start with. The window gets no narrower, unless the caller's or the seller's is. */
export const WINDOW_UNITS_START = 8
/** Or so many of the holds that the caller asked for: narrower, and no hold could be as big as that. */
const HOLDS_START = 4
const MARGIN = 2
/** Below this the machine is what takes time, not the distance. */
const NEAR_MS = 5

export class Pace {
  readonly #widest: number
  readonly #narrowest: number
  #units: number
  #shortestMs = Infinity
  /** The hold whose way is being measured. */
  #mark: object | undefined
  #markedAt = 0
  #readBefore = 0

  /** `widest`: units that the window may have at most. `unitsPerHold`: that a hold may pay for. */
  constructor(widest: number, unitsPerHold = 1) {
    this.#widest = widest
    this.#narrowest = Math.min(widest, Math.max(WINDOW_UNITS_START, HOLDS_START * unitsPerHold))
    this.#units = this.#narrowest
  }

  /** Units that may be at risk now. */
  get units(): number {
    return this.#units
  }

  /** A hold leaves; `read`: units that the application has read. */
  sent(hold: object, now: number, read: number): void {
    if (this.#mark !== undefined) return
    this.#mark = hold
    this.#markedAt = now
    this.#readBefore = read
  }

  /** Whether this hold's way is measured. */
  measures(hold: object): boolean {
    return this.#mark === hold
  }

  /** The measured hold was captured. */
  captured(now: number, read: number): void {
    const roundMs = Math.max(0, now - this.#markedAt)
    this.#shortestMs = Math.min(this.#shortestMs, roundMs)
    this.#mark = undefined
    const travelled = Math.max(this.#shortestMs, NEAR_MS) / Math.max(roundMs, NEAR_MS)
    const wanted = Math.ceil(MARGIN * (read - this.#readBefore) * travelled)
    const narrowest = Math.max(this.#narrowest, Math.floor(this.#units / MARGIN))
    this.#units = Math.min(this.#widest, Math.max(narrowest, wanted))
  }

  /** The measured hold came back, or its outcome is late: it says nothing. */
  missed(): void {
    this.#mark = undefined
  }

  /** Another connection, perhaps another way. */
  restart(): void {
    this.#mark = undefined
    this.#shortestMs = Infinity
  }
}
