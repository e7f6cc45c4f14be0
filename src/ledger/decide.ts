/**
 * What becomes of a command: pure, from the state, the command and ledger time to a decision and its events.
 * The state machine is that of RFC-4 and RFC-23 draft 2 together, with one clock, the host's: fulfilled if processed
 * strictly before `expiresAt`. A transfer that is due is expired before anything else is decided about it.
 */
import { equal } from '../bytes/index.js'
import { isPreimage } from '../crypto/index.js'
import { digestPost, digestTransfer } from './digest.js'
import type { Expired, LedgerEvent } from './events.js'
import { outcomeOf } from './apply.js'
import type { Finished } from './finished.js'
import {
  type Account,
  type Live,
  type State,
  BALANCE_BOUND,
  conditionOf,
  finishedAt,
  keyOf,
  memoOf,
  openAccount,
} from './state.js'
import type * as Told from './types.js'
import type { Accepted, Command, Decision, Outcome, Refusal, RefusalCode } from './types.js'

/** A decision and what happened. A refusal may come with events too: a transfer that was due, or time that passed. */
export interface Verdict {
  readonly decision: Decision
  readonly events: readonly LedgerEvent[]
}

const TIME_MAX = 2 ** 48
const AMOUNT_BOUND = 2n ** 64n
const NAME_CHARACTERS_MAX = 1023
const LONE_SURROGATE = /\p{Surrogate}/u

/** @param now ledger time: never less than the state's */
export function decide(state: State, command: Command, now: number): Verdict {
  switch (command.type) {
    case 'prepare':
      return decidePrepare(state, command, now)
    case 'fulfill':
      return decideFulfill(state, command, now)
    case 'reject':
      return decideReject(state, command, now)
    case 'inquire':
      return decideInquire(state, command, now)
    case 'post':
      return decidePost(state, command, now)
    case 'note':
      return decideNote(state, command, now)
    case 'open':
      return decideOpen(state, command, now)
    case 'limit':
    case 'freeze':
    case 'close':
      return decideAccount(state, command, now)
  }
}

/** The event that ends a transfer whose time has come. */
export function expire(live: Live, now: number): Expired {
  return { type: 'expired', ...finishing(live, now) }
}

const NO_EVENTS: readonly LedgerEvent[] = []
const DONE: Accepted = { ok: true, repeated: false, outcome: undefined }
const STILL_PREPARED: Verdict = { decision: { ok: true, repeated: true, outcome: undefined }, events: NO_EVENTS }

function done(event: LedgerEvent): Verdict {
  return { decision: DONE, events: [event] }
}

function repeated(outcome: Outcome, events = NO_EVENTS): Verdict {
  return { decision: { ok: true, repeated: true, outcome }, events }
}

function refuse(code: RefusalCode, message: string, events = NO_EVENTS): Verdict {
  const decision: Refusal = { ok: false, code, message }
  return { decision, events }
}

function noAccount(name: string): Verdict {
  return refuse('ACCOUNT_NOT_FOUND', `open the account ${JSON.stringify(name)} first`)
}

/** Refused for being late. That time has come is logged, so that a clock that steps back cannot revive what was refused. */
function tooLate(state: State, expiresAt: number, now: number): Verdict {
  const events: LedgerEvent[] = expiresAt > state.time ? [{ type: 'passed', time: now }] : []
  return refuse(
    'EXPIRED',
    `it expired at ${new Date(expiresAt).toISOString()}; use a new id and a later expiry`,
    events,
  )
}

function finishing(live: Live, now: number) {
  const { account, payer, amount, expiresAt } = live
  const digest = digestTransfer(payer, amount, conditionOf(live), expiresAt, memoOf(live))
  return { time: now, account: account.index, id: live.bytes.subarray(0, 16), expiresAt, payer, digest }
}

function isTime(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 0 && ms < TIME_MAX
}

