/**
 * The `Pay-Terms` response header: an RFC 9651 dictionary with all that a client needs to buy, beside the `Pay` header.
 * `unit=letter, price="1", asset="USD", scale=9, window="100", ledger="btp+ws://host/btp";v=1, accounts=open, key=:…:`
 * Amounts are strings, because the integers of RFC 9651 stop at 10^15. Unknown keys and parameters are ignored.
 * Browser-safe.
 */
import { parseDictionary, serializeDictionary, Token } from 'structured-headers'
import type { BareItem, Dictionary, Parameters } from 'structured-headers'
import { SluiceError } from '../errors/index.js'
import { parseAmount } from '../ilp/index.js'

/** Codes `PAY_TERMS_SYNTAX`, `PAY_TERMS_TOO_LONG`, `PAY_TERMS_MISSING`, `PAY_TERMS_VALUE`. */
export class PayTermsError extends SluiceError {}

export interface PayTerms {
  /** What one price buys, such as `letter`. */
  readonly unit: string
  /** How many of what `unit` says one price buys; absent: one. */
  readonly step?: number
  /** Base units of the asset, per unit. */
  readonly price: bigint
  readonly asset: string
  /** Decimal places of the asset's base unit, 0…255. */
  readonly scale: number
  /** The most money that the seller asks a buyer to have at risk, in base units. */
  readonly window: bigint
  /** Where the seller's ledger listens. */
  readonly ledger?: LedgerLocation
  /** `open`: anyone may open an account. `known`: the seller opens them. */
  readonly accounts?: 'open' | 'known'
  /** The seller's Ed25519 public key, which signs receipts: 32 bytes. */
  readonly key?: Uint8Array
  /** `header`: what one payment bought is asked for by the same request, with its fulfillment in `Pay-Fulfillment`. */
  readonly redeem?: 'header'
}

export interface LedgerLocation {
  /** `btp+ws://…` or `btp+wss://…`, without user and password. */
  readonly uri: string
  /** The version of the Bilateral Transfer Protocol spoken there. */
  readonly version: 1 | 2
}

export const PAY_TERMS_CHARS_MAX = 4096

/** @throws {PayTermsError} */
export function parsePayTerms(text: string): PayTerms {
  if (text.length > PAY_TERMS_CHARS_MAX) {
    throw new PayTermsError('PAY_TERMS_TOO_LONG', `Pay-Terms may have ${PAY_TERMS_CHARS_MAX} characters`)
  }
  const dictionary = readDictionary(text)
  const ledger = readLedger(dictionary)
  const accounts = optional(dictionary, 'accounts')
  const key = optional(dictionary, 'key')
  const redeem = optional(dictionary, 'redeem')
  const step = readStep(dictionary)
  return checked({
    ...(step !== undefined && { step }),
    unit: tokenText(required(dictionary, 'unit'), 'unit'),
    price: amount(required(dictionary, 'price'), 'price'),
    asset: string(required(dictionary, 'asset'), 'asset'),
    scale: integer(required(dictionary, 'scale'), 'scale'),
    window: amount(required(dictionary, 'window'), 'window'),
    ...(ledger && { ledger }),
    ...(accounts !== undefined && { accounts: accountPolicy(tokenText(accounts, 'accounts')) }),
    ...(key !== undefined && { key: byteSequence(key, 'key') }),
    ...(redeem !== undefined && { redeem: redemption(tokenText(redeem, 'redeem')) }),
  })
}

/** The header's text. @throws {PayTermsError} for terms that {@link parsePayTerms} would refuse */
export function formatPayTerms(terms: PayTerms): string {
  const { unit, step, price, asset, scale, window, ledger, accounts, key, redeem } = checked(terms)
  const dictionary: Dictionary = new Map()
  const put = (name: string, value: BareItem, parameters: Parameters = new Map()): void => {
    dictionary.set(name, [value, parameters])
  }
  put('unit', new Token(unit), new Map(step === undefined ? [] : [['step', step]]))
  put('price', price.toString())
  put('asset', asset)
  put('scale', scale)
  put('window', window.toString())
  if (ledger) put('ledger', ledger.uri, new Map([['v', ledger.version]]))
  if (accounts) put('accounts', new Token(accounts))
  if (key) put('key', key)
  if (redeem) put('redeem', new Token(redeem))
  const text = serializeDictionary(dictionary)
  if (text.length > PAY_TERMS_CHARS_MAX) {
    throw new PayTermsError('PAY_TERMS_TOO_LONG', `Pay-Terms may have ${PAY_TERMS_CHARS_MAX} characters`)
  }
  return text
}

