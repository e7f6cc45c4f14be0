/**
 * One account of a host: the link to its holder over however many connections that holder has. BTP 1.0 (RFC-23 draft 2)
 * on one side, the ledger's commands on the other. The ledger decides; nothing is told before the commit that holds it,
 * but the acceptance of an incoming hold, on which nothing irreversible rests yet.
 */
import { findEntry, FULFILL, MESSAGE, octetEntry, PREPARE, REJECT, TRANSFER } from '../btp/index.js'
import type { FulfillFrame, MessageFrame, PrepareFrame, RejectFrame, RequestFrame, SubProtocol } from '../btp/index.js'
import { EMPTY, latin1 } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import type { Decision, Ledger, LiveTransfer } from '../ledger/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, type BtpFailure, type RequestBody, type Session } from '../session/index.js'
import { LinkError } from './errors.js'
import { endedFailure, failureOf, meansNotHeld } from './failures.js'
import {
  captureEntries,
  decodeMemo,
  encodeMemo,
  holdEntries,
  readCaptureData,
  readHoldEntries,
} from './hold-entries.js'
import { type Answer, answerBytes, decodeQuestions, encodeAnswers, INQUIRY, type Question } from './inquiry.js'
import { answerBalance, answerBy, answerInfo, answerLimit, ask } from './messages.js'
import { completeReason, decodeReason, encodeReason } from './reason.js'
import { type Done, ReceivedHold, type Settlement } from './received-hold.js'
import type { GivenReason, Hold, HoldObserver, HoldOutcome, IncomingHold, Link, LinkInfo, LinkState } from './types.js'
import type { RequestHandler, Settled } from './types.js'

export type HoldHandler = (hold: IncomingHold) => void

/** What the accounts of one host share. */
export interface HostCore {
  state: LinkState
  readonly ledger: Ledger
  readonly clock: Clock
  readonly log: Log
  readonly randomBytes: (length: number) => Uint8Array
  readonly limits: HostLimits
  /** For accounts without a handler of their own. */
  holdHandler: HoldHandler | undefined
  readonly requestHandlers: Map<string, RequestHandler>
  readonly listeners: Set<(state: LinkState) => void>
  open(): Promise<void>
}

export interface HostLimits {
  /** Connections of one account; one more is closed. */
  readonly socketsPerAccountMax: number
  /** Ids answered in one `sluice.transfers`; the asker asks again for the rest. */
  readonly inquiryMax: number
  /** The same in bytes of the answer. */
  readonly inquiryBytesMax: number
}

/** A hold of ours that the holder has not answered. */
interface SentHold {
  readonly hold: Hold
  readonly id: Uint8Array
  readonly observer: HoldObserver
  prepared: boolean
}

const OK: Settled = { ok: true }
const NO_CONNECTION = btpFailure('UnreachableError', 'the holder is not connected')

export class HostAccount implements Link, Settlement {
  readonly info: LinkInfo
  readonly #name: string
  readonly #host: HostCore
  /** Newest last. */
  readonly #sessions: Session[] = []
  readonly #received = new Map<string, ReceivedHold>()
  readonly #sent = new Map<string, SentHold>()
  readonly #requestHandlers = new Map<string, RequestHandler>()
  #holdHandler: HoldHandler | undefined
  /** Holds found in the ledger at its start that no handler has seen. */
  #recovered: ReceivedHold[] = []
  #closed = false

  constructor(name: string, info: LinkInfo, host: HostCore) {
    this.#name = name
    this.info = info
    this.#host = host
  }

  get state(): LinkState {
    return this.#closed ? 'closed' : this.#host.state
  }

  async open(): Promise<void> {
    this.#closed = false
    await this.#host.open()
  }

  /** Closes the connections of this account. Its holds stay in the ledger. */
  async close(): Promise<void> {
    this.#closed = true
    this.#disconnect('the link was closed')
  }

