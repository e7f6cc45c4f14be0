/** The everyday names: to sell, to buy, to keep a ledger. The subpaths have the rest; stores on disk have their own. */
export { SluiceError } from './errors/index.js'
export {
  FetchError,
  type Offer,
  ownLedgerOf,
  type PaidResponse,
  payingFetch,
  type PayingFetchOptions,
  type PaymentReport,
  type Wallet,
  WalletError,
} from './fetch/index.js'
export { openWallet, type WalletOptions } from './fetch/wallet.js'
export {
  bytes,
  chunk,
  type Content,
  createOneShotShop,
  createPrepaidShop,
  createShop,
  keptSecret,
  letter,
  letters,
  line,
  meter,
  nodeListener,
  openAiTokens,
  paidRoute,
  type PaidTerms,
  type ShopHandler,
  type ShopOptions,
  sseEvent,
  Till,
  tokens,
} from './http/index.js'
export { openSeller, type Seller, type SellerOptions } from './http/seller.js'
export { HostedLedger, type HostedLedgerOptions } from './link/hosted-ledger.js'
export { Holder, type Hold, type HoldOutcome, type IncomingHold, type Link, linkPair } from './link/index.js'
export { holderAt } from './link/ws.js'
export {
  BtpPlugin,
  HostedLedgerPlugin,
  type HostedLedgerPluginOptions,
  HostPlugin,
  LpiError,
  makePaymentChannelPlugin,
} from './plugin/index.js'
export { hashToken } from './session/index.js'
export { MemoryStore } from './store/index.js'
