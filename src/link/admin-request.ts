/**
 * What an operator may ask of a hosted ledger, as values that travel as JSON, and their strict reader.
 * Amounts are decimal base units, ids are UUIDs, times are milliseconds since 1970.
 */
import { SluiceError } from '../errors/index.js'

/**
 * Codes:
 * `ADMIN_REQUEST` the request cannot be read: whoever asked speaks something else;
 * `ADMIN_SOCKET` the socket cannot be made, or its answer cannot be read;
 * `ADMIN_TIMEOUT` the process that owns the ledger does not answer.
 */
export class AdminError extends SluiceError {}

export type AdminRequest =
  /** Accounts by name: at most `most`, with how many more there are. */
  | { readonly do: 'list'; readonly most: number }
  | { readonly do: 'show'; readonly account: string }
  /** `tokenHash`: base64url of the SHA-256 of what the holder has to show. */
  | {
      readonly do: 'open'
      readonly account: string
      readonly creditLimit: string
      readonly balanceMax: string
      readonly tokenHash?: string
    }
  /** What is not named stays as it is. */
  | { readonly do: 'limit'; readonly account: string; readonly creditLimit?: string; readonly balanceMax?: string }
  | { readonly do: 'freeze'; readonly account: string; readonly frozen: boolean }
  | { readonly do: 'close'; readonly account: string }
  /** A deposit, or with a negative amount a withdrawal. Once per id, until it expires. */
  | {
      readonly do: 'fund'
      readonly account: string
      readonly id: string
      readonly amount: string
      readonly expiresAt: number
    }
  /** Live ones first, then those that ended and are remembered, the latest expiries first. */
  | { readonly do: 'transfers'; readonly account?: string; readonly most: number }

/** A request from its JSON. @throws {AdminError} `ADMIN_REQUEST` */
export function parseAdminRequest(text: string): AdminRequest {
  const fields = objectOf(text)
  const asked = fields['do']
  const account = (): string => textOf(fields, 'account', /^[^]{1,1023}$/)
  switch (asked) {
    case 'list':
      return { do: asked, most: wholeOf(fields, 'most') }
    case 'transfers':
      return { do: asked, most: wholeOf(fields, 'most'), ...('account' in fields && { account: account() }) }
    case 'show':
    case 'close':
      return { do: asked, account: account() }
    case 'freeze':
      return { do: asked, account: account(), frozen: fields['frozen'] === true }
    case 'open': {
      const limits = {
        creditLimit: textOf(fields, 'creditLimit', AMOUNT),
        balanceMax: textOf(fields, 'balanceMax', AMOUNT),
      }
      const token = 'tokenHash' in fields && { tokenHash: textOf(fields, 'tokenHash', HASH) }
      return { do: asked, account: account(), ...limits, ...token }
    }
    case 'limit':
      return {
        do: asked,
        account: account(),
        ...('creditLimit' in fields && { creditLimit: textOf(fields, 'creditLimit', AMOUNT) }),
        ...('balanceMax' in fields && { balanceMax: textOf(fields, 'balanceMax', AMOUNT) }),
      }
    case 'fund': {
      const [id, amount] = [textOf(fields, 'id', UUID), textOf(fields, 'amount', AMOUNT)]
      return { do: asked, account: account(), id, amount, expiresAt: wholeOf(fields, 'expiresAt') }
    }
    default:
      throw new AdminError(
        'ADMIN_REQUEST',
        'a request does one of list, show, open, limit, freeze, close, fund, transfers',
      )
  }
}

const AMOUNT = /^-?[0-9]{1,20}$/
const HASH = /^[A-Za-z0-9_-]{43}$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return { ...value }
  } catch {
    // Told below.
  }
  throw new AdminError('ADMIN_REQUEST', 'a request is one line with a JSON object')
}

function textOf(fields: Readonly<Record<string, unknown>>, name: string, form: RegExp): string {
  const value = fields[name]
  if (typeof value === 'string' && form.test(value)) return value
  throw new AdminError('ADMIN_REQUEST', `the request's ${name} is missing or not in its form`)
}

function wholeOf(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new AdminError('ADMIN_REQUEST', `the request's ${name} is no whole number from 0`)
}
