/**
 * The two-phase ledger as values: what it is told (commands), what it answers (decisions), what it shows (views).
 * design.md section 5 and protocols.md E.4. Amounts are base units; times are milliseconds since 1970.
 */

/** Who of the two parties of a trustline. The holder pays the host: held out. The host pays the holder: held in. */
export type Side = 'host' | 'holder'

export interface Limits {
  /** How far below zero `balance − heldOut` may go: the credit that the host grants. */
  readonly creditLimit: bigint
  /** How high `balance + heldIn` may go: what the holder lets the host owe. */
  readonly balanceMax: bigint
}

/** Two-phase transfer, offered. `payer` says the direction. */
export interface Prepare {
  readonly type: 'prepare'
  readonly account: string
  /** 16 bytes, chosen by the payer. */
  readonly id: Uint8Array
  readonly payer: Side
  readonly amount: bigint
  /** 32 bytes. */
  readonly condition: Uint8Array
  readonly expiresAt: number
  /** What the transfer carries (ILP packet and the like), opaque here. Kept while the transfer is live; part of its content. */
  readonly memo: Uint8Array
}

/** Capture, by the side that is paid. */
export interface Fulfill {
  readonly type: 'fulfill'
  readonly account: string
  readonly id: Uint8Array
  readonly by: Side
  /** 32 bytes. */
  readonly fulfillment: Uint8Array
  /** The fulfilment data (an end offset, an ILP Fulfill's data), remembered with the outcome. */
  readonly data: Uint8Array
}

/** Refusal, by the side that would be paid. */
export interface Reject {
  readonly type: 'reject'
  readonly account: string
  readonly id: Uint8Array
  readonly by: Side
  /** The reason as an encoded ILP error packet; opaque here, remembered with the outcome. */
  readonly reason: Uint8Array
}

/**
 * `sluice.transfers`: what became of an id. Accepted with its outcome, or without one while it is prepared.
 * An unknown id is recorded as rejected (with an empty reason) until `expiresAt`, at most `holdMsMax` ahead, so that a
 * late prepare is refused. When `expiresAt` has passed it is `expired`: nobody can prepare it any more. Refused as
 * `EXPIRED` when `rememberMs` more have passed: it may have been forgotten, so nobody can tell. Whoever asks with a later
 * expiry than the prepare's own may be told of an id that was fulfilled and forgotten that it is not.
 */
export interface Inquire {
  readonly type: 'inquire'
  readonly account: string
  readonly id: Uint8Array
  readonly expiresAt: number
}

/** One-phase movement: a deposit, a settlement, a prepaid token's credit or debit. Idempotent by id until `expiresAt`. */
export interface Post {
  readonly type: 'post'
  readonly account: string
  /** 16 bytes. */
  readonly id: Uint8Array
  /** Positive: the host owes the account more. Negative: less, within the credit limit. */
  readonly amount: bigint
  readonly expiresAt: number
}

/** A small durable fact of an application (the goods of a one-shot shop), forgotten at `expiresAt`. */
export interface Note {
  readonly type: 'note'
  readonly key: string
  /** Empty forgets the note. */
  readonly value: Uint8Array
  readonly expiresAt: number
}

export type AccountCommand =
  | ({ readonly type: 'open'; readonly account: string } & Limits)
  | ({ readonly type: 'limit'; readonly account: string } & Limits)
  | { readonly type: 'freeze'; readonly account: string; readonly frozen: boolean }
  | { readonly type: 'close'; readonly account: string }

export type Command = AccountCommand | Prepare | Fulfill | Reject | Inquire | Post | Note

export type TransferState = 'prepared' | 'fulfilled' | 'rejected' | 'expired'

/** How a finished transfer ended. `posted` is a one-phase movement. */
export type Outcome =
  | { readonly state: 'fulfilled'; readonly fulfillment: Uint8Array; readonly data: Uint8Array }
  | { readonly state: 'rejected'; readonly reason: Uint8Array }
  | { readonly state: 'expired' }
  | { readonly state: 'posted' }

/** A live transfer, as prepared. */
export interface LiveTransfer {
  readonly account: string
  readonly id: Uint8Array
  readonly payer: Side
  readonly amount: bigint
  readonly condition: Uint8Array
  readonly expiresAt: number
  readonly memo: Uint8Array
}

/** A transfer that has ended, as it is remembered: amounts are not. */
export interface EndedTransfer {
  readonly account: string
  readonly id: Uint8Array
  readonly outcome: Outcome
  readonly expiresAt: number
}

/** A transfer as the ledger knows it: live with its fields, or finished with its outcome. */
export type TransferView =
  | { readonly state: 'prepared'; readonly transfer: LiveTransfer }
  | { readonly state: 'finished'; readonly outcome: Outcome; readonly expiresAt: number }

/**
 * Why a command did not happen. A refused command leaves nothing behind.
 * The link maps these to BTP errors and the faces to LPI errors.
 */
export type RefusalCode =
  | 'ACCOUNT_NOT_FOUND'
  | 'ACCOUNT_EXISTS'
  | 'ACCOUNT_FROZEN'
  | 'ACCOUNT_IN_USE'
  | 'DUPLICATE_ID'
  | 'INSUFFICIENT_BALANCE'
  | 'BALANCE_LIMIT'
  | 'EXPIRED'
  | 'HOLD_TOO_LONG'
  | 'TOO_MANY_TRANSFERS'
  | 'TRANSFER_NOT_FOUND'
  | 'WRONG_FULFILLMENT'
  | 'NOT_YOUR_TRANSFER'
  | 'ALREADY_FULFILLED'
  | 'ALREADY_ROLLED_BACK'
  | 'TOO_MANY_ACCOUNTS'
  | 'TOO_MANY_NOTES'
  | 'BUSY'
  | 'INVALID'

export interface Refusal {
  readonly ok: false
  readonly code: RefusalCode
  readonly message: string
}

/**
 * What became of a command, known at once in memory and durable after the next commit.
 * `repeated` is true when the same command had been accepted before and nothing happened now.
 * `outcome` is set when the transfer is finished: by this command, or before it.
 * A repeated prepare of a finished transfer is accepted with its outcome.
 */
export interface Accepted {
  readonly ok: true
  readonly repeated: boolean
  readonly outcome: Outcome | undefined
}

export type Decision = Accepted | Refusal

export interface AccountView extends Limits {
  readonly account: string
  readonly frozen: boolean
  /** Sum of what is final, from the holder's side. */
  readonly balance: bigint
  readonly heldOut: bigint
  readonly heldIn: bigint
  /** Totals of all time, kept apart from the balance: balance = fulfilledIn − fulfilledOut + posted. */
  readonly fulfilledIn: bigint
  readonly fulfilledOut: bigint
  readonly posted: bigint
  /** How many transfers are live, and how many finished ids are remembered. */
  readonly live: number
  readonly remembered: number
}

/** Each limit's default is in docs/reference/limits.md. */
export interface LedgerLimits {
  /** Longest time from ledger time to `expiresAt`. Default 3 600 000 (the seeds ask for 1 000 000). */
  readonly holdMsMax: number
  readonly livePerAccountMax: number
  readonly rememberedPerAccountMax: number
  /** How long past its expiry a finished id still answers fulfil, reject and inquire. A prepare is then refused as expired. */
  readonly rememberMs: number
  readonly accountsMax: number
  readonly notesMax: number
  /** Bytes of `memo`, `data`, `reason` or a note's value. */
  readonly memoBytesMax: number
}
