/**
 * The one-shot shop (tutorial "The Letter Shop" of 2017): 402 with a condition; the fulfillment that the payment brings
 * is the path under which the goods lie. Nothing is stored for an offer: its address, its fulfillment and its goods all
 * follow from the shop's secret and a nonce, so they survive a restart and strangers cannot fill a memory.
 */
import { EMPTY, fromBase64, toBase64url, utf8 } from '../bytes/index.js'
import { systemClock, type Clock } from '../clock/index.js'
import { hmacSha256, randomBytes } from '../crypto/index.js'
import { conditionOf, formatAmount } from '../ilp/index.js'
import type { Ledger } from '../ledger/index.js'
import { checkPrice, checkSecret } from './errors.js'
import { notAllowed, problem, unavailable, UNCACHED, type Answer, type ShopHandler } from './exchange.js'
import { formatPay } from './pay-header.js'
import { formatPayTerms } from './pay-terms.js'
import { termsOf, type SellerTerms } from './seller-terms.js'
import { createSigner } from './signed-id.js'
import { expiryOf, newOffer, OFFER_BYTES, sell } from './signed-offer.js'
import type { Chunk } from './source.js'
import type { Payee, Till } from './till.js'

export interface OneShotOptions {
  readonly till: Till
  /** The till's ledger, to remember durably which offers were paid. Without it a restart forgets that. */
  readonly ledger?: Ledger
  /** At least 16 bytes, the same after a restart; whoever knows it takes goods without paying. */
  readonly secret: Uint8Array
  readonly seller?: SellerTerms
  /** Base units for one piece; above 0. */
  readonly price: bigint
  /** The goods of one offer. `seed`: 32 bytes, always the same for this offer, and unknown to anyone before it is paid. */
  readonly goods: (seed: Uint8Array) => Chunk | Promise<Chunk>
  /** What one piece is called. Default `request`. */
  readonly unit?: string
  /** Default `text/plain; charset=utf-8`. */
  readonly contentType?: string
  /** The `Pay` header names its method, or leaves it out as the Letter Shop's first version does. Default `named`. */
  readonly form?: 'named' | 'bare'
  /** How long an offer may be paid. Default 3 600 000. */
  readonly offerMsMax?: number
  readonly clock?: Clock
  readonly randomBytes?: (length: number) => Uint8Array
}

/** Answers `GET /` with an offer and `GET /<fulfillment>` with its goods. The till must be open. */
export function createOneShotShop(options: OneShotOptions): ShopHandler {
  const { till, secret, price, unit = 'request', form = 'named', offerMsMax = 3_600_000 } = options
  const clock = options.clock ?? systemClock
  const random = options.randomBytes ?? randomBytes
  checkPrice(price)
  checkSecret(secret)
  /** Client id: the offer, recognisable. Fulfillment: the offer and 16 bytes that only a capture reveals. */
  const clients = createSigner(secret, 'sluice one-shot client', OFFER_BYTES, 8)
  const fulfillments = createSigner(secret, 'sluice one-shot fulfillment', OFFER_BYTES, 16)
  const goodsKey = hmacSha256(secret, utf8('sluice one-shot goods'))

  till.addFinder((clientId): Payee | undefined => {
    const signed = decoded(clientId)
    const offer = signed && clients.open(signed)
    if (!offer || expiryOf(offer) <= clock.now()) return undefined
    return {
      price,
      fulfillmentFor: () => fulfillments.sign(offer),
      take: (checked) => {
        const note = { key: `sold:${clientId}`, value: Uint8Array.of(1), expiresAt: expiryOf(offer) }
        sell(options.ledger, note, checked)
      },
    }
  })

  const headers = (): Record<string, string> => ({
    ...UNCACHED,
    'Pay-Terms': formatPayTerms(termsOf(till, { unit: { name: unit }, price, window: price }, options.seller)),
  })

  const offer = (): Answer => {
    const body = newOffer(clock.now() + offerMsMax, random)
    const address = till.addressOf(toBase64url(clients.sign(body)))
    const condition = conditionOf(fulfillments.sign(body))
    const pay = formatPay({ method: 'condition', amount: price, address, condition }, form)
    const { assetCode, assetScale } = till.link.info
    const detail =
      `Please send an Interledger payment of ${formatAmount(price)} (${assetCode}, scale ${assetScale}) to ${address} ` +
      `using the condition ${toBase64url(condition)}; its fulfillment is the path under which you find what you paid for.`
    return problem(402, 'payment-required', detail, { headers: { ...headers(), Pay: pay } })
  }

  const deliver = async (path: string): Promise<Answer> => {
    const signed = decoded(path.slice(1))
    const body = signed && fulfillments.open(signed)
    if (!body) return problem(404, 'not-found', 'nothing was sold under this path: GET / says what there is')
    const goods = await options.goods(hmacSha256(goodsKey, body))
    const contentType = options.contentType ?? 'text/plain; charset=utf-8'
    return {
      status: 200,
      headers: { ...UNCACHED, 'Content-Type': contentType },
      body: typeof goods === 'string' ? utf8(goods) : goods,
    }
  }

  return ({ method, url }) => {
    const [path = '/'] = url.split('?')
    if (method === 'OPTIONS') return { status: 204, headers: headers(), body: EMPTY }
    if (method !== 'GET' && method !== 'HEAD') return notAllowed('GET, HEAD, OPTIONS')
    if (path !== '/') return deliver(path)
    return till.link.state === 'open' ? offer() : unavailable()
  }
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text)
  } catch {
    return undefined
  }
}
