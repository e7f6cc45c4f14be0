/**
 * One account of a host: the link to its holder over however many connections that holder has. BTP 1.0 (RFC-23 draft 2)
 * on one side, the ledger on the other. Nothing is told before the commit that holds it.
 */
import { FULFILL, MESSAGE, PREPARE, REJECT, TRANSFER } from '../btp/index.js'
import type { MessageFrame, RequestFrame, SubProtocol } from '../btp/index.js'
import { EMPTY } from '../bytes/index.js'
import type { Decision, LiveTransfer } from '../ledger/index.js'
import { btpFailure, type RequestBody, type Session } from '../session/index.js'
import { LinkError } from './errors.js'
import { failureOf } from './failures.js'
import { guard } from './guard.js'
import type { AccountContext, HoldHandler, HostCore } from './host-context.js'
import { HostReceived } from './host-received.js'
import { HostSent } from './host-sent.js'
import { type Answer, answerBytes, decodeQuestions, encodeAnswers, INQUIRY, type Question } from './inquiry.js'
import { answerBalance, answerBy, answerInfo, answerLimit, ask } from './messages.js'
import { completeReason, encodeReason } from './reason.js'
import type { Hold, HoldObserver, Link, LinkInfo, LinkState, RequestHandler } from './types.js'

export class HostAccount implements Link {
  readonly info: LinkInfo
  readonly #name: string
  readonly #host: HostCore
  /** Newest last. */
  readonly #sessions: Session[] = []
  readonly #received: HostReceived
  readonly #sent: HostSent
  readonly #requestHandlers = new Map<string, RequestHandler>()
  readonly #listeners = new Set<(state: LinkState) => void>()
  #closed = false

  constructor(name: string, info: LinkInfo, host: HostCore) {
    this.#name = name
    this.info = info
    this.#host = host
    const context: AccountContext = {
      name,
      info,
      host,
      live: () => this.#live(),
      push: (asked, body) => this.#push(asked, body),
      claimed: (entries) => this.#claimed(entries),
    }
    this.#received = new HostReceived(context)
    this.#sent = new HostSent(context)
  }

  get state(): LinkState {
    return this.#closed ? 'closed' : this.#host.state
  }

  async open(): Promise<void> {
    await this.#host.open()
    if (!this.#closed) return
    this.#closed = false
    this.tellState()
  }

  /** Closes the connections of this account. Its holds stay in the ledger. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#disconnect('the link was closed')
    this.tellState()
  }

  /** The host closes, or its ledger has failed. What is under way is forgotten here, and is in the ledger. */
  stop(reason: string): void {
    this.#disconnect(reason)
    this.#received.stop()
    this.#sent.stop(reason)
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The state is another now: the host's, or this account's own. */
  tellState(): void {
    for (const listener of this.#listeners) guard(this.#host.log, () => listener(this.state))
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
    this.#received.resume()
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
      else if (reply.type === 'response' && body.type === FULFILL) this.#claimed(reply.entries)
    })
  }

  /** The answer to our Fulfill may carry the payer's claim. */
  #claimed(entries: readonly SubProtocol[]): void {
    guard(this.#host.log, () => this.#host.claims?.receive(entries, this.#name))
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
        return this.#received.servePrepare(session, frame)
      case FULFILL:
        return this.#sent.serveFulfill(session, frame)
      case REJECT:
        if (this.#received.serveReject(session, frame)) return
        return this.#sent.serveReject(session, frame)
      case MESSAGE:
        return this.#serveMessage(session, frame)
      case TRANSFER:
        return session.fail(frame.requestId, btpFailure('NotAcceptedError', 'no settlement is agreed on this link'))
    }
  }

  // ── holds ────────────────────────────────────────────────────────────────────────────────────────────────────────

  send(hold: Hold, observer: HoldObserver): void {
    this.#sent.send(hold, observer)
  }

  onHold(handler: HoldHandler | undefined): void {
    this.#received.onHold(handler)
  }

  /** A hold that the ledger still had when it was opened. */
  recover(transfer: LiveTransfer): void {
    if (transfer.payer === 'holder') this.#received.recover(transfer)
  }

  /** Hands recovered holds to the handler, once there is one. */
  offerRecovered(): void {
    this.#received.offerRecovered()
  }

  /** A transfer has expired, durably. */
  expired({ id, payer }: LiveTransfer): void {
    const reason = completeReason({ code: 'R00', message: 'expired' }, this.info.account, this.#host.clock.now())
    if (payer === 'holder') this.#received.expired(id, encodeReason(reason))
    else this.#sent.expired(id, reason)
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
      this.#received.rehome(id, session)
    }
    ledger.committed(() => session.respond(requestId, encodeAnswers(answers)))
  }
}

function answerOf(decision: Decision): Answer {
  if (!decision.ok) return { state: 'forgotten' }
  const { outcome } = decision
  if (outcome === undefined) return { state: 'prepared' }
  // A one-phase movement was never a hold: whoever asks for it as one prepared nothing under this id.
  return outcome.state === 'posted' ? { state: 'rejected', reason: EMPTY } : outcome
}
