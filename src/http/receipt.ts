/**
 * Receipts: what a seller signs about a sale, and how anybody checks it offline. A compact JWS (RFC 7515) of type
 * `sluice-receipt`, signed with EdDSA over Ed25519 (RFC 8037) by the key that `Pay-Terms` names. Browser-safe.
 * docs/reference/receipts.md has each member. Leaves out whose key it is: who buys pins it.
 */
import { compactVerify, decodeProtectedHeader, errors as jose } from 'jose'
import { BytesError, fromBase64, fromUtf8, toBase64url, utf8 } from '../bytes/index.js'
import { sha256 } from '../crypto/index.js'
import { SluiceError } from '../errors/index.js'
import { parseAmount } from '../ilp/index.js'

/**
 * Codes:
 * `RECEIPT_KEY` the key has no 32 bytes, is not the one that signed, or cannot be used on this platform;
 * `RECEIPT_SIGNATURE` the signature does not fit: the receipt was changed, or not signed by this key;
 * `RECEIPT_SYNTAX` the text is no receipt;
 * `RECEIPT_TOO_LONG` the text has more than {@link RECEIPT_CHARS_MAX} characters;
 * `RECEIPT_VALUE` a member is missing or cannot be true; the message names it.
 */
export class ReceiptError extends SluiceError {}

/** What was sold to whom for how much, up to `time`. */
export interface Receipt {
  /** The seller's address on its ledger. */
  readonly issuer: string
  /** The address of the account that paid. */
  readonly account: string
  /** The address of the `Pay` header: names the stream. */
  readonly stream: string
  /** SHA-256 of the `Pay-Terms` header's text, as base64url. */
  readonly termsHash: string
  readonly unit: string
  /** Units that were captured. */
  readonly units: bigint
  /** Base units of the asset, per unit. */
  readonly price: bigint
  /** Base units that were captured: units × price, and what a payer gave beyond. */
  readonly amount: bigint
  readonly asset: string
  /** Decimal places of the asset's base unit, 0…255. */
  readonly scale: number
  /** Where the captured units end in the content-decoded body, in bytes. */
  readonly endOffset: number
  /** When it was signed, by the seller's clock: milliseconds since 1970. */
  readonly time: number
}

export const RECEIPT_CHARS_MAX = 8192
export const RECEIPT_TYPE = 'sluice-receipt'
export const RECEIPT_ALGORITHM = 'EdDSA'

/** What a receipt says of its terms: whoever kept the header's text can compare. */
export function termsHashOf(payTerms: string): string {
  return toBase64url(sha256(utf8(payTerms)))
}

/** The receipt that the text is, signed by the Ed25519 public key `key`. Any text gives a receipt or a {@link ReceiptError}. */
export async function verifyReceipt(text: string, { key }: { readonly key: Uint8Array }): Promise<Receipt> {
  if (text.length > RECEIPT_CHARS_MAX) {
    throw new ReceiptError('RECEIPT_TOO_LONG', `a receipt has at most ${RECEIPT_CHARS_MAX} characters`)
  }
  checkParts(text)
  const signedBy = checkHeader(text)
  if (key.length !== 32) throw new ReceiptError('RECEIPT_KEY', 'an Ed25519 public key has 32 bytes')
  const x = toBase64url(key)
  if (signedBy !== undefined && signedBy !== x) {
    throw new ReceiptError('RECEIPT_KEY', `the receipt names another key, ${JSON.stringify(signedBy)}`)
  }
  return readMembers(await checkSignature(text, x))
}

/** Three parts in base64url. Each value has one text, so that no character can change unnoticed. */
function checkParts(text: string): void {
  try {
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) throw notAReceipt()
    for (const part of text.split('.')) fromBase64(part)
  } catch (cause) {
    throw cause instanceof BytesError ? notAReceipt(cause) : cause
  }
}

/** The key that the receipt names. */
function checkHeader(text: string): unknown {
  let header: ReturnType<typeof decodeProtectedHeader>
  try {
    header = decodeProtectedHeader(text)
  } catch (cause) {
    throw notAReceipt(cause)
  }
  if (header.typ !== RECEIPT_TYPE) throw new ReceiptError('RECEIPT_SYNTAX', `its type must be ${RECEIPT_TYPE}`)
  if (header.alg !== RECEIPT_ALGORITHM)
    throw new ReceiptError('RECEIPT_SYNTAX', `it must be signed by ${RECEIPT_ALGORITHM}`)
  return header.kid
}

