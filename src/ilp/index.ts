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
export { accountFulfiller, conditionOf, pskFulfiller, pskFulfillmentKey, randomFulfillment } from './condition.js'
export {
  type AmountTooLarge,
  decodeAmountTooLarge,
  encodeAmountTooLarge,
  ERROR_NAMES,
  type ErrorClass,
  type ErrorCode,
  errorClass,
  errorName,
  isErrorCode,
} from './error-codes.js'
export { IlpError } from './errors.js'
export { DATA_BYTES_MAX, ERROR_DATA_BYTES_MAX, HASH_BYTES, MESSAGE_BYTES_MAX } from './fields.js'
export {
  decodeIldcpRequest,
  decodeIldcpResponse,
  encodeIldcpRequest,
  encodeIldcpResponse,
  ILDCP_ADDRESS,
  type IldcpRequest,
  type IldcpResponse,
  PEER_CONDITION,
  PEER_FULFILLMENT,
} from './ildcp.js'
export { decodePacket, decodePacketOf, encodePacket } from './packet.js'
export {
  decodePskEnvelope,
  encodePskEnvelope,
  type PskEncryption,
  pskEncryptionKey,
  type PskEnvelope,
  type PskMessage,
} from './psk-envelope.js'
export { isPskSegmentOf, type PskAccess, pskAccess, pskReceiverId, pskSharedSecret } from './psk-receiver.js'
export { type PskReceiver, type PskReview, type PskTransfer, reviewPskTransfer } from './psk-review.js'
export * from './types.js'
