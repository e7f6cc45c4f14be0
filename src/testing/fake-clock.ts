/** A clock that stands still until a test moves it. Timers fire in order of time, and of arming where times are equal. */
import type { CancelTimer, Clock } from '../clock/index.js'

interface Timer {
  readonly at: number
  readonly fire: () => void
}

/** `advance` lets time pass; `step` sets the clock, as an operator or NTP would, without time passing. */
export class FakeClock implements Clock {
  /** What has passed, whatever the clock says: timers go by it. */
  #elapsedMs = 0
  #offsetMs: number
  #timers: Timer[] = []

  /** @param now milliseconds since 1970; default 2026-01-01T00:00:00Z */
  constructor(now = 1_767_225_600_000) {
    this.#offsetMs = now
  }

  now(): number {
    return this.#offsetMs + this.#elapsedMs
  }

  after(delayMs: number, fire: () => void): CancelTimer {
    const timer = { at: this.#elapsedMs + Math.max(0, delayMs), fire }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Lets `ms` pass and fires what comes due, at its time; also what that arms. Does not wait for promises. */
  advance(ms: number): void {
    const end = this.#elapsedMs + ms
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#elapsedMs = Math.max(this.#elapsedMs, next.at)
      next.fire()
    }
    this.#elapsedMs = end
  }

  /** Sets the clock `ms` ahead, or back when negative. Fires nothing. */
  step(ms: number): void {
    this.#offsetMs += ms
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#timers.length
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer
    }
    return first
  }
}
