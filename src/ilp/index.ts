export {
  ADDRESS_LENGTH_MAX,
  type AddressMode,
  hasPrefix,
  type IlpAddress,
  isAddress,
  parseAddress,
  segmentAfter,
} from './address.js'
export { AMOUNT_MAX, formatAmount, parseAmount } from './amount.js'
export { ERROR_NAMES, type ErrorClass, type ErrorCode, errorClass, errorName, isErrorCode } from './error-codes.js'
export { IlpError } from './errors.js'
export { DATA_BYTES_MAX, ERROR_DATA_BYTES_MAX, HASH_BYTES, MESSAGE_BYTES_MAX } from './fields.js'
export { decodePacket, decodePacketOf, encodePacket } from './packet.js'
export * from './types.js'
export { accountFulfiller, conditionOf, pskFulfiller, pskFulfillmentKey, randomFulfillment } from './condition.js'
