/**
 * The buyer's own clock over what a seller claims in units of time: which of the captured seconds can have passed. A second
 * begins no sooner than its hold was sent, and than the one before it ended. Pure: times are passed in.
 */

/** Clocks run apart by this much at most: 1 %, as a share of the time since the first second. */
const DRIFT = 100

export class OwnTime {
  readonly #unitMs: number
  /** When the last captured second will have passed. */
  #until = -Infinity
  #startedAt: number | undefined
  #now = -Infinity
  #contradicted = false

  /** `unitMs`: how long one unit lasts. */
  constructor(unitMs: number) {
    this.#unitMs = unitMs
  }

  /** One more is captured, by a hold that was sent at `sentAt`. */
  captured(sentAt: number, now: number): void {
    this.#see(now)
    const start = Math.max(this.#until, Math.min(sentAt, now))
    this.#startedAt ??= start
    if (start - now > this.#unitMs + (now - this.#startedAt) / DRIFT) this.#contradicted = true
    this.#until = start + this.#unitMs
  }

  /** Captured units that have not passed yet. */
  running(now: number): number {
    this.#see(now)
    return Math.max(0, Math.ceil((this.#until - now) / this.#unitMs))
  }

  /** Milliseconds until one less is running; `undefined` when none is. */
  nextMs(now: number): number | undefined {
    const running = this.running(now)
    return running === 0 ? undefined : this.#until - (running - 1) * this.#unitMs - now
  }

  /** True when the seller captured a second before the one ahead of it can have begun. */
  get contradicted(): boolean {
    return this.#contradicted
  }

  /** A clock that was set back makes no second longer. */
  #see(now: number): void {
    const back = this.#now - now
    if (back > 0 && Number.isFinite(back)) {
      this.#until -= back
      if (this.#startedAt !== undefined) this.#startedAt -= back
    }
    this.#now = now
  }
}
