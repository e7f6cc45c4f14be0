/**
 * What seller and buyer both read and write: the entry `sluice/http/headers`, for browsers too.
 */
export {
  formatPay,
  parsePay,
  PAY_HEADER_CHARS_MAX,
  PayHeaderError,
  type BareMeaning,
  type PayHeader,
} from './pay-header.js'
export {
  formatPayTerms,
  parsePayTerms,
  PAY_TERMS_CHARS_MAX,
  PayTermsError,
  type LedgerLocation,
  type PayTerms,
} from './pay-terms.js'
export { RECEIPT_CHARS_MAX, ReceiptError, receiptMembers, termsHashOf, verifyReceipt, type Receipt } from './receipt.js'
export {
  CANCEL,
  decodeEndOffset,
  decodeReceipt,
  decodeStreamReason,
  decodeTotals,
  encodeCancel,
  encodeEndOffset,
  encodeReceipt,
  encodeReceiptRequest,
  encodeStreamReason,
  encodeTotals,
  RECEIPT,
  type StreamEnd,
  type StreamReason,
  type Totals,
} from './stream-messages.js'
