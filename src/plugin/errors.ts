/**
 * The errors that the Ledger Plugin Interface names (RFC-4 draft 8 for version 1, RFC-24 draft 1 for version 2).
 * Programs written for it tell them apart by `name`; `code` is ours and as stable.
 */
import { SluiceError } from '../errors/index.js'

/** Any error of the interface. `name` is the interface's, `code` the same in upper case behind `LPI_`. */
export class LpiError extends SluiceError {}

/** A field of an argument is missing or wrong. */
export class InvalidFieldsError extends LpiError {
  constructor(message: string) {
    super('LPI_INVALID_FIELDS', message)
  }
}

/** The other side refuses. */
export class NotAcceptedError extends LpiError {
  constructor(message: string) {
    super('LPI_NOT_ACCEPTED', message)
  }
}

/** No connection, or it was lost: whether a transfer took place may be unknown. */
export class UnreachableError extends LpiError {
  constructor(message: string) {
    super('LPI_UNREACHABLE', message)
  }
}

/** The transfer id was used before, for another transfer. */
export class DuplicateIdError extends LpiError {
  constructor(message: string) {
    super('LPI_DUPLICATE_ID', message)
  }
}

/** The amount is over what balance and credit limit allow. */
export class InsufficientBalanceError extends LpiError {
  constructor(message: string) {
    super('LPI_INSUFFICIENT_BALANCE', message)
  }
}

/** The ledger has no such account. */
export class AccountNotFoundError extends LpiError {
  constructor(message: string) {
    super('LPI_ACCOUNT_NOT_FOUND', message)
  }
}

/** The ledger has no such transfer. */
export class TransferNotFoundError extends LpiError {
  constructor(message: string) {
    super('LPI_TRANSFER_NOT_FOUND', message)
  }
}

/** The transfer has no condition. Never thrown here, where every transfer has one; programs ask for the class. */
export class TransferNotConditionalError extends LpiError {
  constructor(message: string) {
    super('LPI_TRANSFER_NOT_CONDITIONAL', message)
  }
}

/** The transfer is there and not fulfilled yet. */
export class MissingFulfillmentError extends LpiError {
  constructor(message: string) {
    super('LPI_MISSING_FULFILLMENT', message)
  }
}

/** The transfer was rejected or has expired. */
export class AlreadyRolledBackError extends LpiError {
  constructor(message: string) {
    super('LPI_ALREADY_ROLLED_BACK', message)
  }
}

/** The transfer was fulfilled. */
export class AlreadyFulfilledError extends LpiError {
  constructor(message: string) {
    super('LPI_ALREADY_FULFILLED', message)
  }
}

/** The other side has no request handler. */
export class NoSubscriptionsError extends LpiError {
  constructor(message: string) {
    super('LPI_NO_SUBSCRIPTIONS', message)
  }
}

/** Deregister the request handler first. */
export class RequestHandlerAlreadyRegisteredError extends LpiError {
  constructor(message: string) {
    super('LPI_REQUEST_HANDLER_ALREADY_REGISTERED', message)
  }
}

/** Deregister the data handler first. */
export class DataHandlerAlreadyRegisteredError extends LpiError {
  constructor(message: string) {
    super('LPI_DATA_HANDLER_ALREADY_REGISTERED', message)
  }
}

/** Deregister the money handler first. */
export class MoneyHandlerAlreadyRegisteredError extends LpiError {
  constructor(message: string) {
    super('LPI_MONEY_HANDLER_ALREADY_REGISTERED', message)
  }
}

/** A service that the plugin needs was not given, or is not one. */
export class InvalidServicesError extends LpiError {
  constructor(message: string) {
    super('LPI_INVALID_SERVICES', message)
  }
}

/** The ILP packet is longer than a frame carries. */
export class MaximumIlpDataSizeExceededError extends LpiError {
  constructor(message: string) {
    super('LPI_MAXIMUM_ILP_DATA_SIZE_EXCEEDED', message)
  }
}

/** The custom data are longer than a frame carries. */
export class MaximumCustomDataSizeExceededError extends LpiError {
  constructor(message: string) {
    super('LPI_MAXIMUM_CUSTOM_DATA_SIZE_EXCEEDED', message)
  }
}

/**
 * The error for a name that came over the wire: peers number the codes differently, so the name decides. A name that the
 * interface does not have is a refusal.
 */
export function lpiErrorOf(name: string, message: string): LpiError {
  switch (name) {
    case 'UnreachableError':
      return new UnreachableError(message)
    case 'InvalidFieldsError':
      return new InvalidFieldsError(message)
    case 'TransferNotFoundError':
      return new TransferNotFoundError(message)
    case 'DuplicateIdError':
      return new DuplicateIdError(message)
    case 'AlreadyRolledBackError':
      return new AlreadyRolledBackError(message)
    case 'AlreadyFulfilledError':
      return new AlreadyFulfilledError(message)
    case 'InsufficientBalanceError':
      return new InsufficientBalanceError(message)
    case 'AccountNotFoundError':
      return new AccountNotFoundError(message)
    case 'NoSubscriptionsError':
      return new NoSubscriptionsError(message)
    default:
      return new NotAcceptedError(message)
  }
}
