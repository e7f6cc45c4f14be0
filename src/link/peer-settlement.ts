/**
 * How incoming holds are settled on a trustline whose two sides both keep the book: what a hold became is what its payer
 * says. A capture or rejection is sent first, and put into our own book once the payer has answered; our own clock alone
 * ends nothing until `settleGraceMs` past the expiry. After a new connection the payer is asked about what is still open
 * here (`sluice.transfers`); a payer of 2017 does not answer that, and what it then does not tell ends by that clock.
 */
import { findEntry, readBtpErrorName } from '../btp/index.js'
import { EMPTY } from '../bytes/index.js'
import type { Command, Decision } from '../ledger/index.js'
import { btpFailure, type Session } from '../session/index.js'
import { failureOf } from './failures.js'
import { guard } from './guard.js'
import type { AccountContext } from './host-context.js'
import { type Answer, decodeAnswers, encodeQuestions, INQUIRY } from './inquiry.js'
import { ask } from './messages.js'
import { completeReason, encodeReason } from './reason.js'
import type { Done, ReceivedHold, Settlement } from './received-hold.js'
import { type Ending, ToldSettlement } from './told-settlement.js'
import type { GivenReason } from './types.js'

export class PeerSettlement implements Settlement {
  readonly #account: AccountContext
  readonly #told: ToldSettlement
  readonly #forget: (hold: ReceivedHold) => void

  /** @param forget called for each hold that has ended */
  constructor(account: AccountContext, forget: (hold: ReceivedHold) => void) {
    this.#account = account
    this.#forget = forget
    this.#told = new ToldSettlement({
      clock: account.host.clock,
      log: account.host.log,
      address: () => account.info.account,
      session: () => account.live(),
      record: (hold, ending, then) => this.#record(hold, ending, then),
    })
  }

  capture(hold: ReceivedHold, fulfillment: Uint8Array, data: Uint8Array, done: Done): void {
    const { ledger, log, state } = this.#account.host
    if (state === 'open' && ledger.now() >= hold.expiresAt) {
      const failure = btpFailure('AlreadyRolledBackError', 'the hold has expired')
      return ledger.committed(() => guard(log, () => done({ ok: false, ...failure })))
    }
    this.#told.capture(hold, fulfillment, data, done)
  }

  refuse(hold: ReceivedHold, reason: GivenReason, done: Done | undefined): void {
    this.#told.refuse(hold, reason, done)
  }

  /** The payer took a hold back: its time is up, by the payer's clock. */
  serveReject(session: Session, requestId: number, hold: ReceivedHold, reason: Uint8Array): void {
    const { ledger } = this.#account.host
    const decision = this.#execute(hold, { type: 'reject', by: 'host', reason })
    this.#ended(hold)
    ledger.committed(() => {
      if (decision.ok) session.respond(requestId)
      else session.fail(requestId, failureOf(decision))
      this.#told.end(hold, btpFailure('AlreadyRolledBackError', 'the payer rolled the hold back'))
      guard(this.#account.host.log, () => hold.onEnded?.('expired'))
    })
  }

  /** A new connection: what is unanswered is sent again, and `open` holds are asked about. Never rejects. */
  async resume(open: readonly ReceivedHold[]): Promise<void> {
    this.#told.resume()
    try {
      await this.#resolve(open.filter((hold) => !this.#told.isPending(hold)))
    } catch (error) {
      this.#account.host.log.warn('what the payer made of open holds is not known yet', { error: String(error) })
    }
  }

  /** Our own book gave up on a hold of which the payer has told nothing. */
  expired(hold: ReceivedHold): void {
    this.#account.host.log.error('the payer has not said what became of a hold; our book has let it expire', {
      amount: hold.amount,
    })
    this.#ended(hold)
    this.#told.end(hold, btpFailure('AlreadyRolledBackError', 'the payer did not answer in time'))
  }

  stop(): void {
    this.#told.close()
  }

  async #resolve(holds: readonly ReceivedHold[]): Promise<void> {
    const open = [...holds]
    while (open.length > 0) {
      const asked = open.slice(0, this.#account.host.limits.inquiryMax)
      const entries = await ask(this.#account.live(), encodeQuestions(asked))
      const answers = decodeAnswers(findEntry(entries, INQUIRY)?.data ?? EMPTY)
      if (answers.length === 0) return
      open.splice(0, answers.length)
      answers.forEach((answer, i) => this.#learn(asked[i], answer))
    }
  }

  #learn(hold: ReceivedHold | undefined, answer: Answer): void {
    if (hold === undefined || hold.ended || this.#told.isPending(hold)) return
    switch (answer.state) {
      case 'prepared':
      case 'forgotten':
        return
      case 'fulfilled': {
        // We captured it before we forgot that we had: a crash between the payer's answer and our commit.
        const { fulfillment, data } = answer
        this.#execute(hold, { type: 'fulfill', by: 'host', fulfillment: fulfillment.slice(), data: data.slice() })
        return this.#ended(hold)
      }
      case 'rejected':
      case 'expired': {
        const reason = answer.state === 'rejected' ? answer.reason.slice() : this.#timedOut()
        this.#execute(hold, { type: 'reject', by: 'host', reason })
        this.#ended(hold)
        this.#account.host.ledger.committed(() => {
          guard(this.#account.host.log, () => hold.onEnded?.('expired'))
        })
      }
    }
  }

  /** Puts into our book what the payer has answered. */
  #record(hold: ReceivedHold, ending: Ending, then: () => void): void {
    const { ledger } = this.#account.host
    switch (ending.type) {
      case 'captured': {
        const { fulfillment, data, entries } = ending
        this.#execute(hold, { type: 'fulfill', by: 'host', fulfillment, data })
        ledger.committed(() => this.#account.claimed(entries))
        break
      }
      case 'refused':
        this.#execute(hold, { type: 'reject', by: 'host', reason: ending.reason })
        break
      case 'failed':
        if (readBtpErrorName(ending.failure) === 'AlreadyFulfilledError') {
          // It was captured, though not now: the payer knows with what.
          hold.ended = false
          void this.resume([hold])
          return ledger.committed(then)
        }
        this.#execute(hold, { type: 'reject', by: 'host', reason: this.#timedOut() })
    }
    this.#forget(hold)
    ledger.committed(then)
  }

  #ended(hold: ReceivedHold): void {
    hold.ended = true
    this.#forget(hold)
  }

  #timedOut(): Uint8Array {
    const { info, host } = this.#account
    return encodeReason(completeReason({ code: 'R00' }, info.peer, host.clock.now()))
  }

  #execute(hold: ReceivedHold, change: Change): Decision {
    const { name, host } = this.#account
    const decision = host.ledger.execute({ ...change, account: name, id: hold.id })
    if (!decision.ok) {
      host.log.error('our book does not follow the payer’s', { code: decision.code, message: decision.message })
    }
    return decision
  }
}

type Change =
  | Omit<Extract<Command, { type: 'fulfill' }>, 'account' | 'id'>
  | Omit<Extract<Command, { type: 'reject' }>, 'account' | 'id'>
