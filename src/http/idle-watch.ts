/** Ends a stream that nobody pays for and nobody reads. */
import type { CancelTimer, Clock } from '../clock/index.js'

export interface IdleLimits {
  /** A stream without any payment or reading for so long is ended. Default 600 000. */
  readonly idleMsMax: number
  /** The same for a stream that nobody has paid for yet, so that strangers do not take the room of buyers. Default 60 000. */
  readonly unpaidMsMax: number
}

export class IdleWatch {
  readonly #clock: Clock
  readonly #limits: IdleLimits
  readonly #onIdle: () => void
  #activeAt: number
  #paid = false
  #cancelTimer: CancelTimer = () => {}

  constructor(clock: Clock, limits: IdleLimits, onIdle: () => void) {
    this.#clock = clock
    this.#limits = limits
    this.#onIdle = onIdle
    this.#activeAt = clock.now()
  }

  start(): void {
    this.#cancelTimer()
    const { idleMsMax, unpaidMsMax } = this.#limits
    const leftMs = this.#activeAt + (this.#paid ? idleMsMax : Math.min(unpaidMsMax, idleMsMax)) - this.#clock.now()
    if (leftMs > 0) this.#cancelTimer = this.#clock.after(leftMs, () => this.start())
    else this.#onIdle()
  }

  stop(): void {
    this.#cancelTimer()
  }

  /** Somebody reads. */
  active(): void {
    this.#activeAt = this.#clock.now()
  }

  /** Somebody pays. */
  paid(): void {
    this.#paid = true
    this.active()
  }
}
