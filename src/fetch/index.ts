/** Buying: the paying fetch and what it is made of. Browser-safe. */
export { FetchError, type FetchErrorCode } from './errors.js'
export { createExposure, type Exposure, type ExposureTerms, type HeldUnits } from './exposure.js'
export { ownLedgerOf, type Offer } from './offer.js'
export type { MoneyLimit, PayingFetchOptions } from './options.js'
export { payingFetch } from './paying-fetch.js'
export type { PaidResponse, PaymentReport } from './payment-report.js'
export { createPayments, type Payment } from './payments.js'
export { HOLDS_IN_FLIGHT_MAX, HOLDS_PER_TURN_MAX, type PaymentEnd } from './stream-payer.js'
