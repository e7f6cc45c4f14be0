/**
 * Settles incoming holds where the payer's book decides (a holder that is paid; a trustline whose two sides both keep the
 * book): a Fulfill or Reject is sent, and is true once the payer has answered it. Unanswered ones are sent again, over the
 * next connection too: both are idempotent. Our own clock ends nothing here.
 */
import { FULFILL, readBtpErrorName, type SubProtocol } from '../btp/index.js'
import type { CancelTimer, Clock } from '../clock/index.js'
import { isPreimage } from '../crypto/index.js'
import type { Log } from '../log/index.js'
import { type BtpFailure, btpFailure, type Reply, type RequestBody, type Session } from '../session/index.js'
import { guard } from './guard.js'
import { captureEntries } from './hold-entries.js'
import { completeReason, encodeReason, rejectBody } from './reason.js'
import type { Done, ReceivedHold, Settlement } from './received-hold.js'
import type { GivenReason } from './types.js'

/** How an incoming hold ended, by the payer's word. */
export type Ending =
  | {
      readonly type: 'captured'
      readonly fulfillment: Uint8Array
      readonly data: Uint8Array
      readonly entries: readonly SubProtocol[]
    }
  | { readonly type: 'refused'; readonly reason: Uint8Array }
  | { readonly type: 'failed'; readonly failure: BtpFailure }

export interface ToldSettlementOptions {
  readonly clock: Clock
  readonly log: Log
  /** Our own address, for reasons. */
  readonly address: () => string
  readonly session: () => Session | undefined
  /** Puts an ending into our own book, if we keep one, and calls back when that is durable. Once for each hold. */
  readonly record: (hold: ReceivedHold, ending: Ending, then: () => void) => void
}

interface Pending {
  readonly hold: ReceivedHold
  readonly body: RequestBody
  readonly ending: Ending
  readonly done: Done | undefined
  delayMs: number
  /** The connection on which an answer is awaited. */
  session: Session | undefined
  cancelRetry: CancelTimer | undefined
}

/** First and longest wait before an unanswered message is sent again. */
const RETRY_MS_MIN = 10
const RETRY_MS_MAX = 1_000

export class ToldSettlement implements Settlement {
  readonly #options: ToldSettlementOptions
  readonly #pending = new Map<string, Pending>()

  constructor(options: ToldSettlementOptions) {
    this.#options = options
  }

  capture(hold: ReceivedHold, fulfillment: Uint8Array, data: Uint8Array, done: Done): void {
    if (!isPreimage(fulfillment, hold.condition)) {
      const failure = btpFailure('InvalidFulfillmentError', 'the SHA-256 of the fulfillment is not the condition')
      return this.#fail(done, failure)
    }
    const body: RequestBody = { type: FULFILL, transferId: hold.id, fulfillment, entries: captureEntries(data) }
    this.#begin(hold, body, { type: 'captured', fulfillment, data, entries: [] }, done)
  }

  refuse(hold: ReceivedHold, given: GivenReason, done: Done | undefined): void {
    const { address, clock } = this.#options
    const reason = encodeReason(completeReason(given, address(), clock.now()))
    this.#begin(hold, rejectBody(hold.id, reason), { type: 'refused', reason }, done)
  }

  /** Whether we have sent word about this hold that is not answered. */
  isPending(hold: ReceivedHold): boolean {
    return this.#pending.has(hold.key)
  }

  /** A new connection is ready: whatever is unanswered is sent over it. */
  resume(): void {
    for (const pending of this.#pending.values()) this.#send(pending)
  }

  /** The payer told that the hold has ended otherwise. */
  end(hold: ReceivedHold, failure: BtpFailure): void {
    const pending = this.#pending.get(hold.key)
    if (pending !== undefined) this.#finish(pending, { type: 'failed', failure })
  }

  /** Nothing more is sent. Whoever waits hears that the outcome is not known. */
  close(): void {
    const failure = btpFailure('UnreachableError', 'the link was closed before the payer answered')
    for (const { done, cancelRetry } of this.#pending.values()) {
      cancelRetry?.()
      this.#fail(done, failure)
    }
    this.#pending.clear()
  }

  #begin(hold: ReceivedHold, body: RequestBody, ending: Ending, done: Done | undefined): void {
    if (hold.ended || this.#pending.has(hold.key)) {
      const failure = btpFailure('AlreadyRolledBackError', 'the hold has ended, or its end is under way')
      return this.#fail(done, failure)
    }
    const pending: Pending = {
      hold,
      body,
      ending,
      done,
      delayMs: RETRY_MS_MIN,
      session: undefined,
      cancelRetry: undefined,
    }
    this.#pending.set(hold.key, pending)
    this.#send(pending)
  }

  #send(pending: Pending): void {
    const session = this.#options.session()
    if (session === undefined || pending.session === session) return
    pending.cancelRetry?.()
    pending.session = session
    session.request(pending.body, (reply) => {
      if (pending.session !== session || this.#pending.get(pending.hold.key) !== pending) return
      pending.session = undefined
      this.#answered(pending, reply)
    })
  }

  #answered(pending: Pending, reply: Reply): void {
    const { ending } = pending
    switch (reply.type) {
      case 'response':
        return this.#finish(pending, ending.type === 'captured' ? { ...ending, entries: reply.entries } : ending)
      case 'error':
        if (readBtpErrorName(reply) === 'UnreachableError') return this.#retry(pending)
        return this.#finish(pending, { type: 'failed', failure: reply })
      case 'lost':
        return this.#retry(pending)
    }
  }

  #retry(pending: Pending): void {
    pending.cancelRetry = this.#options.clock.after(pending.delayMs, () => this.#send(pending))
    pending.delayMs = Math.min(2 * pending.delayMs, RETRY_MS_MAX)
  }

  #finish(pending: Pending, ending: Ending): void {
    const { hold, done } = pending
    this.#pending.delete(hold.key)
    pending.cancelRetry?.()
    hold.ended = true
    this.#options.record(hold, ending, () => {
      if (ending.type === 'failed') this.#tell(done, ending.failure)
      else guard(this.#options.log, () => done?.({ ok: true }))
    })
  }

  #fail(done: Done | undefined, failure: BtpFailure): void {
    queueMicrotask(() => this.#tell(done, failure))
  }

  #tell(done: Done | undefined, { code, name, message }: BtpFailure): void {
    guard(this.#options.log, () => done?.({ ok: false, code, name, message }))
  }
}
