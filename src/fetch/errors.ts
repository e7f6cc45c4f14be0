/** What the paying fetch refuses or gives up, and what to do about it. */
import { SluiceError } from '../errors/index.js'

export type FetchErrorCode =
  | 'FETCH_HEADERS'
  | 'FETCH_INTERRUPTED'
  | 'FETCH_LINK'
  | 'FETCH_OFFSETS'
  | 'FETCH_OPTIONS'
  | 'FETCH_OVERDRAWN'
  | 'FETCH_PRICE'
  | 'FETCH_RECEIPT'
  | 'FETCH_REFUSED'
  | 'FETCH_STILL_UNPAID'
  | 'FETCH_TERMS'
  | 'FETCH_UNCOUNTABLE'
  | 'FETCH_UNDELIVERED'
  | 'FETCH_WINDOW'
  | 'FETCH_WRONG_LEDGER'

/**
 * Codes:
 * `FETCH_HEADERS` the response's payment headers cannot be read;
 * `FETCH_INTERRUPTED` the response broke off; what was read is good, at most one window is lost;
 * `FETCH_LINK` the link to the ledger cannot be opened;
 * `FETCH_OFFSETS` the seller stated offsets that cannot be true, or sold more time than has passed;
 * `FETCH_OPTIONS` an option is missing or out of range;
 * `FETCH_OVERDRAWN` a hold beyond window or budget was asked for (a bug of the caller of the exposure book);
 * `FETCH_PRICE` the price is above `maxPrice`, changed, or not a price;
 * `FETCH_RECEIPT` the seller's receipt is missing, not good, or for something else; the message says what differs;
 * `FETCH_REFUSED` ledger or seller refused payments for good; the message has their reason;
 * `FETCH_STILL_UNPAID` the seller took a payment and asks for another before it delivers;
 * `FETCH_TERMS` the seller asks for something else than it did a moment before: nothing more was paid;
 * `FETCH_UNCOUNTABLE` the seller states no offsets and sells units that the buyer cannot count;
 * `FETCH_UNDELIVERED` the seller captured payments and delivered nothing for them in time;
 * `FETCH_WINDOW` the window is below one price: raise it;
 * `FETCH_WRONG_LEDGER` the seller's address is not on the ledger that the link leads to.
 */
export class FetchError extends SluiceError {
  declare readonly code: FetchErrorCode

  constructor(code: FetchErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}
