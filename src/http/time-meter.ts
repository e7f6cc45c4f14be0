/**
 * The meter of units of time: the source flows as it comes while a second is paid, and is not read otherwise. Each second
 * is captured ahead, by one hold: it begins when that capture is durable, and lasts by a timer, whatever the clock is set
 * to. The capture states the body offset at which its second begins. Between two seconds nothing flows.
 *
 * A full sink stops captures until it has drained; the second that runs is not made longer.
 */
import { systemClock, type CancelTimer, type Clock } from '../clock/index.js'
import type { IncomingHold, Settled } from '../link/index.js'
import { Fifo } from './fifo.js'
import { IdleWatch } from './idle-watch.js'
import { MeterWatch } from './meter-watch.js'
import { meterDefaults, type MeterLimits, type MeterOptions, type Payment, type Sink } from './meter.js'
import type { StallReason } from './seller-events.js'
import type { Source } from './source.js'
import { encodeEndOffset, type StreamEnd, type StreamReason, type Totals } from './stream-messages.js'
import { reject } from './stream-rejection.js'

export class TimeMeter {
  readonly #source: Source
  readonly #unitMs: number
  readonly #sink: Sink
  readonly #limits: MeterLimits
  readonly #clock: Clock
  readonly #onEnd: NonNullable<MeterOptions['onEnd']>
  readonly #idle: IdleWatch
  readonly #watch: MeterWatch

  /** Holds that wait for their second, in order of arrival. */
  readonly #waiting = new Fifo<Payment>()
  #captures = 0
  #amount = 0n
  #deliveredBytes = 0
  #capturing = false
  /** Set while a second runs. */
  #endSecond: CancelTimer | undefined
  #nextTurn: CancelTimer | undefined
  #pulling = false
  /** What the source gave after its second had ended. */
  #kept: Uint8Array | undefined
  #sinkFull = false
  #running = false
  #ended: StreamEnd | undefined
  #error: unknown
  #finished = false
  #whenFinished: (() => void)[] = []

  /** `unitMs`: how long one hold lets the source flow. */
  constructor(source: Source, unitMs: number, sink: Sink, options: MeterOptions = {}) {
    this.#source = source
    this.#unitMs = unitMs
    this.#sink = sink
    this.#limits = { ...meterDefaults, ...options }
    this.#clock = options.clock ?? systemClock
    this.#onEnd = options.onEnd ?? (() => {})
    this.#idle = new IdleWatch(this.#clock, this.#limits, () => this.#end('idle'))
    this.#watch = new MeterWatch(options, this.#clock, () => this.#waitsFor())
  }

