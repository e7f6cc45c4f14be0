/**
 * How many units one hold of a stream pays for: as many as the caller allows, fewer where the seller says that no more fit
 * (a piece that weighs several units is sold whole), and after some captures twice as many again. Pure.
 */

/** Captures at a smaller size before a bigger one is tried: a try that fails costs a round trip. */
const CAPTURES_BEFORE_GROWTH = 16

export class HoldSize {
  #most: number
  #units: number
  #captures = 0

  /** `most`: units that one hold may ever pay for. */
  constructor(most: number) {
    this.#most = most
    this.#units = most
  }

  get units(): number {
    return this.#units
  }

  /** The seller gave a hold back, because at most `units` fit one now; `last`: because no more are left. */
  shrink(units: number, last: boolean): void {
    this.#units = Math.min(this.#units, units)
    if (last) this.#most = this.#units
    this.#captures = 0
  }

  /** A hold for `units` was captured. */
  captured(units: number): void {
    if (this.#units === this.#most || units < this.#units || ++this.#captures < CAPTURES_BEFORE_GROWTH) return
    this.#units = Math.min(this.#most, this.#units * 2)
    this.#captures = 0
  }
}
