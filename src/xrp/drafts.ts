/** Transactions to make, with what is kept of each while it is on the way, in memory and in the record. */
import { type RefusalCode, XrpError } from './errors.js'
import { isIndex, isJson, type Json, type ValidatedTransaction } from './ledger-messages.js'
import type { Signed } from './signer.js'
import { type SlotState, UNANSWERED } from './slot.js'

/** A transaction to make. */
export interface Draft {
  /** Whom its result concerns: kept over a restart. */
  readonly purpose: string
  /** All but account, fee, sequence number, last ledger and signature. */
  readonly fields: Json
  /** Its price, in base fees. */
  readonly units: bigint
  /** What it moves out of the account, in drops, and things that it makes the account own: checked before it is sent. */
  readonly amount: bigint
  readonly owns: number
  /** It makes no sense once a validated ledger has closed after this time of the ledger. */
  readonly deadline: number | undefined
}

export type Outcome =
  | { readonly status: 'validated'; readonly transaction: ValidatedTransaction }
  /** It did not happen, and will not. */
  | { readonly status: 'refused'; readonly code: RefusalCode; readonly result: string; readonly message: string }

/** A transaction with a sequence number. */
export interface Slot {
  readonly sequence: number
  readonly draft: Draft
  readonly firstLedger: number
  fee: bigint
  lastLedger: number
  /** The newest is the one to submit. */
  readonly blobs: Signed[]
  state: SlotState
  /** To be submitted as soon as it is durable. */
  unsent: boolean
  /** The newest validated ledger when it was submitted last. */
  sentAt: number
}

/** Where transactions on the way are kept: an `XrpRecord`, or whatever else can. */
export interface SlotRecord {
  list(prefix: string): Iterable<readonly [rest: string, value: Json]>
  /** Throws an {@link XrpError} when it cannot, and has done nothing. What is there already can always be changed. */
  put(key: string, value: Json): void
  delete(key: string): void
  /** Resolves when all of that is durable. */
  saved(): Promise<void>
}

export function writeSlot({ draft, blobs, fee, firstLedger, lastLedger }: Slot): Json {
  const { purpose, fields, units, amount, owns, deadline = null } = draft
  return {
    purpose,
    fields,
    units: String(units),
    amount: String(amount),
    owns,
    deadline,
    blobs: [...blobs],
    fee: String(fee),
    firstLedger,
    lastLedger,
  }
}

/** @throws {XrpError} `XRP_RECORD` */
export function readSlot(sequence: number, value: Json): Slot {
  const { purpose, fields, units, amount, owns, deadline, blobs, fee, firstLedger, lastLedger } = value
  if (!Array.isArray(blobs) || !isJson(fields) || !isIndex(firstLedger) || !isIndex(lastLedger) || !isIndex(sequence)) {
    throw new XrpError('XRP_RECORD', 'a transaction in the record is unreadable')
  }
  return {
    sequence,
    draft: {
      purpose: String(purpose),
      fields,
      units: BigInt(String(units)),
      amount: BigInt(String(amount)),
      owns: Number(owns),
      deadline: isIndex(deadline) ? deadline : undefined,
    },
    firstLedger,
    fee: BigInt(String(fee)),
    lastLedger,
    blobs: blobs as Signed[],
    // A crash came between making it durable and the end of it: it may have been submitted, or not.
    state: UNANSWERED,
    unsent: true,
    sentAt: 0,
  }
}
