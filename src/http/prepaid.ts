/**
 * The prepaid shop (tutorial "HTTP-ILP" of 2017, RFC-14 drafts 1 and 2): a client chooses a `Pay-Token`, tops up the
 * balance behind it by payments, and spends it request by request. A balance is an account of the till's own ledger:
 * credited in the commit that captures the payment, debited in a commit before the goods leave.
 *
 * `Pay-Token` is as good as money: serve it over TLS except on localhost. It is never logged, and the ledger knows only
 * its hash. Leaves out tokens inside encrypted PSK data (koa-ilp), and refunds.
 */
import { concat, EMPTY, fromBase64, toBase64url, utf8 } from '../bytes/index.js'
import { hmacSha256, randomBytes, sha256 } from '../crypto/index.js'
import { formatAmount, pskFulfiller } from '../ilp/index.js'
import type { Ledger } from '../ledger/index.js'
import { committed } from './committed.js'
import { checkPrice, checkSecret } from './errors.js'
import { problem, unavailable, UNCACHED, type Answer, type ShopHandler, type ShopRequest } from './exchange.js'
import { formatPay } from './pay-header.js'
import { formatPayTerms } from './pay-terms.js'
import { termsOf, type SellerTerms } from './seller-terms.js'
import { createSigner } from './signed-id.js'
import type { Chunk } from './source.js'
import { request as requestUnit } from './units.js'
import type { CheckedHold, Till } from './till.js'

export interface PrepaidOptions {
  /** Its link is the host of `ledger`. */
  readonly till: Till
  readonly ledger: Ledger
  /** At least 16 bytes, the same after a restart. */
  readonly secret: Uint8Array
  readonly seller?: SellerTerms
  /** Base units for one request; above 0. */
  readonly price: bigint
  /** What a paid request gets. When it fails the request stays paid; its repetition under the same key is free. */
  readonly goods: (request: ShopRequest) => Chunk | Promise<Chunk>
  /** Default `text/plain; charset=utf-8`. */
  readonly contentType?: string
  /**
   * What the payer's conditions are derived from. `address`: a secret of the server's, made for each answer (RFC-14).
   * `token`: the token itself, as the tutorial has it; then payments for tokens shown before a restart are rejected.
   */
  readonly binding?: 'address' | 'token'
  /** For the binding `token`: addresses that are remembered; the oldest are forgotten. Default 10 000. */
  readonly tokensMax?: number
  /** How long a request may be repeated under its `Idempotency-Key`. Default 600 000; the ledger's `holdMsMax` bounds it. */
  readonly idempotencyMsMax?: number
  readonly randomBytes?: (length: number) => Uint8Array
}

/** Bytes of a token's hash: what stands in account names and addresses. */
const HASH_BYTES = 16
const NONCE_BYTES = 8
/** Beyond any balance. */
const UNBOUNDED = 1n << 62n

/** Answers requests that carry a token with a balance; others with 402. The till and the ledger must be open. */
export function createPrepaidShop(options: PrepaidOptions): ShopHandler {
  const { till, ledger, secret, price, binding = 'address', tokensMax = 10_000, idempotencyMsMax = 600_000 } = options
  const random = options.randomBytes ?? randomBytes
  checkPrice(price)
  checkSecret(secret)
  const clients = createSigner(secret, 'sluice prepaid client', HASH_BYTES + NONCE_BYTES, 8)
  const secretKey = hmacSha256(secret, utf8('sluice prepaid secret'))
  /** Client id to token, for the binding `token`. */
  const shown = new Map<string, Uint8Array>()

  till.addFinder((clientId) => {
    const client = decoded(clientId)
    const body = client && clients.open(client)
    const shared = binding === 'token' ? shown.get(clientId) : hmacSha256(secretKey, utf8(clientId))
    if (!body || !shared) return undefined
    const account = accountOf(body.subarray(0, HASH_BYTES))
    return { price, fulfillmentFor: pskFulfiller(shared), take: (checked) => credit(ledger, account, checked) }
  })

  /** The headers of an answer to whoever showed `token`. */
  const payHeaders = (token: Uint8Array, account: string): Record<string, string> => {
    const clientId = toBase64url(clients.sign(concat(hashOf(token), random(NONCE_BYTES))))
    if (binding === 'token') {
      shown.set(clientId, token)
      const [oldest] = shown.keys()
      if (shown.size > tokensMax && oldest !== undefined) shown.delete(oldest)
    }
    const shared = binding === 'token' ? token : hmacSha256(secretKey, utf8(clientId))
    return {
      ...headers(),
      Pay: formatPay({ method: 'psk', amount: price, address: till.addressOf(clientId), secret: shared }),
      'Pay-Balance': (ledger.account(account)?.balance ?? 0n).toString(),
    }
  }

  const headers = (): Record<string, string> => ({
    ...UNCACHED,
    'Pay-Terms': formatPayTerms(termsOf(till, { unit: requestUnit, price, window: price }, options.seller)),
  })

  const paymentRequired = (code: string, detail: string, extra: Record<string, string>): Answer =>
    problem(402, code, detail, { headers: extra })

  return async (request) => {
    if (till.link.state !== 'open') return unavailable()
    const text = request.header('pay-token')
    if (text === undefined) {
      if (request.method === 'OPTIONS') return { status: 204, headers: headers(), body: EMPTY }
      const how = 'send a header Pay-Token of 32 random bytes as base64url, and keep it: it stands for your balance'
      return paymentRequired('token-required', how, headers())
    }
    const token = decoded(text)
    if (!token || token.length < 16 || token.length > 32) {
      return problem(400, 'bad-token', 'Pay-Token must be 16 to 32 bytes as base64url')
    }
    const account = accountOf(hashOf(token))
    if (request.method === 'OPTIONS' || request.method === 'HEAD') {
      if (!(await committed(ledger))) return unavailable()
      const status = request.method === 'HEAD' ? 200 : 204
      return { status, headers: payHeaders(token, account), body: EMPTY }
    }
    const paid = debit(ledger, account, price, debitId(token, request, random), idempotencyMsMax)
    if (!(await committed(ledger))) return unavailable()
    if (paid === 'busy') return unavailable('the shop is busy: try again later')
    if (paid === 'short') {
      const { assetCode, assetScale } = till.link.info
      const detail =
        `One request costs ${formatAmount(price)} (${assetCode}, scale ${assetScale}), more than the balance: ` +
        'send an Interledger payment as the header Pay says, then repeat the request.'
      return paymentRequired('payment-required', detail, payHeaders(token, account))
    }
    const goods = await options.goods(request)
    const contentType = options.contentType ?? 'text/plain; charset=utf-8'
    return {
      status: 200,
      headers: { ...payHeaders(token, account), 'Content-Type': contentType },
      body: typeof goods === 'string' ? utf8(goods) : goods,
    }
  }
}

