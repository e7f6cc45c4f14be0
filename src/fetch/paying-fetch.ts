/**
 * `fetch` that pays: an ordinary `Response` at header time, whose body pays as it is read (200 with `Pay`), or which was
 * paid for before it came (402 with `Pay`). Nothing is paid without a budget. Accounts and their secrets are the wallet's,
 * or the caller's who brings a link.
 */
import type { PayTerms } from '../http/headers.js'
import { FetchError } from './errors.js'
import { createExposure } from './exposure.js'
import { readOffer, readTerms, sameTerms, unitBytesOf, unitMsOf, type Offer } from './offer.js'
import {
  budgetFor,
  checkOptions,
  checkPrice,
  openLink,
  windowFor,
  type PayingFetchOptions,
  type Settings,
} from './options.js'
import { paidBody } from './paid-body.js'
import { freshToken, payThenRetry, withToken } from './pay-then-retry.js'
import { FREE, streamPayment, withReport, type PaidResponse } from './payment-report.js'
import { createPayments } from './payments.js'
import { StreamPayer } from './stream-payer.js'

/**
 * Resolves with the headers. The body ends early, cleanly, when the budget is spent (`response.payment.end` says so), and
 * with a {@link FetchError} when payment or delivery failed, after all that was bought has been read.
 * @throws {FetchError} before anything is paid: `FETCH_OPTIONS`, `FETCH_HEADERS`, `FETCH_PRICE`, `FETCH_WINDOW`,
 * `FETCH_UNCOUNTABLE`, `FETCH_LINK`, `FETCH_TERMS`, `FETCH_WRONG_LEDGER`, and what the wallet refuses; with a 402 also `FETCH_REFUSED` and, paid, `FETCH_STILL_UNPAID`
 */
export async function payingFetch(input: string | URL | Request, options: PayingFetchOptions): Promise<PaidResponse> {
  const { settings: given, init } = checkOptions(options)
  const request = new Request(input, init)
  const signal = init.signal ?? (input instanceof Request ? input.signal : request.signal)
  const settings = { ...given, fetch: (asked: Request) => heldFetch(new Request(asked, { signal }), given) }
  const { response, token, quoted } = await ask(request, settings)
  try {
    const offer = readOffer(response, request.url, settings)
    if (offer === undefined) return withReport(response, FREE)
    if (quoted !== undefined && !sameTerms(quoted, offer.terms)) {
      const message = 'the seller changed its terms between two answers to the same request: nothing was paid'
      throw new FetchError('FETCH_TERMS', message)
    }
    checkPrice(offer, settings)
    if (offer.flow === 'stream') return await payStream(response, offer, signal, settings)
    return await payThenRetry(response, offer, request, token, settings)
  } catch (error) {
    // Frees the connection, and so ends the seller's stream. What cancelling says does not matter any more.
    await response.body?.cancel().catch(() => {})
    throw error
  }
}

/** Requests that nobody has answered. */
const waiting = new Set<Request>()

/** In Node a request hears of its signal only as long as nobody collects it, and while it waits nobody else refers to it. */
async function heldFetch(request: Request, { fetch }: Settings): Promise<Response> {
  waiting.add(request)
  try {
    return await fetch(request)
  } finally {
    waiting.delete(request)
  }
}

interface Asked {
  readonly response: Response
  /** What was shown for it: the caller's token, or a fresh one where the seller wants one. */
  readonly token: string | undefined
  /** The terms of an answer before. */
  readonly quoted: PayTerms | undefined
}

async function ask(request: Request, { fetch, payToken }: Settings): Promise<Asked> {
  const first = payToken === undefined ? request.clone() : withToken(request, request.url, payToken)
  const response = await fetch(first)
  const { status, headers } = response
  const wantsToken = status === 402 && headers.has('pay-terms') && !headers.has('pay')
  if (payToken !== undefined || !wantsToken) return { response, token: payToken, quoted: undefined }
  const quoted = readTerms(response)
  await response.body?.cancel()
  const token = freshToken()
  return { response: await fetch(withToken(request, response.url || request.url, token)), token, quoted }
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
  const unitBytes = unitBytesOf(unit, terms?.step)
  const unitMs = unitMsOf(unit, terms?.step)
  if (terms === undefined && unitBytes === undefined) {
    const message = `a seller without Pay-Terms states no offsets, and units of "${unit}" cannot be counted without them`
    throw new FetchError('FETCH_UNCOUNTABLE', message)
  }
  const window = windowFor(offer, settings)
  const link = await openLink(offer, settings)
  signal.throwIfAborted()
  const allowance = settings.source.allowanceFor(offer, link.info)
  const exposure = createExposure({ price, window, budget: budgetFor(offer, settings, allowance), unitBytes, unitMs })
  const payer = new StreamPayer({
    link,
    exposure,
    allowance,
    price,
    address: pay.address,
    nextPayment: createPayments(pay.method, pay.address, pay.secret),
    unitsPerHoldMax: terms === undefined || unitMs !== undefined ? 1 : settings.unitsPerHoldMax,
    timed: unitMs !== undefined,
    offsetsNeeded: unitBytes === undefined,
    cancels: terms !== undefined,
    holdMs: settings.holdMs,
    deliveryTimeoutMs: settings.deliveryTimeoutMs + (unitMs ?? 0),
    clock: settings.clock,
  })
  const { status, statusText, headers, url, redirected } = response
  const paid = new Response(paidBody(body, payer, signal), { status, statusText, headers })
  // A constructed response has neither; both are what the caller of `fetch` expects.
  Object.defineProperty(paid, 'url', { value: url })
  Object.defineProperty(paid, 'redirected', { value: redirected })
  const payTerms = headers.get('pay-terms') ?? ''
  const purchase = terms && { link, address: pay.address, payTerms, terms, units: () => exposure.capturedUnits }
  return withReport(paid, streamPayment(exposure, payer, price, purchase))
}
