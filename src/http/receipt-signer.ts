/**
 * The seller's Ed25519 key, and receipts signed with it. The key follows from the shop's secret, which its ledger keeps:
 * there is nothing else to store, and a restart or a backup changes no key that buyers have pinned.
 */
import { CompactSign, exportJWK } from 'jose'
import { concat, fromBase64, utf8 } from '../bytes/index.js'
import { hmacSha256 } from '../crypto/index.js'
import { checkSecret } from './errors.js'
import { readMembers, RECEIPT_ALGORITHM, RECEIPT_TYPE, receiptMembers, type Receipt } from './receipt.js'

export interface ReceiptSigner {
  /** The public key, for `Pay-Terms`: 32 bytes. */
  readonly key: Uint8Array
  /** The receipt as text. @throws {ReceiptError} `RECEIPT_VALUE` for one that nobody could read */
  readonly sign: (receipt: Receipt) => Promise<string>
}

/** RFC 8410 section 7: what stands before the 32 bytes of an Ed25519 private key in PKCS #8. */
const PKCS8_HEAD = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32)

/** `secret`: at least 16 bytes, the same after a restart (see `keptSecret`). @throws {ShopError} `SHOP_OPTIONS` */
export async function receiptSigner(secret: Uint8Array): Promise<ReceiptSigner> {
  checkSecret(secret)
  const pkcs8 = concat(PKCS8_HEAD, hmacSha256(secret, utf8('sluice receipt key')))
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', true, ['sign'])
  const { x = '' } = await exportJWK(privateKey)
  const header = { alg: RECEIPT_ALGORITHM, typ: RECEIPT_TYPE, kid: x }
  return {
    key: fromBase64(x),
    async sign(receipt) {
      const payload = utf8(JSON.stringify(receiptMembers(receipt)))
      readMembers(payload)
      return new CompactSign(payload).setProtectedHeader(header).sign(privateKey)
    },
  }
}
