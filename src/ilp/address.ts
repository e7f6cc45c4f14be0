/**
 * ILP addresses (RFC-15 draft 6; prefixes with a trailing dot as in draft 1). Case-sensitive ASCII, at most 1023
 * characters. What a connector may do with which scheme is not decided here.
 */
import { IlpError } from './errors.js'

declare const ADDRESS: unique symbol
/** Text that passed {@link parseAddress}. */
export type IlpAddress = string & { readonly [ADDRESS]: true }

/**
 * `destination`: a scheme and at least one segment. `prefix`: a scheme and any segments, with or without a trailing
 * dot. `lenient`: alphabet and length only, for version 1 packets of strangers whose scheme is unknown.
 */
export type AddressMode = 'destination' | 'prefix' | 'lenient'

export const ADDRESS_LENGTH_MAX = 1023

const SCHEME = '(?:g|private|example|peer|self|test[1-3]?|local)'
const SEGMENT = '[a-zA-Z0-9_~-]+'
const PATTERNS: Readonly<Record<AddressMode, RegExp>> = {
  destination: new RegExp(`^${SCHEME}(?:[.]${SEGMENT})+$`),
  prefix: new RegExp(`^${SCHEME}(?:[.]${SEGMENT})*[.]?$`),
  lenient: /^[a-zA-Z0-9_~.-]+$/,
}

export function isAddress(text: string, mode: AddressMode = 'destination'): text is IlpAddress {
  return typeof text === 'string' && text.length <= ADDRESS_LENGTH_MAX && PATTERNS[mode].test(text)
}

/** @throws {IlpError} `ILP_ADDRESS` */
export function parseAddress(text: string, mode: AddressMode = 'destination'): IlpAddress {
  if (!isAddress(text, mode)) {
    throw new IlpError('ILP_ADDRESS', `expected an ILP address (${mode}) of at most ${ADDRESS_LENGTH_MAX} characters`)
  }
  return text
}

/**
 * Whether `address` is `prefix` or lies below it, on segment boundaries: `example.a.bob` does not match
 * `example.a.bobby`. A trailing dot of the prefix makes no difference; the empty prefix matches everything.
 */
export function hasPrefix(address: string, prefix: string): boolean {
  const length = prefix.endsWith('.') ? prefix.length - 1 : prefix.length
  if (length === 0) return true
  if (!address.startsWith(length === prefix.length ? prefix : prefix.slice(0, length))) return false
  return address.length === length || address.charCodeAt(length) === DOT
}

/**
 * The segment of `address` that follows `account`, or `undefined` when there is none: the client id of
 * `example.shop.server.<client>.<payment>` under `example.shop.server`, whatever the length of the prefix.
 */
export function segmentAfter(address: string, account: string): string | undefined {
  if (!hasPrefix(address, account)) return undefined
  const start = account.endsWith('.') || account === '' ? account.length : account.length + 1
  if (start >= address.length) return undefined
  const end = address.indexOf('.', start)
  const segment = end < 0 ? address.slice(start) : address.slice(start, end)
  return segment === '' ? undefined : segment
}

const DOT = 0x2e
