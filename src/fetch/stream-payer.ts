/**
 * Pays for one streaming response: keeps holds in front of the reader as far as window and budget allow, and knows when
 * nothing more can come. It sees the body only as byte counts, so that a scripted link and a fake clock can test it.
 * Whatever goes wrong, it stops paying first; what was bought is still delivered to the application.
 */
import type { CancelTimer } from '../clock/index.js'
import { decodeEndOffset, decodeStreamReason, encodeCancel } from '../http/headers.js'
import { errorClass } from '../ilp/index.js'
import type { HoldOutcome, Reason } from '../link/index.js'
import { Backoff, RETRYING_MS_MAX } from './backoff.js'
import { FetchError } from './errors.js'
import { HoldSize } from './hold-size.js'
import { Pace } from './pace.js'
import type { PayerSetup } from './payer-setup.js'
import type { Purse } from './purse.js'
import { StreamHold } from './stream-hold.js'

/** Holds without an outcome, whatever the window allows. */
export const HOLDS_IN_FLIGHT_MAX = 1024
/** Holds sent in one turn; the rest follows in the next ones, so that a wide window does not block the process. */
export const HOLDS_PER_TURN_MAX = 256
/** Seconds that are paid ahead: the one that runs, the one that follows, and one on its way. */
export const TIMED_UNITS_MAX = 3
/** How long the body may take to end after the seller said that the stream did. */
const END_GRACE_MS = 1000

/** How a stream ended. `source`: complete. `budget`: no money left for another unit. `cancelled`: the reader left. */
export type PaymentEnd = 'source' | 'budget' | 'cancelled' | 'failed'

export class StreamPayer {
  /** Called once, when payment has stopped and all that was bought has been read: nothing more will come. */
  onDrained: () => void = () => {}
  readonly #setup: PayerSetup
  #state: 'idle' | 'paying' | 'draining' | 'ended' = 'idle'
  #end: PaymentEnd | undefined
  #failure: FetchError | undefined
  #outstanding = 0
  readonly #holdSize: HoldSize
  #turnTimer: CancelTimer | undefined
  readonly #backoff: Backoff
  readonly #pace: Pace
  #rejected = false
  #stopped = false
  #graceTimer: CancelTimer | undefined
  #watchTimer: CancelTimer | undefined
  #unitTimer: CancelTimer | undefined
  #waiting = false
  #owedSince = 0
  #stoppedAt = 0
  #unsubscribe: () => void = () => {}
  #settledListeners: (() => void)[] = []

