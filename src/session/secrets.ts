/** How the token of a BTP connection is kept and compared: as its SHA-256, in constant time, never logged. */
import { equal, fromBase64, toBase64url, utf8 } from '../bytes/index.js'
import { sha256 } from '../crypto/index.js'

/** How a token is stored: base64url of its SHA-256. Also the account name of a holder without a user name. */
export function hashToken(token: string): string {
  return toBase64url(sha256(utf8(token)))
}

/** Compares tokens with a stored {@link hashToken}, in constant time. @throws {BytesError} `BYTES_BASE64` */
export function tokenMatcher(hashed: string): (token: string) => boolean {
  const expected = fromBase64(hashed)
  return (token) => equal(sha256(utf8(token)), expected)
}

/** Compares tokens with one secret, in constant time; keeps only its hash. */
export function secretMatcher(secret: string): (token: string) => boolean {
  return tokenMatcher(hashToken(secret))
}
