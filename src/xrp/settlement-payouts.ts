/**
 * Withdrawals: units leave a balance first, durably and together with the record of what is owed for them; then the host
 * pays. A payment that can never be in a ledger, or that a ledger has with another result than success, puts the units
 * back, once. What a crash leaves open is in the ledger's notes: a payment on the way is in the submitter's record with
 * its signed blob, and where there is none, none can ever apply, so that it is made anew.
 *
 *   (balance) ─debit─▶ paying ─┬▶ paid                    remembered for a day
 *                              └▶ returning ─▶ returned
 */
import { toHex, utf8 } from '../bytes/index.js'
import { sha256 } from '../crypto/index.js'
import type { Ledger } from '../ledger/index.js'
import type { Log } from '../log/index.js'
import type { Draft, Outcome } from './drafts.js'
import { XrpError } from './errors.js'
import { isIndex, type Json, readDrops } from './ledger-messages.js'
import { ORDINARY_FEE } from './rules.js'
import { SettlementError } from './settlement-errors.js'
import type { SettlementNotes } from './settlement-notes.js'
import { chargeOf, payoutOf, type XrpRate } from './settlement-rate.js'

export interface PayoutRequest {
  readonly account: string
  /** 16 bytes, the holder's: the same id is paid once. */
  readonly id: Uint8Array
  /** At most so many; or what balance less holds has. */
  readonly units: bigint | 'all'
  /** Address in the XRP Ledger. */
  readonly to: string
  readonly tag: number | undefined
}

export interface Payout {
  readonly account: string
  readonly state: 'paying' | 'paid' | 'returning' | 'returned'
  /** What left the balance: at most what was asked, and no more than the drops are worth. */
  readonly units: bigint
  readonly drops: bigint
  readonly to: string
  readonly tag: number | undefined
  /** Of the validated payment. */
  readonly hash: string | undefined
  /** Why the units went back. */
  readonly why: string | undefined
}

export interface PayoutsOptions {
  readonly ledger: Ledger
  readonly notes: SettlementNotes
  readonly rate: XrpRate
  readonly log: Log
  readonly payoutDropsMin: bigint
  readonly submit: (draft: Draft) => void
  readonly isOnTheWay: (purpose: string) => boolean
}

const KEY = 'out/'
export const PAYOUT = 'payout/'
/** How long the end of a payout is told. */
const REMEMBER_MS = 86_400_000
/** How long the ledger remembers the ids of debits and of what is put back. */
const POST_MS = 600_000

export class Payouts {
  readonly #options: PayoutsOptions
  /** Paying and returning, by key. */
  readonly #open = new Map<string, Payout>()

  constructor(options: PayoutsOptions) {
    this.#options = options
  }

  /** The submitter has been restored: what it does not have on the way was never paid. */
  restore(): void {
    this.#open.clear()
    for (const [key, value] of this.#options.notes.list(KEY)) {
      const payout = readPayout(value)
      if (payout.state !== 'paying' && payout.state !== 'returning') continue
      this.#open.set(key, payout)
      if (payout.state === 'paying') this.#pay(key, payout)
    }
  }

