/** Refusals of the ledger as BTP errors (RFC-23 draft 2), and what an error that answers a Prepare means. */
import type { BtpErrorName } from '../btp/index.js'
import type { Decision, Outcome, RefusalCode } from '../ledger/index.js'
import { btpFailure, type BtpFailure } from '../session/index.js'

/** The BTP error that says why a command did not happen. */
export function failureOf(refusal: { readonly code: RefusalCode; readonly message: string }): BtpFailure {
  return btpFailure(failureName(refusal.code), refusal.message)
}

function failureName(code: RefusalCode): BtpErrorName {
  switch (code) {
    case 'DUPLICATE_ID':
      return 'DuplicateIdError'
    case 'INSUFFICIENT_BALANCE':
    case 'BALANCE_LIMIT':
      return 'InsufficientBalanceError'
    case 'EXPIRED':
    case 'HOLD_TOO_LONG':
    case 'INVALID':
      return 'InvalidFieldsError'
    case 'TOO_MANY_TRANSFERS':
    case 'TOO_MANY_ACCOUNTS':
    case 'TOO_MANY_NOTES':
    case 'BUSY':
      return 'UnreachableError'
    case 'TRANSFER_NOT_FOUND':
      return 'TransferNotFoundError'
    case 'WRONG_FULFILLMENT':
      return 'InvalidFulfillmentError'
    case 'ALREADY_FULFILLED':
      return 'AlreadyFulfilledError'
    case 'ALREADY_ROLLED_BACK':
      return 'AlreadyRolledBackError'
    case 'ACCOUNT_NOT_FOUND':
    case 'ACCOUNT_EXISTS':
    case 'ACCOUNT_FROZEN':
    case 'ACCOUNT_IN_USE':
    case 'NOT_YOUR_TRANSFER':
      return 'NotAcceptedError'
  }
}

/** Why a prepare is answered with an error. A repetition of a live one is not. */
export function prepareFailure(decision: Decision): BtpFailure | undefined {
  if (!decision.ok) return failureOf(decision)
  return decision.outcome === undefined ? undefined : endedFailure(decision.outcome)
}

function endedFailure(outcome: Outcome): BtpFailure {
  switch (outcome.state) {
    case 'fulfilled':
    case 'posted':
      return btpFailure('AlreadyFulfilledError', 'this transfer was fulfilled before')
    case 'rejected':
    case 'expired':
      return btpFailure('AlreadyRolledBackError', 'this transfer was rolled back before')
  }
}

/**
 * Whether an error that answers a Prepare says that nothing is held. All do but one: a peer that calls the id
 * fulfilled has taken the money, whatever it answers now.
 */
export function meansNotHeld(errorName: string): boolean {
  return errorName !== 'AlreadyFulfilledError'
}
