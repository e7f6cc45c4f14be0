/**
 * The holds that a holder sent to its host: decided by the ledger, offered to a handler, and captured or rejected in the
 * ledger before anyone hears of it. Only their acceptance is visible before its commit, and only to the handler.
 */
import { findEntry, FULFILL, type PrepareFrame, type RejectFrame } from '../btp/index.js'
import { EMPTY, latin1 } from '../bytes/index.js'
import type { LiveTransfer } from '../ledger/index.js'
import { btpFailure, type BtpFailure, type Session } from '../session/index.js'
import { failureOf, prepareFailure } from './failures.js'
import { captureEntries, decodeMemo, encodeMemo, readHoldEntries } from './hold-entries.js'
import { guard } from './guard.js'
import type { AccountContext, HoldHandler } from './host-context.js'
import { PeerSettlement } from './peer-settlement.js'
import { completeReason, encodeReason, rejectBody } from './reason.js'
import { type Done, ReceivedHold, type Settlement } from './received-hold.js'
import type { GivenReason, Settled } from './types.js'

const OK: Settled = { ok: true }

export class HostReceived implements Settlement {
  readonly #account: AccountContext
  /** Set where the payer's book decides; otherwise this object settles holds in ours. */
  readonly #peer: PeerSettlement | undefined
  /** How much longer than the hold's own expiry our book keeps it. */
  readonly #graceMs: number
  readonly #holds = new Map<string, ReceivedHold>()
  #handler: HoldHandler | undefined
  /** Holds found in the ledger at its start that no handler has seen. */
  #recovered: ReceivedHold[] = []
  /** The payer was asked about recovered holds, or need not be. */
  #asked: boolean

  constructor(account: AccountContext) {
    this.#account = account
    const { authority, limits } = account.host
    const shared = authority === 'payer'
    this.#graceMs = shared ? limits.settleGraceMs : 0
    this.#asked = !shared
    this.#peer = shared ? new PeerSettlement(account, (hold) => this.#holds.delete(hold.key)) : undefined
  }

  onHold(handler: HoldHandler | undefined): void {
    this.#handler = handler
    this.offerRecovered()
  }

