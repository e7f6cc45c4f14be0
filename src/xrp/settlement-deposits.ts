/**
 * Payments to the host, credited to the account of their destination tag: each once, when a validated ledger has it. How
 * far the account's history is credited is kept beside the credits, in the same commit; so neither a restart, however
 * late, nor what the server tells twice credits anything again. What can be credited to nobody is kept for the operator.
 */
import { utf8 } from '../bytes/index.js'
import { sha256 } from '../crypto/index.js'
import type { Decision, Ledger } from '../ledger/index.js'
import type { Log } from '../log/index.js'
import { isIndex, type Json, readDrops, type ValidatedTransaction } from './ledger-messages.js'
import { SettlementError } from './settlement-errors.js'
import type { SettlementNotes } from './settlement-notes.js'
import { creditOf, type XrpRate } from './settlement-rate.js'
import type { Tags } from './settlement-tags.js'

/** Drops that a validated transaction moved to the host. */
export interface Deposit {
  readonly hash: string
  readonly from: string
  readonly tag: number | undefined
  /** What arrived, which may be less than the payment's `Amount`. */
  readonly drops: bigint
}

/** A deposit that is on no balance. */
export interface UnclaimedDeposit extends Deposit {
  /** Whose tag it has. */
  readonly account: string | undefined
  readonly why: string
}

export interface DepositsOptions {
  readonly address: string
  readonly ledger: Ledger
  readonly notes: SettlementNotes
  readonly tags: Tags
  readonly rate: XrpRate
  /** `false`: nothing is credited here; all wait for {@link Deposits.take}. */
  readonly credits: boolean
  readonly log: Log
  readonly unclaimedDepositsMax: number
}

const UNCLAIMED = 'unclaimed/'
const READ = 'read'
/** How long the ledger itself remembers a credit's id, which answers whoever asks for it. */
const CREDIT_MS = 600_000

/** What a transaction brought to the address in XRP, by a payment or an escrow. Pure. */
export function readDeposit(transaction: ValidatedTransaction, address: string): Deposit | undefined {
  const { hash, type, account: from, result, fields, delivered, nodes } = transaction
  if (result !== 'tesSUCCESS') return undefined
  if (type === 'Payment') {
    if (fields['Destination'] !== address || delivered === undefined || delivered === 0n) return undefined
    return { hash, from, tag: readTag(fields), drops: delivered }
  }
  if (type !== 'EscrowFinish') return undefined
  const escrow = nodes.find(({ change, entryType }) => change === 'deleted' && entryType === 'Escrow')?.fields
  const drops = readDrops(escrow?.['Amount'])
  if (escrow?.['Destination'] !== address || drops === undefined) return undefined
  return { hash, from: String(escrow['Account']), tag: readTag(escrow), drops }
}

function readTag({ DestinationTag: tag }: Json): number | undefined {
  return isIndex(tag) ? tag : undefined
}

export class Deposits {
  readonly #options: DepositsOptions
  /** Read, and not yet credited or put aside. */
  #waiting: ValidatedTransaction[] = []
  /** Everything up to this ledger is done with; of the next one, everything up to this transaction. */
  #read: { readonly ledger: number; readonly hash: string } | undefined
  /** Transactions of that ledger that are told again. */
  #skipping = false

  constructor(options: DepositsOptions) {
    this.#options = options
  }

  /** Gives the first ledger to read; `undefined` before the first run. */
  restore(): number | undefined {
    this.#waiting = []
    const { ledger, hash } = this.#options.notes.get(READ) ?? {}
    this.#read = isIndex(ledger) ? { ledger, hash: typeof hash === 'string' ? hash : '' } : undefined
    this.#skipping = this.#read !== undefined && this.#read.hash !== ''
    return this.#read === undefined ? undefined : this.#read.ledger + 1
  }