  /** Starts to watch for idleness. */
  start(): void {
    if (this.#ended !== undefined) return
    this.#idle.start()
    this.#watch.start()
  }

  /** Units captured. */
  get units(): number {
    return this.#captures
  }

  /** Final once the stream has ended and {@link TimeMeter.stop} resolved. */
  get totals(): Totals {
    return { captures: this.#captures, amount: this.#amount, endOffset: this.#deliveredBytes }
  }

  /** Takes a payment for one unit: its hold will be captured or rejected, unless it ends by itself. */
  pay(payment: Payment): void {
    this.#idle.paid()
    const { hold, units } = payment
    if (this.#ended !== undefined) return this.#reject(hold, { why: this.#ended, units: 0 })
    if (units > 1) return this.#reject(hold, { why: 'bulk', units: 1 })
    if (this.#waiting.length >= this.#limits.waitingHoldsMax) {
      this.#watch.rejected('T02')
      return hold.reject({ code: 'T02', name: 'Peer Busy', message: 'too many payments wait for this stream' })
    }
    hold.onEnded = () => this.#waiting.remove(payment)
    this.#waiting.push(payment)
    this.#run()
  }

  /** The sink, once full, takes bytes again. */
  drained(): void {
    this.#idle.active()
    this.#sinkFull = false
    this.#run()
  }

  /** The response is over, or its client has gone. */
  close(): void {
    this.#end('closed')
  }

  /**
   * Ends the stream: no more captures; waiting holds are rejected, the source is cancelled. Resolves with the final totals
   * when the capture under way is known. Twice is fine.
   */
  async stop(why: StreamEnd): Promise<Totals> {
    this.#end(why)
    if (!this.#finished) await new Promise<void>((resolve) => this.#whenFinished.push(resolve))
    return this.totals
  }

  #run(): void {
    // A source, a sink or a link may call back into the meter at once.
    if (this.#running) return
    this.#running = true
    try {
      if (this.#endSecond === undefined) this.#captureNext()
      if (this.#endSecond !== undefined) this.#flow()
    } finally {
      this.#running = false
    }
    this.#finishIfDone()
  }

  #captureNext(): void {
    while (this.#ended === undefined && !this.#capturing && !this.#sinkFull) {
      const payment = this.#waiting.shift()
      if (payment === undefined) return
      const { hold, fulfillment } = payment
      hold.onEnded = undefined
      if (hold.expiresAt - this.#clock.now() <= this.#limits.captureMarginMs) {
        this.#watch.rejected('R02')
        hold.reject({ code: 'R02', name: 'Insufficient Timeout', message: 'the hold expires too soon to be captured' })
        continue
      }
      this.#capturing = true
      const since = this.#watch.capturing()
      hold.fulfill(fulfillment, encodeEndOffset(this.#deliveredBytes), (settled) =>
        this.#captured(hold, since, settled),
      )
    }
  }

  #captured(hold: IncomingHold, since: number, settled: Settled): void {
    if (this.#finished) return
    this.#capturing = false
    if (settled.ok) {
      this.#captures++
      this.#amount += hold.amount
      this.#watch.captured(1, hold.amount, since)
      this.#watch.tell()
      if (this.#ended === undefined) {
        this.#endSecond = this.#clock.after(this.#unitMs, () => {
          this.#endSecond = undefined
          this.#run()
        })
      }
    }
    this.#run()
  }

  /** Lets the source flow until it has to be waited for. */
  #flow(): void {
    let room = this.#limits.bulkBytesMax
    while (this.#ended === undefined && !this.#sinkFull && !this.#pulling && this.#nextTurn === undefined) {
      if (room <= 0) {
        // A source and a sink that never wait would leave no turn for the timer.
        this.#nextTurn = this.#clock.after(1, () => {
          this.#nextTurn = undefined
          if (this.#endSecond !== undefined) this.#run()
        })
        return
      }
      const bytes = this.#kept ?? this.#pull()
      this.#kept = undefined
      if (bytes === undefined) return
      room -= bytes.length
      this.#deliveredBytes += bytes.length
      if (!this.#sink.write(bytes)) this.#sinkFull = true
    }
  }

  /** What the source has at hand. */
  #pull(): Uint8Array | undefined {
    try {
      const bytes = this.#source.next()
      if (bytes instanceof Promise) {
        this.#pulling = true
        bytes.then(
          (arrived) => this.#arrived(arrived),
          (error: unknown) => this.#sourceFailed(error),
        )
        return undefined
      }
      if (bytes === undefined) this.#end('ended')
      return bytes
    } catch (error) {
      this.#sourceFailed(error)
      return undefined
    }
  }

  #arrived(bytes: Uint8Array | undefined): void {
    this.#pulling = false
    if (this.#ended !== undefined) return
    if (bytes === undefined) return this.#end('ended')
    this.#kept = bytes
    if (this.#endSecond !== undefined) this.#run()
  }

  #sourceFailed(error: unknown): void {
    this.#pulling = false
    if (this.#ended !== undefined) return
    this.#error = error
    this.#end('failed')
  }

  #reject(hold: IncomingHold, reason: StreamReason): void {
    this.#watch.rejected(reason.why)
    reject(hold, reason)
  }

  #end(why: StreamEnd): void {
    if (this.#ended === undefined) {
      this.#ended = why
      this.#idle.stop()
      this.#endSecond?.()
      this.#endSecond = undefined
      this.#nextTurn?.()
      for (let payment = this.#waiting.shift(); payment !== undefined; payment = this.#waiting.shift()) {
        payment.hold.onEnded = undefined
        this.#reject(payment.hold, { why, units: 0 })
      }
      this.#source.cancel()
    } else if (why === 'unavailable' && !this.#finished) {
      // Nothing is waited for any more.
      this.#ended = why
    }
    this.#finishIfDone()
  }

  #finishIfDone(): void {
    if (this.#ended === undefined || this.#finished) return
    // A ledger that cannot be reached may never tell what became of a capture.
    if (this.#capturing && this.#ended !== 'unavailable') return
    this.#finished = true
    this.#watch.stop()
    this.#kept = undefined
    switch (this.#ended) {
      case 'ended':
      case 'cancelled':
        this.#sink.end()
        break
      case 'closing':
      case 'failed':
      case 'idle':
      case 'unavailable':
        this.#sink.fail()
        break
      case 'closed':
        break
    }
    for (const resolve of this.#whenFinished) resolve()
    this.#onEnd(this.#ended, this.totals, this.#error)
  }

  #waitsFor(): StallReason | undefined {
    if (this.#sinkFull) return 'unread'
    return this.#endSecond !== undefined || this.#capturing ? undefined : 'unpaid'
  }
}
