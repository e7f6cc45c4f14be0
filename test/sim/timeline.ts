/**
 * Virtual time for a whole world: what happens next, the lives that it happens to, and the clocks that they see.
 * Nothing waits for real time. Between two events everything that hangs on promises happens.
 */
import type { CancelTimer, Clock } from 'sluice/clock'

/** One run of one program. When it has crashed nothing happens to it any more. */
export class Life {
  readonly name: string
  #alive = true
  readonly #onEnd: (() => void)[] = []

  constructor(name: string) {
    this.name = name
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Calls back at the crash. */
  onEnd(then: () => void): void {
    this.#onEnd.push(then)
  }

  end(): void {
    if (!this.#alive) return
    this.#alive = false
    for (const then of this.#onEnd) then()
  }
}

interface Event {
  readonly at: number
  readonly order: number
  readonly life: Life | undefined
  readonly run: () => void
  cancelled: boolean
}

export class Timeline {
  /** Milliseconds since the world began. */
  now = 0
  steps = 0
  #order = 0
  /** A binary heap by time, then by order of arrival. */
  readonly #heap: Event[] = []

  /** Calls `run` after `delayMs`, unless the life it belongs to is over. */
  after(delayMs: number, life: Life | undefined, run: () => void): CancelTimer {
    if (delayMs === Infinity) return () => undefined
    const event: Event = { at: this.now + Math.max(0, delayMs), order: this.#order++, life, run, cancelled: false }
    this.#push(event)
    return () => {
      event.cancelled = true
    }
  }

  /** The next event, and all that follows from it without time passing. False: there is none before `until`. */
  async step(until: number): Promise<boolean> {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop()
      if (next.cancelled || next.life?.alive === false) continue
      this.now = next.at
      this.steps += 1
      next.run()
      // Promises settle in microtasks only, all of which have run when an immediate does.
      await new Promise<void>((resolve) => setImmediate(resolve))
      return true
    }
    this.now = until
    return false
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = heap[parent]
      if (other === undefined || isBefore(other, event)) break
      heap[at] = other
      at = parent
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const [left, right] = [heap[child], heap[child + 1]]
      if (left === undefined) break
      if (right !== undefined && isBefore(right, left)) child += 1
      const smaller = heap[child]
      if (smaller === undefined || isBefore(last, smaller)) break
      heap[at] = smaller
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** When the world begins, for clocks that are right. */
const BEGIN = Date.UTC(2026, 0, 1)

/** The clock of one machine, which outlives its programs: it may be wrong, run fast or slow, and be set. */
export class MachineClock {
  readonly #timeline: Timeline
  readonly #rate: number
  #offsetMs: number

  constructor(timeline: Timeline, rate: number, offsetMs: number) {
    this.#timeline = timeline
    this.#rate = rate
    this.#offsetMs = offsetMs
  }

  now(): number {
    return Math.floor(BEGIN + this.#offsetMs + this.#timeline.now * this.#rate)
  }

  /** Sets it ahead or, when negative, back. Timers go by what passes. */
  step(ms: number): void {
    this.#offsetMs += ms
  }

  /** Sets it right. */
  correct(): void {
    this.#offsetMs = this.#timeline.now * (1 - this.#rate)
  }

  /** As one program sees it. */
  for(life: Life): Clock {
    return {
      now: () => this.now(),
      after: (delayMs, fire) => this.#timeline.after(delayMs / this.#rate, life, fire),
    }
  }
}
