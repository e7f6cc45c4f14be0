/** Buying: the paying fetch and what it is made of. Browser-safe. */
export { FetchError, type FetchErrorCode } from './errors.js'
export { createExposure, type Exposure, type ExposureTerms, type HeldUnits } from './exposure.js'
export { ownLedgerOf, type Offer } from './offer.js'
export { payingFetch, type MoneyLimit, type PaidResponse, type PayingFetchOptions } from './paying-fetch.js'
export type { PaymentReport } from './payment-report.js'
export { createPayments, type Payment } from './payments.js'
export { HOLDS_IN_FLIGHT_MAX, HOLDS_PER_TURN_MAX, type PaymentEnd } from './stream-payer.js'