function decidePrepare(state: State, command: Told.Prepare, now: number): Verdict {
  const { id, payer, amount, condition, expiresAt, memo } = command
  const { limits } = state
  const account = openAccount(state, command.account)
  if (account === undefined) return noAccount(command.account)
  if (id.length !== 16 || condition.length !== 32) return refuse('INVALID', 'an id has 16 bytes, a condition 32')
  if (amount < 0n || amount >= AMOUNT_BOUND) return refuse('INVALID', 'an amount is at least 0 and below 2^64')
  if (!isTime(expiresAt)) return refuse('INVALID', 'expiresAt is a whole number of milliseconds since 1970')
  if (memo.length > limits.memoBytesMax) return refuse('INVALID', `a memo has at most ${limits.memoBytesMax} bytes`)

  const live = account.live.get(keyOf(id))
  if (live !== undefined) {
    const due = live.expiresAt <= now
    if (!isSame(live, command)) return duplicate(due ? [expire(live, now)] : NO_EVENTS)
    return due ? { ...tooLate(state, expiresAt, now), events: [expire(live, now)] } : STILL_PREPARED
  }
  const finished = finishedAt(state, account, id, now)
  if (finished !== undefined) {
    if (finished.voided)
      return refuse('ALREADY_ROLLED_BACK', 'the id was asked for and recorded as rejected; use a new id')
    if (!equal(finished.digest, digestTransfer(payer, amount, condition, expiresAt, memo))) return duplicate()
    return expiresAt <= now ? tooLate(state, expiresAt, now) : repeated(finished.outcome)
  }

  if (expiresAt <= now) return tooLate(state, expiresAt, now)
  if (expiresAt > now + limits.holdMsMax) return holdTooLong(limits)
  if (account.frozen) return refuse('ACCOUNT_FROZEN', 'the host froze this account; ask it why')
  if (account.live.size >= limits.livePerAccountMax || isFull(state, account)) return tooMany()
  if (payer === 'holder') {
    if (account.balance - account.heldOut - amount < -account.creditLimit) return insufficient()
  } else if (account.balance + account.heldIn + amount > account.balanceMax) {
    return refuse('BALANCE_LIMIT', 'the host would owe more than the balance limit allows')
  }
  return done({ type: 'prepared', time: now, account: account.index, id, payer, amount, condition, expiresAt, memo })
}

function isSame(live: Live, command: Told.Prepare): boolean {
  return (
    live.payer === command.payer &&
    live.amount === command.amount &&
    live.expiresAt === command.expiresAt &&
    equal(conditionOf(live), command.condition) &&
    equal(memoOf(live), command.memo)
  )
}

function duplicate(events = NO_EVENTS): Verdict {
  return refuse('DUPLICATE_ID', 'the id was used with other content; use a new id', events)
}

function holdTooLong(limits: Told.LedgerLimits): Verdict {
  return refuse('HOLD_TOO_LONG', `let it expire at most ${limits.holdMsMax} ms from now`)
}

function tooMany(): Verdict {
  return refuse('TOO_MANY_TRANSFERS', 'wait until transfers of this account have ended and expired')
}

function insufficient(): Verdict {
  return refuse('INSUFFICIENT_BALANCE', 'the balance less what is held, and the credit limit, do not cover the amount')
}

/** Whether another id could not be remembered: those that are live will have to be. */
function isFull(state: State, account: Account): boolean {
  return account.remembered + account.live.size >= state.limits.rememberedPerAccountMax
}

/** What a transfer has come to: it is live, or it has ended (perhaps only now). */
type Found =
  | { readonly live: Live }
  | { readonly ended: Pick<Finished, 'outcome'>; readonly events: readonly LedgerEvent[] }
  | { readonly refusal: Verdict }

function findFor(state: State, command: Told.Fulfill | Told.Reject, now: number): Found {
  const { id, by } = command
  const account = openAccount(state, command.account)
  if (account === undefined) return { refusal: noAccount(command.account) }
  if (id.length !== 16) return { refusal: notFound() }
  const live = account.live.get(keyOf(id))
  if (live === undefined) {
    const ended = finishedAt(state, account, id, now)
    if (ended === undefined || ended.outcome.state === 'posted') return { refusal: notFound() }
    return ended.payer === by && !ended.voided ? { refusal: notYours() } : { ended, events: NO_EVENTS }
  }
  if (live.payer === by) return { refusal: notYours() }
  if (now < live.expiresAt) return { live }
  return { ended: { outcome: { state: 'expired' } }, events: [expire(live, now)] }
}

function notFound(): Verdict {
  return refuse('TRANSFER_NOT_FOUND', 'no transfer with this id is known on this account')
}

function notYours(): Verdict {
  return refuse('NOT_YOUR_TRANSFER', 'only the side that is paid fulfils or rejects')
}

