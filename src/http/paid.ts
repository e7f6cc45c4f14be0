/**
 * A route that is sold: the core of every adapter. It gets a request and a way to produce the answer, and gives back the
 * reply to write. What is not to be sold (a price of 0, an answer that is no success, one without a body) passes free;
 * what is to be sold never does: without a ledger it is a 503.
 */
import { EMPTY } from '../bytes/index.js'
import { parseMoney, toBaseUnits } from '../money/index.js'
import { ShopError } from './errors.js'
import { problem, unavailable, UNCACHED, type Reply, type ShopRequest } from './exchange.js'
import { negotiated, payPage, VARY, wantsExplanation } from './negotiation.js'
import { sellStream } from './paid-stream.js'
import type { PaidTerms } from './paid-terms.js'
import { formatPayTerms } from './pay-terms.js'
import { readPrice, type Price, type Quote } from './price.js'
import { freeReply, type Produced } from './produced.js'
import { requestSale } from './request-sale.js'
import type { Seller } from './seller.js'
import { termsOf } from './seller-terms.js'
import { unitNamed } from './units.js'

export type { Produced } from './produced.js'

export type PaidReply = Reply

/** Rejects only as `produce` does. */
export type PaidRoute = (request: ShopRequest, produce: () => Promise<Produced>) => Promise<PaidReply>

/** @throws {ShopError} `SHOP_OPTIONS`, `SHOP_PRICE` for terms that cannot be */
export function paidRoute(seller: Seller, terms: PaidTerms): PaidRoute {
  const { assetCode: code, assetScale: scale } = seller.till.link.info
  const asset = { code, scale }
  const named = terms.unit ?? (terms.flow === 'once' ? 'request' : undefined)
  const unit = typeof named === 'string' ? unitNamed(named) : named
  const window = typeof terms.window === 'string' ? toBaseUnits(parseMoney(terms.window), asset) : terms.window
  if (terms.start === 'payment' && terms.contentType === undefined) {
    throw new ShopError(
      'SHOP_OPTIONS',
      'start: "payment" needs a contentType, which leaves before anything is produced',
    )
  }
  if (terms.flow === 'once' && terms.optional === true) {
    throw new ShopError('SHOP_OPTIONS', 'what is sold once is not given away: leave out optional, or sell a stream')
  }
  const quoteOf = (price: Price): Quote => {
    const quote = readPrice(price, unit, asset)
    if (terms.optional === true && quote.unit.lastsMs !== undefined) {
      throw new ShopError('SHOP_OPTIONS', 'time that flows unpaid cannot be sold: leave out optional')
    }
    return quote
  }
  if (typeof terms.price !== 'function') quoteOf(terms.price)

  const answer: PaidRoute = async (request, produce) => {
    let quote: Quote
    try {
      quote = quoteOf(typeof terms.price === 'function' ? await terms.price(request) : terms.price)
    } catch (error) {
      seller.log.error('the price of a request could not be told', { error: String(error) })
      return problem(500, 'price', 'the shop cannot say its price now: try again later')
    }
    const { price } = quote
    if (price === 0n) return freeReply(await produce(), seller.log)
    if (seller.till.link.state !== 'open') return unavailable()
    const flow = terms.flow ?? (quote.unit.name === 'request' ? 'prepaid' : 'stream')
    const risk = window ?? (flow === 'stream' ? 100n * price : price)
    const headers = {
      ...UNCACHED,
      Vary: VARY,
      'Pay-Terms': formatPayTerms({
        ...termsOf(seller.till, { unit: quote.unit, price, window: risk }, seller.termsFor(request)),
        ...(flow === 'once' && { redeem: 'header' }),
      }),
    }
    if (flow !== 'stream') {
      const sale = {
        flow,
        route: terms.route ?? 'paid',
        url: request.url,
        unit: quote.unit.name,
        price,
        asset: code,
      }
      const reply = async (): Promise<Reply> => freeReply(await produce(), seller.log)
      if (flow === 'once') {
        return seller.offers.answer(request, { price, headers }, async (debited) =>
          requestSale(seller.events, sale, debited, true, reply),
        )
      }
      const charge = { price, headers, optional: terms.optional, refunds: true }
      // What fails is given back, but under a key: then the money stays, and the repetition is free.
      const kept = request.header('idempotency-key') !== undefined
      return seller.balances.answer(request, charge, async (debited) =>
        debited ? requestSale(seller.events, sale, debited, kept, reply) : reply(),
      )
    }
    if (request.method === 'OPTIONS') return { status: 204, headers, body: EMPTY }
    if (terms.optional !== true && wantsExplanation(request)) return payPage(quote, asset, headers)
    return sellStream(seller, terms, quote, headers, request, produce)
  }
  return async (request, produce) => negotiated(request, await answer(request, produce))
}
