/**
 * Single requests that are sold by a condition (tutorial "The Letter Shop" of 2017): 402 with an offer; the request again,
 * with the fulfillment in `Pay-Fulfillment`, runs the handler. An offer stands for method, host, path and query, and costs
 * what it said. Nothing is stored for it before it is paid; then a note counts what was answered for it.
 */
import { concat, EMPTY, fromBase64, fromUtf8, toBase64url, utf8 } from '../bytes/index.js'
import { systemClock, type Clock } from '../clock/index.js'
import { randomBytes, sha256 } from '../crypto/index.js'
import { conditionOf, formatAmount } from '../ilp/index.js'
import type { Ledger } from '../ledger/index.js'
import { ANSWERS_PER_KEY_MAX, type Charge, type Debited } from './balances.js'
import { committed } from './committed.js'
import { checkSecret } from './errors.js'
import { problem, unavailable, type Answer, type Reply, type ShopRequest } from './exchange.js'
import { formatPay } from './pay-header.js'
import { createSigner } from './signed-id.js'
import { expiryOf, newOffer, OFFER_BYTES, sell } from './signed-offer.js'
import type { Payee, Till } from './till.js'

export interface OffersOptions {
  /** Its link is the host of `ledger`. */
  readonly till: Till
  readonly ledger: Ledger
  /** At least 16 bytes, the same after a restart. */
  readonly secret: Uint8Array
  /** How long an offer may be paid; what it bought may be asked for as long again. Default 3 600 000. */
  readonly offerMsMax?: number
  readonly clock?: Clock
  readonly randomBytes?: (length: number) => Uint8Array
}

export interface Offers {
  /** Answers a request: `produce` runs once it is paid for, durably. Rejects as `produce` does. */
  readonly answer: (
    request: ShopRequest,
    charge: Pick<Charge, 'price' | 'headers'>,
    produce: (debited: Debited) => Promise<Reply>,
  ) => Promise<Reply>
}

/** Of the request that an offer is for. */
const HASH_BYTES = 16
const PRICE_BYTES = 8
const TAG_BYTES = 16

