/** The content of a transfer or a movement in 16 bytes: enough to tell a repetition from another use of its id. */
import { sha256 } from '../crypto/index.js'
import type { Side } from './types.js'

const DIGEST_BYTES = 16
/** Kind or payer (1), amount (8), expiry (8). */
const HEAD_BYTES = 17
const CONDITION_BYTES = 32
const POST = 2

/** Reused: one digest is made at a time, and for every payment. */
let scratch = new Uint8Array(1024)
let view = new DataView(scratch.buffer)

/** Of payer, amount, condition, expiry and memo. */
export function digestTransfer(
  payer: Side,
  amount: bigint,
  condition: Uint8Array,
  expiresAt: number,
  memo: Uint8Array,
): Uint8Array {
  const length = HEAD_BYTES + CONDITION_BYTES + memo.length
  if (length > scratch.length) {
    scratch = new Uint8Array(2 * length)
    view = new DataView(scratch.buffer)
  }
  writeHead(payer === 'holder' ? 0 : 1, amount, expiresAt)
  scratch.set(condition, HEAD_BYTES)
  scratch.set(memo, HEAD_BYTES + CONDITION_BYTES)
  return sha256(scratch.subarray(0, length)).subarray(0, DIGEST_BYTES)
}

/** Of amount and expiry. */
export function digestPost(amount: bigint, expiresAt: number): Uint8Array {
  writeHead(POST, amount, expiresAt)
  return sha256(scratch.subarray(0, HEAD_BYTES)).subarray(0, DIGEST_BYTES)
}

function writeHead(kind: number, amount: bigint, expiresAt: number): void {
  view.setUint8(0, kind)
  view.setBigInt64(1, BigInt.asIntN(64, amount))
  view.setFloat64(9, expiresAt)
}
