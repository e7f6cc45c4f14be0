/**
 * What happened, as the log remembers it. An event holds the time of its decision and everything that applying it
 * needs, so that replay asks no clock. Those that finish an id stand alone: the log may have dropped what came before.
 */
import type { Limits, Side } from './types.js'

interface At {
  /** Ledger time, milliseconds since 1970. */
  readonly time: number
}

/** Accounts are numbered in the log; a number is never given to another name. */
interface OnAccount extends At {
  readonly account: number
}

interface OnId extends OnAccount {
  /** 16 bytes. */
  readonly id: Uint8Array
  readonly expiresAt: number
}

/** An id that was live, and the digest of its content for telling a repetition from another use of the id. */
interface Finishing extends OnId {
  readonly payer: Side
  /** 16 bytes. */
  readonly digest: Uint8Array
}

export interface Prepared extends OnId {
  readonly type: 'prepared'
  readonly payer: Side
  readonly amount: bigint
  /** 32 bytes. */
  readonly condition: Uint8Array
  readonly memo: Uint8Array
}

export interface Fulfilled extends Finishing {
  readonly type: 'fulfilled'
  /** 32 bytes. */
  readonly fulfillment: Uint8Array
  readonly data: Uint8Array
}

export interface Rejected extends Finishing {
  readonly type: 'rejected'
  readonly reason: Uint8Array
}

export interface Expired extends Finishing {
  readonly type: 'expired'
}

/** An id that nobody prepared and, having been asked for, nobody may prepare any more. */
export interface Voided extends OnId {
  readonly type: 'voided'
}

export interface Posted extends OnId {
  readonly type: 'posted'
  readonly amount: bigint
}

/** A fact that ends an id's life. */
export type FinishingEvent = Fulfilled | Rejected | Expired | Voided | Posted

export interface Noted extends At {
  readonly type: 'noted'
  readonly key: string
  readonly value: Uint8Array
  readonly expiresAt: number
}

export type LedgerEvent =
  | ({ readonly type: 'opened'; readonly name: string } & OnAccount & Limits)
  | ({ readonly type: 'limited' } & OnAccount & Limits)
  | ({ readonly type: 'frozen'; readonly frozen: boolean } & OnAccount)
  | ({ readonly type: 'closed' } & OnAccount)
  | Prepared
  | FinishingEvent
  | Noted
  /** Nothing but time: an answer that rests on it was given. */
  | ({ readonly type: 'passed' } & At)