  /**
   * Takes the units off the balance; the payment follows when that is durable. Resolves then; rejects when nothing
   * happened. @throws {SettlementError} `SETTLEMENT_FUNDS`, `SETTLEMENT_REFUSED`
   */
  async begin(request: PayoutRequest): Promise<Payout> {
    const { notes } = this.#options
    const key = keyOf(request.account, request.id)
    const known = this.find(request.account, request.id)
    const payout = known ?? this.#debit(key, request)
    await notes.saved()
    // Unless a restart meanwhile has taken it up.
    if (this.#open.get(key) === payout) this.#pay(key, payout)
    return this.find(request.account, request.id) ?? payout
  }

  find(account: string, id: Uint8Array): Payout | undefined {
    const value = this.#options.notes.get(KEY + keyOf(account, id))
    return value === undefined ? undefined : readPayout(value)
  }

  /** What became of the payment, told in the turn in which the submitter forgets it. */
  onOutcome(purpose: string, outcome: Outcome): void {
    const key = purpose.slice(PAYOUT.length)
    const payout = this.#open.get(key)
    if (payout?.state !== 'paying') return
    if (outcome.status === 'refused') return this.#return(key, payout, `${outcome.code}: ${outcome.message}`)
    const { hash, result } = outcome.transaction
    if (result !== 'tesSUCCESS') return this.#return(key, payout, `the ledger has it without success: ${result}`)
    this.#end(key, { ...payout, state: 'paid', hash })
    this.#options.log.info('a withdrawal was paid', { account: payout.account, drops: String(payout.drops), hash })
  }

  /** Tries again to put back what could not be. */
  onLedger(): void {
    for (const [key, payout] of this.#open) if (payout.state === 'returning') this.#putBack(key, payout)
  }

  /** In one turn, so that both are durable or neither. */
  #debit(key: string, { account, units: asked, to, tag }: PayoutRequest): Payout {
    const { ledger, rate, notes, payoutDropsMin } = this.#options
    const view = ledger.account(account)
    if (view === undefined) throw refused('there is no such account')
    for (const open of this.#open.values()) {
      if (open.account === account) throw refused('another withdrawal of this account is under way: wait for its end')
    }
    const available = view.balance - view.heldOut
    const most = asked === 'all' ? available : asked
    if (most > available) {
      throw noFunds(`the balance less what is held is ${available} base units: ask for no more, or wait for the holds`)
    }
    const drops = most > 0n ? payoutOf(most, rate) : 0n
    if (drops === 0n || drops < payoutDropsMin) {
      throw noFunds(`${drops} drops are less than the host pays out: ${payoutDropsMin} at least`)
    }
    const units = chargeOf(drops, rate)
    const payout: Payout = { account, state: 'paying', units, drops, to, tag, hash: undefined, why: undefined }
    try {
      notes.put(KEY + key, writePayout(payout))
    } catch (error) {
      if (error instanceof XrpError) throw refused(error.message)
      throw error
    }
    const decision = ledger.execute({ ...this.#post(key, account), amount: -units })
    if (!decision.ok) {
      notes.delete(KEY + key)
      throw refused(decision.message)
    }
    this.#open.set(key, payout)
    return payout
  }

  #pay(key: string, { drops, to, tag }: Payout): void {
    if (this.#options.isOnTheWay(PAYOUT + key)) return
    this.#options.submit({
      purpose: PAYOUT + key,
      fields: {
        TransactionType: 'Payment',
        Destination: to,
        Amount: String(drops),
        ...(tag !== undefined && { DestinationTag: tag }),
      },
      units: ORDINARY_FEE,
      amount: drops,
      owns: 0,
      deadline: undefined,
    })
  }

  #return(key: string, payout: Payout, why: string): void {
    const { account, drops } = payout
    this.#options.log.warn('a withdrawal could not be paid', { account, drops: String(drops), why })
    const returning: Payout = { ...payout, state: 'returning', why }
    this.#open.set(key, returning)
    this.#options.notes.put(KEY + key, writePayout(returning))
    this.#putBack(key, returning)
  }

  #putBack(key: string, payout: Payout): void {
    const decision = this.#options.ledger.execute({ ...this.#post(key, payout.account, 'back'), amount: payout.units })
    if (decision.ok || decision.code === 'DUPLICATE_ID') return this.#end(key, { ...payout, state: 'returned' })
    const facts = { account: payout.account, units: String(payout.units), why: decision.message }
    this.#options.log.error('what was withdrawn and not paid cannot be put back yet', facts)
  }

  #end(key: string, payout: Payout): void {
    this.#open.delete(key)
    this.#options.notes.put(KEY + key, writePayout(payout), this.#options.ledger.now() + REMEMBER_MS)
  }

  #post(key: string, account: string, what = 'out') {
    const id = sha256(utf8(`xrp-payout ${what} ${key}`)).subarray(0, 16)
    return { type: 'post', account, id, expiresAt: this.#options.ledger.now() + POST_MS } as const
  }
}

/** Of 32 hexadecimal digits: an id means nothing without its account. */
function keyOf(account: string, id: Uint8Array): string {
  return toHex(sha256(utf8(`${account} ${toHex(id)}`)).subarray(0, 16))
}

function writePayout({ units, drops, ...rest }: Payout): Json {
  return { ...rest, units: String(units), drops: String(drops) }
}

/** @throws {XrpError} `XRP_RECORD` */
function readPayout({ account, state, units, drops, to, tag, hash, why }: Json): Payout {
  const amount = readDrops(drops)
  const known = state === 'paying' || state === 'paid' || state === 'returning' || state === 'returned'
  if (!known || amount === undefined || typeof account !== 'string' || typeof to !== 'string') {
    throw new XrpError('XRP_RECORD', 'a withdrawal in the ledger’s notes is unreadable')
  }
  return {
    account,
    state,
    units: BigInt(String(units)),
    drops: amount,
    to,
    tag: isIndex(tag) ? tag : undefined,
    hash: typeof hash === 'string' ? hash : undefined,
    why: typeof why === 'string' ? why : undefined,
  }
}

function refused(message: string): SettlementError {
  return new SettlementError('SETTLEMENT_REFUSED', message)
}

function noFunds(message: string): SettlementError {
  return new SettlementError('SETTLEMENT_FUNDS', message)
}
