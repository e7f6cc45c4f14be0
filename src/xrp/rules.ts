/**
 * What the XRP Ledger computes: its times, the bytes of the one crypto-condition that escrows of Interledger use
 * (PREIMAGE-SHA-256 of 32 bytes, draft-thomas-crypto-conditions-04), fees and reserves. Pure.
 */
import { fromHex, toHex } from '../bytes/index.js'
import { HASH_BYTES } from '../ilp/index.js'

/** Seconds from 1970 to 2000, where the ledger's time begins. */
const EPOCH_S = 946_684_800
/** Times of the ledger have 32 bits. */
const TIME_MAX = 0xffff_ffff

/** Seconds of the ledger's epoch, rounded down; `undefined` for what it cannot express. */
export function toLedgerTime(ms: number): number | undefined {
  const seconds = Math.floor(ms / 1000) - EPOCH_S
  return seconds >= 0 && seconds <= TIME_MAX ? seconds : undefined
}

/** Milliseconds since 1970. */
export function fromLedgerTime(seconds: number): number {
  return (seconds + EPOCH_S) * 1000
}

const CONDITION = { head: 'A0258020', tail: '810120' } as const
const FULFILLMENT = { head: 'A0228020', tail: '' } as const
/** Bytes of a {@link fulfillmentHex}. */
export const FULFILLMENT_BYTES = 36

/** The condition of a 32-byte hash, as an EscrowCreate carries it. */
export function conditionHex(hash: Uint8Array): string {
  return CONDITION.head + toHex(hash).toUpperCase() + CONDITION.tail
}

/** The hash in a condition; `undefined` when it is of another type, or its preimage of another length. */
export function readCondition(hex: unknown): Uint8Array | undefined {
  return between(hex, CONDITION)
}

export function fulfillmentHex(preimage: Uint8Array): string {
  return FULFILLMENT.head + toHex(preimage).toUpperCase() + FULFILLMENT.tail
}

/** The preimage in a fulfillment; `undefined` as for {@link readCondition}. */
export function readFulfillment(hex: unknown): Uint8Array | undefined {
  return between(hex, FULFILLMENT)
}

function between(hex: unknown, { head, tail }: { head: string; tail: string }): Uint8Array | undefined {
  if (typeof hex !== 'string' || hex.length !== head.length + 2 * HASH_BYTES + tail.length) return undefined
  const upper = hex.toUpperCase()
  if (!upper.startsWith(head) || !upper.endsWith(tail)) return undefined
  try {
    return fromHex(upper.slice(head.length, head.length + 2 * HASH_BYTES))
  } catch {
    return undefined
  }
}

/** What a transaction costs, in multiples of the base fee. */
export const ORDINARY_FEE = 1n
/** 33, and one for each sixteen bytes of the fulfillment. */
export function finishFee(fulfillmentBytes: number): bigint {
  return 33n + BigInt(Math.floor(fulfillmentBytes / 16))
}

/** What an account must keep, in drops: it cannot be spent, except by fees. */
export interface Reserves {
  readonly base: bigint
  /** For each thing that the account owns in the ledger; an escrow is one. */
  readonly increment: bigint
}

export function reserveOf(reserves: Reserves, owned: number): bigint {
  return reserves.base + reserves.increment * BigInt(owned)
}
