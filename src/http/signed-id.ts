/**
 * Ids that their issuer recognises without remembering them: a body and a tag, which is a truncated HMAC-SHA-256 under
 * the issuer's secret. So strangers who ask for offers cost no memory, and a restart forgets none.
 */
import { concat, equal, utf8 } from '../bytes/index.js'
import { hmacSha256, hmacSha256Key } from '../crypto/index.js'

export interface Signer {
  /** The body and its tag. */
  readonly sign: (body: Uint8Array) => Uint8Array
  /** The body, or `undefined` for bytes that were not signed here. */
  readonly open: (signed: Uint8Array) => Uint8Array | undefined
}

/** `label` keeps the uses of one secret apart. */
export function createSigner(secret: Uint8Array, label: string, bodyBytes: number, tagBytes: number): Signer {
  const mac = hmacSha256Key(hmacSha256(secret, utf8(label)))
  const tag = (body: Uint8Array): Uint8Array => mac(body).subarray(0, tagBytes)
  return {
    sign: (body) => concat(body, tag(body)),
    open(signed) {
      if (signed.length !== bodyBytes + tagBytes) return undefined
      const body = signed.subarray(0, bodyBytes)
      return equal(tag(body), signed.subarray(bodyBytes)) ? body : undefined
    },
  }
}
