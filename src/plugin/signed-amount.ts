/** Signed decimal amounts, as the limits and balances of the 2017 plugin are written: `Infinity` is no limit. */
import { InvalidFieldsError } from './errors.js'

/** Above every balance that a ledger can have. */
export const NO_LIMIT = 1n << 63n

/** @throws {InvalidFieldsError} */
export function parseSigned(text: unknown, name: string): bigint {
  if (text === 'Infinity') return NO_LIMIT
  if (text === '-Infinity') return -NO_LIMIT
  const shape = typeof text === 'string' && /^-?(0|[1-9][0-9]{0,18})$/.test(text)
  const value = shape ? BigInt(text) : NO_LIMIT
  if (!shape || value >= NO_LIMIT || value <= -NO_LIMIT) {
    throw new InvalidFieldsError(`${name} must be a decimal string of base units, below 2^63`)
  }
  return value
}

export function formatSigned(value: bigint): string {
  if (value >= NO_LIMIT) return 'Infinity'
  if (value <= -NO_LIMIT) return '-Infinity'
  return String(value)
}
