/** What a meter tells of its progress: captures, gathered by the turn, and stalls. Costs nothing that nobody asked for. */
import type { CancelTimer, Clock } from '../clock/index.js'
import { STALL_MS, type SalePayment, type StallReason } from './seller-events.js'

export interface MeterEvents {
  /** Called at most once a turn, with what was captured since the last time. */
  readonly onPaid?: (since: Omit<SalePayment, 'account'>) => void
  /** Nothing was captured for {@link STALL_MS}, though the source has more. */
  readonly onStalled?: (why: StallReason) => void
  readonly onResumed?: () => void
  /** A hold was given back: a code, or the stream's reason. */
  readonly onRejected?: (why: string) => void
}

export class MeterWatch {
  readonly #events: MeterEvents
  readonly #clock: Clock
  readonly #why: () => StallReason | undefined
  #captures = 0
  #units = 0
  #amount = 0n
  #slowestMs = 0
  #movedAt: number
  #stalled = false
  #cancelTimer: CancelTimer = () => {}

  /** `why`: what the stream waits for now; `undefined` when that is its source. */
  constructor(events: MeterEvents, clock: Clock, why: () => StallReason | undefined) {
    this.#events = events
    this.#clock = clock
    this.#why = why
    this.#movedAt = clock.now()
  }

  start(): void {
    if (this.#events.onStalled) this.#watch()
  }

  stop(): void {
    this.#cancelTimer()
    this.tell()
  }

  rejected(why: string): void {
    this.#events.onRejected?.(why)
  }

  /** A capture begins: its time, for {@link MeterWatch.captured}. */
  capturing(): number {
    return this.#events.onPaid ? this.#clock.now() : 0
  }

  captured(units: number, amount: bigint, since: number): void {
    if (this.#events.onPaid) {
      this.#captures++
      this.#units += units
      this.#amount += amount
      this.#slowestMs = Math.max(this.#slowestMs, this.#clock.now() - since)
    }
    if (this.#events.onStalled) this.#movedAt = this.#clock.now()
    if (!this.#stalled) return
    this.#stalled = false
    this.#events.onResumed?.()
  }

  /** Tells what was captured since the last time. */
  tell(): void {
    if (this.#captures === 0) return
    const paid = { captures: this.#captures, units: this.#units, amount: this.#amount, slowestMs: this.#slowestMs }
    this.#slowestMs = 0
    this.#captures = 0
    this.#units = 0
    this.#amount = 0n
    this.#events.onPaid?.(paid)
  }

  #watch(): void {
    const leftMs = this.#movedAt + STALL_MS - this.#clock.now()
    if (leftMs <= 0 && !this.#stalled) {
      const why = this.#why()
      if (why !== undefined) {
        this.#stalled = true
        this.#events.onStalled?.(why)
      }
    }
    this.#cancelTimer = this.#clock.after(leftMs > 0 ? leftMs : STALL_MS, () => this.#watch())
  }
}
