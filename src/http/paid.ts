/**
 * A route that is sold: the core of every adapter. It gets a request and a way to produce the answer, and gives back the
 * reply to write. What is not to be sold (a price of 0, an answer that is no success, one without a body) passes free;
 * what is to be sold never does: without a ledger it is a 503.
 */
import { EMPTY } from '../bytes/index.js'
import { ShopError } from './errors.js'
import { problem, unavailable, UNCACHED, type Reply, type ReplyHeaders, type ShopRequest } from './exchange.js'
import { pump } from './free-stream.js'
import { formatPayTerms } from './pay-terms.js'
import type { Seller } from './seller.js'
import type { SaleInfo } from './seller-events.js'
import { termsOf, type PayDialect } from './seller-terms.js'
import { sourceOf, type Content, type Source } from './source.js'
import { streamReply, type SaleWatcher } from './stream-sale.js'
import { chunk, unitNamed, type Unit, type UnitName } from './units.js'

/** Base units of the ledger's asset for one unit; 0 is free. */
export type Price = bigint | string

export interface PaidTerms {
  readonly price: Price | ((request: ShopRequest) => Price | Promise<Price>)
  /** What one price buys. Default `chunk`. */
  readonly unit?: Unit | UnitName
  /** The most money that buyers are asked to have at risk. Default 100 units. */
  readonly window?: bigint
  /** Default `stream`. */
  readonly flow?: 'stream' | 'once' | 'prepaid'
  /** Whoever does not pay is served all the same. */
  readonly optional?: boolean
  /** What the `Pay` header looks like. Default `psk`. */
  readonly dialect?: PayDialect
  /** When a stream's content is produced: at once (default), or with the first payment; then `contentType` is needed. */
  readonly start?: 'request' | 'payment'
  /** Of the answer, where what is produced does not say. */
  readonly contentType?: string
  /** `text/event-stream` ends with an event `receipt`, for clients that read nothing else. Default false. */
  readonly receiptEvent?: boolean
  /** What events and figures call it. Default `paid`. */
  readonly route?: string
}

/** What the handler of a route answers. */
export interface Produced {
  readonly status: number
  readonly headers: ReplyHeaders
  /** Bytes as they are, not compressed; read only as it is paid. */
  readonly content: Content | undefined
}

export type PaidReply = Reply

/** Rejects only as `produce` does. */
export type PaidRoute = (request: ShopRequest, produce: () => Promise<Produced>) => Promise<PaidReply>

/** @throws {ShopError} `SHOP_OPTIONS` for terms that cannot be */
export function paidRoute(seller: Seller, terms: PaidTerms): PaidRoute {
  const unit = typeof terms.unit === 'string' ? unitNamed(terms.unit) : (terms.unit ?? chunk)
  if (terms.start === 'payment' && terms.contentType === undefined) {
    throw new ShopError(
      'SHOP_OPTIONS',
      'start: "payment" needs a contentType, which leaves before anything is produced',
    )
  }
  if (terms.flow !== undefined && terms.flow !== 'stream') {
    throw new ShopError('SHOP_OPTIONS', `the flow ${terms.flow} is not sold by routes yet: use createPrepaidShop`)
  }
  if (typeof terms.price !== 'function') readPrice(terms.price)

  return async (request, produce) => {
    let price: bigint
    try {
      price = readPrice(typeof terms.price === 'function' ? await terms.price(request) : terms.price)
    } catch (error) {
      seller.log.error('the price of a request could not be told', { error: String(error) })
      return problem(500, 'price', 'the shop cannot say its price now: try again later')
    }
    if (price === 0n) return freeReply(seller, await produce())
    if (seller.till.link.state !== 'open') return unavailable()
    const headers = {
      ...UNCACHED,
      'Pay-Terms': formatPayTerms(
        termsOf(seller.till, { unit, price, window: terms.window ?? 100n * price }, seller.termsFor(request)),
      ),
    }
    if (request.method === 'OPTIONS') return { status: 204, headers, body: EMPTY }
    const produced = terms.start === 'payment' ? later(terms, produce) : await produce()
    if (!isSold(produced)) return freeReply(seller, produced)
    if (isEncoded(produced.headers)) {
      sourceOf(produced.content).cancel()
      seller.log.error('content that is compressed cannot be sold: turn compression off for paid routes')
      return problem(500, 'encoded', 'the shop has failed: try again later')
    }
    return streamReply({
      ...seller.meterLimits,
      till: seller.till,
      clock: seller.clock,
      status: produced.status,
      headers: { ...soldHeaders(produced.headers), ...headers },
      price,
      unit: unit.name,
      units: unit.cut(sourceOf(produced.content)),
      receiptEvent: terms.receiptEvent === true && isEventStream(produced.headers),
      dialect: terms.dialect,
      watch: (id) => {
        const { route = 'paid' } = terms
        return watcherOf(seller, {
          id,
          flow: 'stream',
          route,
          url: request.url,
          unit: unit.name,
          price,
          asset: seller.till.link.info.assetCode,
        })
      },
    })
  }
}

