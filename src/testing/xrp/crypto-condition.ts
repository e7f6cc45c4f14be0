/**
 * Crypto-conditions as the XRP Ledger takes them: only PREIMAGE-SHA-256, in canonical DER.
 * A fulfillment is `A0 len 80 len preimage`, a condition `A0 25 80 20 hash 81 len cost`.
 */
import { createHash } from 'node:crypto'

/** Longest preimage that a server takes. */
const PREIMAGE_BYTES = 128

/** The cost is the preimage's length: at most 128, which takes two bytes because a number in DER has a sign. */
const CONDITION = /^A0(258020[0-9A-F]{64}8101[0-7][0-9A-F]|268020[0-9A-F]{64}81020080)$/

/** @param condition upper-case hexadecimal digits */
export const isCondition = (condition: string): boolean => CONDITION.test(condition)

/** The condition of a fulfillment, both as upper-case hexadecimal digits; undefined if it is none. */
export function conditionOf(fulfillment: string): string | undefined {
  const bytes = Buffer.from(fulfillment, 'hex')
  const inner = derContents(bytes, 0xa0)
  const preimage = inner === undefined ? undefined : derContents(inner, 0x80)
  if (preimage === undefined || preimage.length > PREIMAGE_BYTES) return undefined
  const cost = preimage.length < 0x80 ? Buffer.of(1, preimage.length) : Buffer.of(2, 0, preimage.length)
  const hash = createHash('sha256').update(preimage).digest()
  const parts = [Buffer.of(0xa0, 35 + cost.length, 0x80, 0x20), hash, Buffer.of(0x81), cost]
  return Buffer.concat(parts).toString('hex').toUpperCase()
}

/** What is in the one field that `bytes` consist of; undefined unless its tag is `tag` and its length is canonical. */
function derContents(bytes: Uint8Array, tag: number): Uint8Array | undefined {
  const [first, length = 0x80, long = 0] = bytes
  if (first !== tag) return undefined
  const [size, start] = length < 0x80 ? [length, 2] : [length === 0x81 && long >= 0x80 ? long : -1, 3]
  return size === bytes.length - start ? bytes.subarray(start) : undefined
}
