/** ILP error codes, version 1 (RFC-3 draft 4) and 4 (RFC-27 draft 10), their names and classes; the data of `F08`. */
import { Reader, Writer } from '../oer/index.js'

const writer = new Writer()

/** `final`: do not retry · `temporary`: retry later · `relative`: retry with more money or time. */
export type ErrorClass = 'final' | 'temporary' | 'relative'

/** Names of version 4. */
export const ERROR_NAMES = {
  F00: 'Bad Request',
  F01: 'Invalid Packet',
  F02: 'Unreachable',
  F03: 'Invalid Amount',
  F04: 'Insufficient Destination Amount',
  F05: 'Wrong Condition',
  F06: 'Unexpected Payment',
  F07: 'Cannot Receive',
  F08: 'Amount Too Large',
  F99: 'Application Error',
  T00: 'Internal Error',
  T01: 'Peer Unreachable',
  T02: 'Peer Busy',
  T03: 'Connector Busy',
  T04: 'Insufficient Liquidity',
  T05: 'Rate Limited',
  T99: 'Application Error',
  R00: 'Transfer Timed Out',
  R01: 'Insufficient Source Amount',
  R02: 'Insufficient Timeout',
  R99: 'Application Error',
} as const

export type ErrorCode = keyof typeof ERROR_NAMES

/** Where version 1 has another name. `F08` came later; version 1 peers know it as an unknown final error. */
const V1_NAMES: Readonly<Partial<Record<ErrorCode, string>>> = { T01: 'Ledger Unreachable', T02: 'Ledger Busy' }

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_NAMES, code)
}

/** The name of a code in the given packet version; the code itself where it is unknown. */
export function errorName(code: string, version: 1 | 4 = 4): string {
  if (!isErrorCode(code)) return code
  return (version === 1 ? V1_NAMES[code] : undefined) ?? ERROR_NAMES[code]
}

/** By the first letter; an unknown letter is final. */
export function errorClass(code: string): ErrorClass {
  switch (code.charAt(0)) {
    case 'T':
      return 'temporary'
    case 'R':
      return 'relative'
    default:
      return 'final'
  }
}

/** What `F08` tells, both in the unit of the one who raised it; the maximum is inclusive. */
export interface AmountTooLarge {
  readonly receivedAmount: bigint
  readonly maximumAmount: bigint
}

/** The sixteen data bytes of an `F08` reject. @throws {OerError} `OER_RANGE` */
export function encodeAmountTooLarge(amounts: AmountTooLarge): Uint8Array {
  writer.reset()
  writer.uint64(amounts.receivedAmount)
  writer.uint64(amounts.maximumAmount)
  return writer.take()
}

/** Of the data of an `F08` reject; bytes after the sixteenth are ignored. @throws {OerError} `OER_TRUNCATED` */
export function decodeAmountTooLarge(data: Uint8Array): AmountTooLarge {
  const reader = new Reader(data)
  return { receivedAmount: reader.uint64(), maximumAmount: reader.uint64() }
}
