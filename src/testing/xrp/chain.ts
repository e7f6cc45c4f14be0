/**
 * The ledgers: the last closed one with its history, and the open one that takes transactions until it closes. Order within
 * a ledger, retries and what is kept of refused transactions follow the servers. A closed ledger counts as validated at once,
 * as in standalone mode. Hashes are of the right form, but not those that a server would compute.
 */
import { applyTransaction, openLedgerCost, type ApplyOptions } from './apply.js'
import type { SignedTransaction } from './blob.js'
import {
  accountIn,
  accountKey,
  GENESIS_ACCOUNT,
  sha512Half,
  ZERO_HASH,
  type Entry,
  type LedgerState,
} from './entries.js'
import { accountsIn, effectsOf, type Metadata } from './metadata.js'
import { isTec, isTer, type EngineResult } from './results.js'
import type { Changes, Fees, LedgerView } from './sandbox.js'

export interface ValidatedTransaction {
  readonly signed: SignedTransaction
  readonly result: EngineResult
  readonly meta: Metadata
  readonly accounts: ReadonlySet<string>
  readonly ledgerIndex: number
}

export interface ClosedLedger {
  readonly index: number
  readonly hash: string
  readonly parentHash: string
  readonly accountHash: string
  readonly transactionHash: string
  /** Seconds of the Ripple epoch. */
  readonly closeTime: number
  readonly parentCloseTime: number
  readonly totalDrops: bigint
  readonly transactions: readonly ValidatedTransaction[]
  readonly state: LedgerState
}

export interface Submission {
  readonly result: EngineResult
  readonly applied: boolean
  readonly kept: boolean
  readonly queued: boolean
  /** The account's next sequence number in the open ledger, and with what is queued. Before what waited for this one. */
  readonly next: number
  readonly available: number
}

/** What the fees of the open ledger are multiplied by. */
export interface Load {
  /** Of the server: less is refused (telINSUF_FEE_P). */
  readonly server: number
  /** Of a full open ledger: less waits (terQUEUED). */
  readonly openLedger: number
}

/** Close times are rounded to it, seconds. */
export const CLOSE_TIME_RESOLUTION = 10
/** The ledger that a server in standalone mode begins with. */
const FIRST_LEDGER = 2
/** Older ledgers are forgotten, and their transactions. */
export const LEDGERS_MAX = 1024
/** So many ledgers a transaction is tried again in. */
const KEPT_LEDGERS = 5
const TOTAL_DROPS = 100_000_000_000_000_000n
/** Passes over the transactions of a ledger before those whose result is tec are taken as they are. */
const RETRY_PASSES = 2

interface Kept {
  readonly signed: SignedTransaction
  readonly lastLedger: number
  readonly queued: boolean
}

interface Seen {
  readonly signed: SignedTransaction
  readonly ledgerIndex: number
}

interface OpenLedger {
  readonly index: number
  readonly state: Map<string, Entry>
  readonly transactions: Map<string, SignedTransaction>
}

export class Chain {
  readonly fees: Fees
  load: Load = { server: 1, openLedger: 1 }
  /** Transactions of which closed ledgers take none: they stay open until they are too old. */
  withheld: (signed: SignedTransaction) => boolean = () => false
  readonly #ledgers: ClosedLedger[] = []
  readonly #validated = new Map<string, ValidatedTransaction>()
  readonly #seen = new Map<string, Seen>()
  readonly #kept = new Map<string, Kept>()
  #open: OpenLedger