function readDictionary(text: string): Dictionary {
  try {
    return parseDictionary(text)
  } catch (cause) {
    throw new PayTermsError('PAY_TERMS_SYNTAX', 'Pay-Terms must be an RFC 9651 dictionary', { cause })
  }
}

function readLedger(dictionary: Dictionary): LedgerLocation | undefined {
  const item = dictionary.get('ledger')
  if (!item) return undefined
  const version: unknown = item[1].has('v') ? item[1].get('v') : 1
  if (version !== 1 && version !== 2) throw badValue('ledger', 'its parameter v must be 1 or 2')
  return { uri: string(item[0], 'ledger'), version }
}

function readStep(dictionary: Dictionary): number | undefined {
  const step: unknown = dictionary.get('unit')?.[1].get('step')
  if (step === undefined) return undefined
  return integer(step, 'unit')
}

function checked(terms: PayTerms): PayTerms {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,31}$/.test(terms.unit))
    throw badValue('unit', 'it must be a word of at most 32 letters')
  if (terms.step !== undefined && !(Number.isSafeInteger(terms.step) && terms.step > 0 && terms.step < 1e15))
    throw badValue('unit', 'its parameter step must be a whole number from 1')
  if (terms.price < 0n || terms.price >= 1n << 64n) throw badValue('price', 'it must be below 2^64')
  if (!/^[\x21-\x7e]{1,32}$/.test(terms.asset)) throw badValue('asset', 'it must be an asset code such as "USD"')
  if (!Number.isInteger(terms.scale) || terms.scale < 0 || terms.scale > 255)
    throw badValue('scale', 'it must be 0…255')
  if (terms.window < 0n || terms.window >= 1n << 64n) throw badValue('window', 'it must be below 2^64')
  if (terms.ledger && !isLedgerUri(terms.ledger.uri)) {
    throw badValue('ledger', 'it must be a btp+ws:// or btp+wss:// address without user and password')
  }
  if (terms.key && terms.key.length !== 32) throw badValue('key', 'it must have 32 bytes')
  return terms
}

function isLedgerUri(uri: string): boolean {
  if (!/^btp\+wss?:\/\/[\x21-\x7e]+$/.test(uri) || !URL.canParse(uri)) return false
  const { hostname, username, password } = new URL(uri)
  return hostname !== '' && username === '' && password === ''
}

function accountPolicy(text: string): 'open' | 'known' {
  if (text !== 'open' && text !== 'known') throw badValue('accounts', 'it must be open or known')
  return text
}

function redemption(text: string): 'header' {
  if (text !== 'header') throw badValue('redeem', 'it must be header')
  return text
}

function required(dictionary: Dictionary, key: string): unknown {
  const value = optional(dictionary, key)
  if (value === undefined) throw new PayTermsError('PAY_TERMS_MISSING', `Pay-Terms must say ${key}`)
  return value
}

function optional(dictionary: Dictionary, key: string): unknown {
  return dictionary.get(key)?.[0]
}

function tokenText(value: unknown, key: string): string {
  if (value instanceof Token) return value.toString()
  throw badValue(key, 'it must be a token')
}

function string(value: unknown, key: string): string {
  if (typeof value === 'string') return value
  throw badValue(key, 'it must be a string')
}

function integer(value: unknown, key: string): number {
  if (typeof value === 'number') return value
  throw badValue(key, 'it must be an integer')
}

function amount(value: unknown, key: string): bigint {
  try {
    return parseAmount(string(value, key))
  } catch (cause) {
    throw new PayTermsError('PAY_TERMS_VALUE', `${key} of Pay-Terms must be a string of digits, below 2^64`, { cause })
  }
}

function byteSequence(value: unknown, key: string): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value)
  throw badValue(key, 'it must be a byte sequence')
}

function badValue(key: string, why: string): PayTermsError {
  return new PayTermsError('PAY_TERMS_VALUE', `${key} of Pay-Terms is not usable: ${why}`)
}