  onTransaction(transaction: ValidatedTransaction): void {
    if (this.#read !== undefined) {
      if (transaction.ledgerIndex <= this.#read.ledger) return
      if (this.#skipping) {
        if (transaction.ledgerIndex > this.#read.ledger + 1) this.#skipping = false
        else {
          if (transaction.hash === this.#read.hash) this.#skipping = false
          return
        }
      }
    }
    if (readDeposit(transaction, this.#options.address) !== undefined) this.#waiting.push(transaction)
  }

  /** Everything up to this ledger was told. Credits, and moves the mark, in one turn. */
  onLedger(index: number): void {
    while (this.#waiting[0] !== undefined) {
      if (!this.#settle(this.#waiting[0])) return
      const { ledgerIndex, hash } = this.#waiting[0]
      this.#waiting.shift()
      this.#mark({ ledger: ledgerIndex - 1, hash })
    }
    if (this.#read === undefined || index > this.#read.ledger) this.#mark({ ledger: index, hash: '' })
  }

  /** Deposits on no balance, the biggest first. */
  unclaimed(): UnclaimedDeposit[] {
    return this.#options.notes
      .list(UNCLAIMED)
      .map(([hash, value]) => readUnclaimed(hash, value))
      .toSorted((one, other) => (one.drops < other.drops ? 1 : -1))
  }

  /** Credits one of them to an account, at the operator's word. @throws {SettlementError} `SETTLEMENT_REFUSED` */
  claim(hash: string, account: string): bigint {
    const deposit = this.#unclaimed(hash)
    if (deposit === undefined) throw refused('no unclaimed deposit has this hash')
    const units = creditOf(deposit.drops, this.#options.rate)
    const decision = this.#credit(deposit, account, units)
    if (!decision.ok) throw refused(decision.message)
    this.#options.notes.delete(UNCLAIMED + hash)
    return units
  }

  /** Hands one over to whoever keeps the book instead: it is its account's, worth so much, and gone from here. */
  take(hash: string, account: string, units: bigint): boolean {
    const deposit = this.#unclaimed(hash)
    if (deposit?.account !== account || creditOf(deposit.drops, this.#options.rate) !== units) return false
    this.#options.notes.delete(UNCLAIMED + hash)
    return true
  }

  /** What became of a deposit to an account, as long as the ledger remembers. */
  stateOf(hash: string, account: string): 'credited' | 'unclaimed' | 'unknown' {
    if (this.#options.ledger.transfer(account, creditId(hash)) !== undefined) return 'credited'
    return this.#unclaimed(hash)?.account === account ? 'unclaimed' : 'unknown'
  }

  /** `false`: the ledger is busy, and nothing happened. */
  #settle(transaction: ValidatedTransaction): boolean {
    const { address, tags, rate, credits, log } = this.#options
    const deposit = readDeposit(transaction, address)
    if (deposit === undefined) return true
    const { hash, tag } = deposit
    const account = tag === undefined ? undefined : tags.accountOf(tag)
    if (account === undefined) {
      return this.#putAside(
        deposit,
        undefined,
        tag === undefined ? 'it has no destination tag' : 'no account has its tag',
      )
    }
    if (!credits) return this.#putAside(deposit, account, 'it waits to be claimed')
    const units = creditOf(deposit.drops, rate)
    if (units === 0n) {
      log.warn('a deposit is worth less than a base unit, and was not credited', { hash, account })
      return true
    }
    const decision = this.#credit(deposit, account, units)
    if (decision.ok || decision.code === 'DUPLICATE_ID') {
      log.info('a deposit was credited', { hash, account, drops: String(deposit.drops), units: String(units) })
      return true
    }
    if (decision.code === 'BUSY') return false
    return this.#putAside(deposit, account, decision.message)
  }

  #credit({ hash }: Deposit, account: string, amount: bigint): Decision {
    const expiresAt = this.#options.ledger.now() + CREDIT_MS
    return this.#options.ledger.execute({ type: 'post', account, id: creditId(hash), amount, expiresAt })
  }

  /** Strangers can send any number of drops for a fee: when too many wait, the smallest is only logged. */
  #putAside(deposit: Deposit, account: string | undefined, why: string): boolean {
    const { notes, log, unclaimedDepositsMax, credits } = this.#options
    const { hash, from, tag, drops } = deposit
    const facts = { hash, from, tag, drops: String(drops) }
    if (credits) log.error(`a deposit could not be credited: ${why}`, facts)
    const kept = notes.list(UNCLAIMED)
    if (kept.length >= unclaimedDepositsMax) {
      const smallest = this.unclaimed().at(-1)
      if (smallest === undefined || smallest.drops >= drops) return this.#forget(facts)
      this.#forget({ hash: smallest.hash, from: smallest.from, tag: smallest.tag, drops: String(smallest.drops) })
      notes.delete(UNCLAIMED + smallest.hash)
    }
    try {
      notes.put(UNCLAIMED + hash, { ...facts, account, why })
      return true
    } catch (error) {
      log.error('a deposit could not be noted; it is tried again', { ...facts, error: String(error) })
      return false
    }
  }

  #forget(facts: Record<string, unknown>): true {
    this.#options.log.error('too many deposits are unclaimed: this one is only in this log', facts)
    return true
  }

  #unclaimed(hash: string): UnclaimedDeposit | undefined {
    const value = this.#options.notes.get(UNCLAIMED + hash)
    return value === undefined ? undefined : readUnclaimed(hash, value)
  }

  #mark(read: { readonly ledger: number; readonly hash: string }): void {
    this.#options.notes.put(READ, read)
    this.#read = read
    this.#skipping = false
  }
}

/** Of the post that credits it. */
function creditId(hash: string): Uint8Array {
  return sha256(utf8(`xrp-deposit ${hash}`)).subarray(0, 16)
}

function readUnclaimed(hash: string, { from, tag, drops, account, why }: Json): UnclaimedDeposit {
  return {
    hash,
    from: String(from),
    tag: isIndex(tag) ? tag : undefined,
    drops: readDrops(drops) ?? 0n,
    account: typeof account === 'string' ? account : undefined,
    why: String(why),
  }
}

function refused(message: string): SettlementError {
  return new SettlementError('SETTLEMENT_REFUSED', message)
}