function readPrice(price: Price): bigint {
  const value = typeof price === 'string' && /^[0-9]{1,20}$/.test(price) ? BigInt(price) : price
  if (typeof value !== 'bigint' || value < 0n || value >= 1n << 63n) {
    throw new ShopError('SHOP_OPTIONS', 'a price must be base units from 0 to 2^63 - 1')
  }
  return value
}

function isSold(produced: Produced): produced is Produced & { readonly content: Content } {
  return produced.status >= 200 && produced.status < 300 && produced.content !== undefined
}

/** Produces when somebody pays for it. */
function later({ contentType }: PaidTerms, produce: () => Promise<Produced>): Produced {
  let source: Source | undefined
  let cancelled = false
  const begin = async (): Promise<Uint8Array | undefined> => {
    const produced = await produce()
    if (produced.content === undefined) throw new ShopError('SHOP_CONTENT', `an answer without content was paid for`)
    source = sourceOf(produced.content)
    if (cancelled) source.cancel()
    if (!isSold(produced)) throw new ShopError('SHOP_CONTENT', `an answer of status ${produced.status} was paid for`)
    return cancelled ? undefined : source.next()
  }
  const content: Source = {
    next: () => (source ? source.next() : begin()),
    cancel: () => {
      cancelled = true
      source?.cancel()
    },
  }
  return { status: 200, headers: { ...(contentType !== undefined && { 'Content-Type': contentType }) }, content }
}

function freeReply(seller: Seller, { status, headers, content }: Produced): PaidReply {
  if (content === undefined) return { status, headers, body: EMPTY }
  const source = sourceOf(content)
  return {
    status,
    headers,
    stream: (sink) => pump(source, sink, (error) => seller.log.error('free content failed', { error: String(error) })),
    cancel: () => source.cancel(),
  }
}

/** Fields that are not true of a body that is sold by the unit, or that the seller says itself. */
const DROPPED = new Set([
  'content-length',
  'etag',
  'cache-control',
  'content-encoding',
  'transfer-encoding',
  'connection',
])

function soldHeaders(headers: ReplyHeaders): ReplyHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !DROPPED.has(name.toLowerCase())))
}

function isEncoded(headers: ReplyHeaders): boolean {
  const encoding = fieldOf(headers, 'content-encoding')
  return encoding !== undefined && String(encoding).toLowerCase() !== 'identity'
}

function isEventStream(headers: ReplyHeaders): boolean {
  return /^text\/event-stream\b/i.test(String(fieldOf(headers, 'content-type')))
}

function fieldOf(headers: ReplyHeaders, lowerCase: string): string | readonly string[] | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === lowerCase)?.[1]
}

function watcherOf({ events }: Seller, sale: SaleInfo): SaleWatcher {
  events.tell((listener) => listener.started?.(sale))
  const { used } = events
  return {
    ended: (end) => events.tell((listener) => listener.ended?.(sale, end)),
    paid: used ? (payment) => events.tell((listener) => listener.paid?.(sale, payment)) : undefined,
    stalled: used ? (why) => events.tell((listener) => listener.stalled?.(sale, why)) : undefined,
    rejected: used ? (why) => events.tell((listener) => listener.rejected?.(why)) : undefined,
    resumed: used ? () => events.tell((listener) => listener.resumed?.(sale)) : undefined,
  }
}
