/** Links and plugins over the XRP Ledger, whose holds are escrows. Needs the package `xrpl`. */
export { type RefusalCode, XrpError } from './errors.js'
export { XrpLink } from './link.js'
export { MEMO_BYTES_MAX } from './memos.js'
export { XRP_LIMITS, XRP_PREFIX, type XrpLimits, type XrpLinkOptions } from './options.js'
export {
  conditionHex,
  finishFee,
  fromLedgerTime,
  fulfillmentHex,
  readCondition,
  readFulfillment,
  toLedgerTime,
} from './rules.js'
export type { RecoveredHandler, RecoveredHold } from './sent-escrows.js'
export type { TransferEnd } from './stored-transfers.js'
export { type Dial, dialServer, type LedgerConnection, type ServerOptions } from './transport.js'
export { XrpEscrowPlugin, type XrpEscrowPluginOptions } from './xrp-escrow-plugin.js'
