/**
 * Balances behind `Pay-Token`s (tutorial "HTTP-ILP" of 2017, RFC-14 drafts 1 and 2): topped up by payments, spent request by
 * request. A balance is an account of the till's own ledger: credited in the commit that captures the payment, debited in a
 * commit before the goods leave.
 */
import { concat, EMPTY, fromBase64, latin1, toBase64url, utf8 } from '../bytes/index.js'
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

/** A debit that is durable. */
export interface Debited {
  /** Whose it is: the name of the balance's account. */
  readonly account: string
  /** Names the request, and is the same for its repetitions. */
  readonly id: string
  /** Base units; 0 for a repetition. */
  readonly amount: bigint
}

export interface Balances {
  /** Answers a request: `produce` runs once it is paid for, durably; without a debit where paying is optional. */
  readonly answer: (
    request: ShopRequest,
    charge: Charge,
    produce: (debited?: Debited) => Promise<Reply>,
  ) => Promise<Reply>
}

/** Bytes of a token's hash: what stands in account names and addresses. */
const HASH_BYTES = 16
const NONCE_BYTES = 8
const ID_BYTES = 16
/** Good answers under one `Idempotency-Key`, or one `Pay-Fulfillment`: enough for a client that lost some, too few to share one payment. */
export const ANSWERS_PER_KEY_MAX = 5
/** Paid keys whose answers are counted; the oldest are forgotten, and each has cost a price. */
export const COUNTED_KEYS_MAX = 10_000
/** Beyond any balance. */
const UNBOUNDED = 1n << 62n

/** The till and the ledger must be open. */
export function openBalances(options: BalancesOptions): Balances {
  const { till, ledger, secret, binding = 'address', tokensMax = 10_000, idempotencyMsMax = 600_000 } = options
  const { paymentMin = 1n, randomBytes: random = randomBytes } = options
  checkSecret(secret)
  const clients = createSigner(secret, 'sluice prepaid client', HASH_BYTES + NONCE_BYTES, 8)
  const secretKey = hmacSha256(secret, utf8('sluice prepaid secret'))
  const debitKey = hmacSha256(secret, utf8('sluice prepaid debit'))
  /** Client id to token, for the binding `token`. */
  const shown = new Map<string, Uint8Array>()
  /** Good answers, and those under way, by the id of the debit that they share. */
  const answered = new Map<string, number>()

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
      forgetOldest(shown, tokensMax)
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
    const key = request.header('idempotency-key')
    const id = key === undefined ? random(ID_BYTES) : idOf(debitKey, account, request.method, request.url, key)
    const paid = debit(ledger, account, price, id, idempotencyMsMax)
    const counted = latin1(id)
    const answers = paid === 'repeated' ? (answered.get(counted) ?? 0) : 0
    if (answers >= ANSWERS_PER_KEY_MAX) return keySpent(paying())
    if (key !== undefined && (paid === 'paid' || paid === 'repeated')) {
      answered.set(counted, answers + 1)
      forgetOldest(answered, COUNTED_KEYS_MAX)
    }
    if (!(await committed(ledger))) return unavailable()
    if (paid === 'busy') return unavailable('the shop is busy: try again later')
    if (paid === 'short') return optional ? served(produce, paying) : short(till, price, paying())
    const giveBack = async (): Promise<void> => {
      if (key !== undefined) {
        // Repeating it is free, which is as good as a refund.
        const counts = answered.get(counted)
        if (counts !== undefined) answered.set(counted, counts - 1)
      } else if (refunds) {
        refund(ledger, account, price, id, idempotencyMsMax)
        await committed(ledger)
      }
    }
    let reply: Reply
    try {
      reply = await produce({ account, id: toBase64url(id), amount: paid === 'paid' ? price : 0n })
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

function keySpent(headers: Record<string, string>): Answer {
  const detail = `this was answered ${ANSWERS_PER_KEY_MAX} times under its Idempotency-Key: buy it again under a new one`
  return problem(409, 'key-spent', detail, { headers })
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
  // Payers choose the ids of their transfers: two may choose the same one.
  const creditId = sha256(concat(utf8(`${hold.account} `), id)).subarray(0, ID_BYTES)
  const credited = ledger.execute({ type: 'post', account, id: creditId, amount, expiresAt })
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
  ledger.execute({ type: 'post', account, id: sha256(creditId).subarray(0, ID_BYTES), amount: -amount, expiresAt })
}

/** Takes the price off a balance; a request that was paid under its key before is not charged again. */
function debit(
  ledger: Ledger,
  account: string,
  price: bigint,
  id: Uint8Array,
  forMs: number,
): 'paid' | 'repeated' | 'short' | 'busy' {
  const before = ledger.transfer(account, id)
  if (before?.state === 'finished' && before.outcome.state === 'posted') return 'repeated'
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
    id: sha256(id).subarray(0, ID_BYTES),
    amount: price,
    expiresAt: ledger.now() + forMs,
  })
}

/**
 * 16 bytes, the same for a repetition under one `Idempotency-Key`. Only the shop can make them: a payment with such an id
 * would otherwise pass for the debit of a request.
 */
function idOf(key: Uint8Array, ...of: readonly string[]): Uint8Array {
  return hmacSha256(key, utf8(JSON.stringify(of))).subarray(0, ID_BYTES)
}

/** Maps keep the order of insertion. */
function forgetOldest(entries: Map<string, unknown>, most: number): void {
  const [oldest] = entries.keys()
  if (entries.size > most && oldest !== undefined) entries.delete(oldest)
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
