/** What the making of a shop, or its content, can get wrong. Headers and tills have errors of their own. */
import { SluiceError } from '../errors/index.js'

/**
 * Codes:
 * `SHOP_CONTENT` the content to sell is not made of Uint8Arrays or strings;
 * `SHOP_OPTIONS` an option is out of range; the message names it;
 * `SHOP_OVERRUN` a handler wrote on though `write()` returned false: wait for `drain`, or use `stream.pipeline`;
 * `SHOP_PRICE` a price cannot be read, or not be asked for exactly; the message says why;
 * `SHOP_SECRET` the ledger cannot keep the shop's secret; the message says why;
 * `SHOP_UNAVAILABLE` nothing can be sold now: the ledger is down, or the till is full;
 * `SHOP_UNIT` the content cannot be cut into its unit: a piece is too big or weighs too much;
 * `SHOP_UNSAFE` strangers could open accounts, and nobody has said that they may.
 */
export class ShopError extends SluiceError {}

/** @throws {ShopError} `SHOP_OPTIONS` unless a price can be asked for */
export function checkPrice(price: bigint): void {
  if (price <= 0n || price >= 1n << 64n) throw new ShopError('SHOP_OPTIONS', 'the price must be above 0 and below 2^64')
}

/** @throws {ShopError} `SHOP_OPTIONS` for a secret that could be guessed */
export function checkSecret(secret: Uint8Array): void {
  if (secret.length < 16) throw new ShopError('SHOP_OPTIONS', 'the secret must have at least 16 bytes: see keptSecret')
}
