/**
 * What seller and buyer tell each other about a stream beside holds: the end offset in a capture's data, the reason of a
 * rejected hold, and the messages `sluice.cancel` and `sluice.receipt` with their answers. Browser-safe; decoders are total.
 */
import { ascii, fromUtf8, latin1, utf8 } from '../bytes/index.js'
import { OCTET_STREAM, TEXT_PLAIN, type SubProtocol } from '../btp/index.js'

/** Name of the custom message by which a buyer ends a stream. Its data is the address of the `Pay` header. */
export const CANCEL = 'sluice.cancel'

/** Name of the custom message by which whoever paid for a stream asks for its receipt; and of the answer's entry. */
export const RECEIPT = 'sluice.receipt'

/** What a stream came to. */
export interface Totals {
  /** Captured holds. */
  readonly captures: number
  /** Money captured, base units. */
  readonly amount: bigint
  /** Where the captured units end in the content-decoded body. */
  readonly endOffset: number
}

/**
 * Why a stream rejects a hold. `ended`: the source has no more than `units` left. `bulk`: the hold pays for more than is
 * pulled at once. In both cases a hold for at most `units` is welcome. The others end the stream.
 */
export type StreamEnd = 'ended' | 'cancelled' | 'closed' | 'closing' | 'failed' | 'idle' | 'unavailable'

export interface StreamReason {
  readonly why: StreamEnd | 'bulk'
  readonly units: number
}

const REASONS: readonly string[] = ['ended', 'cancelled', 'closed', 'closing', 'failed', 'idle', 'unavailable', 'bulk']

/** A capture's data: an unsigned 64-bit number, big-endian. */
export function encodeEndOffset(endOffset: number): Uint8Array {
  const data = new Uint8Array(8)
  const halves = view(data)
  // Two halves: a bigint per capture would cost more than the rest of it.
  halves.setUint32(0, Math.floor(endOffset / 2 ** 32))
  halves.setUint32(4, endOffset >>> 0)
  return data
}

/** `undefined` for data of another kind, or an offset beyond 2^53. */
export function decodeEndOffset(data: Uint8Array): number | undefined {
  return data.length < 8 ? undefined : readNumber(data, 0)
}

/** The data of a rejection, as JSON. */
export function encodeStreamReason(reason: StreamReason): Uint8Array {
  return utf8(JSON.stringify({ why: reason.why, units: reason.units }))
}

/** `undefined` when the rejection says nothing about the stream. */
export function decodeStreamReason(data: Uint8Array): StreamReason | undefined {
  if (data.length > 256) return undefined
  try {
    const value: unknown = JSON.parse(fromUtf8(data))
    if (typeof value !== 'object' || value === null || !('why' in value) || !isWhy(value.why)) return undefined
    const units = 'units' in value ? value.units : 0
    return { why: value.why, units: isCount(units) ? units : 0 }
  } catch {
    return undefined
  }
}

function isWhy(why: unknown): why is StreamReason['why'] {
  return typeof why === 'string' && REASONS.includes(why)
}

function isCount(units: unknown): units is number {
  return typeof units === 'number' && Number.isSafeInteger(units) && units >= 0
}

/** Asks the seller to end the stream that its `Pay` header named by `address`. */
export function encodeCancel(address: string): SubProtocol {
  return { name: CANCEL, contentType: TEXT_PLAIN, data: ascii(address) }
}

/** The answer: captures, amount and end offset, 64 bits each; later versions may append. */
export function encodeTotals(totals: Totals): SubProtocol {
  const data = new Uint8Array(24)
  const fields = view(data)
  fields.setBigUint64(0, BigInt(totals.captures))
  fields.setBigUint64(8, BigInt.asUintN(64, totals.amount))
  fields.setBigUint64(16, BigInt(totals.endOffset))
  return { name: CANCEL, contentType: OCTET_STREAM, data }
}

/** `undefined` for anything but an answer to {@link encodeCancel}. */
export function decodeTotals(entries: readonly SubProtocol[]): Totals | undefined {
  const data = entries.find((entry) => entry.name === CANCEL)?.data
  if (!data || data.length < 24) return undefined
  const captures = readNumber(data, 0)
  const endOffset = readNumber(data, 16)
  if (captures === undefined || endOffset === undefined) return undefined
  return { captures, amount: view(data).getBigUint64(8), endOffset }
}

/** Asks the seller what it has captured in the stream that its `Pay` header named by `address`, signed. */
export function encodeReceiptRequest(address: string): SubProtocol {
  return { name: RECEIPT, contentType: TEXT_PLAIN, data: ascii(address) }
}

/** A receipt's text, as the answer; that to {@link encodeCancel} has it too. */
export function encodeReceipt(receipt: string): SubProtocol {
  return { name: RECEIPT, contentType: TEXT_PLAIN, data: ascii(receipt) }
}

/** The receipt's text, unchecked; `undefined` for an answer without one. */
export function decodeReceipt(entries: readonly SubProtocol[]): string | undefined {
  const data = entries.find((entry) => entry.name === RECEIPT)?.data
  return data && latin1(data)
}

function readNumber(data: Uint8Array, at: number): number | undefined {
  const value = view(data).getBigUint64(at)
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined
}

function view(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength)
}
