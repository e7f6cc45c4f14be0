/** Transfers as the record keeps them. JSON: no path here is hotter than a ledger's close. */
import { fromBase64, toBase64url } from '../bytes/index.js'
import type { Reason } from '../link/index.js'
import { isIndex, isJson, type Json } from './ledger-messages.js'

/** How a transfer ended. */
export type TransferEnd =
  { readonly state: 'fulfilled'; readonly fulfillment: Uint8Array } | { readonly state: 'rolledBack' }

export interface SentTransfer {
  readonly id: Uint8Array
  /** The receiver's ILP address, and its address in the ledger. */
  readonly to: string
  readonly address: string
  readonly amount: bigint
  readonly condition: Uint8Array
  readonly expiresAt: number
  readonly packet: Uint8Array
  readonly custom: Uint8Array | undefined
  /** The first ledger that may have it. */
  readonly firstLedger: number
  /** Of its EscrowCreate, once a ledger has that: the escrow's name in the ledger, with its owner. */
  readonly sequence: number | undefined
  /** Why the receiver says that it will not take it. */
  readonly reason: Reason | undefined
  readonly end: TransferEnd | undefined
}

export function writeSent(transfer: SentTransfer): Json {
  const { id, to, address, amount, condition, expiresAt, packet, custom, firstLedger, sequence, reason, end } = transfer
  return {
    to,
    address,
    expiresAt,
    firstLedger,
    sequence,
    id: toBase64url(id),
    amount: String(amount),
    condition: toBase64url(condition),
    packet: toBase64url(packet),
    custom: custom === undefined ? undefined : toBase64url(custom),
    reason: reason === undefined ? undefined : { ...reason, data: toBase64url(reason.data) },
    end: end === undefined ? undefined : writeEnd(end),
  }
}

/** `undefined` for what is none. */
export function readSent(value: Json): SentTransfer | undefined {
  const { id, to, address, amount, condition, expiresAt, packet, custom, firstLedger, sequence, reason, end } = value
  if (typeof id !== 'string' || typeof to !== 'string' || typeof address !== 'string') return undefined
  if (typeof condition !== 'string' || typeof packet !== 'string' || !isIndex(expiresAt) || !isIndex(firstLedger)) {
    return undefined
  }
  return {
    id: fromBase64(id),
    to,
    address,
    amount: BigInt(String(amount)),
    condition: fromBase64(condition),
    expiresAt,
    packet: fromBase64(packet),
    custom: typeof custom === 'string' ? fromBase64(custom) : undefined,
    firstLedger,
    sequence: isIndex(sequence) ? sequence : undefined,
    reason: isJson(reason) ? ({ ...reason, data: fromBase64(String(reason['data'])) } as unknown as Reason) : undefined,
    end: readEnd(end),
  }
}

/** What was decided about an escrow that reached us. */
export interface ReceivedDecision {
  readonly id: Uint8Array
  /** Milliseconds since 1970: it can be forgotten some time later. */
  readonly expiresAt: number
  readonly decision: 'fulfil' | 'reject'
  /** For `fulfil`; and what goes with it. */
  readonly fulfillment: Uint8Array | undefined
  readonly data: Uint8Array | undefined
  /** Set once the ledger has ended it. */
  readonly end: TransferEnd | undefined
}

export function writeDecision({ id, expiresAt, decision, fulfillment, data, end }: ReceivedDecision): Json {
  return {
    expiresAt,
    decision,
    id: toBase64url(id),
    fulfillment: fulfillment === undefined ? undefined : toBase64url(fulfillment),
    data: data === undefined ? undefined : toBase64url(data),
    end: end === undefined ? undefined : writeEnd(end),
  }
}

export function readDecision(value: Json): ReceivedDecision | undefined {
  const { id, expiresAt, decision, fulfillment, data, end } = value
  if (typeof id !== 'string' || !isIndex(expiresAt) || (decision !== 'fulfil' && decision !== 'reject'))
    return undefined
  return {
    id: fromBase64(id),
    expiresAt,
    decision,
    fulfillment: typeof fulfillment === 'string' ? fromBase64(fulfillment) : undefined,
    data: typeof data === 'string' ? fromBase64(data) : undefined,
    end: readEnd(end),
  }
}

function writeEnd(end: TransferEnd): Json {
  return end.state === 'fulfilled' ? { state: 'fulfilled', fulfillment: toBase64url(end.fulfillment) } : end
}

function readEnd(end: unknown): TransferEnd | undefined {
  if (!isJson(end)) return undefined
  const { state, fulfillment } = end
  if (state === 'rolledBack') return { state }
  return state === 'fulfilled' && typeof fulfillment === 'string'
    ? { state, fulfillment: fromBase64(fulfillment) }
    : undefined
}
