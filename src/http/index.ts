export * from './headers.js'
export { payTokenFor, sharedSecretFor } from './pay-token.js'
export {
  problem,
  type Answer,
  type Reply,
  type ReplyHeaders,
  type ResponseEvents,
  type ShopHandler,
  type ShopRequest,
  type StreamingAnswer,
} from './exchange.js'
export { CAPTURED_BYTES_MAX } from './adapters/captured-response.js'
export { corsHeaders } from './cors.js'
export { PIECE_BYTES_MAX } from './cutting.js'
export { letters } from './letters.js'
export { Meter, meterDefaults, type MeterLimits, type MeterOptions, type Payment, type Sink } from './meter.js'
export { chatTokens, openAiTokens } from './open-ai.js'
export { meter, type Metered, type MeteredOptions } from './metered.js'
export { nodeListener, type NodeListener } from './node-listener.js'
export { replyToNode, requestFromNode } from './node-reply.js'
export { paidRoute, type PaidReply, type PaidRoute } from './paid.js'
export type { PaidTerms } from './paid-terms.js'
export type { Produced } from './produced.js'
export { UPSTREAM_ERROR_BYTES_MAX } from './proxy/upstream.js'
export { PIPELINED_MAX, takingTurns } from './pipelining.js'
export { createOneShotShop, type OneShotOptions } from './one-shot.js'
export { ANSWERS_PER_KEY_MAX, COUNTED_KEYS_MAX } from './balances.js'
export { createPrepaidShop, type PrepaidOptions } from './prepaid.js'
export { type Price, type Quote, readPrice } from './price.js'
export { receiptSigner, type ReceiptSigner } from './receipt-signer.js'
export { ShopError } from './errors.js'
export { keptSecret } from './shop-secret.js'
export type { Seller } from './seller.js'
export {
  STALL_MS,
  type SaleEnd,
  type SaleInfo,
  type SalePayment,
  type SellerEvents,
  SellerWatch,
  type StallReason,
} from './seller-events.js'
export type { PayDialect, SellerTerms } from './seller-terms.js'
export { createShop, type ShopOptions, type StreamSummary } from './shop.js'
export { sourceOf, type Chunk, type Content, type Pieces, type Source } from './source.js'
export { TimeMeter } from './time-meter.js'
export { Till, TillError, type CheckedHold, type Payee, type StreamPayee, type TillOptions } from './till.js'
export {
  bytes,
  chunk,
  letter,
  line,
  request,
  second,
  sseEvent,
  stepped,
  tokens,
  type Unit,
  type UnitName,
  unitNamed,
} from './units.js'
export { replyToWeb, requestFromWeb, webBody, webHeaders } from './web-reply.js'
