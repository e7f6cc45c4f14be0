/** Links and plugins over the XRP Ledger, whose holds are escrows. Needs the package `xrpl`. */
export { Account, type Affordable, type Outlay } from './account.js'
export { type RefusalCode, XrpError } from './errors.js'
export { Fees } from './fees.js'
export {
  type AccountState,
  type ChangedNode,
  type ClosedLedger,
  type Json,
  readClosedLedger,
  readTransaction,
  type ValidatedTransaction,
} from './ledger-messages.js'
export { XrpLink } from './link.js'
export { MEMO_BYTES_MAX, type Memo, memosBytes, readTransferMemos, transferMemos, type TransferMemos } from './memos.js'
export { XRP_LIMITS, XRP_PREFIX, type XrpLimits, type XrpLinkOptions } from './options.js'
export { XrpRecord } from './record.js'
export {
  conditionHex,
  finishFee,
  fromLedgerTime,
  fulfillmentHex,
  readCondition,
  readFulfillment,
  type Reserves,
  toLedgerTime,
} from './rules.js'
export { addressOfSecret } from './signer.js'
export type { RecoveredHandler, RecoveredHold } from './sent-escrows.js'
export { Sequences } from './sequences.js'
export { advance, classOf, type ResultClass, type SlotEnd, type SlotEvent, type SlotState } from './slot.js'
export type { TransferEnd } from './stored-transfers.js'
export { type Dial, dialServer, type LedgerConnection, type ServerOptions } from './transport.js'
export { XrpEscrowPlugin, type XrpEscrowPluginOptions } from './xrp-escrow-plugin.js'
export {
  openXrpSettlement,
  SETTLEMENT_LIMITS,
  type SettlementLimits,
  XrpSettlement,
  type XrpSettlementOptions,
} from './settlement.js'
export { type Deposit, readDeposit, type UnclaimedDeposit } from './settlement-deposits.js'
export { SettlementError } from './settlement-errors.js'
export { SETTLEMENT, type SettlementTerms } from './settlement-messages.js'
export type { Payout, PayoutRequest } from './settlement-payouts.js'
export {
  chargeOf,
  creditOf,
  depositFor,
  formatRate,
  isSameRate,
  parseRate,
  payoutOf,
  type XrpRate,
} from './settlement-rate.js'
export { type Settled, SETTLER_LIMITS, type SettlerLimits, XrpSettler, type XrpSettlerOptions } from './settler.js'
