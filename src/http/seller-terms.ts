/** What a seller says of itself and of its prices: the parts of `Pay` and `Pay-Terms` that all its answers share. */
import { accountFulfiller, pskFulfiller } from '../ilp/index.js'
import { formatPay } from './pay-header.js'
import type { LedgerLocation, PayTerms } from './pay-terms.js'
import type { Unit } from './units.js'
import type { StreamPayee, Till } from './till.js'

/**
 * What the `Pay` header looks like. `psk`: `interledger-psk`, amount, address, secret (http-ilp, seed 003's client).
 * `bare-psk`: the same without the method (RFC-14 draft 1, koa-ilp 0.1). `hmac-account`: the same three fields, and
 * conditions that are derived from the address alone (seed 002).
 */
export type PayDialect = 'psk' | 'bare-psk' | 'hmac-account'

/** What a shop says of itself in `Pay-Terms`. */
export interface SellerTerms {
  /** Where the ledger listens; needed by buyers that know nothing but the URL. */
  readonly ledger?: LedgerLocation
  readonly accounts?: 'open' | 'known'
  /** Ed25519 public key for receipts. */
  readonly key?: Uint8Array
}

export interface Prices {
  readonly unit: Pick<Unit, 'name' | 'step'>
  readonly price: bigint
  readonly window: bigint
}

/** The terms of a shop: prices, and the asset of the ledger that its till takes payments over. */
export function termsOf(
  till: Till,
  { unit, ...prices }: Prices,
  { ledger, accounts, key }: SellerTerms = {},
): PayTerms {
  const { assetCode, assetScale } = till.link.info
  return {
    unit: unit.name,
    ...(unit.step !== undefined && unit.step !== 1 && { step: unit.step }),
    ...prices,
    asset: assetCode,
    scale: assetScale,
    ...(ledger && { ledger }),
    ...(accounts && { accounts }),
    ...(key && { key }),
  }
}

/** The `Pay` header of a payee that takes any number of payments. */
export function payHeaderOf(dialect: PayDialect, amount: bigint, address: string, secret: Uint8Array): string {
  const method = dialect === 'hmac-account' ? 'hmac-account' : 'psk'
  return formatPay({ method, amount, address, secret }, dialect === 'psk' ? 'named' : 'bare')
}

/** The fulfillments that belong to such a header. */
export function fulfillerOf(dialect: PayDialect, secret: Uint8Array): StreamPayee['fulfillmentFor'] {
  if (dialect === 'hmac-account') {
    const fulfill = accountFulfiller(secret)
    return (_packet, destination) => fulfill(destination)
  }
  return pskFulfiller(secret)
}
