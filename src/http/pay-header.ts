/**
 * The `Pay` response header in all its dialects: the Letter Shop and Streaming tutorials of 2017 (interledger/tutorials)
 * and RFC-14 drafts 1 to 3 of interledger/rfcs. Amounts are base units of the ledger that the address names.
 *
 *   interledger-condition <amount> <address> <condition>     condition, named
 *   <amount> <address> <condition | secret>                  bare: its origin decides what the third field is
 *   interledger-psk <amount> <address> <secret>              psk, named
 *   interledger-psk2 <address> <secret> [<price>]            psk2
 *
 * Browser-safe. Reads every dialect; nothing is guessed from lengths, since condition and secret look alike.
 */
import { fromBase64, toBase64url } from '../bytes/index.js'
import { SluiceError } from '../errors/index.js'
import { formatAmount, isAddress, parseAmount } from '../ilp/index.js'

/**
 * Codes `PAY_HEADER_TOO_LONG`, `PAY_HEADER_METHOD` (unknown method), `PAY_HEADER_FIELDS` (wrong number of fields),
 * `PAY_HEADER_AMOUNT`, `PAY_HEADER_ADDRESS`, `PAY_HEADER_SECRET` (not 16…32 bytes of base64),
 * `PAY_HEADER_CONDITION` (not 32 bytes of base64).
 */
export class PayHeaderError extends SluiceError {}

/** What the third field of the bare form is: the seller's choice, which the header does not tell. */
export type BareMeaning = 'psk' | 'hmac-account' | 'condition'

/**
 * How to pay. `condition`: one payment of this condition. `psk`: the fulfillment is derived from secret and packet
 * (PSK 1.0). `hmac-account`: from secret and destination address only. `psk2`: RFC-25.
 */
export type PayHeader =
  | {
      readonly method: 'condition'
      readonly amount: bigint
      readonly address: string
      /** 32 bytes. */
      readonly condition: Uint8Array
    }
  | {
      readonly method: 'psk' | 'hmac-account'
      readonly amount: bigint
      readonly address: string
      /** 16…32 bytes. */
      readonly secret: Uint8Array
    }
  | {
      readonly method: 'psk2'
      readonly amount: bigint | undefined
      readonly address: string
      readonly secret: Uint8Array
    }

export const PAY_HEADER_CHARS_MAX = 2048

/** The header's value. `bare` says what the third field of the bare form is (default `psk`). @throws {PayHeaderError} */
export function parsePay(text: string, bare: BareMeaning = 'psk'): PayHeader {
  if (text.length > PAY_HEADER_CHARS_MAX) throw tooLong()
  const [first = '', ...rest] = text.split(' ').filter((field) => field !== '')
  switch (first) {
    case 'interledger-condition':
      return threeFields('condition', rest)
    case 'interledger-psk':
      return threeFields('psk', rest)
    case 'interledger-psk2':
      return psk2(rest)
    default:
      if (/[A-Za-z]/.test(first)) {
        throw new PayHeaderError('PAY_HEADER_METHOD', 'the Pay header names a method that is not known here')
      }
      return threeFields(bare, [first, ...rest])
  }
}

/**
 * The header's text: named by default, in the bare form on demand. `hmac-account` has only the bare form and `psk2` only
 * the named one. Secrets are written as base64url, that of `psk2` as padded base64, as its deployed readers expect.
 * @throws {PayHeaderError} for a value that {@link parsePay} would refuse
 */
export function formatPay(pay: PayHeader, form: 'named' | 'bare' = 'named'): string {
  const text = fieldsOf(pay, form).join(' ')
  if (text.length > PAY_HEADER_CHARS_MAX) throw tooLong()
  return text
}

function fieldsOf(pay: PayHeader, form: 'named' | 'bare'): string[] {
  checkAddress(pay.address)
  const method = form === 'named' ? [`interledger-${pay.method}`] : []
  switch (pay.method) {
    case 'condition':
      return [...method, amountText(pay.amount), pay.address, toBase64url(checkCondition(pay.condition))]
    case 'psk':
      return [...method, amountText(pay.amount), pay.address, toBase64url(checkSecret(pay.secret))]
    case 'hmac-account':
      return [amountText(pay.amount), pay.address, toBase64url(checkSecret(pay.secret))]
    case 'psk2': {
      const price = pay.amount === undefined ? [] : [amountText(pay.amount)]
      return ['interledger-psk2', pay.address, paddedBase64(checkSecret(pay.secret)), ...price]
    }
  }
}

function threeFields(method: BareMeaning, fields: readonly string[]): PayHeader {
  const [amountField, address, last] = fields
  if (fields.length !== 3 || amountField === undefined || address === undefined || last === undefined) {
    throw new PayHeaderError('PAY_HEADER_FIELDS', 'the Pay header must have an amount, an address and a third field')
  }
  const amount = amountOf(amountField)
  checkAddress(address)
  if (method === 'condition') return { method, amount, address, condition: conditionOf(last) }
  return { method, amount, address, secret: secretOf(last) }
}

function psk2(fields: readonly string[]): PayHeader {
  const [address, secret, price] = fields
  if (fields.length > 3 || address === undefined || secret === undefined) {
    throw new PayHeaderError(
      'PAY_HEADER_FIELDS',
      'after interledger-psk2 there must be an address, a secret and at most a price',
    )
  }
  checkAddress(address)
  const amount = price === undefined ? undefined : amountOf(price)
  return { method: 'psk2', amount, address, secret: secretOf(secret) }
}

function amountOf(text: string): bigint {
  try {
    return parseAmount(text)
  } catch (cause) {
    throw new PayHeaderError('PAY_HEADER_AMOUNT', 'the amount in the Pay header must be digits, below 2^64', { cause })
  }
}

function amountText(amount: bigint): string {
  try {
    return formatAmount(amount)
  } catch (cause) {
    throw new PayHeaderError('PAY_HEADER_AMOUNT', 'the amount for the Pay header must be from 0 to 2^64 - 1', { cause })
  }
}

function checkAddress(address: string): void {
  if (!isAddress(address)) {
    throw new PayHeaderError(
      'PAY_HEADER_ADDRESS',
      'the Pay header must have an ILP address, such as example.shop.server',
    )
  }
}

function secretOf(text: string): Uint8Array {
  const secret = decoded(text)
  if (secret === undefined) throw badSecret()
  return checkSecret(secret)
}

function checkSecret(secret: Uint8Array): Uint8Array {
  if (secret.length < 16 || secret.length > 32) throw badSecret()
  return secret
}

function badSecret(): PayHeaderError {
  return new PayHeaderError('PAY_HEADER_SECRET', 'the secret in the Pay header must be base64url of 16 to 32 bytes')
}

function conditionOf(text: string): Uint8Array {
  const condition = decoded(text)
  if (condition === undefined) throw badCondition()
  return checkCondition(condition)
}

function checkCondition(condition: Uint8Array): Uint8Array {
  if (condition.length !== 32) throw badCondition()
  return condition
}

function badCondition(): PayHeaderError {
  return new PayHeaderError('PAY_HEADER_CONDITION', 'the condition in the Pay header must be base64url of 32 bytes')
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text)
  } catch {
    return undefined
  }
}

/** Standard alphabet with padding (RFC 4648 section 4). */
function paddedBase64(bytes: Uint8Array): string {
  const text = toBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

function tooLong(): PayHeaderError {
  return new PayHeaderError('PAY_HEADER_TOO_LONG', `a Pay header may have ${PAY_HEADER_CHARS_MAX} characters`)
}