  /** @param now seconds of the Ripple epoch */
  constructor(fees: Fees, now: number) {
    this.fees = fees
    const state: LedgerState = new Map([[accountKey(GENESIS_ACCOUNT), genesisAccount()]])
    const closeTime = roundHalfUp(now)
    const times = { closeTime, parentCloseTime: 0 }
    this.#open = this.#push(
      { index: FIRST_LEDGER, ...times, parentHash: ZERO_HASH, totalDrops: TOTAL_DROPS },
      [],
      state,
    )
  }

  get validated(): ClosedLedger {
    const last = this.#ledgers.at(-1)
    if (last === undefined) throw new RangeError('no ledger')
    return last
  }

  /** Index of the oldest ledger that is not forgotten. */
  get first(): number {
    return this.validated.index - this.#ledgers.length + 1
  }

  get open(): { readonly index: number; readonly state: LedgerState } {
    return this.#open
  }

  ledger(index: number): ClosedLedger | undefined {
    return this.#ledgers[index - this.first]
  }

  ledgerOf(hash: string): ClosedLedger | undefined {
    return this.#ledgers.find((ledger) => ledger.hash === hash)
  }

  transaction(hash: string): ValidatedTransaction | undefined {
    return this.#validated.get(hash)
  }

  /** A transaction that was submitted, whatever became of it. */
  seen(hash: string): SignedTransaction | undefined {
    return this.#seen.get(hash)?.signed
  }

  /** Validated transactions that name the account, oldest first. */
  history(account: string): ValidatedTransaction[] {
    return [...this.#validated.values()].filter(({ accounts }) => accounts.has(account))
  }

  /** @param failHard keep it only if it succeeds at once */
  submit(signed: SignedTransaction, failHard: boolean): Submission {
    this.#seen.set(signed.hash, { signed, ledgerIndex: this.#open.index })
    const { result, applied } = this.#tryOpen(signed, { tecFails: failHard })
    const kept = !failHard || result === 'tesSUCCESS'
    const queued = kept && result === 'terQUEUED'
    if (kept) this.#kept.set(signed.hash, { signed, lastLedger: this.#open.index + KEPT_LEDGERS, queued })
    const { Account: account } = signed.tx
    const next = accountIn(this.#open.state, account)?.Sequence ?? 0
    const available = this.#nextSequence(account) ?? next
    if (applied) this.#retryKept()
    return { result, applied, kept, queued, next, available }
  }

  /** Closes the open ledger. @param now seconds of the Ripple epoch */
  close(now: number): ClosedLedger {
    this.#retryKept()
    const parent = this.validated
    const state = new Map(parent.state)
    const closeTime = Math.max(roundHalfUp(now), parent.closeTime + 1)
    const transactions = this.#build(parent, state)
    const burnt = transactions.reduce((sum, { signed }) => sum + BigInt(signed.tx.Fee), 0n)
    this.#open = this.#push(
      {
        index: parent.index + 1,
        closeTime,
        parentCloseTime: parent.closeTime,
        parentHash: parent.hash,
        totalDrops: parent.totalDrops - burnt,
      },
      transactions,
      state,
    )
    for (const [hash, { lastLedger }] of this.#kept) {
      if (this.#validated.has(hash) || this.#open.index > lastLedger) this.#kept.delete(hash)
    }
    this.#retryKept()
    return this.validated
  }

  #view(state: LedgerState, index: number, parentCloseTime: number): LedgerView {
    return { state, index, parentCloseTime, fees: this.fees }
  }

  /** The account's next sequence number, queued transactions counted. */
  #nextSequence(account: string): number | undefined {
    let next = accountIn(this.#open.state, account)?.Sequence
    if (next === undefined) return undefined
    const queued = [...this.#kept.values()].filter((kept) => kept.queued && kept.signed.tx.Account === account)
    while (queued.some(({ signed }) => signed.tx.Sequence === next)) next += 1
    return next
  }

  #tryOpen(signed: SignedTransaction, options: ApplyOptions): { result: EngineResult; applied: boolean } {
    const { index, state, transactions } = this.#open
    const view = this.#view(state, index, this.validated.closeTime)
    const outcome = applyTransaction(view, signed, { ...options, loadFactor: this.load.server })
    const cheap = BigInt(signed.tx.Fee) < openLedgerCost(signed.tx, this.fees, this.load.openLedger)
    const follows = outcome.result === 'terPRE_SEQ' && this.#nextSequence(signed.tx.Account) === signed.tx.Sequence
    if ((outcome.applied && cheap) || follows) return { result: 'terQUEUED', applied: false }
    if (outcome.applied) {
      merge(state, effectsOf(state, outcome.changes, { hash: signed.hash, ledgerIndex: index }).changes)
      transactions.set(signed.hash, signed)
    }
    return outcome
  }

  /** What was refused, or fell out of a ledger, may fit now. */
  #retryKept(): void {
    let progress = true
    while (progress) {
      progress = false
      for (const { signed } of canonical([...this.#kept.values()], ({ signed: { tx } }) => tx)) {
        if (this.#open.transactions.has(signed.hash)) continue
        if (this.#tryOpen(signed, {}).applied) progress = true
      }
    }
  }

  /** Applies the open ledger's transactions to its parent's state, in the order that all servers agree on. */
  #build(parent: ClosedLedger, state: Map<string, Entry>): ValidatedTransaction[] {
    const built: ValidatedTransaction[] = []
    let left = canonical([...this.#open.transactions.values()], ({ tx }) => tx).filter(
      (signed) => !this.withheld(signed),
    )
    let retries = RETRY_PASSES
    while (left.length > 0) {
      const tecFails = retries > 0
      const again = left.filter((signed) => {
        const view = this.#view(state, parent.index + 1, parent.closeTime)
        const { result, applied, changes } = applyTransaction(view, signed, { tecFails })
        if (!applied) return isTer(result) || isTec(result)
        const place = { hash: signed.hash, ledgerIndex: view.index }
        const effects = effectsOf(state, changes, place)
        merge(state, effects.changes)
        const meta = {
          AffectedNodes: effects.nodes,
          TransactionIndex: built.length,
          TransactionResult: result,
          ...deliveredBy(signed, result),
        }
        built.push({ signed, result, meta, accounts: accountsIn(meta), ledgerIndex: view.index })
        return false
      })
      const progress = again.length < left.length
      left = again
      if (!tecFails) break
      retries = progress ? retries - 1 : 0
    }
    return built
  }

  /** Adds a closed ledger, and opens the next. */
  #push(
    header: Pick<ClosedLedger, 'index' | 'closeTime' | 'parentCloseTime' | 'parentHash' | 'totalDrops'>,
    transactions: readonly ValidatedTransaction[],
    state: LedgerState,
  ): OpenLedger {
    const accountHash = sha512Half('state', header.parentHash, String(header.index), String(transactions.length))
    const transactionHash =
      transactions.length === 0
        ? ZERO_HASH
        : sha512Half('transactions', ...transactions.map(({ signed }) => signed.hash))
    const hash = sha512Half('ledger', header.parentHash, String(header.closeTime), accountHash, transactionHash)
    for (const transaction of transactions) this.#validated.set(transaction.signed.hash, transaction)
    this.#ledgers.push({ ...header, hash, accountHash, transactionHash, transactions, state })
    if (this.#ledgers.length > LEDGERS_MAX) this.#forget()
    return { index: header.index + 1, state: new Map(state), transactions: new Map() }
  }

  #forget(): void {
    for (const { signed } of this.#ledgers.shift()?.transactions ?? []) this.#validated.delete(signed.hash)
    for (const [hash, { ledgerIndex }] of this.#seen) {
      if (ledgerIndex < this.first) this.#seen.delete(hash)
    }
  }
}

function genesisAccount(): Entry {
  return {
    LedgerEntryType: 'AccountRoot',
    Account: GENESIS_ACCOUNT,
    Balance: String(TOTAL_DROPS),
    Flags: 0,
    OwnerCount: 0,
    Sequence: 1,
    PreviousTxnID: ZERO_HASH,
    PreviousTxnLgrSeq: 0,
  }
}

const roundHalfUp = (seconds: number): number =>
  Math.floor((seconds + CLOSE_TIME_RESOLUTION / 2) / CLOSE_TIME_RESOLUTION) * CLOSE_TIME_RESOLUTION

function merge(state: Map<string, Entry>, changes: Changes): void {
  for (const [key, entry] of changes) {
    if (entry === undefined) state.delete(key)
    else state.set(key, entry)
  }
}

/** An account's transactions by sequence number; accounts in an order that nobody can choose. */
function canonical<Item>(items: readonly Item[], txOf: (item: Item) => SignedTransaction['tx']): Item[] {
  const salt = sha512Half(...items.map((item) => String(txOf(item)['TxnSignature'])).toSorted())
  const orders = new Map(items.map((item) => [txOf(item).Account, sha512Half(salt, txOf(item).Account)]))
  const orderOf = (item: Item): string => orders.get(txOf(item).Account) ?? ''
  return items.toSorted((a, b) => {
    if (txOf(a).Account === txOf(b).Account) return txOf(a).Sequence - txOf(b).Sequence
    return orderOf(a) < orderOf(b) ? -1 : 1
  })
}

function deliveredBy({ tx }: SignedTransaction, result: EngineResult): { delivered_amount?: string } {
  const amount = tx['Amount']
  const delivers = tx.TransactionType === 'Payment' && result === 'tesSUCCESS' && typeof amount === 'string'
  return delivers ? { delivered_amount: amount } : {}
}