/**
 * Credits what a hold pays and captures it, in one commit: both or neither. The credit comes first, because it can be
 * refused (the ledger is full); the capture that follows in the same turn cannot, as the transfer stands prepared.
 */
function credit(ledger: Ledger, account: string, { hold, fulfillment }: CheckedHold): void {
  const { id, amount, expiresAt } = hold
  const prepared = ledger.transfer(hold.account, id)
  if (prepared?.state !== 'prepared') {
    return hold.reject({ code: 'F00', name: 'Bad Request', message: 'the transfer is not on the ledger of this shop' })
  }
  if (!ledger.account(account)) ledger.execute({ type: 'open', account, creditLimit: 0n, balanceMax: UNBOUNDED })
  const credited = ledger.execute({ type: 'post', account, id, amount, expiresAt })
  if (!credited.ok) {
    return hold.reject({
      code: 'T02',
      name: 'Peer Busy',
      message: 'the balance cannot be credited now: try again later',
    })
  }
  hold.fulfill(fulfillment, EMPTY, () => {
    // Durable, and with it the credit; the buyer hears of the capture from the link.
  })
  const captured = ledger.transfer(hold.account, id)
  if (captured?.state === 'finished' && captured.outcome.state === 'fulfilled') return
  // Not reached while a prepared transfer can be fulfilled; money is not created even so.
  ledger.execute({ type: 'post', account, id: sha256(id).subarray(0, 16), amount: -amount, expiresAt })
}

/** Takes the price off a balance; a request that was paid under its key before is not charged again. */
function debit(
  ledger: Ledger,
  account: string,
  price: bigint,
  id: Uint8Array,
  forMs: number,
): 'paid' | 'short' | 'busy' {
  const before = ledger.transfer(account, id)
  if (before?.state === 'finished' && before.outcome.state === 'posted') return 'paid'
  const decision = ledger.execute({ type: 'post', account, id, amount: -price, expiresAt: ledger.now() + forMs })
  if (decision.ok) return 'paid'
  switch (decision.code) {
    case 'ACCOUNT_NOT_FOUND':
    case 'INSUFFICIENT_BALANCE':
      return 'short'
    default:
      return 'busy'
  }
}

/** 16 bytes: the same for a repetition under one `Idempotency-Key`, else drawn anew. */
function debitId(token: Uint8Array, request: ShopRequest, random: (length: number) => Uint8Array): Uint8Array {
  const key = request.header('idempotency-key')
  if (key === undefined) return random(16)
  const { method, url } = request
  return hmacSha256(token, utf8(JSON.stringify([method, url, key]))).subarray(0, 16)
}

function hashOf(token: Uint8Array): Uint8Array {
  return sha256(token).subarray(0, HASH_BYTES)
}

/** No holder's account has such a name, because `:` stands in no address: whoever learns the hash cannot log in as it. */
function accountOf(hash: Uint8Array): string {
  return `token:${toBase64url(hash)}`
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text)
  } catch {
    return undefined
  }
}
