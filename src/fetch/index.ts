/** Buying: the paying fetch and what it is made of. Browser-safe. */
export { FetchError, type FetchErrorCode } from './errors.js'
export { createExposure, type Exposure, type ExposureTerms, type HeldUnits } from './exposure.js'
