/**
 * What a caller of the paying fetch says about money, time and the link, checked; and what follows from it for an offer.
 */
import { systemClock, type Clock } from '../clock/index.js'
import type { BareMeaning } from '../http/headers.js'
import type { Link } from '../link/index.js'
import { type Asset, parseMoney, toBaseUnits } from '../money/index.js'
import { FetchError } from './errors.js'
import { checkLedger, type Offer } from './offer.js'
import { type Allowance, UNSHARED } from './purse.js'
import { WalletError } from './wallet-errors.js'
import type { Money, PaymentSource } from './wallet-types.js'

/**
 * Base units of the asset that is debited, or text such as `0.01 USD`; or how to tell once the offer, and with it the
 * asset, is known.
 */
export type MoneyLimit = Money | ((offer: Offer) => bigint)

/** How to pay. Times are in milliseconds. */
export interface PayOptions {
  /** The wallet to pay from: its accounts, and its budgets beside this call's. */
  readonly wallet?: PaymentSource
  /**
   * Instead of a wallet: the link to pay over, or how to get one once the seller's offer is known. It is opened here and
   * closed by its owner.
   */
  readonly link?: Link | ((offer: Offer) => Link | Promise<Link>)
  /** The most that this call may spend. `0n`: look, but pay nothing. */
  readonly budget: MoneyLimit
  /** The most that one unit may cost. Default: no other bound than the budget. */
  readonly maxPrice?: MoneyLimit
  /**
   * The most money at risk at any moment; less as long as less is enough. Default: what the seller asks for, but at most
   * 100 prices.
   */
  readonly window?: MoneyLimit
  /** Units that one hold may pay for, where the seller sells several at once. Default 1. */
  readonly unitsPerHoldMax?: number
  /** What a seller without `Pay-Terms` sells. Default `letter`, one byte each. */
  readonly unit?: string
  /** What the third field of a bare `Pay` header means. Default `psk`. */
  readonly bare?: BareMeaning
  /**
   * The `Pay-Token` that stands for a balance at this seller. Default: none, and a fresh one for a seller that asks for
   * one; what is then paid beyond the price is lost.
   */
  readonly payToken?: string
  /** How long a hold stays. Default 30 000. */
  readonly holdMs?: number
  /** How long the seller may owe bytes for captured units. Default 30 000. */
  readonly deliveryTimeoutMs?: number
  /** Default `globalThis.fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>
  readonly clock?: Clock
}

/** The options of `fetch`, and how to pay. */
export type PayingFetchOptions = Omit<RequestInit, 'window'> & PayOptions

const HOLD_MS = 30_000
const DELIVERY_TIMEOUT_MS = 30_000
const WINDOW_UNITS = 100n

type Optional = 'link' | 'maxPrice' | 'payToken' | 'wallet' | 'window'

export interface Settings extends Required<Omit<PayOptions, Optional>> {
  /** How to get the link, and what the call may spend beside its own budget. */
  readonly source: PaymentSource
  readonly payToken: string | undefined
  readonly maxPrice: MoneyLimit | undefined
  readonly window: MoneyLimit | undefined
}

/** @throws {FetchError} `FETCH_OPTIONS` */
export function checkOptions(options: PayingFetchOptions): { settings: Settings; init: RequestInit } {
  const {
    link,
    wallet,
    budget,
    maxPrice,
    window,
    payToken,
    unitsPerHoldMax = 1,
    unit = 'letter',
    bare = 'psk',
    holdMs = HOLD_MS,
    deliveryTimeoutMs = DELIVERY_TIMEOUT_MS,
    fetch = (request: Request) => globalThis.fetch(request),
    clock = systemClock,
    ...init
  } = options
  // Callers without types are exactly those who forget the budget.
  checkLimit(budget)
  for (const limit of [maxPrice, window]) if (limit !== undefined) checkLimit(limit)
  if (!Number.isSafeInteger(unitsPerHoldMax) || unitsPerHoldMax < 1) {
    throw new FetchError('FETCH_OPTIONS', 'unitsPerHoldMax must be 1 or more')
  }
  if (!(holdMs > 0) || !(deliveryTimeoutMs > 0)) {
    throw new FetchError('FETCH_OPTIONS', 'holdMs and deliveryTimeoutMs must be above 0')
  }
  const times = { holdMs, deliveryTimeoutMs, clock }
  const source = sourceOf(link, wallet)
  return {
    settings: { source, budget, maxPrice, window, payToken, unitsPerHoldMax, unit, bare, fetch, ...times },
    init,
  }
}

function sourceOf(link: PayOptions['link'], wallet: PaymentSource | undefined): PaymentSource {
  if (wallet !== undefined && link === undefined) return wallet
  if (wallet !== undefined || link === undefined) {
    throw new FetchError('FETCH_OPTIONS', 'say what to pay from: pass wallet or link, one of them')
  }
  return { linkFor: async (offer) => (typeof link === 'function' ? link(offer) : link), allowanceFor: () => UNSHARED }
}

function checkLimit(limit: unknown): void {
  if (typeof limit === 'string') parseMoney(limit)
  else if (typeof limit !== 'function') checkMoney(limit)
}

function checkMoney(money: unknown): bigint {
  if (typeof money === 'bigint' && money >= 0n) return money
  const message =
    'nothing is paid without a budget: pass budget (and maxPrice, window) as text (0.01 USD) or a bigint of base units from 0n'
  throw new FetchError('FETCH_OPTIONS', message)
}

/** Sellers of 2017 do not say what asset their prices are in: base units can be written, and nothing else. */
const UNKNOWN_ASSET: Asset = { code: 'base units', scale: 0 }

/** @throws {FetchError} `FETCH_OPTIONS`; {MoneyError} for a text in another asset */
export function moneyFor(limit: MoneyLimit, offer: Offer): bigint {
  if (typeof limit === 'bigint') return limit
  if (typeof limit === 'function') return checkMoney(limit(offer))
  const { terms } = offer
  return toBaseUnits(parseMoney(limit), terms ? { code: terms.asset, scale: terms.scale } : UNKNOWN_ASSET)
}

/** @throws {FetchError} `FETCH_PRICE` */
export function checkPrice(offer: Offer, { maxPrice }: Settings): void {
  if (maxPrice === undefined) return
  const most = moneyFor(maxPrice, offer)
  if (offer.price <= most) return
  const message = `the seller asks for ${offer.price} per ${offer.unit}, more than maxPrice ${most}: nothing was paid`
  throw new FetchError('FETCH_PRICE', message)
}

/** The link to pay this offer over, open. @throws {FetchError} `FETCH_LINK`, `FETCH_WRONG_LEDGER`; {WalletError} */
export async function openLink(offer: Offer, { source }: Settings): Promise<Link> {
  try {
    const link = await source.linkFor(offer)
    if (link.state !== 'open') await link.open()
    checkLedger(offer, link.info)
    return link
  } catch (cause) {
    if (cause instanceof FetchError || cause instanceof WalletError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new FetchError('FETCH_LINK', `the ledger cannot be reached: ${why}`, { cause })
  }
}

/** What the call may spend at most: its own budget, and the wallet's for one call. */
export function budgetFor(offer: Offer, { budget }: Settings, { perCall }: Allowance): bigint {
  const own = moneyFor(budget, offer)
  return perCall === undefined || own < perCall ? own : perCall
}

/** The most money to have at risk in this stream. */
export function windowFor(offer: Offer, { window }: Settings): bigint {
  if (window !== undefined) return moneyFor(window, offer)
  const { price, terms } = offer
  const bound = WINDOW_UNITS * price
  if (terms === undefined || terms.window > bound) return bound
  return terms.window < price ? price : terms.window
}
