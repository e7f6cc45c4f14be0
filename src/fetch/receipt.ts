/**
 * The receipt of a purchase: asked for over the link that paid, checked against the key of `Pay-Terms` and against the
 * buyer's own count. Whether that key is the one that the seller had before is for whoever keeps the accounts to know.
 */
import {
  decodeReceipt,
  encodeReceiptRequest,
  termsHashOf,
  verifyReceipt,
  type PayTerms,
  type Receipt,
} from '../http/headers.js'
import type { Link } from '../link/index.js'
import { FetchError } from './errors.js'
import type { Offer } from './offer.js'

/** What a receipt is held against. */
export interface Purchase {
  readonly link: Link
  /** The address of the `Pay` header. */
  readonly address: string
  /** The text of the `Pay-Terms` header, and what it says. */
  readonly payTerms: string
  readonly terms: PayTerms
  /** Units captured, by the buyer's own count. */
  readonly units: () => number
}

/** A receipt that was found good, and its text, which anybody can check who has the seller's key. */
export interface GoodReceipt extends Receipt {
  readonly text: string
}

/** The Ed25519 public key that signs the seller's receipts, 32 bytes; to be pinned when one first buys there. */
export function keyOf(offer: Offer): Uint8Array | undefined {
  return offer.terms?.key
}

/** `undefined` when nothing was bought, or the seller signs nothing. @throws {FetchError} `FETCH_RECEIPT` */
export async function askReceipt(purchase: Purchase): Promise<GoodReceipt | undefined> {
  const { link, address, terms } = purchase
  if (terms.key === undefined || purchase.units() === 0) return undefined
  const answer = await link.request([encodeReceiptRequest(address)]).catch((cause: unknown) => {
    throw receiptError('the seller, who names a key for receipts, gave none', cause)
  })
  const text = decodeReceipt(answer)
  if (text === undefined) throw receiptError('the seller answered without a receipt')
  const receipt = await verifyReceipt(text, { key: terms.key }).catch((cause: unknown) => {
    throw receiptError('the receipt is not good', cause)
  })
  const faults = differences(receipt, purchase)
  if (faults.length > 0) throw receiptError(`the receipt is not for what was bought here (${faults.join('; ')})`)
  return { ...receipt, text }
}

/** Where the receipt says something else than the buyer knows. */
function differences(receipt: Receipt, { link, address, payTerms, terms, units }: Purchase): string[] {
  const bought = BigInt(units())
  const expected: Partial<Receipt> = {
    issuer: link.info.peer,
    account: link.info.account,
    stream: address,
    termsHash: termsHashOf(payTerms),
    unit: terms.unit,
    units: bought,
    price: terms.price,
    amount: bought * terms.price,
    asset: link.info.assetCode,
    scale: link.info.assetScale,
  }
  return Object.entries(expected).flatMap(([name, value]) => {
    const said = receipt[name as keyof Receipt]
    return said === value ? [] : [`${name}: ${said} instead of ${value}`]
  })
}

function receiptError(what: string, cause?: unknown): FetchError {
  const why = cause instanceof Error ? `: ${cause.message}` : ''
  return new FetchError('FETCH_RECEIPT', `${what}${why}`, { cause })
}
