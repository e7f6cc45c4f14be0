/**
 * `fetch` that pays: an ordinary `Response` at header time, whose body pays as it is read (200 with `Pay`), or which was
 * paid for before it came (402 with `Pay`: one payment, one more request; K-46 of the protocol notes: never twice).
 * Nothing is paid without a budget. Accounts and their secrets are the caller's: it brings the link.
 */
import { toBase64url, EMPTY } from '../bytes/index.js'
import { systemClock, type Clock } from '../clock/index.js'
import type { BareMeaning } from '../http/headers.js'
import { encodePacket } from '../ilp/index.js'
import type { Link } from '../link/index.js'
import { FetchError } from './errors.js'
import { createExposure } from './exposure.js'
import { checkLedger, readOffer, unitBytesOf, type Offer } from './offer.js'
import { paidBody } from './paid-body.js'
import { payOnce } from './pay-once.js'
import { FREE, oncePayment, streamPayment, type PaymentReport } from './payment-report.js'
import { createPayments, type Payment } from './payments.js'
import { StreamPayer } from './stream-payer.js'

/** Base units of the link's asset; or how to tell once the offer, and with it the asset, is known. */
export type MoneyLimit = bigint | ((offer: Offer) => bigint)

/** How to pay. Times are in milliseconds. */
export interface PayOptions {
  /** The link to pay over, or how to get one once the seller's offer is known. It is opened here and closed by its owner. */
  readonly link: Link | ((offer: Offer) => Link | Promise<Link>)
  /** The most that this call may spend. `0n`: look, but pay nothing. */
  readonly budget: MoneyLimit
  /** The most that one unit may cost. Default: no other bound than the budget. */
  readonly maxPrice?: MoneyLimit
  /** The most money at risk at any moment. Default: what the seller asks for, but at most 100 prices. */
  readonly window?: MoneyLimit
  /** Units that one hold may pay for, where the seller sells several at once. Default 1. */
  readonly unitsPerHoldMax?: number
  /** What a seller without `Pay-Terms` sells. Default `letter`, one byte each. */
  readonly unit?: string
  /** What the third field of a bare `Pay` header means. Default `psk`. */
  readonly bare?: BareMeaning
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

export type PaidResponse = Response & { readonly payment: PaymentReport }

const HOLD_MS = 30_000
const DELIVERY_TIMEOUT_MS = 30_000
const WINDOW_UNITS = 100n

interface Settings extends Required<Omit<PayOptions, 'maxPrice' | 'window'>> {
  readonly maxPrice: MoneyLimit | undefined
  readonly window: MoneyLimit | undefined
}

/**
 * Resolves with the headers. The body ends early, cleanly, when the budget is spent (`response.payment.end` says so), and
 * with a {@link FetchError} when payment or delivery failed, after all that was bought has been read.
 * @throws {FetchError} before anything is paid: `FETCH_OPTIONS`, `FETCH_HEADERS`, `FETCH_PRICE`, `FETCH_WINDOW`,
 * `FETCH_UNCOUNTABLE`, `FETCH_LINK`, `FETCH_WRONG_LEDGER`; with a 402 also `FETCH_REFUSED` and, paid, `FETCH_STILL_UNPAID`
 */
export async function payingFetch(input: string | URL | Request, options: PayingFetchOptions): Promise<PaidResponse> {
  const { settings, init } = checkOptions(options)
  const request = new Request(input, init)
  const response = await settings.fetch(request.clone())
  try {
    const offer = readOffer(response, settings)
    if (offer === undefined) return withReport(response, FREE)
    checkPrice(offer, settings)
    if (offer.flow === 'stream') return await payStream(response, offer, request.signal, settings)
    return await payThenRetry(response, offer, request, settings)
  } catch (error) {
    // Frees the connection, and so ends the seller's stream. What cancelling says does not matter any more.
    await response.body?.cancel().catch(() => {})
    throw error
  }
}

function checkOptions(options: PayingFetchOptions): { settings: Settings; init: RequestInit } {
  const {
    link,
    budget,
    maxPrice,
    window,
    unitsPerHoldMax = 1,
    unit = 'letter',
    bare = 'psk',
    holdMs = HOLD_MS,
    deliveryTimeoutMs = DELIVERY_TIMEOUT_MS,
    fetch = (request: Request) => globalThis.fetch(request),
    clock = systemClock,
    ...init
  } = options
  for (const limit of [budget, maxPrice, window]) if (typeof limit === 'bigint') checkMoney(limit)
  // Callers without types are exactly those who forget the budget.
  if (typeof budget !== 'bigint' && typeof budget !== 'function') throw noMoney()
  if (!Number.isSafeInteger(unitsPerHoldMax) || unitsPerHoldMax < 1) {
    throw new FetchError('FETCH_OPTIONS', 'unitsPerHoldMax must be 1 or more')
  }
  if (!(holdMs > 0) || !(deliveryTimeoutMs > 0)) {
    throw new FetchError('FETCH_OPTIONS', 'holdMs and deliveryTimeoutMs must be above 0')
  }
  const times = { holdMs, deliveryTimeoutMs, clock }
  return { settings: { link, budget, maxPrice, window, unitsPerHoldMax, unit, bare, fetch, ...times }, init }
}

function checkMoney(money: unknown): bigint {
  if (typeof money === 'bigint' && money >= 0n) return money
  throw noMoney()
}

function noMoney(): FetchError {
  const message =
    'nothing is paid without a budget: pass budget (and maxPrice, window) as a bigint of base units from 0n'
  return new FetchError('FETCH_OPTIONS', message)
}

function moneyFor(limit: MoneyLimit, offer: Offer): bigint {
  return typeof limit === 'bigint' ? limit : checkMoney(limit(offer))
}

function checkPrice(offer: Offer, { maxPrice }: Settings): void {
  if (maxPrice === undefined) return
  const most = moneyFor(maxPrice, offer)
  if (offer.price <= most) return
  const message = `the seller asks for ${offer.price} per ${offer.unit}, more than maxPrice ${most}: nothing was paid`
  throw new FetchError('FETCH_PRICE', message)
}

async function openLink(offer: Offer, { link }: Settings): Promise<Link> {
  try {
    const chosen = typeof link === 'function' ? await link(offer) : link
    if (chosen.state !== 'open') await chosen.open()
    checkLedger(offer, chosen.info.prefix)
    return chosen
  } catch (cause) {
    if (cause instanceof FetchError) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new FetchError('FETCH_LINK', `the ledger cannot be reached: ${why}`, { cause })
  }
}

async function payStream(
  response: Response,
  offer: Offer,
  signal: AbortSignal,
  settings: Settings,
): Promise<PaidResponse> {
  const { body } = response
  const { pay, price, terms, unit } = offer
  if (body === null || pay.method === 'condition') return withReport(response, FREE)
  const unitBytes = unitBytesOf(unit)
  if (terms === undefined && unitBytes === undefined) {
    const message = `a seller without Pay-Terms states no offsets, and units of "${unit}" cannot be counted without them`
    throw new FetchError('FETCH_UNCOUNTABLE', message)
  }
  const exposure = createExposure({
    price,
    window: windowFor(offer, settings),
    budget: moneyFor(settings.budget, offer),
    unitBytes,
  })
  const link = await openLink(offer, settings)
  const payer = new StreamPayer({
    link,
    exposure,
    price,
    address: pay.address,
    nextPayment: createPayments(pay.method, pay.address, pay.secret),
    unitsPerHoldMax: terms === undefined ? 1 : settings.unitsPerHoldMax,
    offsetsNeeded: unitBytes === undefined,
    cancels: terms !== undefined,
    holdMs: settings.holdMs,
    deliveryTimeoutMs: settings.deliveryTimeoutMs,
    clock: settings.clock,
  })
  const { status, statusText, headers, url, redirected } = response
  const paid = new Response(paidBody(body, payer, signal), { status, statusText, headers })
  // A constructed response has neither; both are what the caller of `fetch` expects.
  Object.defineProperty(paid, 'url', { value: url })
  Object.defineProperty(paid, 'redirected', { value: redirected })
  return withReport(paid, streamPayment(exposure, payer, price))
}

function windowFor(offer: Offer, { window }: Settings): bigint {
  if (window !== undefined) return moneyFor(window, offer)
  const { price, terms } = offer
  const bound = WINDOW_UNITS * price
  if (terms === undefined || terms.window > bound) return bound
  return terms.window < price ? price : terms.window
}

/** 402: pays once, then asks again, at the fulfillment's path (Letter Shop) or with the secret as token (http-ilp). */
async function payThenRetry(
  response: Response,
  offer: Offer,
  request: Request,
  settings: Settings,
): Promise<PaidResponse> {
  const { pay, price } = offer
  const report = oncePayment(price)
  if (price > moneyFor(settings.budget, offer)) return withReport(response, report.outOfBudget())
  const link = await openLink(offer, settings)
  await response.body?.cancel()
  const { holdMs, clock } = settings
  const fulfillment = await payOnce({
    link,
    amount: price,
    nextPayment: oncePayments(pay),
    holdMs,
    clock,
    signal: request.signal,
    onHeld: report.onHeld,
  })
  report.onCaptured()
  const retried = await settings.fetch(retryOf(request, offer, fulfillment))
  if (retried.status === 402) {
    await retried.body?.cancel()
    const message = `the seller took ${price} and asks for another payment: nothing more was paid`
    throw new FetchError('FETCH_STILL_UNPAID', message)
  }
  return withReport(retried, report.value)
}

function oncePayments(pay: Offer['pay']): () => Payment {
  if (pay.method !== 'condition') {
    const next = createPayments(pay.method, pay.address, pay.secret)
    return () => next(pay.amount)
  }
  const packet = encodePacket({ type: 1, amount: pay.amount, account: pay.address, data: EMPTY })
  return () => ({ packet, condition: pay.condition })
}

/** Goes to where the 402 came from, and no further: a redirect would carry the proof of payment to a stranger. */
function retryOf(request: Request, { url, pay }: Offer, fulfillment: Uint8Array): Request {
  if (pay.method === 'condition') {
    const goods = new URL(`/${toBase64url(fulfillment)}`, url)
    return new Request(goods, { headers: request.headers, signal: request.signal, redirect: 'manual' })
  }
  const retry = new Request(url === request.url ? request : new Request(url, request), { redirect: 'manual' })
  retry.headers.set('pay-token', toBase64url(pay.secret))
  return retry
}

function withReport(response: Response, payment: PaymentReport): PaidResponse {
  return Object.assign(response, { payment })
}
