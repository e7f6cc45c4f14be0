/**
 * The holds that a holder sent to its host: decided by the ledger, offered to a handler, and captured or rejected in the
 * ledger before anyone hears of it. Only their acceptance is visible before its commit, and only to the handler.
 */
import { FULFILL, type PrepareFrame } from '../btp/index.js'
import { latin1 } from '../bytes/index.js'
import type { LiveTransfer } from '../ledger/index.js'
import { btpFailure, type BtpFailure, type Session } from '../session/index.js'
import { failureOf, prepareFailure } from './failures.js'
import { captureEntries, decodeMemo, encodeMemo, readHoldEntries } from './hold-entries.js'
import { type AccountContext, guard, type HoldHandler } from './host-context.js'
import { completeReason, encodeReason, rejectBody } from './reason.js'
import { type Done, ReceivedHold, type Settlement } from './received-hold.js'
import type { GivenReason, Settled } from './types.js'

const OK: Settled = { ok: true }

export class HostReceived implements Settlement {
  readonly #account: AccountContext
  readonly #holds = new Map<string, ReceivedHold>()
  #handler: HoldHandler | undefined
  /** Holds found in the ledger at its start that no handler has seen. */
  #recovered: ReceivedHold[] = []

  constructor(account: AccountContext) {
    this.#account = account
  }

  onHold(handler: HoldHandler | undefined): void {
    this.#handler = handler
    this.offerRecovered()
  }

  servePrepare(session: Session, frame: PrepareFrame): void {
    const { ledger } = this.#account.host
    const { requestId, amount, expiresAt } = frame
    const memo = encodeMemo(readHoldEntries(frame.entries))
    const decision = ledger.execute({
      type: 'prepare',
      account: this.#account.name,
      id: frame.transferId,
      payer: 'holder',
      amount,
      condition: frame.condition,
      expiresAt,
      memo,
    })
    const failure = prepareFailure(decision)
    if (failure !== undefined) return ledger.committed(() => session.fail(requestId, failure))
    // Before the handler sees the hold, so that the Response leaves before whatever the handler causes.
    ledger.committed(() => session.respond(requestId))
    if (decision.ok && decision.repeated) return
    // Copies: the frame's fields lie in the socket's buffer, which a hold must not keep alive.
    const id = frame.transferId.slice()
    const condition = frame.condition.slice()
    const fields = { account: this.#account.name, id, amount, condition, expiresAt, ...decodeMemo(memo) }
    const hold = new ReceivedHold(fields, this, session)
    this.#holds.set(hold.key, hold)
    this.#offer(hold)
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
    const { id, amount, condition, expiresAt, memo } = transfer
    const fields = { account: this.#account.name, id, amount, condition, expiresAt, ...decodeMemo(memo) }
    const hold = new ReceivedHold(fields, this, undefined)
    this.#holds.set(hold.key, hold)
    this.#recovered.push(hold)
  }

  /** Hands recovered holds to the handler, once there is one. */
  offerRecovered(): void {
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
    this.#account.push(hold?.session, rejectBody(id, reason))
    if (hold !== undefined) guard(this.#account.host.log, () => hold.onEnded?.('expired'))
  }

  /** The holder asks about a hold from here: a connection that went silently must not swallow the outcome. */
  rehome(id: Uint8Array, session: Session): void {
    const hold = this.#holds.get(latin1(id))
    if (hold !== undefined) hold.session = session
  }

  stop(): void {
    this.#holds.clear()
    this.#recovered = []
  }
}

function unable({ code, name, message }: BtpFailure): Settled {
  return { ok: false, code, name, message }
}
