/**
 * Balances behind `Pay-Token`s (tutorial "HTTP-ILP" of 2017, RFC-14 drafts 1 and 2): topped up by payments, spent request by
 * request. A balance is an account of the till's own ledger: credited in the commit that captures the payment, debited in a
 * commit before the goods leave.
 */
import { concat, EMPTY, fromBase64, toBase64url, utf8 } from '../bytes/index.js'
import { hmacSha256, randomBytes, sha256 } from '../crypto/index.js'
import { formatAmount, pskFulfiller } from '../ilp/index.js'
import type { Ledger } from '../ledger/index.js'
import { committed } from './committed.js'
import { checkSecret } from './errors.js'
import { problem, unavailable, type Answer, type Reply, type ShopRequest } from './exchange.js'
import { formatPay } from './pay-header.js'
import { createSigner } from './signed-id.js'
import type { CheckedHold, Till } from './till.js'

export interface BalancesOptions {
  /** Its link is the host of `ledger`. */
  readonly till: Till
  readonly ledger: Ledger
  /** At least 16 bytes, the same after a restart. */
  readonly secret: Uint8Array
  /** The least that one payment may add. Default 1. */
  readonly paymentMin?: bigint
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

/** What one request costs. */
export interface Charge {
  /** Base units; above 0. */
  readonly price: bigint
  /** `Pay-Terms`, and what else goes with every answer. */
  readonly headers: Readonly<Record<string, string>>
  /** Whoever cannot pay is served all the same. Default false. */
  readonly optional?: boolean | undefined
  /** An answer that is no success costs nothing, unless its `Idempotency-Key` lets it be repeated free. Default false. */
  readonly refunds?: boolean
}

export interface Balances {
  /** Answers a request: `produce` runs once it is paid for, durably. */
  readonly answer: (request: ShopRequest, charge: Charge, produce: () => Promise<Reply>) => Promise<Reply>
}

/** Bytes of a token's hash: what stands in account names and addresses. */
const HASH_BYTES = 16
const NONCE_BYTES = 8
/** Beyond any balance. */
const UNBOUNDED = 1n << 62n

/** The till and the ledger must be open. */
export function openBalances(options: BalancesOptions): Balances {
  const { till, ledger, secret, binding = 'address', tokensMax = 10_000, idempotencyMsMax = 600_000 } = options
  const { paymentMin = 1n, randomBytes: random = randomBytes } = options
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
    return {
      price: paymentMin,
      fulfillmentFor: pskFulfiller(shared),
      take: (checked) => credit(ledger, account, checked),
    }
  })

  /** The headers of an answer to whoever showed `token`. */
  const payHeaders = (token: Uint8Array, account: string, { price, headers }: Charge): Record<string, string> => {
    const clientId = toBase64url(clients.sign(concat(hashOf(token), random(NONCE_BYTES))))
    if (binding === 'token') {
      shown.set(clientId, token)
      const [oldest] = shown.keys()
      if (shown.size > tokensMax && oldest !== undefined) shown.delete(oldest)
    }
    const shared = binding === 'token' ? token : hmacSha256(secretKey, utf8(clientId))
    return {
      ...headers,
      Pay: formatPay({ method: 'psk', amount: price, address: till.addressOf(clientId), secret: shared }),
      'Pay-Balance': (ledger.account(account)?.balance ?? 0n).toString(),
    }
  }

  const served = async (produce: () => Promise<Reply>, headers: () => Record<string, string>): Promise<Reply> => {
    const reply = await produce()
    return { ...reply, headers: { ...reply.headers, ...headers() } }
  }

  const answer: Balances['answer'] = async (request, charge, produce) => {
    const { price, headers, optional = false, refunds = false } = charge
    const text = request.header('pay-token')
    if (text === undefined) {
      if (request.method === 'OPTIONS') return { status: 204, headers, body: EMPTY }
      if (optional) return served(produce, () => headers)
      const how = 'send a header Pay-Token of 32 random bytes as base64url, and keep it: it stands for your balance'
      return problem(402, 'token-required', how, { headers })
    }
    const token = decoded(text)
    if (!token || token.length < 16 || token.length > 32) {
      return problem(400, 'bad-token', 'Pay-Token must be 16 to 32 bytes as base64url')
    }
    const account = accountOf(hashOf(token))
    const paying = (): Record<string, string> => payHeaders(token, account, charge)
    if (request.method === 'OPTIONS' || request.method === 'HEAD') {
      if (!(await committed(ledger))) return unavailable()
      return { status: request.method === 'HEAD' ? 200 : 204, headers: paying(), body: EMPTY }
    }
    const id = debitId(token, request, random)
    const paid = debit(ledger, account, price, id, idempotencyMsMax)
    if (!(await committed(ledger))) return unavailable()
    if (paid === 'busy') return unavailable('the shop is busy: try again later')
    if (paid === 'short') return optional ? served(produce, paying) : short(till, price, paying())
    const giveBack = async (): Promise<void> => {
      // A repetition under the same key is free, which is as good.
      if (!refunds || request.header('idempotency-key') !== undefined) return
      refund(ledger, account, price, id, idempotencyMsMax)
      await committed(ledger)
    }
    let reply: Reply
    try {
      reply = await produce()
    } catch (error) {
      await giveBack()
      throw error
    }
    if (reply.status < 200 || reply.status > 299) await giveBack()
    return { ...reply, headers: { ...reply.headers, ...paying() } }
  }
  return { answer }
}

function short(till: Till, price: bigint, headers: Record<string, string>): Answer {
  const { assetCode, assetScale } = till.link.info
  const detail =
    `One request costs ${formatAmount(price)} (${assetCode}, scale ${assetScale}), more than the balance: ` +
    'send an Interledger payment as the header Pay says, then repeat the request.'
  return problem(402, 'payment-required', detail, { headers })
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

/** Puts back what {@link debit} took under `id`, once. */
function refund(ledger: Ledger, account: string, price: bigint, id: Uint8Array, forMs: number): void {
  ledger.execute({
    type: 'post',
    account,
    id: sha256(id).subarray(0, 16),
    amount: price,
    expiresAt: ledger.now() + forMs,
  })
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