  constructor(setup: PayerSetup) {
    this.#setup = setup
    this.#holdSize = new HoldSize(setup.unitsPerHoldMax)
    this.#backoff = new Backoff(setup.clock)
    const { windowUnits } = setup.exposure
    this.#pace = new Pace(setup.timed ? Math.min(windowUnits, TIMED_UNITS_MAX) : windowUnits, setup.unitsPerHoldMax)
    setup.exposure.resize(this.#pace.units)
  }

  /** Set when the stream has ended. */
  get end(): PaymentEnd | undefined {
    return this.#end
  }

  /** Why it failed; may be known before the end, while bought units are still being read. */
  get failure(): FetchError | undefined {
    return this.#failure
  }

  /** Resolves when the stream has ended and no hold is without an outcome. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isSettled()) resolve()
      else this.#settledListeners.push(resolve)
    })
  }

  /** Pays ahead; from here on the application wants bytes. Calling it again does nothing. */
  start(): void {
    if (this.#state !== 'idle') return
    const { link } = this.#setup
    this.#state = 'paying'
    const { allowance } = this.#setup
    const unwatch = link.onState((state) => {
      this.#pace.restart()
      if (state === 'open') this.#topUp()
      else if (state === 'closed') this.#failLink()
    })
    const unlisten = allowance.onMore(() => {
      this.#topUp()
      this.#checkDrained()
    })
    this.#unsubscribe = () => {
      unwatch()
      unlisten()
    }
    if (link.state === 'closed') this.#failLink()
    else if (this.#setup.exposure.budgetSpent) this.#drain()
    else this.#topUp()
  }

  /** The application waits for bytes, or does not. */
  wait(waiting: boolean): void {
    this.#waiting = waiting
    if (this.#setup.timed) this.#elapse()
    if (!waiting) return
    this.#owedSince = this.#setup.clock.now()
    this.#watch()
  }

  /** The application took this many bytes. */
  read(bytes: number): void {
    const { exposure, clock } = this.#setup
    this.#owedSince = clock.now()
    exposure.read(bytes)
    if (exposure.contradicted) this.#failOffsets()
    this.#topUp()
    this.#checkDrained()
  }

  /** Stops paying, for the reader's own reasons: holds go back, and what is captured is still delivered. */
  stop(): void {
    if (this.#state === 'idle') {
      this.finish('cancelled')
      this.onDrained()
    }
    if (this.#state !== 'paying') return
    this.#stopped = true
    if (this.#outstanding > 0 && this.#setup.cancels) this.#sendCancel()
    this.#drain()
  }

  /** The body is complete. It counts as failed when units are missing that were paid for, or the seller lied. */
  complete(): void {
    if (this.#state === 'ended') return
    const { exposure } = this.#setup
    exposure.finish()
    if (this.#rejected || this.#stopped) this.#failure = undefined
    if (exposure.capturedUnits > exposure.readUnits) this.#failShort()
    if (this.#failure !== undefined) this.finish('failed')
    else this.finish(this.#stopped ? 'cancelled' : 'source')
  }

  /** The body ended before what was paid for; the news of the payment may come later than the end. */
  #failShort(): void {
    const { exposure } = this.#setup
    const missing = exposure.capturedUnits - exposure.readUnits
    const message = `the response ended ${missing} units short of what was paid for: do not buy there`
    this.#failure ??= new FetchError('FETCH_UNDELIVERED', message)
    if (this.#end !== undefined) this.#end = 'failed'
  }

  /** Ends the stream now; holds without an outcome go back when the seller hears of it. */
  finish(end: PaymentEnd, failure?: FetchError): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#failure ??= failure
    this.#end = end
    for (const cancel of [this.#turnTimer, this.#graceTimer, this.#watchTimer, this.#unitTimer]) cancel?.()
    this.#backoff.cancel()
    this.#unsubscribe()
    if (this.#outstanding > 0 && end !== 'source' && this.#setup.cancels && !this.#stopped) this.#sendCancel()
    this.#tellSettled()
  }

  #topUp(): void {
    const { exposure, link, allowance, price, clock } = this.#setup
    if (this.#state !== 'paying' || this.#backoff.pausing || link.state !== 'open') return
    const now = clock.now()
    const purse = allowance.purse()
    for (let sent = 0; this.#outstanding < HOLDS_IN_FLIGHT_MAX; sent++) {
      const wanted = exposure.nextHold(this.#holdSize.units)
      if (wanted === 0) return
      if (sent === HOLDS_PER_TURN_MAX) return this.#continueNextTurn()
      const units = purse.take(price, wanted)
      if (units === 0) return this.#starve()
      this.#sendHold(units, purse, now)
    }
  }

  /** Time goes by, and with it units of time. */
  #elapse(): void {
    const { exposure, clock } = this.#setup
    exposure.elapse(clock.now(), this.#waiting)
    this.#topUp()
    this.#checkDrained()
    this.#awaitUnit()
  }

  #awaitUnit(): void {
    const { exposure, clock } = this.#setup
    const nextMs = exposure.nextMs(clock.now())
    if (nextMs === undefined || this.#unitTimer !== undefined || this.#state === 'ended') return
    this.#unitTimer = clock.after(nextMs, () => {
      this.#unitTimer = undefined
      this.#owedSince = clock.now()
      this.#elapse()
    })
  }

  /** The wallet has no money at the moment; when nothing of ours can come back either, it has none for us. */
  #starve(): void {
    const { allowance, price } = this.#setup
    if (this.#outstanding === 0 && allowance.spentFor(price)) this.#drain()
  }

  #continueNextTurn(): void {
    this.#turnTimer ??= this.#setup.clock.after(0, () => {
      this.#turnTimer = undefined
      this.#topUp()
    })
  }

  #sendHold(units: number, purse: Purse, now: number): void {
    const { exposure, link, price, nextPayment, holdMs } = this.#setup
    const amount = units === 1 ? price : BigInt(units) * price
    const { packet, condition } = nextPayment(amount)
    this.#outstanding++
    const observer = new StreamHold(exposure.hold(units), purse, now, this.#onOutcome)
    this.#pace.sent(observer, now, exposure.readUnits)
    link.send({ amount, condition, expiresAt: now + holdMs, packet }, observer)
  }

  readonly #onOutcome = (hold: StreamHold, outcome: HoldOutcome): void => {
    if (outcome.status === 'inDoubt') {
      hold.doubted = true
      if (this.#pace.measures(hold)) this.#pace.missed()
      this.#setup.exposure.doubt(hold.held)
      return
    }
    this.#outstanding--
    switch (outcome.status) {
      case 'fulfilled':
        this.#onCaptured(hold, outcome.data)
        break
      case 'refused':
        this.#release(hold)
        this.#onRefused(outcome)
        break
      case 'rejected':
        this.#release(hold)
        this.#onRejected(hold, outcome.reason)
        break
      case 'expired':
        this.#release(hold)
        this.#onExpired(hold)
        break
    }
    this.#topUp()
    this.#checkDrained()
    this.#tellSettled()
  }

  #release(hold: StreamHold): void {
    const { exposure, price } = this.#setup
    const { held, purse } = hold
    exposure.release(held)
    if (this.#pace.measures(hold)) this.#pace.missed()
    purse.giveBack(BigInt(held.units) * price)
  }

  #onCaptured(hold: StreamHold, data: Uint8Array): void {
    const { exposure, offsetsNeeded, clock } = this.#setup
    if (exposure.capturedUnits === exposure.readUnits) this.#owedSince = clock.now()
    const endOffset = decodeEndOffset(data)
    exposure.capture(hold.held, endOffset, hold.sentAt, clock.now())
    if (this.#setup.timed) this.#awaitUnit()
    if (this.#pace.measures(hold)) {
      this.#pace.captured(clock.now(), exposure.readUnits)
      exposure.resize(this.#pace.units)
    }
    this.#backoff.reset()
    this.#holdSize.captured(hold.held.units)
    if (this.#end === 'source' && exposure.capturedUnits > exposure.readUnits) this.#failShort()
    if (endOffset === undefined && offsetsNeeded && !hold.doubted) {
      const message = 'the seller states no end offsets, and this unit cannot be counted without them: buy elsewhere'
      this.#fail(new FetchError('FETCH_UNCOUNTABLE', message))
    } else if (exposure.contradicted) this.#failOffsets()
    else if (exposure.budgetSpent) this.#drain()
    if (this.#waiting) this.#watch()
  }

  /** The ledger did not set the money aside. */
  #onRefused(outcome: Extract<HoldOutcome, { status: 'refused' }>): void {
    const why = `${outcome.name} (${outcome.code}): ${outcome.message}`
    if (errorClass(outcome.code) === 'temporary' || outcome.name === 'UnreachableError') return this.#pause(why)
    const hint = outcome.name === 'InsufficientBalanceError' ? ': add money to the account or ask for credit' : ''
    this.#fail(new FetchError('FETCH_REFUSED', `the ledger refused a payment, ${why}${hint}`))
  }

  /** The seller gave the money back. */
  #onRejected(hold: StreamHold, reason: Reason): void {
    if (errorClass(reason.code) === 'relative') return this.#onExpired(hold)
    const stream = decodeStreamReason(reason.data)
    if (stream !== undefined && (stream.why === 'ended' || stream.why === 'bulk') && stream.units > 0) {
      this.#holdSize.shrink(stream.units, stream.why === 'ended')
      return
    }
    const why = `${reason.name} (${reason.code}): ${reason.message}`
    if (stream === undefined && errorClass(reason.code) !== 'final') return this.#pause(why)
    // The news that the stream ended may overtake the end of the body, which decides whether it is complete.
    this.#rejected = true
    if (stream === undefined) this.#fail(new FetchError('FETCH_REFUSED', `the seller refused a payment, ${why}`))
    else if (stream.why === 'ended') this.#drain()
    else this.#fail(new FetchError('FETCH_INTERRUPTED', `the seller ended the stream, ${why}; what was read is good`))
  }

  #onExpired(hold: StreamHold): void {
    const livedMs = this.#setup.clock.now() - hold.sentAt
    // A seller without goods lets holds expire, which is fine; a hold that dies young has met another clock.
    if (livedMs < this.#setup.holdMs / 2) this.#pause('a hold expired at once: check the clocks of both sides')
    else this.#backoff.reset()
  }

  #pause(why: string): void {
    if (this.#state !== 'paying' || this.#backoff.pause(() => this.#topUp())) return
    this.#fail(new FetchError('FETCH_REFUSED', `payments were refused for ${RETRYING_MS_MAX} ms, ${why}`))
  }

  #failLink(): void {
    this.#fail(new FetchError('FETCH_LINK', 'the link to the ledger was closed'))
  }

  #failOffsets(): void {
    const than = this.#setup.timed ? 'sold more time than has passed' : 'delivered more units than bytes'
    const message = `the seller claims to have ${than}: do not buy there`
    this.#fail(new FetchError('FETCH_OFFSETS', message))
  }

  #fail(failure: FetchError): void {
    if (this.#state !== 'paying') return
    this.#failure = failure
    this.#drain()
  }

  /** No further holds; those in place may still be captured, and what they buy is still read. */
  #drain(): void {
    if (this.#state !== 'paying') return
    this.#state = 'draining'
    this.#stoppedAt = this.#setup.clock.now()
    this.#checkDrained()
    if (this.#waiting) this.#watch()
  }

  #checkDrained(): void {
    const { exposure, clock } = this.#setup
    if (this.#state !== 'draining' || this.#outstanding > 0 || exposure.readUnits < exposure.capturedUnits) return
    this.#graceTimer ??= clock.after(this.#rejected ? END_GRACE_MS : 0, () => this.#drained())
  }

  #drained(): void {
    if (this.#state !== 'draining') return
    if (this.#stopped) this.finish('cancelled')
    else if (this.#failure !== undefined) this.finish('failed')
    else this.finish(this.#rejected ? 'source' : 'budget')
    this.onDrained()
  }

  /** One timer for the two waits that could otherwise last for ever. */
  #watch(): void {
    if (this.#watchTimer !== undefined || (this.#state !== 'paying' && this.#state !== 'draining')) return
    const { exposure, clock, deliveryTimeoutMs } = this.#setup
    const undelivered = exposure.capturedUnits > exposure.readUnits
    if (!undelivered && this.#state !== 'draining') return
    const deadline = undelivered
      ? this.#owedSince + deliveryTimeoutMs
      : this.#stoppedAt + this.#setup.holdMs + deliveryTimeoutMs
    const leftMs = deadline - clock.now()
    if (leftMs > 0) {
      this.#watchTimer = clock.after(leftMs, () => {
        this.#watchTimer = undefined
        if (this.#waiting) this.#watch()
      })
      return
    }
    const message = `the seller took payments and delivered nothing for ${deliveryTimeoutMs} ms: do not buy there`
    this.#failure ??= undelivered ? new FetchError('FETCH_UNDELIVERED', message) : undefined
    this.#state = 'draining'
    this.#drained()
  }

  #sendCancel(): void {
    // Best effort: holds that the seller does not give back expire.
    this.#setup.link.request([encodeCancel(this.#setup.address)]).catch(() => {})
  }

  #isSettled(): boolean {
    return this.#state === 'ended' && this.#outstanding === 0
  }

  #tellSettled(): void {
    if (!this.#isSettled()) return
    this.#setup.allowance.end()
    const listeners = this.#settledListeners
    this.#settledListeners = []
    for (const listener of listeners) listener()
  }
}
