/** Pauses after temporary failures: doubled with each one in a row, and not borne for ever. */
import type { CancelTimer, Clock } from '../clock/index.js'

/** The pause after the first failure, and the longest one. */
const RETRY_MS_MIN = 10
export const RETRY_MS_MAX = 1000
/** How long failures in a row are borne. */
export const RETRYING_MS_MAX = 30_000

export class Backoff {
  readonly #clock: Clock
  #nextMs = RETRY_MS_MIN
  #since: number | undefined
  #timer: CancelTimer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get pausing(): boolean {
    return this.#timer !== undefined
  }

  /** Calls `then` after the pause, unless one is under way. False, and no pause, when failures have gone on for too long. */
  pause(then: () => void): boolean {
    if (this.#timer !== undefined) return true
    const now = this.#clock.now()
    this.#since ??= now
    if (now - this.#since >= RETRYING_MS_MAX) return false
    this.#timer = this.#clock.after(this.#nextMs, () => {
      this.#timer = undefined
      then()
    })
    this.#nextMs = Math.min(2 * this.#nextMs, RETRY_MS_MAX)
    return true
  }

  /** Something went well: the next failure is the first of a row. */
  reset(): void {
    this.#since = undefined
    this.#nextMs = RETRY_MS_MIN
  }

  /** Ends a pause; what should follow it does not happen. */
  cancel(): void {
    this.#timer?.()
    this.#timer = undefined
  }
}
