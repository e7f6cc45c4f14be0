/** Answers that a link itself gives to an ILP Prepare (RFC-27 draft 10): rejections, and outcomes that the ledger recorded. */
import { isBtpErrorName } from '../btp/index.js'
import { EMPTY } from '../bytes/index.js'
import { decodePacket, encodePacket, type FulfillPacket, type RejectPacket } from '../ilp/index.js'
import type { Outcome, RefusalCode } from '../ledger/index.js'

/** A Reject packet. `triggeredBy` is the address of whoever rejects. */
export function rejection(code: string, triggeredBy: string, message: string): Uint8Array {
  return encodePacket({ type: 14, code, triggeredBy, message, data: EMPTY })
}

/** The answer for a hold that the ledger refused. */
export function refusalAnswer(code: RefusalCode, message: string, triggeredBy: string): Uint8Array {
  return rejection(ilpCodeOf(code), triggeredBy, message)
}

/** What became of a hold, as the answer that was given, or as one that says the same. */
export function recordedAnswer(outcome: Outcome, triggeredBy: string): Uint8Array {
  switch (outcome.state) {
    case 'fulfilled':
      return encodePacket({ type: 13, fulfillment: outcome.fulfillment, data: outcome.data })
    case 'rejected':
      return outcome.reason.length > 0 ? outcome.reason : rejection('F00', triggeredBy, 'the packet was rejected')
    case 'expired':
      return rejection('R00', triggeredBy, 'the packet expired')
    case 'posted':
      return rejection('F00', triggeredBy, 'the packet was used for something else')
  }
}

/** A Fulfill or a Reject; anything else is no answer to a Prepare. */
export function readAnswer(bytes: Uint8Array): FulfillPacket | RejectPacket | undefined {
  try {
    const packet = decodePacket(bytes)
    return packet.type === 13 || packet.type === 14 ? packet : undefined
  } catch {
    return undefined
  }
}

function ilpCodeOf(code: RefusalCode): string {
  switch (code) {
    case 'INSUFFICIENT_BALANCE':
    case 'BALANCE_LIMIT':
      return 'T04'
    case 'EXPIRED':
      return 'R00'
    case 'TOO_MANY_TRANSFERS':
    case 'BUSY':
      return 'T02'
    case 'ACCOUNT_NOT_FOUND':
      return 'F02'
    case 'ACCOUNT_FROZEN':
    case 'ACCOUNT_EXISTS':
    case 'ACCOUNT_IN_USE':
    case 'ALREADY_FULFILLED':
    case 'ALREADY_ROLLED_BACK':
    case 'DUPLICATE_ID':
    case 'HOLD_TOO_LONG':
    case 'INVALID':
    case 'NOT_YOUR_TRANSFER':
    case 'TOO_MANY_ACCOUNTS':
    case 'TOO_MANY_NOTES':
    case 'TRANSFER_NOT_FOUND':
    case 'WRONG_FULFILLMENT':
      return 'F00'
  }
}

/** The code of the Reject that an exception becomes: its own `ilpErrorCode`, or an internal error. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('ilpErrorCode' in error)) return 'T00'
  const code = error.ilpErrorCode
  return typeof code === 'string' && /^[FRT][0-9]{2}$/.test(code) ? code : 'T00'
}

/** The code of the Reject that a BTP error becomes: by its name, because peers number the codes differently. */
export function btpErrorCode(name: string): string {
  if (!isBtpErrorName(name)) return 'T01'
  switch (name) {
    case 'UnreachableError':
      return 'T01'
    case 'InsufficientBalanceError':
      return 'T04'
    case 'AlreadyFulfilledError':
    case 'AlreadyRolledBackError':
    case 'DuplicateIdError':
    case 'InvalidFieldsError':
    case 'InvalidFulfillmentError':
    case 'NotAcceptedError':
    case 'TransferNotFoundError':
      return 'F00'
  }
}
