/**
 * What a version 2 plugin rejects with: the interface's errors, each a new object that the caller may change, with the
 * `ilpErrorCode` that connectors make their Reject packets from (`T01` for what may work later).
 */
import { LinkError } from '../link/index.js'
import { SessionError } from '../session/index.js'
import { InvalidFieldsError, LpiError, lpiErrorOf, NotAcceptedError, UnreachableError } from './errors.js'

export function unreachable(message: string): LpiError {
  return withCode(new UnreachableError(message))
}

export function invalid(message: string): LpiError {
  return withCode(new InvalidFieldsError(message))
}

/** The interface's error for whatever a link rejected with. */
export function rejectionOf(error: unknown): Error {
  if (error instanceof LpiError) return withCode(error)
  if (error instanceof LinkError && error.code === 'LINK_REFUSED') {
    return withCode(lpiErrorOf(error.peerName, error.message))
  }
  if (error instanceof LinkError && error.code === 'LINK_ACCOUNT') return invalid(error.message)
  if (error instanceof SessionError && error.code === 'SESSION_NOT_ACCEPTED') {
    return withCode(new NotAcceptedError(error.message))
  }
  return unreachable(error instanceof Error ? error.message : 'unknown failure')
}

function withCode(error: LpiError): LpiError {
  return Object.assign(error, { ilpErrorCode: ilpCodeOf(error.code) })
}

function ilpCodeOf(code: string): string {
  if (code === 'LPI_UNREACHABLE') return 'T01'
  return code === 'LPI_INSUFFICIENT_BALANCE' ? 'T04' : 'F00'
}
