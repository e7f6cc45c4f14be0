/**
 * The meter: hands over units of a source exactly as holds for them are captured (design: money is a flow-control window).
 * A state machine around callbacks; it knows neither links nor sockets, only {@link Payment}s that were checked and a
 * {@link Sink}.
 *
 * - It pulls from its source only for a hold at hand that outlives `captureMarginMs`.
 * - A unit is written only after its capture is durable; each capture states the body offset at which its units end.
 * - Units belong to the stream, not to holds: captures take them from the front, so that one pulled for a hold that then
 *   fails is sold to the next. An offset stated meanwhile is never too low.
 * - A piece that weighs several units is captured for when the holds at hand pay for all of it.
 * - A full sink stops captures until it has drained.
 */
import { systemClock, type Clock } from '../clock/index.js'
import type { IncomingHold, Settled } from '../link/index.js'
import { ShopError } from './errors.js'
import { Fifo } from './fifo.js'
import { IdleWatch, type IdleLimits } from './idle-watch.js'
import { joined } from './joined.js'
import { MeterWatch, type MeterEvents } from './meter-watch.js'
import type { StallReason } from './seller-events.js'
import { PieceQueue } from './piece-queue.js'
import type { Pieces } from './source.js'
import { encodeEndOffset, type StreamEnd, type StreamReason, type Totals } from './stream-messages.js'
import { reject } from './stream-rejection.js'

/** A hold that pays for `units` units of this stream, and the fulfillment that captures it. */
export interface Payment {
  readonly hold: IncomingHold
  readonly fulfillment: Uint8Array
  readonly units: number
}

/** Where the body goes. */
export interface Sink {
  /** False: full, and {@link Meter.drained} follows. */
  write(bytes: Uint8Array): boolean
  /** The body is complete. */
  end(): void
  /** The body stays incomplete, and the reader must see that. */
  fail(): void
}

export interface MeterLimits extends IdleLimits {
  /** Holds that wait for units at once; more are rejected. Default 4096. */
  readonly waitingHoldsMax: number
  /** The most units that one hold may pay for; no more captures begin while so many units wait for theirs. Default 4096. */
  readonly bulkUnitsMax: number
  /** Units are pulled and captured ahead of their delivery up to this size and one chunk more. Default 1 MiB. */
  readonly bulkBytesMax: number
  /** A hold that expires sooner is rejected: its capture could come too late. Default 1000. */
  readonly captureMarginMs: number
}

export const meterDefaults: MeterLimits = {
  waitingHoldsMax: 4096,
  bulkUnitsMax: 4096,
  bulkBytesMax: 1_048_576,
  captureMarginMs: 1000,
  idleMsMax: 600_000,
  unpaidMsMax: 60_000,
}

export interface MeterOptions extends Partial<MeterLimits>, MeterEvents {
  readonly clock?: Clock
  /** Called once, when the stream has ended and no capture is under way. */
  readonly onEnd?: (why: StreamEnd, totals: Totals, error?: unknown) => void
}

export class Meter {
  readonly #source: Pieces
  readonly #sink: Sink
  readonly #limits: MeterLimits
  readonly #clock: Clock
  readonly #onEnd: NonNullable<MeterOptions['onEnd']>

  /** Holds for which no capture is under way, in order of arrival. */
  readonly #waiting = new Fifo<Payment>()
  readonly #pulled = new PieceQueue()
  #captures = 0
  #units = 0
  #amount = 0n
  #deliveredBytes = 0
  #statedOffset = 0
  #capturing = 0

  #pulling = false
  #exhausted = false
  #running = false
  #sinkFull = false
  #written: Uint8Array[] = []
  #ended: StreamEnd | undefined
  #error: unknown
  #finished = false
  #whenFinished: (() => void)[] = []
  readonly #idle: IdleWatch
  readonly #watch: MeterWatch

  constructor(source: Pieces, sink: Sink, options: MeterOptions = {}) {
    this.#source = source
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
    return this.#units
  }

