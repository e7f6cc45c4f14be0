/**
 * The names and codes of BTP errors (RFC-23, all drafts). The 2017 plugin counts on without the gap at `F02`, so its
 * codes are off by one: send these, but read by name.
 */

export const BTP_ERROR_CODES = {
  UnreachableError: 'T00',
  NotAcceptedError: 'F00',
  InvalidFieldsError: 'F01',
  TransferNotFoundError: 'F03',
  InvalidFulfillmentError: 'F04',
  DuplicateIdError: 'F05',
  AlreadyRolledBackError: 'F06',
  AlreadyFulfilledError: 'F07',
  InsufficientBalanceError: 'F08',
} as const

export type BtpErrorName = keyof typeof BTP_ERROR_CODES

export function isBtpErrorName(name: string): name is BtpErrorName {
  return Object.hasOwn(BTP_ERROR_CODES, name)
}

const NAMES = new Map<string, BtpErrorName>()
for (const name of Object.keys(BTP_ERROR_CODES)) if (isBtpErrorName(name)) NAMES.set(BTP_ERROR_CODES[name], name)

/** What a received Error means: its name if that is known, else what its code says, else `NotAcceptedError`. */
export function readBtpErrorName(error: { readonly name: string; readonly code: string }): BtpErrorName {
  return isBtpErrorName(error.name) ? error.name : (NAMES.get(error.code) ?? 'NotAcceptedError')
}
