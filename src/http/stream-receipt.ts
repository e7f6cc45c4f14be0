/** What a stream's receipt says, put together from what was sold and where. */
import type { LinkInfo } from '../link/index.js'
import { termsHashOf, type Receipt } from './receipt.js'
import type { Totals } from './stream-messages.js'

/** What a stream sells, and what was captured for it so far. */
export interface Sold {
  /** The text of its `Pay-Terms` header. */
  readonly payTerms: string
  readonly unit: string
  /** Base units, per unit. */
  readonly price: bigint
  /** Units captured. */
  readonly units: number
  readonly totals: Totals
}

export interface SaleFacts {
  readonly info: LinkInfo
  /** The address of the stream's `Pay` header. */
  readonly stream: string
  /** Whose holds paid, as the link names it: an account of ours, or the peer's address. */
  readonly payer: string
  readonly time: number
}

export function streamReceipt(sold: Sold, { info, stream, payer, time }: SaleFacts): Receipt {
  const { payTerms, unit, price, units, totals } = sold
  return {
    issuer: info.account,
    account: payer.includes('.') ? payer : `${info.prefix}${payer}`,
    stream,
    termsHash: termsHashOf(payTerms),
    unit,
    units: BigInt(units),
    price,
    amount: totals.amount,
    asset: info.assetCode,
    scale: info.assetScale,
    endOffset: totals.endOffset,
    time,
  }
}