  /** The host closes, or its ledger has failed. What is under way is forgotten here, and is in the ledger. */
  stop(reason: string): void {
    this.#disconnect(reason)
    this.#received.clear()
    this.#recovered = []
    const sent = Array.from(this.#sent.values())
    this.#sent.clear()
    for (const one of sent) this.#tell(one, { status: 'inDoubt', message: reason })
  }

  onState(listener: (state: LinkState) => void): () => void {
    const { listeners } = this.#host
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Whether the holder is connected now. */
  get connected(): boolean {
    return this.#live() !== undefined
  }

  // ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Takes a connection that authenticated for this account. */
  add(session: Session): void {
    if (this.state !== 'open') return session.close('the link is not open')
    if (this.#sessions.length >= this.#host.limits.socketsPerAccountMax) return session.close('too many connections')
    this.#sessions.push(session)
  }

  remove(session: Session): void {
    const at = this.#sessions.indexOf(session)
    if (at >= 0) this.#sessions.splice(at, 1)
  }

  #disconnect(reason: string): void {
    for (const session of this.#sessions.splice(0)) session.close(reason)
  }

  #live(): Session | undefined {
    return this.#sessions.findLast((session) => session.open)
  }

  /** Tells the holder something that is so, whatever it answers: over the connection that asked, or another. */
  #push(asked: Session | undefined, body: RequestBody): void {
    const session = asked?.open === true ? asked : this.#live()
    session?.request(body, (reply) => {
      if (reply.type === 'error') this.#host.log.debug('the holder answered with an error', { name: reply.name })
    })
  }

  serve(session: Session, frame: RequestFrame): void {
    if (this.state !== 'open') return
    try {
      this.#serve(session, frame)
    } catch (error) {
      // Whether it happened is not known here: an Error frame would say that it did not.
      this.#host.log.error('a frame could not be served', { error: String(error) })
      session.close('internal error')
    }
  }

  #serve(session: Session, frame: RequestFrame): void {
    switch (frame.type) {
      case PREPARE:
        return this.#servePrepare(session, frame)
      case FULFILL:
        return this.#serveFulfill(session, frame)
      case REJECT:
        return this.#serveReject(session, frame)
      case MESSAGE:
        return this.#serveMessage(session, frame)
      case TRANSFER:
        return session.fail(frame.requestId, btpFailure('NotAcceptedError', 'no settlement is agreed on this link'))
    }
  }

  // ── holds that arrive ────────────────────────────────────────────────────────────────────────────────────────────

  onHold(handler: HoldHandler | undefined): void {
    this.#holdHandler = handler
    this.offerRecovered()
  }

