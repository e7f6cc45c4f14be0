/**
 * The ledger's state, what can be looked up in it, and what must always be true of it. Changes by events are apply.ts's.
 */
import { concat } from '../bytes/index.js'
import { invariant } from '../errors/index.js'
import type { Prepared } from './events.js'
import { type Expiring, ExpiryQueue } from './expiry.js'
import { type Finished, FinishedIds } from './finished.js'
import type { AccountView, LedgerLimits, LiveTransfer, Side } from './types.js'

/** Balances with everything held stay below this in either direction. */
export const BALANCE_BOUND = 2n ** 63n

export interface Account {
  readonly index: number
  readonly name: string
  creditLimit: bigint
  balanceMax: bigint
  frozen: boolean
  /** Kept although closed, so that a new account of the name cannot be made to repeat what this one did. */
  closed: boolean
  balance: bigint
  heldOut: bigint
  heldIn: bigint
  fulfilledIn: bigint
  fulfilledOut: bigint
  posted: bigint
  readonly live: Map<string, Live>
  /** Finished ids in memory. */
  remembered: number
  /** The latest expiry among the ids that ended here. */
  answersUntil: number
}

/** A prepared transfer in one allocation: `bytes` are id (16), condition (32) and memo. */
export interface Live extends Expiring {
  readonly account: Account
  readonly payer: Side
  readonly amount: bigint
  readonly bytes: Uint8Array
}

export interface Note extends Expiring {
  readonly key: string
  readonly value: Uint8Array
}

/** Sums over all accounts, of what was posted and fulfilled, from the holders' side. */
export interface Totals {
  fulfilledIn: bigint
  fulfilledOut: bigint
  posted: bigint
}

export interface State {
  readonly limits: LedgerLimits
  /** The time of the last event. */
  time: number
  /** The number of the next new account. */
  nextIndex: number
  readonly accounts: Map<string, Account>
  readonly byIndex: Map<number, Account>
  readonly expiring: ExpiryQueue<Live>
  readonly finished: FinishedIds
  readonly notes: Map<string, Note>
  readonly expiringNotes: ExpiryQueue<Note>
  /** What the host's position is computed from, counted apart from the balances. */
  readonly totals: Totals
}

/** @param seed random; see {@link FinishedIds} */
export function createState(limits: LedgerLimits, seed: number): State {
  return {
    limits,
    time: 0,
    nextIndex: 1,
    accounts: new Map(),
    byIndex: new Map(),
    expiring: new ExpiryQueue(),
    finished: new FinishedIds(seed),
    notes: new Map(),
    expiringNotes: new ExpiryQueue(),
    totals: { fulfilledIn: 0n, fulfilledOut: 0n, posted: 0n },
  }
}

/** An id as a key: one character per byte. */
export function keyOf(id: Uint8Array): string {
  return String.fromCharCode.apply(undefined, id as unknown as number[])
}

/** An account that is open. */
export function openAccount(state: State, name: string): Account | undefined {
  const account = state.accounts.get(name)
  return account === undefined || account.closed ? undefined : account
}

/** What is remembered of a finished id at this time. */
export function finishedAt(state: State, account: Account, id: Uint8Array, now: number): Finished | undefined {
  const record = state.finished.find(account.index, id)
  if (record < 0 || state.finished.expiresAt(record) + state.limits.rememberMs <= now) return undefined
  return state.finished.read(record)
}

export function noteAt(state: State, key: string, now: number): Note | undefined {
  const note = state.notes.get(key)
  return note === undefined || note.expiresAt <= now ? undefined : note
}

/** The host's own position: what all accounts together owe it, from its side. */
export function positionOf(state: State): bigint {
  const { fulfilledIn, fulfilledOut, posted } = state.totals
  return fulfilledOut - fulfilledIn - posted
}

export function conditionOf(live: Live): Uint8Array {
  return live.bytes.subarray(16, 48)
}

export function memoOf(live: Live): Uint8Array {
  return live.bytes.subarray(48)
}

export function viewTransfer(live: Live): LiveTransfer {
  return {
    account: live.account.name,
    id: live.bytes.subarray(0, 16),
    payer: live.payer,
    amount: live.amount,
    condition: conditionOf(live),
    expiresAt: live.expiresAt,
    memo: memoOf(live),
  }
}

