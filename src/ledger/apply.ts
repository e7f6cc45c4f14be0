/**
 * What an event does to the state: deterministic, in place, and checked after every step. Money moves here and nowhere
 * else. Deciding is decide.ts's; nothing here asks a clock.
 */
import { invariant } from '../errors/index.js'
import { digestPost } from './digest.js'
import type { FinishingEvent, LedgerEvent, Prepared } from './events.js'
import { type Account, type Live, type State, addAccount, addLive, checkAccount, keyOf, writeNote } from './state.js'
import type { Outcome } from './types.js'

/** Changes the state by an event. @throws {InvariantError} when the event cannot have happened here */
export function apply(state: State, event: LedgerEvent): void {
  invariant(event.time >= state.time, 'ledger time never goes back')
  state.time = event.time
  switch (event.type) {
    case 'opened':
      applyOpened(state, event.account, event.name)
      applyLimits(accountOf(state, event.account), event)
      break
    case 'limited':
      applyLimits(accountOf(state, event.account), event)
      break
    case 'frozen':
      accountOf(state, event.account).frozen = event.frozen
      break
    case 'closed':
      applyClosed(accountOf(state, event.account))
      break
    case 'prepared':
      applyPrepared(state, event)
      break
    case 'fulfilled':
    case 'rejected':
    case 'expired':
    case 'voided':
    case 'posted':
      applyFinishing(state, event)
      break
    case 'noted':
      writeNote(state, event.key, event.value, event.expiresAt)
      break
    case 'passed':
  }
}

/** Remembers the id that an event finished, and nothing else of it: for the part of the log before a snapshot. */
export function recall(state: State, event: LedgerEvent): void {
  switch (event.type) {
    case 'fulfilled':
    case 'rejected':
    case 'expired':
    case 'voided':
    case 'posted':
      if (event.expiresAt + state.limits.rememberMs > state.time) remember(state, event)
      break
    default:
  }
}

function accountOf(state: State, index: number): Account {
  const account = state.byIndex.get(index)
  invariant(account !== undefined && !account.closed, 'an event is on an open account')
  return account
}

function applyOpened(state: State, index: number, name: string): void {
  const former = state.accounts.get(name)
  invariant(former === undefined || former.closed, 'an account is opened once')
  if (former?.index === index) {
    former.closed = false
    former.frozen = false
    return
  }
  if (former !== undefined) state.byIndex.delete(former.index)
  invariant(index >= state.nextIndex, 'account numbers are given once')
  state.nextIndex = index + 1
  addAccount(state, {
    index,
    name,
    creditLimit: 0n,
    balanceMax: 0n,
    frozen: false,
    closed: false,
    balance: 0n,
    heldOut: 0n,
    heldIn: 0n,
    fulfilledIn: 0n,
    fulfilledOut: 0n,
    posted: 0n,
    live: new Map(),
    remembered: 0,
    answersUntil: 0,
  })
}

function applyLimits(account: Account, limits: { creditLimit: bigint; balanceMax: bigint }): void {
  account.creditLimit = limits.creditLimit
  account.balanceMax = limits.balanceMax
}

function applyClosed(account: Account): void {
  invariant(account.balance === 0n && account.live.size === 0, 'only an empty account is closed')
  account.closed = true
}

function applyPrepared(state: State, event: Prepared): void {
  addLive(state, accountOf(state, event.account), event)
}

function applyFinishing(state: State, event: FinishingEvent): void {
  const account = accountOf(state, event.account)
  switch (event.type) {
    case 'fulfilled': {
      const { payer, amount } = takeLive(state, account, event.id)
      if (payer === 'holder') {
        account.balance -= amount
        account.fulfilledOut += amount
        state.totals.fulfilledOut += amount
      } else {
        account.balance += amount
        account.fulfilledIn += amount
        state.totals.fulfilledIn += amount
      }
      break
    }
    case 'rejected':
    case 'expired':
      takeLive(state, account, event.id)
      break
    case 'posted':
      account.balance += event.amount
      account.posted += event.amount
      state.totals.posted += event.amount
      break
    case 'voided':
      break
  }
  checkAccount(account)
  remember(state, event)
}

/** Ends a hold: what is set aside is free again. */
function takeLive(state: State, account: Account, id: Uint8Array): Live {
  const key = keyOf(id)
  const live = account.live.get(key)
  invariant(live !== undefined, 'a transfer ends once, and only after it was prepared')
  account.live.delete(key)
  state.expiring.remove(live)
  if (live.payer === 'holder') account.heldOut -= live.amount
  else account.heldIn -= live.amount
  return live
}

const NO_DIGEST = new Uint8Array(16)

function digestOf(event: FinishingEvent): Uint8Array {
  if (event.type === 'posted') return digestPost(event.amount, event.expiresAt)
  return event.type === 'voided' ? NO_DIGEST : event.digest
}

function remember(state: State, event: FinishingEvent): void {
  const account = state.byIndex.get(event.account)
  if (account !== undefined) {
    account.remembered += 1
    account.answersUntil = Math.max(account.answersUntil, event.expiresAt)
  }
  state.finished.add(event.id, {
    account: event.account,
    expiresAt: event.expiresAt,
    payer: 'payer' in event ? event.payer : 'holder',
    digest: digestOf(event),
    voided: event.type === 'voided',
    outcome: outcomeOf(event),
  })
}

const NO_REASON = new Uint8Array(0)

export function outcomeOf(event: FinishingEvent): Outcome {
  switch (event.type) {
    case 'fulfilled':
      return { state: 'fulfilled', fulfillment: event.fulfillment, data: event.data }
    case 'rejected':
      return { state: 'rejected', reason: event.reason }
    case 'voided':
      return { state: 'rejected', reason: NO_REASON }
    case 'expired':
      return { state: 'expired' }
    case 'posted':
      return { state: 'posted' }
  }
}
