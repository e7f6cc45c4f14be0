/** What payer and payee count of themselves between two marks. */
import { createHistogram } from 'node:perf_hooks'
import type { Books, PayeeMark, PayerMark } from '../protocol.js'

class Span {
  #at = performance.now()
  #cpu = process.cpuUsage()

  /** Time and CPU since the last call. */
  next(): { elapsedMs: number; cpuUs: number } {
    const at = performance.now()
    const cpu = process.cpuUsage()
    const span = { elapsedMs: at - this.#at, cpuUs: cpu.user - this.#cpu.user + cpu.system - this.#cpu.system }
    this.#at = at
    this.#cpu = cpu
    return span
  }
}

/** Payments, and how they ended. */
class Counter {
  total = 0
  readonly failures: Record<string, number> = {}
  #marked = 0

  fail(why: string): void {
    this.failures[why] = (this.failures[why] ?? 0) + 1
  }

  next(): number {
    const payments = this.total - this.#marked
    this.#marked = this.total
    return payments
  }

  books(paid: bigint): Books {
    return { payments: this.total, paid: String(paid), failures: this.failures }
  }
}

export class PayerMeter extends Counter {
  readonly #span = new Span()
  /** In microseconds, to three figures. */
  readonly #latency = createHistogram()

  paid(sentAt: number): void {
    this.total += 1
    this.#latency.record(Math.max(1, Math.round((performance.now() - sentAt) * 1000)))
  }

  mark(): PayerMark {
    const payments = this.next()
    const at = (percent: number): number => (payments === 0 ? 0 : this.#latency.percentile(percent) / 1000)
    const mark = { ...this.#span.next(), payments, p50Ms: at(50), p99Ms: at(99) }
    this.#latency.reset()
    return mark
  }
}

export class PayeeMeter extends Counter {
  readonly #span = new Span()
  #underWay = 0
  #onQuiet: (() => void) | undefined

  /** A capture has begun; call the result when it is known. */
  begin(): (failure?: string) => void {
    this.#underWay += 1
    return this.#end
  }

  /** Resolves when no capture is under way: a payee may hear of its capture later than the payer. */
  async quiet(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onQuiet = resolve))
  }

  readonly #end = (failure?: string): void => {
    if (failure === undefined) this.total += 1
    else this.fail(failure)
    this.#underWay -= 1
    if (this.#underWay === 0) this.#onQuiet?.()
  }

  mark(): PayeeMark {
    return { ...this.#span.next(), payments: this.next() }
  }
}
