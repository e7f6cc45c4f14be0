/** The content of a transfer or a movement in 16 bytes: enough to tell a repetition from another use of its id. */
import { sha256 } from '../crypto/index.js'
import { Writer } from '../oer/index.js'
import type { Side } from './types.js'

const DIGEST_BYTES = 16
const writer = new Writer()

/** Of payer, amount, condition, expiry and memo. */
export function digestTransfer(
  payer: Side,
  amount: bigint,
  condition: Uint8Array,
  expiresAt: number,
  memo: Uint8Array,
): Uint8Array {
  writer.reset()
  writer.uint8(payer === 'holder' ? 0 : 1)
  writer.uint64(amount)
  writer.uint64(BigInt(expiresAt))
  writer.octets(condition)
  writer.octets(memo)
  return sha256(writer.take()).subarray(0, DIGEST_BYTES)
}

/** Of amount and expiry. */
export function digestPost(amount: bigint, expiresAt: number): Uint8Array {
  writer.reset()
  writer.uint8(2)
  writer.uint64(BigInt.asUintN(64, amount))
  writer.uint64(BigInt(expiresAt))
  return sha256(writer.take()).subarray(0, DIGEST_BYTES)
}