/** The till and the ledger must be open. */
export function openOffers(options: OffersOptions): Offers {
  const { till, ledger, secret, offerMsMax = 3_600_000 } = options
  const { clock = systemClock, randomBytes: random = randomBytes } = options
  checkSecret(secret)
  /** Client id: offer, request and price, recognisable. */
  const clients = createSigner(secret, 'sluice once client', OFFER_BYTES + HASH_BYTES + PRICE_BYTES, 8)
  /** Fulfillment: the offer, and 16 bytes over offer and request that only a capture reveals. */
  const tags = createSigner(secret, 'sluice once fulfillment', OFFER_BYTES + HASH_BYTES, TAG_BYTES)
  const fulfillmentFor = (offer: Uint8Array, request: Uint8Array): Uint8Array =>
    concat(offer, tags.sign(concat(offer, request)).subarray(OFFER_BYTES + HASH_BYTES))

  till.addFinder((clientId): Payee | undefined => {
    const signed = decoded(clientId)
    const body = signed && clients.open(signed)
    if (!body) return undefined
    const offer = body.subarray(0, OFFER_BYTES)
    if (expiryOf(offer) <= clock.now()) return undefined
    return {
      price: readUint64(body, OFFER_BYTES + HASH_BYTES),
      fulfillmentFor: () => fulfillmentFor(offer, body.subarray(OFFER_BYTES, OFFER_BYTES + HASH_BYTES)),
      take: (checked) => {
        const { account, amount } = checked.hold
        const value = encodeSold({ answers: 0, asked: false, amount, account })
        sell(ledger, { key: keyOf(offer), value, expiresAt: expiryOf(offer) + offerMsMax }, checked)
      },
    }
  })

  const unpaid = (request: ShopRequest, { price, headers }: Pick<Charge, 'price' | 'headers'>): Answer => {
    const offer = newOffer(clock.now() + offerMsMax, random)
    const asked = hashOf(request)
    const address = till.addressOf(toBase64url(clients.sign(concat(offer, asked, uint64(price)))))
    const condition = conditionOf(fulfillmentFor(offer, asked))
    const { assetCode, assetScale } = till.link.info
    const detail =
      `Please send an Interledger payment of ${formatAmount(price)} (${assetCode}, scale ${assetScale}) to ${address} ` +
      `using the condition ${toBase64url(condition)}, then repeat the request with its fulfillment, as base64url, in ` +
      'a header Pay-Fulfillment.'
    const pay = formatPay({ method: 'condition', amount: price, address, condition })
    return problem(402, 'payment-required', detail, { headers: { ...headers, Pay: pay } })
  }

  /** The offer that the request shows to be paid, for this very request. */
  const shown = (request: ShopRequest): Uint8Array | undefined => {
    const fulfillment = decoded(request.header('pay-fulfillment') ?? '')
    if (fulfillment?.length !== OFFER_BYTES + TAG_BYTES) return undefined
    const offer = fulfillment.subarray(0, OFFER_BYTES)
    return tags.open(concat(offer, hashOf(request), fulfillment.subarray(OFFER_BYTES))) && offer
  }

  const answer: Offers['answer'] = async (request, charge, produce) => {
    const { headers } = charge
    if (request.method === 'OPTIONS' || request.method === 'HEAD') {
      return { status: request.method === 'HEAD' ? 200 : 204, headers, body: EMPTY }
    }
    const offer = shown(request)
    const sold = offer && soldAt(ledger, offer)
    if (offer === undefined || sold === undefined) return unpaid(request, charge)
    if (sold.answers >= ANSWERS_PER_KEY_MAX) return spent(headers)
    // Counted before it is answered, and on disk: no crash makes the count forget.
    if (!keep(ledger, offer, { ...sold, answers: sold.answers + 1, asked: true }, offerMsMax)) {
      return unavailable('the shop is busy: try again later')
    }
    if (!(await committed(ledger))) return unavailable()
    const giveBack = (): void => {
      const now = soldAt(ledger, offer)
      // If it cannot be noted, an answer fewer is left.
      if (now) keep(ledger, offer, { ...now, answers: now.answers - 1 }, offerMsMax)
    }
    let reply: Reply
    try {
      const { account, asked, amount } = sold
      reply = await produce({ account, id: toBase64url(offer), amount: asked ? 0n : amount })
    } catch (error) {
      giveBack()
      throw error
    }
    if (reply.status < 200 || reply.status > 299) giveBack()
    return { ...reply, headers: { ...reply.headers, ...headers } }
  }
  return { answer }
}

function spent(headers: Readonly<Record<string, string>>): Answer {
  const detail = `what this fulfillment bought was answered ${ANSWERS_PER_KEY_MAX} times: buy it again, without Pay-Fulfillment`
  return problem(409, 'fulfillment-spent', detail, { headers })
}

/** What is known of an offer that was paid. */
interface Sold {
  /** Good answers, and those under way. */
  readonly answers: number
  /** Somebody has asked for what it bought. */
  readonly asked: boolean
  /** Base units that were captured. */
  readonly amount: bigint
  /** Whose. */
  readonly account: string
}

function soldAt(ledger: Ledger, offer: Uint8Array): Sold | undefined {
  const note = ledger.note(keyOf(offer))
  if (note === undefined) return undefined
  const [answers = 0, asked] = note
  return { answers, asked: asked === 1, amount: readUint64(note, 2), account: fromUtf8(note.subarray(10)) }
}

function keep(ledger: Ledger, offer: Uint8Array, sold: Sold, forMs: number): boolean {
  const expiresAt = expiryOf(offer) + forMs
  return ledger.execute({ type: 'note', key: keyOf(offer), value: encodeSold(sold), expiresAt }).ok
}

function encodeSold({ answers, asked, amount, account }: Sold): Uint8Array {
  return concat(Uint8Array.of(answers, asked ? 1 : 0), uint64(amount), utf8(account))
}

function keyOf(offer: Uint8Array): string {
  return `once:${toBase64url(offer)}`
}

function hashOf({ method, url, header }: ShopRequest): Uint8Array {
  return sha256(utf8(JSON.stringify([method, header('host') ?? '', url]))).subarray(0, HASH_BYTES)
}

function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value)
  return bytes
}

function readUint64(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at)
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text)
  } catch {
    return undefined
  }
}
