/**
 * The holds that a holder has sent and whose end it does not know. The host's book is the truth: nothing is freed here by
 * our own clock, any valid fulfillment is taken however late, and a Prepare is never sent again to ask. What a lost
 * connection or a missing answer leaves in doubt is asked for by `sluice.transfers`.
 *
 * Hosts that do not know that message (the 2017 program): a hold in doubt stays so until `graceMs` past its expiry. Then,
 * if the host's balance shows that nothing was taken, it is told as expired; if not, it stays in doubt, counted as spent.
 */
import { findEntry, PREPARE, readBtpErrorName } from '../btp/index.js'
import type { FulfillFrame, RejectFrame } from '../btp/index.js'
import { EMPTY, latin1 } from '../bytes/index.js'
import type { CancelTimer, Clock } from '../clock/index.js'
import { isPreimage } from '../crypto/index.js'
import { hasPrefix } from '../ilp/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, type Reply, type Session } from '../session/index.js'
import { LinkError } from './errors.js'
import { meansNotHeld } from './failures.js'
import { guard } from './guard.js'
import { holdEntries, readCaptureData } from './hold-entries.js'
import { type Answer, decodeAnswers, encodeQuestions, INQUIRY } from './inquiry.js'
import { ask } from './messages.js'
import { completeReason, decodeReason } from './reason.js'
import type { Hold, HoldObserver, HoldOutcome, Reason } from './types.js'

export interface SentHoldsOptions {
  readonly clock: Clock
  readonly log: Log
  /** The session that holds go out on, once the link is open. */
  readonly session: () => Session | undefined
  /** The host's address. */
  readonly host: () => string
  /** By how much the host's balance for us is less than what we know of would make it; `undefined`: it cannot be told now. */
  readonly unexplained: () => Promise<bigint | undefined>
  /** A hold of this amount was captured. */
  readonly onSpent: (amount: bigint) => void
  /** Ids in one question. */
  readonly inquiryMax: number
  /** How long past a hold's expiry the host may take to say so. */
  readonly graceMs: number
}

interface SentHold {
  readonly id: Uint8Array
  readonly key: string
  readonly amount: bigint
  readonly condition: Uint8Array
  readonly expiresAt: number
  readonly observer: HoldObserver
  /** Called when it has ended. */
  readonly end: () => void
  /** The connection on which its outcome is awaited. */
  session: Session | undefined
  prepared: boolean
  /** `asking`: we do not know, and ask. `stuck`: nobody can tell any more. */
  doubt: 'none' | 'asking' | 'stuck'
  /** Its observer was told of the doubt. */
  toldDoubt: boolean
  /** The host cannot tell; only its balance can. */
  forgotten: boolean
}

/** How often holds that are past their expiry, or in doubt, are looked at. */
const SWEEP_MS = 1_000

export class SentHolds {
  readonly #options: SentHoldsOptions
  readonly #holds = new Map<string, SentHold>()
  #held = 0n
  #inDoubt = 0n
  #doubts = 0
  #resolving = false
  #cancelSweep: CancelTimer | undefined
  /** Whether the host answers `sluice.transfers`. */
  #hostAnswers = true

  constructor(options: SentHoldsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#holds.size
  }

  /** Sum of what is sent and not ended, in doubt or not. */
  get held(): bigint {
    return this.#held
  }

  /** Sum of what is in doubt. */
  get inDoubt(): bigint {
    return this.#inDoubt
  }

  has(id: Uint8Array): boolean {
    return this.#holds.has(latin1(id))
  }

