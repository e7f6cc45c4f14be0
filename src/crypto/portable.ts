/** `#crypto` where there is no `node:crypto`: the audited noble libraries, and the platform's random bytes. */
import { gcm } from '@noble/ciphers/aes.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { equal } from '../bytes/index.js'
import type { Mac } from './types.js'

declare const crypto: { getRandomValues(bytes: Uint8Array): Uint8Array }

export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes)
}

/** Whether the SHA-256 of `bytes` is `digest`, in time that does not depend on what `digest` is. */
export function isPreimage(bytes: Uint8Array, digest: Uint8Array): boolean {
  return equal(nobleSha256(bytes), digest)
}

export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmac(nobleSha256, key, message)
}

export function hmacSha256Key(key: Uint8Array): Mac {
  const keyed = hmac.create(nobleSha256, key)
  return (message) => keyed.clone().update(message).digest()
}

/** Cipher text and the 16-byte tag apart, as PSK 1.0 carries them. */
export function aes256GcmEncrypt(
  key: Uint8Array,
  iv: Uint8Array,
  plain: Uint8Array,
): { cipherText: Uint8Array; tag: Uint8Array } {
  const sealed = gcm(key, iv).encrypt(plain)
  return { cipherText: sealed.subarray(0, sealed.length - 16), tag: sealed.subarray(sealed.length - 16) }
}

/** The plain text, or `undefined` when key, tag or cipher text do not belong together. */
export function aes256GcmDecrypt(
  key: Uint8Array,
  iv: Uint8Array,
  cipherText: Uint8Array,
  tag: Uint8Array,
): Uint8Array | undefined {
  const sealed = new Uint8Array(cipherText.length + tag.length)
  sealed.set(cipherText)
  sealed.set(tag, cipherText.length)
  try {
    return gcm(key, iv).decrypt(sealed)
  } catch {
    return undefined
  }
}

export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}
