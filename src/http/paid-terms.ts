/** What a route asks for what it sells: the terms that its owner writes. */
import type { ShopRequest } from './exchange.js'
import type { Price } from './price.js'
import type { PayDialect } from './seller-terms.js'
import type { Unit, UnitName } from './units.js'

export interface PaidTerms {
  readonly price: Price | ((request: ShopRequest) => Price | Promise<Price>)
  /** What one price buys. Default `chunk`. */
  readonly unit?: Unit | UnitName
  /** The most money that buyers are asked to have at risk: base units, or a text such as `0.01 USD`. Default 100 prices. */
  readonly window?: bigint | string
  /**
   * `prepaid`: from the balance of a `Pay-Token`, before the handler runs. `once`: by one payment, before the handler runs;
   * the price must then follow from method, host and URL alone, as an offer is for these. Default `stream`; for the unit
   * `request`, `prepaid`.
   */
  readonly flow?: 'stream' | 'once' | 'prepaid'
  /** Whoever does not pay is served all the same. */
  readonly optional?: boolean
  /** What the `Pay` header looks like. Default `psk`. */
  readonly dialect?: PayDialect
  /** When a stream's content is produced: at once (default), or with the first payment; then `contentType` is needed. */
  readonly start?: 'request' | 'payment'
  /** Of the answer, where what is produced does not say. */
  readonly contentType?: string
  /** `text/event-stream` ends with an event `receipt`, for clients that read nothing else. Default false. */
  readonly receiptEvent?: boolean
  /** What events and figures call it. Default `paid`. */
  readonly route?: string
}