function rolledBack(events: readonly LedgerEvent[]): Verdict {
  return refuse('ALREADY_ROLLED_BACK', 'the transfer was rejected or has expired; the money went back', events)
}

function decideFulfill(state: State, command: Told.Fulfill, now: number): Verdict {
  const { fulfillment, data } = command
  const found = findFor(state, command, now)
  if ('refusal' in found) return found.refusal
  if ('ended' in found) {
    const { outcome } = found.ended
    if (outcome.state !== 'fulfilled') return rolledBack(found.events)
    return equal(outcome.fulfillment, fulfillment) ? repeated(outcome) : wrongFulfillment()
  }
  const { live } = found
  if (data.length > state.limits.memoBytesMax) {
    return refuse('INVALID', `fulfilment data has at most ${state.limits.memoBytesMax} bytes`)
  }
  if (fulfillment.length !== 32 || !isPreimage(fulfillment, conditionOf(live))) return wrongFulfillment()
  return {
    decision: { ok: true, repeated: false, outcome: { state: 'fulfilled', fulfillment, data } },
    events: [{ type: 'fulfilled', ...finishing(live, now), fulfillment, data }],
  }
}

function wrongFulfillment(): Verdict {
  return refuse('WRONG_FULFILLMENT', 'the SHA-256 of the fulfillment is not the condition')
}

function decideReject(state: State, command: Told.Reject, now: number): Verdict {
  const { reason } = command
  const found = findFor(state, command, now)
  if ('refusal' in found) return found.refusal
  if ('ended' in found) {
    const { outcome } = found.ended
    if (outcome.state === 'fulfilled') return refuse('ALREADY_FULFILLED', 'the transfer was fulfilled; the money moved')
    const same = outcome.state === 'rejected' && equal(outcome.reason, reason)
    return same ? repeated(outcome) : rolledBack(found.events)
  }
  if (reason.length > state.limits.memoBytesMax) {
    return refuse('INVALID', `a reason has at most ${state.limits.memoBytesMax} bytes`)
  }
  return {
    decision: { ok: true, repeated: false, outcome: { state: 'rejected', reason } },
    events: [{ type: 'rejected', ...finishing(found.live, now), reason }],
  }
}

function decideInquire(state: State, command: Told.Inquire, now: number): Verdict {
  const { id, expiresAt } = command
  const account = openAccount(state, command.account)
  if (account === undefined) return noAccount(command.account)
  if (id.length !== 16) return refuse('INVALID', 'an id has 16 bytes')
  if (!isTime(expiresAt)) return refuse('INVALID', 'expiresAt is a whole number of milliseconds since 1970')
  const live = account.live.get(keyOf(id))
  if (live !== undefined) {
    return now < live.expiresAt ? STILL_PREPARED : repeated({ state: 'expired' }, [expire(live, now)])
  }
  const finished = finishedAt(state, account, id, now)
  if (finished !== undefined) return repeated(finished.outcome)
  if (expiresAt <= now) {
    const late = tooLate(state, expiresAt, now)
    // Had it ever been prepared it would still be remembered; and it can not be prepared any more.
    return expiresAt + state.limits.rememberMs > now ? repeated({ state: 'expired' }, late.events) : late
  }
  if (isFull(state, account)) return tooMany()
  const event = {
    type: 'voided',
    time: now,
    account: account.index,
    id,
    expiresAt: Math.min(expiresAt, now + state.limits.holdMsMax),
  } as const
  return { decision: { ok: true, repeated: false, outcome: outcomeOf(event) }, events: [event] }
}