/** The payload. */
async function checkSignature(text: string, x: string): Promise<Uint8Array> {
  try {
    const publicKey = { kty: 'OKP', crv: 'Ed25519', x }
    const { payload } = await compactVerify(text, publicKey, { algorithms: [RECEIPT_ALGORITHM] })
    return payload
  } catch (cause) {
    if (cause instanceof jose.JWSSignatureVerificationFailed) {
      const message = 'the signature does not fit: the receipt was changed, or another key has signed it'
      throw new ReceiptError('RECEIPT_SIGNATURE', message, { cause })
    }
    if (cause instanceof jose.JOSEError) throw notAReceipt(cause)
    throw new ReceiptError('RECEIPT_KEY', 'the key is no Ed25519 public key, or this platform knows none', { cause })
  }
}

/** The payload's members as they stand in JSON: amounts and units as decimal text, the time as ISO 8601. */
export function receiptMembers(receipt: Receipt): Record<keyof Receipt, string | number> {
  const { units, price, amount, time } = receipt
  return {
    ...receipt,
    units: units.toString(),
    price: price.toString(),
    amount: amount.toString(),
    time: new Date(time).toISOString(),
  }
}

/** The receipt of a payload; unknown members are ignored. @throws {ReceiptError} `RECEIPT_SYNTAX`, `RECEIPT_VALUE` */
export function readMembers(payload: Uint8Array): Receipt {
  const members = parseObject(payload)
  return {
    issuer: textOf(members, 'issuer', PRINTABLE),
    account: textOf(members, 'account', PRINTABLE),
    stream: textOf(members, 'stream', PRINTABLE),
    termsHash: textOf(members, 'termsHash', HASH),
    unit: textOf(members, 'unit', UNIT),
    units: amountOf(members, 'units'),
    price: amountOf(members, 'price'),
    amount: amountOf(members, 'amount'),
    asset: textOf(members, 'asset', ASSET),
    scale: integerOf(members, 'scale', 255),
    endOffset: integerOf(members, 'endOffset', Number.MAX_SAFE_INTEGER),
    time: timeOf(members, 'time'),
  }
}

type Members = Readonly<Record<string, unknown>>

const PRINTABLE = /^[\x21-\x7e]{1,1023}$/
const HASH = /^[A-Za-z0-9_-]{43}$/
const UNIT = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/
const ASSET = /^[\x21-\x7e]{1,32}$/

function parseObject(payload: Uint8Array): Members {
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(payload))
  } catch (cause) {
    throw notAReceipt(cause)
  }
  if (typeof value !== 'object' || value === null) throw notAReceipt()
  return value as Members
}

function textOf(members: Members, name: keyof Receipt, pattern: RegExp): string {
  const value = members[name]
  if (typeof value !== 'string' || !pattern.test(value)) throw badValue(name)
  return value
}

function amountOf(members: Members, name: keyof Receipt): bigint {
  try {
    return parseAmount(textOf(members, name, /./))
  } catch (cause) {
    throw badValue(name, cause)
  }
}

function integerOf(members: Members, name: keyof Receipt, most: number): number {
  const value = members[name]
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) throw badValue(name)
  return value
}

function timeOf(members: Members, name: keyof Receipt): number {
  const text = textOf(members, name, /./)
  const time = Date.parse(text)
  // One text for each time, and not all that an engine happens to read.
  if (Number.isNaN(time) || new Date(time).toISOString() !== text) throw badValue(name)
  return time
}

function notAReceipt(cause?: unknown): ReceiptError {
  const message = 'the text is no receipt: it must be a compact JWS whose payload is a JSON object'
  return new ReceiptError('RECEIPT_SYNTAX', message, { cause })
}

function badValue(name: keyof Receipt, cause?: unknown): ReceiptError {
  return new ReceiptError('RECEIPT_VALUE', `${name} is missing, or is no value that it can have`, { cause })
}
