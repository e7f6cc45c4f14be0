/** A clock that tests move by hand. */
import type { CancelTimer, Clock } from 'sluice/clock'

export interface FakeClock extends Clock {
  /** Fires what is due within `ms` from now, in order. */
  advance(ms: number): void
}

export function fakeClock(start = 1_500_000_000_000): FakeClock {
  let now = start
  const timers = new Set<{ readonly at: number; readonly fire: () => void }>()
  return {
    now: () => now,
    after(delayMs, fire): CancelTimer {
      const timer = { at: now + Math.max(0, delayMs), fire }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      const until = now + ms
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= until).toSorted((a, b) => a.at - b.at)[0]
        if (due === undefined) break
        timers.delete(due)
        now = due.at
        due.fire()
      }
      now = until
    },
  }
}

/** The same clock, counting the timers that are armed through this view of it. */
export function counted(clock: Clock): Clock & { readonly timers: number } {
  const armed = new Set<object>()
  return {
    now: () => clock.now(),
    after(delayMs, fire): CancelTimer {
      const mark = {}
      armed.add(mark)
      const cancel = clock.after(delayMs, () => {
        armed.delete(mark)
        fire()
      })
      return () => {
        armed.delete(mark)
        cancel()
      }
    },
    get timers() {
      return armed.size
    },
  }
}