function decidePost(state: State, command: Told.Post, now: number): Verdict {
  const { id, amount, expiresAt } = command
  const account = openAccount(state, command.account)
  if (account === undefined) return noAccount(command.account)
  if (id.length !== 16) return refuse('INVALID', 'an id has 16 bytes')
  if (amount <= -BALANCE_BOUND || amount >= BALANCE_BOUND) return refuse('INVALID', 'an amount lies between ±2^63')
  if (!isTime(expiresAt)) return refuse('INVALID', 'expiresAt is a whole number of milliseconds since 1970')
  const live = account.live.get(keyOf(id))
  if (live !== undefined) return duplicate(live.expiresAt <= now ? [expire(live, now)] : NO_EVENTS)
  const finished = finishedAt(state, account, id, now)
  if (finished !== undefined) {
    const same = finished.outcome.state === 'posted' && equal(finished.digest, digestPost(amount, expiresAt))
    if (!same) return duplicate()
    return expiresAt <= now ? tooLate(state, expiresAt, now) : repeated(finished.outcome)
  }
  if (expiresAt <= now) return tooLate(state, expiresAt, now)
  if (expiresAt > now + state.limits.holdMsMax) return holdTooLong(state.limits)
  if (amount < 0n && account.frozen) return refuse('ACCOUNT_FROZEN', 'the host froze this account; ask it why')
  if (isFull(state, account)) return tooMany()
  if (amount < 0n && account.balance - account.heldOut + amount < -account.creditLimit) return insufficient()
  if (account.balance + account.heldIn + amount >= BALANCE_BOUND) {
    return refuse('BALANCE_LIMIT', 'a balance stays below 2^63; settle first')
  }
  const event = { type: 'posted', time: now, account: account.index, id, amount, expiresAt } as const
  return { decision: { ok: true, repeated: false, outcome: outcomeOf(event) }, events: [event] }
}

function decideNote(state: State, command: Told.Note, now: number): Verdict {
  const { key, value, expiresAt } = command
  const { limits } = state
  if (!isName(key)) return refuse('INVALID', `a note's key has 1 to ${NAME_CHARACTERS_MAX} characters`)
  if (value.length > limits.memoBytesMax) return refuse('INVALID', `a note has at most ${limits.memoBytesMax} bytes`)
  if (!isTime(expiresAt)) return refuse('INVALID', 'expiresAt is a whole number of milliseconds since 1970')
  const known = state.notes.has(key)
  if (value.length === 0) {
    if (!known) return { decision: { ...DONE, repeated: true }, events: NO_EVENTS }
  } else {
    if (expiresAt <= now) return tooLate(state, expiresAt, now)
    if (!known && state.notes.size >= limits.notesMax)
      return refuse('TOO_MANY_NOTES', 'let notes expire, or forget some')
  }
  return done({ type: 'noted', time: now, key, value, expiresAt })
}

function decideOpen(state: State, command: Extract<Command, { type: 'open' }>, now: number): Verdict {
  const { account: name, creditLimit, balanceMax } = command
  if (!isName(name)) return refuse('INVALID', `an account's name has 1 to ${NAME_CHARACTERS_MAX} characters`)
  if (!areLimits(command)) return badLimits()
  const former = state.accounts.get(name)
  if (former !== undefined && !former.closed) return refuse('ACCOUNT_EXISTS', 'choose another name')
  if (former === undefined && state.accounts.size >= state.limits.accountsMax) {
    return refuse('TOO_MANY_ACCOUNTS', 'close accounts, or raise accountsMax')
  }
  return done({ type: 'opened', time: now, account: former?.index ?? state.nextIndex, name, creditLimit, balanceMax })
}

function decideAccount(
  state: State,
  command: Extract<Command, { type: 'limit' | 'freeze' | 'close' }>,
  now: number,
): Verdict {
  const account = openAccount(state, command.account)
  if (account === undefined) return noAccount(command.account)
  const on = { time: now, account: account.index }
  switch (command.type) {
    case 'limit': {
      const { creditLimit, balanceMax } = command
      if (!areLimits(command)) return badLimits()
      return done({ type: 'limited', ...on, creditLimit, balanceMax })
    }
    case 'freeze':
      return done({ type: 'frozen', ...on, frozen: command.frozen })
    case 'close':
      if (account.live.size > 0) return refuse('ACCOUNT_IN_USE', 'wait until its live transfers have ended')
      if (account.balance !== 0n) return refuse('ACCOUNT_IN_USE', 'settle its balance first')
      return done({ type: 'closed', ...on })
  }
}

function isName(name: string): boolean {
  return name.length > 0 && name.length <= NAME_CHARACTERS_MAX && !LONE_SURROGATE.test(name)
}

function areLimits({ creditLimit, balanceMax }: Told.Limits): boolean {
  return isLimit(creditLimit) && isLimit(balanceMax)
}

/** A negative limit asks for a balance on the other side of zero. */
function isLimit(limit: bigint): boolean {
  return limit > -BALANCE_BOUND && limit < BALANCE_BOUND
}

function badLimits(): Verdict {
  return refuse('INVALID', 'a limit lies between ±2^63')
}
