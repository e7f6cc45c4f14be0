/**
 * A stage for the meter: holds whose captures settle when the test says so, a sink that is full when the test says so,
 * and a clock that stands still.
 */
import {
  decodeEndOffset,
  decodeStreamReason,
  type Payment,
  type Sink,
  type Source,
  type StreamReason,
} from 'sluice/http'
import type { IncomingHold, Settled } from 'sluice/link'

export class FakeHold implements IncomingHold {
  readonly account = 'client'
  readonly id = new Uint8Array(16)
  readonly condition = new Uint8Array(32)
  readonly packet = new Uint8Array(0)
  readonly custom = undefined
  onEnded: IncomingHold['onEnded']
  /** What the receiver did. */
  state: 'waiting' | 'capturing' | 'captured' | 'failed' | 'rejected' | 'expired' = 'waiting'
  endOffset: number | undefined
  code: string | undefined
  reason: StreamReason | undefined
  #done: ((settled: Settled) => void) | undefined

  readonly amount: bigint
  readonly expiresAt: number

  constructor(amount: bigint, expiresAt: number) {
    this.amount = amount
    this.expiresAt = expiresAt
  }

  fulfill(_fulfillment: Uint8Array, data: Uint8Array, done: (settled: Settled) => void): void {
    if (this.state !== 'waiting') throw new Error(`captured while ${this.state}`)
    this.state = 'capturing'
    this.endOffset = decodeEndOffset(data)
    this.#done = done
  }

  reject(reason: { readonly code: string; readonly data?: Uint8Array }): void {
    if (this.state !== 'waiting') throw new Error(`rejected while ${this.state}`)
    this.state = 'rejected'
    this.code = reason.code
    this.reason = decodeStreamReason(reason.data ?? new Uint8Array(0))
  }

  /** The commit of the capture. */
  settle(ok: boolean): void {
    this.state = ok ? 'captured' : 'failed'
    this.#done?.(ok ? { ok } : { ok, code: 'F06', name: 'ALREADY_ROLLED_BACK', message: 'it had expired' })
  }

  expire(): void {
    this.state = 'expired'
    this.onEnded?.('expired')
  }
}

export function paymentOf(hold: FakeHold): Payment {
  return { hold, fulfillment: new Uint8Array(32), units: Number(hold.amount) }
}

export class FakeSink implements Sink {
  text = ''
  full = false
  state: 'open' | 'ended' | 'failed' = 'open'

  write(bytes: Uint8Array): boolean {
    if (this.state !== 'open') throw new Error('written after the end')
    this.text += Buffer.from(bytes).toString('latin1')
    return !this.full
  }

  end(): void {
    this.state = 'ended'
  }

  fail(): void {
    this.state = 'failed'
  }
}

/** Units from a text, one character each, and how many were pulled. */
export class FakeSource implements Source {
  pulled = 0
  cancelled = 0

  readonly text: string
  readonly options: { async?: boolean; failAt?: number }

  constructor(text: string, options: { async?: boolean; failAt?: number } = {}) {
    this.text = text
    this.options = options
  }

  next(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    if (this.pulled === this.options.failAt) throw new Error('the source broke')
    const letter = this.text[this.pulled]
    if (letter !== undefined) this.pulled++
    const unit = letter === undefined ? undefined : Buffer.from(letter, 'latin1')
    return this.options.async === true ? Promise.resolve(unit) : unit
  }

  cancel(): void {
    this.cancelled++
  }
}

/** Lets everything that waits in promises and microtasks happen. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
