/** The error classes of ilp-packet 3.x: what a handler throws so that the sender gets a reject with a certain code. */
import { encodeAmountTooLarge, parseAmount } from '../ilp/index.js'

export const codes = {
  F00_BAD_REQUEST: 'F00',
  F01_INVALID_PACKET: 'F01',
  F02_UNREACHABLE: 'F02',
  F03_INVALID_AMOUNT: 'F03',
  F04_INSUFFICIENT_DESTINATION_AMOUNT: 'F04',
  F05_WRONG_CONDITION: 'F05',
  F06_UNEXPECTED_PAYMENT: 'F06',
  F07_CANNOT_RECEIVE: 'F07',
  F08_AMOUNT_TOO_LARGE: 'F08',
  F99_APPLICATION_ERROR: 'F99',
  T00_INTERNAL_ERROR: 'T00',
  T01_PEER_UNREACHABLE: 'T01',
  T02_PEER_BUSY: 'T02',
  T03_CONNECTOR_BUSY: 'T03',
  T04_INSUFFICIENT_LIQUIDITY: 'T04',
  T05_RATE_LIMITED: 'T05',
  T99_APPLICATION_ERROR: 'T99',
  R00_TRANSFER_TIMED_OUT: 'R00',
  R01_INSUFFICIENT_SOURCE_AMOUNT: 'R01',
  R02_INSUFFICIENT_TIMEOUT: 'R02',
  R99_APPLICATION_ERROR: 'R99',
} as const

/** An error that `errorToReject` turns into a reject with its code and data. */
class RejectError extends Error {
  readonly ilpErrorCode: string

  constructor(code: string, message: string) {
    super(message)
    this.name = new.target.name
    this.ilpErrorCode = code
  }
}

class RejectDataError extends RejectError {
  readonly ilpErrorData: Buffer | undefined

  constructor(code: string, message: string, data: Buffer | undefined) {
    super(code, message)
    this.ilpErrorData = data
  }
}

export class BadRequestError extends RejectError {
  constructor(message: string) {
    super(codes.F00_BAD_REQUEST, message)
  }
}

export class InvalidPacketError extends RejectError {
  constructor(message: string) {
    super(codes.F01_INVALID_PACKET, message)
  }
}

export class UnreachableError extends RejectError {
  constructor(message: string) {
    super(codes.F02_UNREACHABLE, message)
  }
}

export class InvalidAmountError extends RejectError {
  constructor(message: string) {
    super(codes.F03_INVALID_AMOUNT, message)
  }
}

export class InsufficientDestinationAmountError extends RejectError {
  constructor(message: string) {
    super(codes.F04_INSUFFICIENT_DESTINATION_AMOUNT, message)
  }
}

export class WrongConditionError extends RejectError {
  constructor(message: string) {
    super(codes.F05_WRONG_CONDITION, message)
  }
}

export class UnexpectedPaymentError extends RejectError {
  constructor(message: string) {
    super(codes.F06_UNEXPECTED_PAYMENT, message)
  }
}

export class CannotReceiveError extends RejectError {
  constructor(message: string) {
    super(codes.F07_CANNOT_RECEIVE, message)
  }
}

export class AmountTooLargeError extends RejectDataError {
  /** Amounts are decimal strings. */
  constructor(message: string, amounts: { receivedAmount: string; maximumAmount: string }) {
    const data = encodeAmountTooLarge({
      receivedAmount: parseAmount(amounts.receivedAmount),
      maximumAmount: parseAmount(amounts.maximumAmount),
    })
    super(codes.F08_AMOUNT_TOO_LARGE, message, Buffer.from(data))
  }
}

export class FinalApplicationError extends RejectDataError {
  constructor(message: string, data?: Buffer) {
    super(codes.F99_APPLICATION_ERROR, message, data)
  }
}

export class InternalError extends RejectError {
  constructor(message: string) {
    super(codes.T00_INTERNAL_ERROR, message)
  }
}

export class PeerUnreachableError extends RejectError {
  constructor(message: string) {
    super(codes.T01_PEER_UNREACHABLE, message)
  }
}

export class PeerBusyError extends RejectError {
  constructor(message: string) {
    super(codes.T02_PEER_BUSY, message)
  }
}

export class ConnectorBusyError extends RejectError {
  constructor(message: string) {
    super(codes.T03_CONNECTOR_BUSY, message)
  }
}

export class InsufficientLiquidityError extends RejectError {
  constructor(message: string) {
    super(codes.T04_INSUFFICIENT_LIQUIDITY, message)
  }
}

export class RateLimitedError extends RejectError {
  constructor(message: string) {
    super(codes.T05_RATE_LIMITED, message)
  }
}

export class TemporaryApplicationError extends RejectDataError {
  constructor(message: string, data?: Buffer) {
    super(codes.T99_APPLICATION_ERROR, message, data)
  }
}

export class TransferTimedOutError extends RejectError {
  constructor(message: string) {
    super(codes.R00_TRANSFER_TIMED_OUT, message)
  }
}

export class InsufficientSourceAmountError extends RejectError {
  constructor(message: string) {
    super(codes.R01_INSUFFICIENT_SOURCE_AMOUNT, message)
  }
}

export class InsufficientTimeoutError extends RejectError {
  constructor(message: string) {
    super(codes.R02_INSUFFICIENT_TIMEOUT, message)
  }
}

export class RelativeApplicationError extends RejectDataError {
  constructor(message: string, data?: Buffer) {
    super(codes.R99_APPLICATION_ERROR, message, data)
  }
}