  #servePrepare(session: Session, frame: PrepareFrame): void {
    const { ledger } = this.#host
    const { requestId, amount, expiresAt } = frame
    const memo = encodeMemo(readHoldEntries(frame.entries))
    const decision = ledger.execute({
      type: 'prepare',
      account: this.#name,
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
    const fields = { account: this.#name, id, amount, condition, expiresAt, ...decodeMemo(memo) }
    const hold = new ReceivedHold(fields, this, session)
    this.#received.set(hold.key, hold)
    this.#offer(hold)
  }

  #offer(hold: ReceivedHold): void {
    const handler = this.#holdHandler ?? this.#host.holdHandler
    if (handler === undefined) return hold.reject({ code: 'T01', message: 'nobody receives payments here' })
    try {
      handler(hold)
    } catch (error) {
      this.#host.log.error('the hold handler failed', { error: String(error) })
      hold.reject({ code: 'T00' })
    }
  }

  /** A hold that the ledger still had when it was opened. */
  recover(transfer: LiveTransfer): void {
    const { id, amount, condition, expiresAt, memo } = transfer
    const fields = { account: this.#name, id, amount, condition, expiresAt, ...decodeMemo(memo) }
    const hold = new ReceivedHold(fields, this, undefined)
    this.#received.set(hold.key, hold)
    this.#recovered.push(hold)
  }

  /** Hands recovered holds to the handler, once there is one. */
  offerRecovered(): void {
    if (this.#holdHandler === undefined && this.#host.holdHandler === undefined) return
    for (const hold of this.#recovered.splice(0)) if (this.#received.has(hold.key)) this.#offer(hold)
  }

  capture(hold: ReceivedHold, fulfillment: Uint8Array, data: Uint8Array, done: Done): void {
    const { ledger } = this.#host
    const { id } = hold
    if (this.#host.state !== 'open') return this.#notNow(done)
    const decision = ledger.execute({ type: 'fulfill', account: this.#name, id, by: 'host', fulfillment, data })
    if (!decision.ok) return ledger.committed(() => this.#answer(done, unable(failureOf(decision))))
    if (decision.repeated) return ledger.committed(() => this.#answer(done, OK))
    this.#received.delete(hold.key)
    ledger.committed(() => {
      this.#push(hold.session, { type: FULFILL, transferId: id, fulfillment, entries: captureEntries(data) })
      this.#answer(done, OK)
    })
  }

  refuse(hold: ReceivedHold, given: GivenReason, done: Done | undefined): void {
    const { ledger, clock } = this.#host
    const { id } = hold
    if (this.#host.state !== 'open') return this.#notNow(done)
    const reason = encodeReason(completeReason(given, this.info.account, clock.now()))
    const decision = ledger.execute({ type: 'reject', account: this.#name, id, by: 'host', reason })
    if (!decision.ok) return ledger.committed(() => this.#answer(done, unable(failureOf(decision))))
    if (decision.repeated) return ledger.committed(() => this.#answer(done, OK))
    this.#received.delete(hold.key)
    ledger.committed(() => {
      this.#push(hold.session, rejectBody(id, reason))
      this.#answer(done, OK)
    })
  }

  #answer(done: Done | undefined, settled: Settled): void {
    this.#guard(() => done?.(settled))
  }

  #notNow(done: Done | undefined): void {
    queueMicrotask(() => this.#answer(done, unable(btpFailure('UnreachableError', 'the host is closed'))))
  }

  /** A transfer has expired, durably. */
  expired(transfer: LiveTransfer): void {
    const { clock } = this.#host
    const key = latin1(transfer.id)
    const received = this.#received.get(key)
    const sent = this.#sent.get(key)
    this.#received.delete(key)
    this.#sent.delete(key)
    const reason = completeReason({ code: 'R00', message: 'expired' }, this.info.account, clock.now())
    this.#push(received?.session, rejectBody(transfer.id, encodeReason(reason)))
    if (received !== undefined) this.#guard(() => received.onEnded?.('expired'))
    if (sent !== undefined) this.#tell(sent, { status: 'expired', reason })
  }

  // ── holds that we send ───────────────────────────────────────────────────────────────────────────────────────────

  send(hold: Hold, observer: HoldObserver): void {
    const { ledger, randomBytes } = this.#host
    const id = hold.id ?? randomBytes(16)
    const refuse = (failure: BtpFailure): void => {
      this.#guard(() => observer.onOutcome({ status: 'refused', ...failure }, id))
    }
    if (this.state !== 'open' || this.#live() === undefined) return queueMicrotask(() => refuse(NO_CONNECTION))
    const { amount, condition, expiresAt, packet, custom } = hold
    const memo = encodeMemo({ packet, custom })
    const decision = ledger.execute({
      type: 'prepare',
      account: this.#name,
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
    const sent: SentHold = { hold, id, observer, prepared: false }
    this.#sent.set(latin1(id), sent)
    ledger.committed(() => this.#sendPrepare(sent))
  }

  #sendPrepare(sent: SentHold): void {
    const { hold, id } = sent
    const { amount, condition, expiresAt } = hold
    const session = this.#live()
    if (session === undefined) return this.#release(sent, NO_CONNECTION)
    const entries = holdEntries(hold.packet, hold.custom)
    session.request({ type: PREPARE, transferId: id, amount, condition, expiresAt, entries }, (reply) => {
      if (!this.#sent.has(latin1(id))) return
      if (reply.type === 'response') this.#prepared(sent)
      else if (reply.type === 'error' && meansNotHeld(reply.name)) this.#release(sent, reply)
      else
        this.#tell(sent, { status: 'inDoubt', message: 'the holder has not answered; the hold stays until it expires' })
    })
  }

  /** The holder says that it did not take the hold: the money is free again. */
  #release(sent: SentHold, { code, name, message }: BtpFailure): void {
    const { ledger, clock } = this.#host
    if (this.#host.state !== 'open') return
    const { id } = sent
    const given = { code: 'T00', name, message }
    const reason = encodeReason(completeReason(given, this.info.peer, clock.now()))
    const decision = ledger.execute({ type: 'reject', account: this.#name, id, by: 'holder', reason })
    // Otherwise it ended before, and its observer hears how.
    if (!decision.ok || decision.repeated) return
    this.#sent.delete(latin1(id))
    ledger.committed(() => this.#tell(sent, { status: 'refused', code, name, message }))
  }

  #serveFulfill(session: Session, frame: FulfillFrame): void {
    const { ledger } = this.#host
    const { transferId: id, requestId } = frame
    const fulfillment = frame.fulfillment.slice()
    const data = readCaptureData(frame.entries).slice()
    const command = { type: 'fulfill', account: this.#name, id, by: 'holder', fulfillment, data } as const
    this.#settle(session, requestId, id, ledger.execute(command), { status: 'fulfilled', fulfillment, data })
  }

  #serveReject(session: Session, frame: RejectFrame): void {
    const { ledger, clock } = this.#host
    const { transferId: id, requestId } = frame
    // Recorded as it came, so that its repetition is known as one.
    const bytes = findEntry(frame.entries, 'ilp')?.data.slice() ?? EMPTY
    const command = { type: 'reject', account: this.#name, id, by: 'holder', reason: bytes } as const
    const reason = decodeReason(bytes, this.info.peer, clock.now())
    this.#settle(session, requestId, id, ledger.execute(command), { status: 'rejected', reason })
  }

  /** Answers the holder's Fulfill or Reject, and tells the observer, after the commit. */
  #settle(session: Session, requestId: number, id: Uint8Array, decision: Decision, outcome: HoldOutcome): void {
    const { ledger } = this.#host
    if (!decision.ok) return ledger.committed(() => session.fail(requestId, failureOf(decision)))
    const key = latin1(id)
    const sent = decision.repeated ? undefined : this.#sent.get(key)
    if (sent !== undefined) this.#sent.delete(key)
    ledger.committed(() => {
      session.respond(requestId)
      if (sent === undefined) return
      this.#prepared(sent)
      this.#tell(sent, outcome)
    })
  }

  #prepared(sent: SentHold): void {
    if (sent.prepared) return
    sent.prepared = true
    this.#guard(() => sent.observer.onPrepared?.(sent.id))
  }

  #tell(sent: SentHold, outcome: HoldOutcome): void {
    this.#guard(() => sent.observer.onOutcome(outcome, sent.id))
  }

  #guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#host.log.error('a callback of the link failed', { error: String(error) })
    }
  }

  // ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async request(entries: readonly SubProtocol[]): Promise<readonly SubProtocol[]> {
    return ask(this.#live(), entries)
  }

  onRequest(name: string, handler: RequestHandler | undefined): void {
    if (handler === undefined) this.#requestHandlers.delete(name)
    else this.#requestHandlers.set(name, handler)
  }

  /** Minus the holder's balance, as of the last commit. */
  async balance(): Promise<bigint> {
    if (this.#host.state !== 'open') throw new LinkError('LINK_NOT_OPEN', 'open the link before asking for a balance')
    return new Promise((resolve) => {
      const balance = -this.#balance()
      this.#host.ledger.committed(() => resolve(balance))
    })
  }

  #balance(): bigint {
    return this.#host.ledger.account(this.#name)?.balance ?? 0n
  }

  #serveMessage(session: Session, frame: MessageFrame): void {
    const { ledger } = this.#host
    const { requestId, entries } = frame
    const name = entries[0]?.name ?? ''
    switch (name) {
      case 'info':
        return session.respond(requestId, answerInfo(entries[0]?.data ?? EMPTY, this.info))
      case 'balance': {
        const answer = answerBalance(-this.#balance())
        return ledger.committed(() => session.respond(requestId, answer))
      }
      case 'limit': {
        const answer = answerLimit(ledger.account(this.#name)?.creditLimit ?? 0n)
        return ledger.committed(() => session.respond(requestId, answer))
      }
      case INQUIRY:
        return this.#serveInquiry(session, requestId, entries[0]?.data ?? EMPTY)
      default: {
        const handler = this.#requestHandlers.get(name) ?? this.#host.requestHandlers.get(name)
        return answerBy(handler, session, frame, this.#name, this.#host.log)
      }
    }
  }

  #serveInquiry(session: Session, requestId: number, data: Uint8Array): void {
    const { ledger, limits } = this.#host
    let questions: Question[]
    try {
      questions = decodeQuestions(data)
    } catch {
      return session.fail(requestId, btpFailure('InvalidFieldsError', 'the question is unreadable'))
    }
    const answers: Answer[] = []
    let bytes = 0
    for (const { id, expiresAt } of questions.slice(0, limits.inquiryMax)) {
      const decision = ledger.execute({ type: 'inquire', account: this.#name, id, expiresAt })
      if (!decision.ok && decision.code !== 'EXPIRED') {
        if (answers.length > 0) break
        return ledger.committed(() => session.fail(requestId, failureOf(decision)))
      }
      const answer = answerOf(decision)
      bytes += answerBytes(answer)
      if (bytes > limits.inquiryBytesMax && answers.length > 0) break
      answers.push(answer)
      const hold = this.#received.get(latin1(id))
      // Whoever asks lives here now: a connection that went silently must not swallow the outcome.
      if (hold !== undefined) hold.session = session
    }
    ledger.committed(() => session.respond(requestId, encodeAnswers(answers)))
  }
}

/** Why a prepare is answered with an error. A repetition of a live one is not. */
function prepareFailure(decision: Decision): BtpFailure | undefined {
  if (!decision.ok) return failureOf(decision)
  return decision.outcome === undefined ? undefined : endedFailure(decision.outcome)
}

function answerOf(decision: Decision): Answer {
  if (!decision.ok) return { state: 'forgotten' }
  const { outcome } = decision
  if (outcome === undefined) return { state: 'prepared' }
  // A one-phase movement was never a hold: whoever asks for it as one prepared nothing under this id.
  return outcome.state === 'posted' ? { state: 'rejected', reason: EMPTY } : outcome
}

function rejectBody(id: Uint8Array, reason: Uint8Array): RequestBody {
  // Always with a reason: the 2017 program cannot read a Reject without one.
  return { type: REJECT, transferId: id, entries: [octetEntry('ilp', reason)] }
}

function unable({ code, name, message }: BtpFailure): Settled {
  return { ok: false, code, name, message }
}