  /** Sends a Prepare; calls `end` when the hold has ended. */
  send(session: Session, id: Uint8Array, hold: Hold, observer: HoldObserver, end: () => void): void {
    const { amount, condition, expiresAt, packet, custom } = hold
    const sent: SentHold = {
      id,
      key: latin1(id),
      amount,
      condition,
      expiresAt,
      observer,
      end,
      session,
      prepared: false,
      doubt: 'none',
      toldDoubt: false,
      forgotten: false,
    }
    this.#holds.set(sent.key, sent)
    this.#held += amount
    this.#waitToSweep()
    const body = {
      type: PREPARE,
      transferId: id,
      amount,
      condition,
      expiresAt,
      entries: holdEntries(packet, custom),
    } as const
    session.request(body, (reply) => this.#answered(sent, reply))
  }

  #answered(sent: SentHold, reply: Reply): void {
    if (this.#holds.get(sent.key) !== sent) return
    switch (reply.type) {
      case 'response':
        return this.#prepared(sent)
      case 'error':
        if (!meansNotHeld(readBtpErrorName(reply))) return this.#doubt(sent, reply.message)
        return this.#end(sent, { status: 'refused', name: reply.name, code: reply.code, message: reply.message })
      case 'lost':
        this.#doubt(sent, reply.why === 'closed' ? 'the connection was lost' : 'the host has not answered')
        if (reply.why === 'timeout') this.resolve()
    }
  }

  /** A connection ended: nobody knows what became of the holds whose outcome was to come over it. */
  suspend(session: Session): void {
    for (const sent of this.#holds.values()) {
      if (sent.session !== session) continue
      sent.session = undefined
      this.#doubt(sent, 'the connection was lost')
    }
  }

  serveFulfill(session: Session, frame: FulfillFrame): void {
    const sent = this.#holds.get(latin1(frame.transferId))
    if (sent === undefined) return session.fail(frame.requestId, NOT_FOUND)
    if (!isPreimage(frame.fulfillment, sent.condition)) {
      session.fail(frame.requestId, btpFailure('InvalidFulfillmentError', 'the SHA-256 of it is not the condition'))
      return this.#doubt(sent, 'the host sent a wrong fulfillment')
    }
    session.respond(frame.requestId)
    const data = readCaptureData(frame.entries).slice()
    this.#end(sent, { status: 'fulfilled', fulfillment: frame.fulfillment.slice(), data })
  }

  serveReject(session: Session, frame: RejectFrame): void {
    const sent = this.#holds.get(latin1(frame.transferId))
    if (sent === undefined) return session.fail(frame.requestId, NOT_FOUND)
    session.respond(frame.requestId)
    const { clock, host } = this.#options
    this.#end(
      sent,
      this.#rejected(sent, decodeReason(findEntry(frame.entries, 'ilp')?.data.slice(), host(), clock.now())),
    )
  }

