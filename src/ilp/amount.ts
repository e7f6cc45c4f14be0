/** Amounts in base units: decimal text to `bigint` and back, through one parser. 0 ≤ amount < 2^64. */
import { IlpError } from './errors.js'

export const AMOUNT_MAX = 0xffff_ffff_ffff_ffffn

const DECIMAL = /^(?:0|[1-9][0-9]{0,19})$/

/** The amount that plain decimal text says: no sign, no leading zero, no exponent. @throws {IlpError} `ILP_AMOUNT` */
export function parseAmount(text: string): bigint {
  // Callers of the plugin interface may hand over anything: a number would pass the pattern.
  if (typeof text === 'string' && DECIMAL.test(text)) {
    const amount = BigInt(text)
    if (amount <= AMOUNT_MAX) return amount
  }
  throw new IlpError('ILP_AMOUNT', 'expected an amount as a plain decimal string from 0 to 18446744073709551615')
}

/** The decimal text of an amount. @throws {IlpError} `ILP_AMOUNT` when it is negative or has more than 64 bits */
export function formatAmount(amount: bigint): string {
  if (amount < 0n || amount > AMOUNT_MAX) {
    throw new IlpError('ILP_AMOUNT', 'expected an amount from 0 to 18446744073709551615')
  }
  return amount.toString()
}
