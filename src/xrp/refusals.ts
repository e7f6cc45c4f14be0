/** What the ledger's refusals mean to whoever sends a hold: our code, the Ledger Plugin Interface's name, and what to do. */
import type { HoldOutcome } from '../link/index.js'
import type { Affordable } from './account.js'
import type { RefusalCode } from './errors.js'

interface Refusal {
  readonly code: RefusalCode
  readonly message: string
}

/** Of a transaction that a validated ledger has with a result other than success: the fee is paid, nothing else happened. */
export function refusalOf(result: string): Refusal {
  return REFUSALS[result] ?? { code: 'XRP_REFUSED', message: 'the ledger refused it' }
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  tecNO_DST: { code: 'XRP_DESTINATION', message: 'the ledger has no account with this address' },
  tecDST_TAG_NEEDED: {
    code: 'XRP_DESTINATION',
    message: 'the receiver asks for a destination tag, which a hold has not',
  },
  tecNO_PERMISSION: { code: 'XRP_EXPIRED', message: 'it had expired when the ledger came to it' },
  tecUNFUNDED: { code: 'XRP_FUNDS', message: 'the balance less the reserve does not cover the amount' },
  tecINSUFFICIENT_RESERVE: { code: 'XRP_RESERVE', message: "the balance does not cover the account's reserve" },
}

/** The name by which the Ledger Plugin Interface knows it. */
function nameOf(code: RefusalCode): string {
  switch (code) {
    case 'XRP_ACCOUNT':
    case 'XRP_DESTINATION':
      return 'AccountNotFoundError'
    case 'XRP_RESERVE':
    case 'XRP_FUNDS':
      return 'InsufficientBalanceError'
    case 'XRP_EXPIRED':
    case 'XRP_MEMO':
      return 'InvalidFieldsError'
    case 'XRP_TRANSFER':
      return 'DuplicateIdError'
    case 'XRP_BUSY':
    case 'XRP_NOT_VALIDATED':
      return 'UnreachableError'
    case 'XRP_FEE':
    case 'XRP_REFUSED':
      return 'NotAcceptedError'
  }
}

/** The code also begins the message, because errors of the interface have codes of their own. */
export function refused(code: RefusalCode, message: string): Extract<HoldOutcome, { status: 'refused' }> {
  return { status: 'refused', name: nameOf(code), code, message: `${code}: ${message}` }
}

/** Why a transaction was not sent. */
export function shortage(affordable: Exclude<Affordable, 'yes'>): [code: RefusalCode, result: string, message: string] {
  switch (affordable) {
    case 'no account':
      return ['XRP_ACCOUNT', '', 'the ledger has no such account yet: pay it at least the base reserve']
    case 'reserve':
      return ['XRP_RESERVE', '', "the balance would not cover the account's reserve: each open escrow reserves more"]
    case 'funds':
      return ['XRP_FUNDS', '', 'the balance less the reserve does not cover the amount and the fee']
  }
}
