/**
 * Each payment id of a stream is paid at most once: whoever saw the fulfillment of a packet could claim a second payment
 * of the same packet without handing it on. Remembers the last ids exactly and refuses older ones (as RFC 4303 section
 * 3.4.3 does for packets), so that memory is bounded and payers may count from any number.
 */

/** How far behind the highest number an id may arrive. */
const PAYMENT_ID_WINDOW = 4096

/** How many ids that are no plain numbers one stream takes. */
const NAMED_PAYMENT_IDS_MAX = 1024

/** Plain decimal, exact as a number. */
const COUNTER = /^(?:0|[1-9][0-9]{0,14})$/

export class OnceRule {
  readonly #seen = new Uint32Array(PAYMENT_ID_WINDOW / 32)
  readonly #named = new Set<string>()
  #highest = -1

  /** True when `paymentId` was not used before, and never again. Empty for an address without one. */
  admit(paymentId: string): boolean {
    return COUNTER.test(paymentId) ? this.#admitNumber(Number(paymentId)) : this.#admitName(paymentId)
  }

  #admitNumber(id: number): boolean {
    if (id <= this.#highest - PAYMENT_ID_WINDOW) return false
    if (id > this.#highest) this.#advance(id)
    const slot = id % PAYMENT_ID_WINDOW
    const word = this.#seen[slot >> 5] ?? 0
    const bit = 1 << (slot & 31)
    if ((word & bit) !== 0) return false
    this.#seen[slot >> 5] = word | bit
    return true
  }

  #advance(id: number): void {
    if (id - this.#highest >= PAYMENT_ID_WINDOW) this.#seen.fill(0)
    else {
      for (let skipped = this.#highest + 1; skipped <= id; skipped++) {
        const slot = skipped % PAYMENT_ID_WINDOW
        this.#seen[slot >> 5] = (this.#seen[slot >> 5] ?? 0) & ~(1 << (slot & 31))
      }
    }
    this.#highest = id
  }

  #admitName(id: string): boolean {
    if (this.#named.has(id) || this.#named.size >= NAMED_PAYMENT_IDS_MAX) return false
    this.#named.add(id)
    return true
  }
}
