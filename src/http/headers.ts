/**
 * What seller and buyer both read and write: the entry `sluice/http/headers`, for browsers too.
 */
export {
  formatPay,
  parsePay,
  payHeaderCharsMax,
  PayHeaderError,
  type BareMeaning,
  type PayHeader,
} from './pay-header.js'
export {
  formatPayTerms,
  parsePayTerms,
  payTermsCharsMax,
  PayTermsError,
  type LedgerLocation,
  type PayTerms,
} from './pay-terms.js'
export {
  CANCEL,
  decodeEndOffset,
  decodeStreamReason,
  decodeTotals,
  encodeCancel,
  encodeEndOffset,
  encodeStreamReason,
  encodeTotals,
  type StreamEnd,
  type StreamReason,
  type Totals,
} from './stream-messages.js'
