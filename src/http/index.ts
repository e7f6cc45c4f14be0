export * from './headers.js'
export { payTokenFor, sharedSecretFor } from './pay-token.js'
export {
  problem,
  type Answer,
  type Reply,
  type ResponseEvents,
  type ShopHandler,
  type ShopRequest,
  type StreamingAnswer,
} from './exchange.js'
export { letters } from './letters.js'
export { Meter, meterDefaults, type MeterLimits, type MeterOptions, type Payment, type Sink } from './meter.js'
export { nodeListener, PIPELINED_MAX, type NodeListener } from './node-listener.js'
export { createOneShotShop, type OneShotOptions } from './one-shot.js'
export { createPrepaidShop, type PrepaidOptions } from './prepaid.js'
export { receiptSigner, type ReceiptSigner } from './receipt-signer.js'
export { ShopError } from './errors.js'
export { keptSecret } from './shop-secret.js'
export { createShop, type PayDialect, type SellerTerms, type ShopOptions, type StreamSummary } from './shop.js'
export { sourceOf, type Chunk, type Content, type Source } from './source.js'
export { Till, TillError, type CheckedHold, type Payee, type StreamPayee, type TillOptions } from './till.js'
export { chunk, letter, type Unit } from './units.js'