  /** A timeout of the host (or its ledger), past the expiry by our clock too, is how expiry is told in BTP 1.0. */
  #rejected(sent: SentHold, reason: Reason): HoldOutcome {
    const { clock, host } = this.#options
    const byHost = reason.triggeredBy !== '' && hasPrefix(host(), reason.triggeredBy)
    const expired = reason.code === 'R00' && byHost && clock.now() >= sent.expiresAt
    return { status: expired ? 'expired' : 'rejected', reason }
  }

  #prepared(sent: SentHold): void {
    if (sent.prepared) return
    sent.prepared = true
    guard(this.#options.log, () => sent.observer.onPrepared?.(sent.id))
  }

  #doubt(sent: SentHold, message: string): void {
    if (sent.doubt !== 'none') return
    sent.doubt = 'asking'
    this.#doubts += 1
    this.#inDoubt += sent.amount
    if (sent.toldDoubt) return
    sent.toldDoubt = true
    guard(this.#options.log, () => sent.observer.onOutcome({ status: 'inDoubt', message }, sent.id))
  }

  #clear(sent: SentHold): void {
    if (sent.doubt === 'none') return
    sent.doubt = 'none'
    this.#doubts -= 1
    this.#inDoubt -= sent.amount
  }

  #end(sent: SentHold, outcome: HoldOutcome): void {
    this.#clear(sent)
    this.#holds.delete(sent.key)
    this.#held -= sent.amount
    sent.end()
    if (outcome.status === 'fulfilled') this.#options.onSpent(sent.amount)
    if (outcome.status === 'fulfilled' || outcome.status === 'rejected' || outcome.status === 'expired')
      this.#prepared(sent)
    guard(this.#options.log, () => sent.observer.onOutcome(outcome, sent.id))
  }

  // ── in doubt → known ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Asks for everything in doubt over the current session. Called when one is ready; again while something is left. */
  resolve(): void {
    if (this.#holds.size > 0) this.#waitToSweep()
    if (this.#resolving) return
    this.#resolving = true
    this.#resolveAll()
      .catch((error: unknown) => {
        this.#options.log.warn('holds in doubt could not be resolved yet', { error: String(error) })
      })
      .finally(() => {
        this.#resolving = false
      })
  }

  async #resolveAll(): Promise<void> {
    const { inquiryMax } = this.#options
    const open = this.#doubtful((sent) => !sent.forgotten)
    while (this.#hostAnswers && open.length > 0) {
      const session = this.#options.session()
      if (session === undefined) return
      const asked = open.slice(0, inquiryMax)
      const answers = await this.#ask(session, asked)
      if (answers === undefined) break
      if (answers.length === 0 || answers.length > asked.length) throw unreadable()
      open.splice(0, answers.length)
      answers.forEach((answer, i) => this.#learn(session, asked[i], answer))
    }
    await this.#compareBalances()
  }

  #doubtful(which: (sent: SentHold) => boolean): SentHold[] {
    return Array.from(this.#holds.values()).filter((sent) => sent.doubt === 'asking' && which(sent))
  }

  /** `undefined`: this host does not know the question. */
  async #ask(session: Session, asked: readonly SentHold[]): Promise<Answer[] | undefined> {
    try {
      return decodeAnswers(findEntry(await ask(session, encodeQuestions(asked)), INQUIRY)?.data ?? EMPTY)
    } catch (error) {
      if (!(error instanceof LinkError) || error.code !== 'LINK_REFUSED') throw error
      if (readBtpErrorName({ name: error.peerName, code: error.peerCode }) === 'UnreachableError') throw error
      this.#options.log.warn('this host cannot say what became of holds: those in doubt stay so until they expire')
      this.#hostAnswers = false
      return undefined
    }
  }

  #learn(session: Session, sent: SentHold | undefined, answer: Answer): void {
    if (sent === undefined || this.#holds.get(sent.key) !== sent) return
    const { clock, host } = this.#options
    switch (answer.state) {
      case 'prepared':
        sent.session = session
        this.#clear(sent)
        return this.#prepared(sent)
      case 'fulfilled': {
        const { fulfillment, data } = answer
        if (isPreimage(fulfillment, sent.condition)) {
          return this.#end(sent, { status: 'fulfilled', fulfillment: fulfillment.slice(), data: data.slice() })
        }
        sent.doubt = 'stuck'
        return this.#options.log.error('the host claims a hold with a wrong fulfillment; it is counted as spent')
      }
      case 'rejected':
        if (answer.reason.length > 0) {
          return this.#end(sent, this.#rejected(sent, decodeReason(answer.reason.slice(), host(), clock.now())))
        }
        // Recorded as rejected because we asked: the Prepare never arrived.
        return this.#end(sent, {
          status: 'refused',
          ...btpFailure('UnreachableError', 'the hold did not reach the host'),
        })
      case 'expired':
        return this.#end(sent, { status: 'expired', reason: this.#expiredReason() })
      case 'forgotten':
        sent.forgotten = true
    }
  }

  #expiredReason(): Reason {
    const { clock, host } = this.#options
    return completeReason({ code: 'R00', message: 'expired' }, host(), clock.now())
  }

  /** What the host cannot tell by id, its balance may. */
  async #compareBalances(): Promise<void> {
    const { clock, graceMs } = this.#options
    const late = this.#doubtful(
      (sent) => (sent.forgotten || !this.#hostAnswers) && sent.expiresAt + graceMs <= clock.now(),
    )
    if (late.length === 0) return
    const unexplained = await this.#options.unexplained()
    if (unexplained === undefined) return
    const left = late.filter((sent) => this.#holds.get(sent.key) === sent)
    if (unexplained === 0n) {
      for (const sent of left) this.#end(sent, { status: 'expired', reason: this.#expiredReason() })
    } else if (this.#holds.size === left.length) {
      // Nothing else is under way that could explain the difference later.
      for (const sent of left) sent.doubt = 'stuck'
      this.#options.log.warn('the host took holds without telling; they are counted as spent', { holds: left.length })
    }
  }

  /** Stops asking. What is open stays in doubt. */
  close(): void {
    this.#cancelSweep?.()
    this.#cancelSweep = undefined
  }

  #waitToSweep(): void {
    this.#cancelSweep ??= this.#options.clock.after(SWEEP_MS, () => {
      this.#cancelSweep = undefined
      this.#sweep()
    })
  }

  #sweep(): void {
    const { clock, graceMs, session } = this.#options
    const late = clock.now() - graceMs
    for (const sent of this.#holds.values()) {
      if (sent.doubt === 'none' && sent.expiresAt <= late)
        this.#doubt(sent, 'it has expired and the host has not said so')
    }
    if (this.#doubts > 0 && session() !== undefined) this.resolve()
    if (this.#holds.size > 0) this.#waitToSweep()
  }
}

const NOT_FOUND = btpFailure('TransferNotFoundError', 'no hold with this id is open')

function unreadable(): LinkError {
  return new LinkError('LINK_PEER', `the peer's answer to ${INQUIRY} does not fit the question`)
}
