/**
 * `#crypto` on Node. One-shot `crypto.hash` is three times and more as fast as `createHash` for short input, and an HMAC
 * of two such hashes over precomputed pads twice as fast as `createHmac` (measured: bench/README.md).
 */
import { createCipheriv, createDecipheriv, hash, randomBytes as nodeRandomBytes } from 'node:crypto'
import type { Mac } from './types.js'

const HASH_BYTES = 32

export function sha256(bytes: Uint8Array): Uint8Array {
  const digest = new Uint8Array(HASH_BYTES)
  putSha256(bytes, digest, 0)
  return digest
}

/** Whether the SHA-256 of `bytes` is `digest`, in time that does not depend on what `digest` is. */
export function isPreimage(bytes: Uint8Array, digest: Uint8Array): boolean {
  if (digest.length !== HASH_BYTES) return false
  const text = sha256Text(bytes)
  let difference = 0
  for (let i = 0; i < HASH_BYTES; i++) difference |= text.charCodeAt(i) ^ (digest[i] ?? 0)
  return difference === 0
}

function putSha256(bytes: Uint8Array, into: Uint8Array, start: number): void {
  const text = sha256Text(bytes)
  for (let i = 0; i < HASH_BYTES; i++) into[start + i] = text.charCodeAt(i)
}

/** A character per byte, which is how OpenSSL's result comes cheapest: a Buffer would cost more than the hash itself. */
function sha256Text(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'latin1' as 'hex')
}

export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmacSha256Key(key)(message)
}

const BLOCK_BYTES = 64

export function hmacSha256Key(key: Uint8Array): Mac {
  const block = key.length > BLOCK_BYTES ? sha256(key) : key
  const innerPad = new Uint8Array(BLOCK_BYTES).fill(0x36)
  const outer = new Uint8Array(BLOCK_BYTES + HASH_BYTES).fill(0x5c, 0, BLOCK_BYTES)
  for (let i = 0; i < block.length; i++) {
    innerPad[i] = 0x36 ^ (block[i] ?? 0)
    outer[i] = 0x5c ^ (block[i] ?? 0)
  }
  let inner = new Uint8Array(BLOCK_BYTES + 256)
  inner.set(innerPad)
  return (message) => {
    const length = BLOCK_BYTES + message.length
    if (length > inner.length) {
      inner = new Uint8Array(2 * length)
      inner.set(innerPad)
    }
    inner.set(message, BLOCK_BYTES)
    putSha256(inner.subarray(0, length), outer, BLOCK_BYTES)
    return sha256(outer)
  }
}

/** Cipher text and the 16-byte tag apart, as PSK 1.0 carries them. */
export function aes256GcmEncrypt(
  key: Uint8Array,
  iv: Uint8Array,
  plain: Uint8Array,
): { cipherText: Uint8Array; tag: Uint8Array } {
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const cipherText = Buffer.concat([cipher.update(plain), cipher.final()])
  return { cipherText, tag: cipher.getAuthTag() }
}

/** The plain text, or `undefined` when key, tag or cipher text do not belong together. */
export function aes256GcmDecrypt(
  key: Uint8Array,
  iv: Uint8Array,
  cipherText: Uint8Array,
  tag: Uint8Array,
): Uint8Array | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 })
    decipher.setAuthTag(tag)
    return Buffer.concat([decipher.update(cipherText), decipher.final()])
  } catch {
    return undefined
  }
}

const POOL_BYTES = 4096
/** Longer requests are drawn by themselves. */
const POOLED_BYTES_MAX = 64
let pool: Uint8Array = new Uint8Array(0)
let poolAt = 0

/** Ids are drawn by the thousand, and a draw of 16 bytes costs as much as one of 4096. What is given out is wiped here. */
export function randomBytes(length: number): Uint8Array {
  if (length > POOLED_BYTES_MAX) return nodeRandomBytes(length)
  if (poolAt + length > pool.length) {
    pool = nodeRandomBytes(POOL_BYTES)
    poolAt = 0
  }
  const drawn = new Uint8Array(length)
  drawn.set(pool.subarray(poolAt, poolAt + length))
  pool.fill(0, poolAt, poolAt + length)
  poolAt += length
  return drawn
}
