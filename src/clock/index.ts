/**
 * Time from outside, so that tests need no sleeping and a ledger can be replayed.
 */

/** Ends a timer; calling it twice, or after the timer fired, is fine. */
export type CancelTimer = () => void

/** A source of time. `now` is in milliseconds since 1970-01-01T00:00:00Z and may step back. */
export interface Clock {
  now(): number
  /**
   * Calls `fire` once, `delayMs` from now (at once, but not synchronously, when ≤ 0). Any finite delay works.
   * With `keepAlive` the process does not end before it.
   */
  after(delayMs: number, fire: () => void, keepAlive?: boolean): CancelTimer
}

/** `setTimeout` fires at once above 2^31-1 ms (24.8 days), so longer waits are chained. */
const TIMER_MAX_MS = 0x7fff_ffff

interface Timer {
  unref?(): void
}
declare function setTimeout(fire: () => void, ms: number): Timer
declare function clearTimeout(timer: Timer): void

/** The machine's clock. Its timers do not keep a process alive unless they are asked to. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, fire, keepAlive = false) {
    let timer: Timer
    const arm = (remainingMs: number): void => {
      const waitMs = Math.min(remainingMs, TIMER_MAX_MS)
      timer = setTimeout(() => {
        if (remainingMs > waitMs) arm(remainingMs - waitMs)
        else fire()
      }, waitMs)
      if (!keepAlive) timer.unref?.()
    }
    arm(Math.max(0, delayMs))
    return () => clearTimeout(timer)
  },
}
