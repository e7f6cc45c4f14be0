export { LedgerError } from './errors.js'
export { Ledger, type LedgerOptions } from './ledger.js'
export { LEDGER_LIMITS } from './limits.js'
export * from './types.js'
