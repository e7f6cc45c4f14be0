/**
 * The cryptography that the protocols need, synchronous: SHA-256, HMAC-SHA-256, AES-256-GCM, random bytes.
 * `#crypto` is chosen by the package's `imports` map: `node:crypto` on Node, the noble libraries elsewhere.
 */
export { aes256GcmDecrypt, aes256GcmEncrypt, hmacSha256, hmacSha256Key, isPreimage, randomBytes, sha256 } from '#crypto'
export type { Mac } from './types.js'