  /** Final once the stream has ended and {@link Meter.stop} resolved. */
  get totals(): Totals {
    return { captures: this.#captures, amount: this.#amount, endOffset: this.#deliveredBytes }
  }

  /** Takes a payment: its hold will be captured or rejected, unless it ends by itself. */
  pay(payment: Payment): void {
    this.#idle.paid()
    const { hold, units } = payment
    if (this.#ended !== undefined) return this.#reject(hold, { why: this.#ended, units: 0 })
    if (units > this.#limits.bulkUnitsMax) return this.#reject(hold, { why: 'bulk', units: this.#limits.bulkUnitsMax })
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
   * when the captures under way are known. Twice is fine.
   */
  async stop(why: StreamEnd): Promise<Totals> {
    this.#end(why)
    if (!this.#finished) await new Promise<void>((resolve) => this.#whenFinished.push(resolve))
    return this.totals
  }

  #run(): void {
    // A source or a link may call back into the meter at once.
    if (this.#running) return
    this.#running = true
    try {
      while (this.#step());
    } finally {
      this.#running = false
    }
    if (this.#exhausted && this.#pulled.length === 0 && this.#capturing === 0) this.#end('ended')
    this.#finishIfDone()
  }

  /** One hold captured or rejected; false when something has to happen first. */
  #step(): boolean {
    const payment = this.#waiting.first
    if (payment === undefined || this.#ended !== undefined || this.#sinkFull || this.#pulling) return false
    const { bulkUnitsMax, bulkBytesMax } = this.#limits
    const queue = this.#pulled
    if (queue.sold >= bulkUnitsMax || queue.soldBytes >= bulkBytesMax) return false
    if (this.#refuseLate(payment)) return true
    while (queue.unsold < payment.units) {
      if (this.#exhausted) return this.#sellLess(payment, 'ended', queue.unsold)
      if (queue.unsoldBytes >= bulkBytesMax) return this.#sellLess(payment, 'bulk', queue.unsold)
      if (!this.#pull()) return false
    }
    return this.#sell()
  }

  /** Captures the first holds, as many as pay for whole pieces; false when too few wait. */
  #sell(): boolean {
    let units = 0
    for (let count = 0; ; count++) {
      const payment = this.#waiting.at(count)
      if (payment === undefined) return false
      if (this.#refuseLate(payment)) return true
      const fitting = this.#pulled.fit(units + payment.units)
      // A hold for the end of one piece and the beginning of the next would pay for what may never be delivered.
      if (fitting > 0 && fitting < units + payment.units) return this.#sellLess(payment, 'bulk', fitting - units)
      units += payment.units
      if (fitting === 0) continue
      for (let captured = 0; captured <= count; captured++) this.#capture(this.#waiting.shift())
      return true
    }
  }

  #refuseLate(payment: Payment): boolean {
    const { hold } = payment
    if (hold.expiresAt - this.#clock.now() > this.#limits.captureMarginMs) return false
    this.#drop(payment)
    this.#watch.rejected('R02')
    hold.reject({ code: 'R02', name: 'Insufficient Timeout', message: 'the hold expires too soon to be captured' })
    return true
  }

  #drop(payment: Payment): void {
    payment.hold.onEnded = undefined
    this.#waiting.remove(payment)
  }

  #reject(hold: IncomingHold, reason: StreamReason): void {
    this.#watch.rejected(reason.why)
    reject(hold, reason)
  }

  /** One unit more from the source; false when it has to be waited for, or cannot be had. */
  #pull(): boolean {
    try {
      const unit = this.#source.next()
      if (!(unit instanceof Promise)) {
        this.#keep(unit)
        return true
      }
      this.#pulling = true
      unit.then(
        (bytes) => this.#arrived(bytes),
        (error: unknown) => this.#sourceFailed(error),
      )
    } catch (error) {
      this.#sourceFailed(error)
    }
    return false
  }

  /** A hold pays for more than can be sold to it. */
  #sellLess(payment: Payment, why: 'ended' | 'bulk', units: number): boolean {
    // A capture under way that fails would leave its units to this hold; and without units the stream ends.
    if (this.#capturing > 0 || (why === 'ended' && units === 0)) return false
    this.#drop(payment)
    this.#reject(payment.hold, { why, units })
    return true
  }

  #keep(piece: Uint8Array | undefined): void {
    if (piece === undefined) {
      this.#exhausted = true
      return
    }
    const { weight = 1 } = this.#source
    const { bulkUnitsMax, waitingHoldsMax } = this.#limits
    if (weight > Math.min(bulkUnitsMax, waitingHoldsMax)) {
      throw new ShopError('SHOP_UNIT', `a piece of ${weight} units is more than a buyer can hold: sell smaller pieces`)
    }
    this.#pulled.push(piece, weight)
    if (weight === 0) this.#deliver()
  }

  #arrived(unit: Uint8Array | undefined): void {
    this.#pulling = false
    if (this.#ended !== undefined) return
    try {
      this.#keep(unit)
    } catch (error) {
      return this.#sourceFailed(error)
    }
    this.#run()
  }

  #capture(payment: Payment | undefined): void {
    if (payment === undefined) return
    const { hold, fulfillment, units } = payment
    this.#pulled.sell(units)
    this.#statedOffset = Math.max(this.#statedOffset, this.#deliveredBytes + this.#pulled.soldBytes)
    this.#capturing++
    hold.onEnded = undefined
    const since = this.#watch.capturing()
    hold.fulfill(fulfillment, encodeEndOffset(this.#statedOffset), (settled) =>
      this.#captured(hold, units, since, settled),
    )
  }

  #captured(hold: IncomingHold, units: number, since: number, settled: Settled): void {
    if (this.#finished) return
    this.#capturing--
    if (settled.ok) {
      this.#captures++
      this.#units += units
      this.#amount += hold.amount
      this.#watch.captured(units, hold.amount, since)
      this.#pulled.pay(units)
      this.#deliver()
    } else {
      this.#pulled.unsell(units)
    }
    this.#run()
  }

  #deliver(): void {
    for (let piece = this.#pulled.take(); piece !== undefined; piece = this.#pulled.take()) {
      this.#deliveredBytes += piece.length
      // Captures of one commit are told in one turn: their units leave in one write.
      if (this.#written.length === 0) queueMicrotask(() => this.#flush())
      this.#written.push(piece)
    }
  }

  #flush(): void {
    if (this.#written.length === 0) return
    this.#watch.tell()
    const pieces = joined(this.#written)
    this.#written = []
    if (this.#ended === 'closed') return
    // All of it is captured: what follows a full sink's answer is written as well.
    for (const bytes of pieces) if (!this.#sink.write(bytes)) this.#sinkFull = true
  }

  #sourceFailed(error: unknown): void {
    this.#pulling = false
    if (this.#ended !== undefined) return
    this.#error = error
    this.#end('failed')
  }

  #end(why: StreamEnd): void {
    if (this.#ended !== undefined) {
      // Nothing is waited for any more.
      if (why === 'unavailable' && !this.#finished) this.#ended = why
      return this.#finishIfDone()
    }
    this.#ended = why
    this.#idle.stop()
    for (let payment = this.#waiting.shift(); payment !== undefined; payment = this.#waiting.shift()) {
      payment.hold.onEnded = undefined
      this.#reject(payment.hold, { why, units: 0 })
    }
    this.#source.cancel()
    this.#finishIfDone()
  }

  #finishIfDone(): void {
    if (this.#ended === undefined || this.#finished) return
    // A ledger that cannot be reached may never tell what became of captures: their units are lost to this response.
    if (this.#capturing > 0 && this.#ended !== 'unavailable') return
    this.#finished = true
    this.#flush()
    this.#watch.stop()
    this.#pulled.clear()
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
    return this.#pulling || this.#capturing > 0 ? undefined : 'unpaid'
  }
}