export function viewAccount(account: Account): AccountView {
  const { name, creditLimit, balanceMax, frozen, balance, heldOut, heldIn } = account
  const { fulfilledIn, fulfilledOut, posted, live, remembered } = account
  return {
    account: name,
    creditLimit,
    balanceMax,
    frozen,
    balance,
    heldOut,
    heldIn,
    fulfilledIn,
    fulfilledOut,
    posted,
    live: live.size,
    remembered,
  }
}

/**
 * Drops some of what need not be known any more by the time that is logged; no answer depends on whether it was called.
 * What a clock alone says is not enough: it may be set back, and an id that is gone could be used again.
 */
export function forget(state: State, chunksMax: number): void {
  state.finished.forget(state.time - state.limits.rememberMs, chunksMax, (index) => {
    const account = state.byIndex.get(index)
    if (account !== undefined) account.remembered -= 1
  })
  for (let note = state.expiringNotes.first(); note !== undefined && note.expiresAt <= state.time;) {
    removeNote(state, note)
    note = state.expiringNotes.first()
  }
}

/** Drops closed accounts whose ids can not come back any more. */
export function forgetClosed(state: State): void {
  for (const account of state.accounts.values()) {
    if (!account.closed || account.answersUntil + state.limits.rememberMs > state.time) continue
    state.accounts.delete(account.name)
    state.byIndex.delete(account.index)
  }
}

/** The whole of the book, from its parts. @throws {InvariantError} */
export function checkInvariants(state: State): void {
  let sum = 0n
  let live = 0
  for (const account of state.accounts.values()) {
    checkAccount(account)
    let heldOut = 0n
    let heldIn = 0n
    for (const transfer of account.live.values()) {
      if (transfer.payer === 'holder') heldOut += transfer.amount
      else heldIn += transfer.amount
    }
    invariant(account.heldOut === heldOut && account.heldIn === heldIn, 'held is the sum of what is prepared')
    invariant(state.byIndex.get(account.index) === account, 'every account has its own number')
    sum += account.balance
    live += account.live.size
  }
  invariant(sum + positionOf(state) === 0n, "all accounts and the host's position add up to nothing")
  invariant(live === state.expiring.size, 'every live transfer expires')
}

export function checkAccount(account: Account): void {
  const { balance, heldOut, heldIn } = account
  invariant(
    balance === account.fulfilledIn - account.fulfilledOut + account.posted,
    'the balance is what its counters say',
  )
  invariant(heldOut >= 0n && heldIn >= 0n, 'nothing held is negative')
  invariant(balance + heldIn < BALANCE_BOUND && balance - heldOut > -BALANCE_BOUND, 'balances are bounded')
  invariant(account.live.size > 0 || (heldOut === 0n && heldIn === 0n), 'nothing is held when nothing is live')
}

/** Puts an account into its indexes. */
export function addAccount(state: State, account: Account): void {
  state.accounts.set(account.name, account)
  state.byIndex.set(account.index, account)
}

/** Sets money aside for a transfer. Copies what the transfer carries. */
export function addLive(state: State, account: Account, transfer: Omit<Prepared, 'type' | 'time' | 'account'>): void {
  const { id, payer, amount, expiresAt } = transfer
  const key = keyOf(id)
  invariant(!account.live.has(key), 'an id is prepared once')
  const live: Live = {
    account,
    payer,
    amount,
    expiresAt,
    bytes: concat(id, transfer.condition, transfer.memo),
    place: 0,
  }
  account.live.set(key, live)
  state.expiring.add(live)
  if (payer === 'holder') account.heldOut += amount
  else account.heldIn += amount
  checkAccount(account)
}

/** Writes a note, in place of an earlier one. */
export function writeNote(state: State, key: string, value: Uint8Array, expiresAt: number): void {
  const former = state.notes.get(key)
  if (former !== undefined) removeNote(state, former)
  if (value.length === 0) return
  const note = { key, value: value.slice(), expiresAt, place: 0 }
  state.notes.set(key, note)
  state.expiringNotes.add(note)
}

function removeNote(state: State, note: Note): void {
  state.notes.delete(note.key)
  state.expiringNotes.remove(note)
}
