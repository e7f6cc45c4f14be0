/**
 * The holds that a host sends to its holder. They are durable before their frame leaves, and the host's own ledger is the
 * truth about them: what the holder does not answer stays held until it expires.
 */
import { findEntry, type FulfillFrame, PREPARE, readBtpErrorName, type RejectFrame } from '../btp/index.js'
import { EMPTY, latin1 } from '../bytes/index.js'
import type { Decision } from '../ledger/index.js'
import { btpFailure, type BtpFailure, type Session } from '../session/index.js'
import { failureOf, meansNotHeld, prepareFailure } from './failures.js'
import { encodeMemo, holdEntries, readCaptureData } from './hold-entries.js'
import { guard } from './guard.js'
import type { AccountContext, Claims } from './host-context.js'
import { completeReason, decodeReason, encodeReason, rejectBody } from './reason.js'
import type { Hold, HoldObserver, HoldOutcome, Reason } from './types.js'

interface SentHold {
  readonly hold: Hold
  readonly id: Uint8Array
  readonly observer: HoldObserver
  prepared: boolean
  toldDoubt: boolean
}

const NO_CONNECTION = btpFailure('UnreachableError', 'the holder is not connected')

export class HostSent {
  readonly #account: AccountContext
  readonly #holds = new Map<string, SentHold>()

  constructor(account: AccountContext) {
    this.#account = account
  }

  send(hold: Hold, observer: HoldObserver): void {
    const { ledger, randomBytes } = this.#account.host
    const id = hold.id ?? randomBytes(16)
    const refuse = (failure: BtpFailure): void => {
      guard(this.#account.host.log, () => observer.onOutcome({ status: 'refused', ...failure }, id))
    }
    if (this.#account.host.state !== 'open' || this.#account.live() === undefined)
      return queueMicrotask(() => refuse(NO_CONNECTION))
    const { amount, condition, expiresAt, packet, custom } = hold
    const memo = encodeMemo({ packet, custom })
    const decision = ledger.execute({
      type: 'prepare',
      account: this.#account.name,
      id,
      payer: 'host',
      amount,
      condition,
      expiresAt,
      memo,
    })
    const failure = prepareFailure(decision)
    if (failure !== undefined) return ledger.committed(() => refuse(failure))
    if (decision.ok && decision.repeated) {
      const message = 'this hold was sent before, and is still in place'
      return ledger.committed(() => refuse(btpFailure('DuplicateIdError', message)))
    }
    const sent: SentHold = { hold, id, observer, prepared: false, toldDoubt: false }
    this.#holds.set(latin1(id), sent)
    ledger.committed(() => this.#sendPrepare(sent))
  }

  #sendPrepare(sent: SentHold): void {
    const { hold, id } = sent
    const { amount, condition, expiresAt } = hold
    const session = this.#account.live()
    if (session === undefined) return this.#release(sent, NO_CONNECTION)
    const entries = holdEntries(hold.packet, hold.custom)
    session.request({ type: PREPARE, transferId: id, amount, condition, expiresAt, entries }, (reply) => {
      if (!this.#holds.has(latin1(id))) return
      if (reply.type === 'response') this.#prepared(sent)
      else if (reply.type === 'error' && meansNotHeld(readBtpErrorName(reply))) this.#release(sent, reply)
      else this.#doubt(sent, 'the holder has not answered; the hold stays until it expires')
    })
  }

  /** The holder says that it did not take the hold: the money is free again. */
  #release(sent: SentHold, { code, name, message }: BtpFailure): void {
    const { ledger, clock } = this.#account.host
    if (this.#account.host.state !== 'open') return
    const { id } = sent
    const given = { code: 'T00', name, message }
    const reason = encodeReason(completeReason(given, this.#account.info.peer, clock.now()))
    const decision = ledger.execute({ type: 'reject', account: this.#account.name, id, by: 'holder', reason })
    // Otherwise it ended before, and its observer hears how.
    if (!decision.ok || decision.repeated) return
    this.#holds.delete(latin1(id))
    ledger.committed(() => this.#tell(sent, { status: 'refused', code, name, message }))
  }

  serveFulfill(session: Session, frame: FulfillFrame): void {
    const { ledger } = this.#account.host
    const { transferId: id, requestId } = frame
    const fulfillment = frame.fulfillment.slice()
    const data = readCaptureData(frame.entries).slice()
    const command = { type: 'fulfill', account: this.#account.name, id, by: 'holder', fulfillment, data } as const
    this.#settle(session, requestId, id, ledger.execute(command), { status: 'fulfilled', fulfillment, data })
  }

  serveReject(session: Session, frame: RejectFrame): void {
    const { ledger, clock } = this.#account.host
    const { transferId: id, requestId } = frame
    // Recorded as it came, so that its repetition is known as one.
    const bytes = findEntry(frame.entries, 'ilp')?.data.slice() ?? EMPTY
    const command = { type: 'reject', account: this.#account.name, id, by: 'holder', reason: bytes } as const
    const reason = decodeReason(bytes, this.#account.info.peer, clock.now())
    this.#settle(session, requestId, id, ledger.execute(command), { status: 'rejected', reason })
  }

  /** Answers the holder's Fulfill or Reject, and tells the observer, after the commit. */
  #settle(session: Session, requestId: number, id: Uint8Array, decision: Decision, outcome: HoldOutcome): void {
    const { ledger, claims } = this.#account.host
    if (!decision.ok) return ledger.committed(() => session.fail(requestId, failureOf(decision)))
    const key = latin1(id)
    const sent = decision.repeated ? undefined : this.#holds.get(key)
    if (sent !== undefined) this.#holds.delete(key)
    ledger.committed(() => {
      if (outcome.status === 'fulfilled' && claims !== undefined) this.#respondWithClaim(session, requestId, claims)
      else session.respond(requestId)
      if (sent === undefined) return
      this.#prepared(sent)
      this.#tell(sent, outcome)
    })
  }

  #respondWithClaim(session: Session, requestId: number, claims: Claims): void {
    Promise.resolve()
      .then(async () => claims.create(this.#account.name))
      .catch((error: unknown) => {
        this.#account.host.log.error('a claim could not be made', { error: String(error) })
        return []
      })
      .then((entries) => session.respond(requestId, entries))
      .catch(() => session.close('internal error'))
  }

  #prepared(sent: SentHold): void {
    if (sent.prepared) return
    sent.prepared = true
    guard(this.#account.host.log, () => sent.observer.onPrepared?.(sent.id))
  }

  #doubt(sent: SentHold, message: string): void {
    if (sent.toldDoubt) return
    sent.toldDoubt = true
    this.#tell(sent, { status: 'inDoubt', message })
  }

  #tell(sent: SentHold, outcome: HoldOutcome): void {
    guard(this.#account.host.log, () => sent.observer.onOutcome(outcome, sent.id))
  }

  /** One of ours has expired, durably. */
  expired(id: Uint8Array, reason: Reason): void {
    const key = latin1(id)
    const sent = this.#holds.get(key)
    this.#holds.delete(key)
    this.#account.push(undefined, rejectBody(id, encodeReason(reason)))
    if (sent !== undefined) this.#tell(sent, { status: 'expired', reason })
  }

  stop(why: string): void {
    const holds = Array.from(this.#holds.values())
    this.#holds.clear()
    for (const sent of holds) this.#doubt(sent, why)
  }
}
