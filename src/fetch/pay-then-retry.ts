/**
 * 402: one payment, then the request again, and never a second payment (the `Pay` header of a 200 means something else).
 * Letter Shop: the goods lie at the path of the fulfillment; with `redeem=header` the request shows it instead. HTTP-ILP
 * and RFC-14 drafts 1 and 2: a `Pay-Token` stands for the balance that the payment topped up; where the seller chose the
 * secret before it saw a token, the secret is the token.
 */
import { EMPTY, toBase64url } from '../bytes/index.js'
import { randomBytes } from '../crypto/index.js'
import { encodePacket } from '../ilp/index.js'
import { Backoff } from './backoff.js'
import { FetchError } from './errors.js'
import type { Offer } from './offer.js'
import { budgetFor, moneyFor, openLink, type Settings } from './options.js'
import { aborting, pause, payOnce, setAside } from './pay-once.js'
import { oncePayment, withReport, type PaidResponse } from './payment-report.js'
import { createPayments, type Payment } from './payments.js'

const TOKEN_BYTES = 32

/** A token that nobody can guess, for one purchase. */
export function freshToken(): string {
  return toBase64url(randomBytes(TOKEN_BYTES))
}

/** What a redirect to another origin takes away (Fetch standard section 4.4; cookies as Node's fetch does). */
const CREDENTIALS = ['authorization', 'cookie', 'proxy-authorization']

/** The caller's headers, for `url`. */
function headersFor(request: Request, url: string | URL): Headers {
  const headers = new Headers(request.headers)
  if (new URL(url).origin !== new URL(request.url).origin) for (const name of CREDENTIALS) headers.delete(name)
  return headers
}

/** The request with a token. */
export function withToken(request: Request, url: string, token: string): Request {
  return withSecret(request, url, 'pay-token', token)
}

/** It goes to `url` and no further: a redirect would carry what it shows to a stranger. */
function withSecret(request: Request, url: string, header: string, secret: string): Request {
  const bound = new Request(url === request.url ? request.clone() : new Request(url, request.clone()), {
    redirect: 'manual',
    headers: headersFor(request, url),
  })
  bound.headers.set(header, secret)
  return bound
}

/** `token`: what the request that the 402 answered had shown. @throws {FetchError} `FETCH_REFUSED`, `FETCH_STILL_UNPAID`, `FETCH_UNDELIVERED` */
export async function payThenRetry(
  response: Response,
  offer: Offer,
  request: Request,
  token: string | undefined,
  settings: Settings,
): Promise<PaidResponse> {
  const { pay, price } = offer
  const { holdMs, clock, source } = settings
  const { signal } = request
  const report = oncePayment(price)
  if (price > moneyFor(settings.budget, offer)) return withReport(response, report.outOfBudget())
  const link = await openLink(offer, settings)
  const allowance = source.allowanceFor(offer, link.info)
  if (price > budgetFor(offer, settings, allowance)) return withReport(response, report.outOfBudget())
  try {
    const purse = await setAside(allowance, price, signal)
    if (purse === undefined) return withReport(response, report.outOfBudget())
    await response.body?.cancel()
    const nextPayment = oncePayments(pay)
    const once = { link, amount: price, purse, nextPayment, holdMs, clock, signal, onHeld: report.onHeld }
    const fulfillment = await payOnce(once)
    report.onCaptured()
    return withReport(await fetchPaid(retryOf(request, offer, token, fulfillment), price, settings), report.value)
  } finally {
    allowance.end()
  }
}

/**
 * Asks for what was paid, again and again while nobody answers: the fulfillment, or the token with an `Idempotency-Key`,
 * says that it is the same purchase. Nothing more is paid, whatever the answer asks for.
 */
async function fetchPaid(request: Request, price: bigint, { fetch, clock }: Settings): Promise<Response> {
  const { signal } = request
  const backoff = new Backoff(clock)
  for (;;) {
    let response: Response
    try {
      response = await fetch(request.clone())
    } catch (cause) {
      if (!signal.aborted && (await aborting<boolean>(signal, (resolve) => pause(backoff, resolve)))) continue
      if (signal.aborted) throw cause
      const why = cause instanceof Error ? cause.message : String(cause)
      const message = `the seller took ${price} and cannot be reached any more (${why}): ask it for what was paid`
      throw new FetchError('FETCH_UNDELIVERED', message, { cause })
    }
    if (response.status === 402) {
      await response.body?.cancel()
      const message = `the seller took ${price} and asks for another payment: nothing more was paid`
      throw new FetchError('FETCH_STILL_UNPAID', message)
    }
    return response
  }
}

function oncePayments(pay: Offer['pay']): () => Payment {
  if (pay.method !== 'condition') {
    const next = createPayments(pay.method, pay.address, pay.secret)
    return () => next(pay.amount)
  }
  const packet = encodePacket({ type: 1, amount: pay.amount, account: pay.address, data: EMPTY })
  return () => ({ packet, condition: pay.condition })
}

/** Goes to where the 402 came from, and no further. */
function retryOf(
  request: Request,
  { url, pay, terms }: Offer,
  token: string | undefined,
  fulfillment: Uint8Array,
): Request {
  if (pay.method !== 'condition') {
    const bound = withToken(request, url, token ?? toBase64url(pay.secret))
    if (!bound.headers.has('idempotency-key')) bound.headers.set('idempotency-key', freshToken())
    return bound
  }
  if (terms?.redeem === 'header') return withSecret(request, url, 'pay-fulfillment', toBase64url(fulfillment))
  const goods = new URL(`/${toBase64url(fulfillment)}`, url)
  return new Request(goods, { headers: headersFor(request, url), signal: request.signal, redirect: 'manual' })
}