  servePrepare(session: Session, frame: PrepareFrame): void {
    const { ledger } = this.#account.host
    const { requestId, amount, expiresAt } = frame
    const memo = encodeMemo(readHoldEntries(frame.entries))
    if (this.#peer !== undefined && expiresAt <= ledger.now()) {
      return session.fail(requestId, btpFailure('InvalidFieldsError', 'the hold has expired'))
    }
    const decision = ledger.execute({
      type: 'prepare',
      account: this.#account.name,
      id: frame.transferId,
      payer: 'holder',
      amount,
      condition: frame.condition,
      expiresAt: expiresAt + this.#graceMs,
      memo,
    })
    const failure = prepareFailure(decision)
    if (failure !== undefined) return ledger.committed(() => session.fail(requestId, failure))
    // Before the handler sees the hold, so that the Response leaves before whatever the handler causes.
    ledger.committed(() => session.respond(requestId))
    if (decision.ok && decision.repeated) return
    const view = ledger.transfer(this.#account.name, frame.transferId)
    if (view?.state === 'prepared') this.#offer(this.#take(view.transfer, session))
  }

  /** The hold shows the ledger's own copy of the transfer: what else there is of it lies in buffers with much beside it. */
  #take({ id, amount, condition, expiresAt, memo }: LiveTransfer, session: Session | undefined): ReceivedHold {
    const until = expiresAt - this.#graceMs
    const fields = { account: this.#account.name, id, amount, condition, expiresAt: until, ...decodeMemo(memo) }
    const hold = new ReceivedHold(fields, this.#peer ?? this, session)
    this.#holds.set(hold.key, hold)
    return hold
  }

  #offer(hold: ReceivedHold): void {
    const handler = this.#handler ?? this.#account.host.holdHandler
    if (handler === undefined) return hold.reject({ code: 'T01', message: 'nobody receives payments here' })
    try {
      handler(hold)
    } catch (error) {
      this.#account.host.log.error('the hold handler failed', { error: String(error) })
      hold.reject({ code: 'T00' })
    }
  }

  /** A hold that the ledger still had when it was opened. */
  recover(transfer: LiveTransfer): void {
    this.#recovered.push(this.#take(transfer, undefined))
  }

  /** Hands recovered holds to the handler, once there is one; where the payer decides, once it was asked about them. */
  offerRecovered(): void {
    if (!this.#asked) return
    if (this.#handler === undefined && this.#account.host.holdHandler === undefined) return
    for (const hold of this.#recovered.splice(0)) if (this.#holds.has(hold.key)) this.#offer(hold)
  }

  capture(hold: ReceivedHold, fulfillment: Uint8Array, data: Uint8Array, done: Done): void {
    const { ledger } = this.#account.host
    const { id } = hold
    if (this.#account.host.state !== 'open') return this.#notNow(done)
    const decision = ledger.execute({ type: 'fulfill', account: this.#account.name, id, by: 'host', fulfillment, data })
    if (!decision.ok) return ledger.committed(() => this.#answer(done, unable(failureOf(decision))))
    if (decision.repeated) return ledger.committed(() => this.#answer(done, OK))
    this.#holds.delete(hold.key)
    ledger.committed(() => {
      this.#account.push(hold.session, { type: FULFILL, transferId: id, fulfillment, entries: captureEntries(data) })
      this.#answer(done, OK)
    })
  }

  refuse(hold: ReceivedHold, given: GivenReason, done: Done | undefined): void {
    const { ledger, clock } = this.#account.host
    const { id } = hold
    if (this.#account.host.state !== 'open') return this.#notNow(done)
    const reason = encodeReason(completeReason(given, this.#account.info.account, clock.now()))
    const decision = ledger.execute({ type: 'reject', account: this.#account.name, id, by: 'host', reason })
    if (!decision.ok) return ledger.committed(() => this.#answer(done, unable(failureOf(decision))))
    if (decision.repeated) return ledger.committed(() => this.#answer(done, OK))
    this.#holds.delete(hold.key)
    ledger.committed(() => {
      this.#account.push(hold.session, rejectBody(id, reason))
      this.#answer(done, OK)
    })
  }

  #answer(done: Done | undefined, settled: Settled): void {
    guard(this.#account.host.log, () => done?.(settled))
  }

  #notNow(done: Done | undefined): void {
    queueMicrotask(() => this.#answer(done, unable(btpFailure('UnreachableError', 'the host is closed'))))
  }

  /** A hold of the holder has expired, durably. */
  expired(id: Uint8Array, reason: Uint8Array): void {
    const key = latin1(id)
    const hold = this.#holds.get(key)
    this.#holds.delete(key)
    if (hold !== undefined) this.#peer?.expired(hold)
    this.#account.push(hold?.session, rejectBody(id, reason))
    if (hold !== undefined) guard(this.#account.host.log, () => hold.onEnded?.('expired'))
  }

  /** The holder asks about a hold from here: a connection that went silently must not swallow the outcome. */
  rehome(id: Uint8Array, session: Session): void {
    const hold = this.#holds.get(latin1(id))
    if (hold !== undefined) hold.session = session
  }

  /** A Reject of the payer's, of a hold that we received. False: it is about another hold. */
  serveReject(session: Session, frame: RejectFrame): boolean {
    const hold = this.#peer === undefined ? undefined : this.#holds.get(latin1(frame.transferId))
    if (hold === undefined) return false
    const reason = findEntry(frame.entries, 'ilp')?.data.slice() ?? EMPTY
    this.#peer?.serveReject(session, frame.requestId, hold, reason)
    return true
  }

  /** A new connection of the other side. */
  resume(): void {
    void this.#peer?.resume(Array.from(this.#holds.values())).then(() => {
      this.#asked = true
      this.offerRecovered()
    })
  }

  stop(): void {
    this.#peer?.stop()
    this.#asked = this.#peer === undefined
    this.#holds.clear()
    this.#recovered = []
  }
}

function unable({ code, name, message }: BtpFailure): Settled {
  return { ok: false, code, name, message }
}
