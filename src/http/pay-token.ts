/**
 * The two derivations behind `Pay-Token` (RFC-14 drafts 1 and 2): a client's token for a host, and the secret that a
 * server shares with whoever shows a token. Neither side stores anything for them. Both are secrets: never log them.
 */
import { toBase64url, utf8 } from '../bytes/index.js'
import { hmacSha256 } from '../crypto/index.js'

/** `Pay-Token` of a client for one host: base64url(HMAC(clientSecret, hostname)). */
export function payTokenFor(clientSecret: Uint8Array, hostname: string): string {
  return toBase64url(hmacSha256(clientSecret, utf8(hostname)))
}

/** 32 bytes: HMAC(receiverSecret, token), over the token's text as it stands in the header. */
export function sharedSecretFor(receiverSecret: Uint8Array, token: string): Uint8Array {
  return hmacSha256(receiverSecret, utf8(token))
}
