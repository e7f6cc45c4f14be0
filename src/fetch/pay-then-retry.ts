/**
 * 402: one payment, then the request again, and never a second payment (the `Pay` header of a 200 means something else).
 * Letter Shop: the goods lie at the path of the fulfillment. HTTP-ILP and RFC-14 drafts 1 and 2: a `Pay-Token` stands for
 * the balance that the payment topped up; where the seller chose the secret before it saw a token, the secret is the token.
 */
import { EMPTY, toBase64url } from '../bytes/index.js'
import { randomBytes } from '../crypto/index.js'
import { encodePacket } from '../ilp/index.js'
import { FetchError } from './errors.js'
import type { Offer } from './offer.js'
import { moneyFor, openLink, type Settings } from './options.js'
import { payOnce } from './pay-once.js'
import { oncePayment, withReport, type PaidResponse } from './payment-report.js'
import { createPayments, type Payment } from './payments.js'

const TOKEN_BYTES = 32

/** A token that nobody can guess, for one purchase. */
export function freshToken(): string {
  return toBase64url(randomBytes(TOKEN_BYTES))
}

/** The request with a token. It goes to `url` and no further: a redirect would carry the token to a stranger. */
export function withToken(request: Request, url: string, token: string): Request {
  const bound = new Request(url === request.url ? request.clone() : new Request(url, request.clone()), {
    redirect: 'manual',
  })
  bound.headers.set('pay-token', token)
  return bound
}

/** `token`: what the request that the 402 answered had shown. @throws {FetchError} `FETCH_REFUSED`, `FETCH_STILL_UNPAID` */
export async function payThenRetry(
  response: Response,
  offer: Offer,
  request: Request,
  token: string | undefined,
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
  const retried = await settings.fetch(retryOf(request, offer, token, fulfillment))
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

/** Goes to where the 402 came from, and no further. */
function retryOf(request: Request, { url, pay }: Offer, token: string | undefined, fulfillment: Uint8Array): Request {
  if (pay.method !== 'condition') return withToken(request, url, token ?? toBase64url(pay.secret))
  const goods = new URL(`/${toBase64url(fulfillment)}`, url)
  return new Request(goods, { headers: request.headers, signal: request.signal, redirect: 'manual' })
}
