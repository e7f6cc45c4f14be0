/**
 * Settlement of a hosted ledger over the XRP Ledger, the host's side: payments to the host's address are credited to the
 * account of their destination tag, and holders withdraw what the host owes them. Holders ask by `sluice.settlement`
 * messages (settler.ts). Everything that must survive is in the hosted ledger itself.
 */
import { findEntry } from '../btp/index.js'
import { fromUtf8 } from '../bytes/index.js'
import { type Clock, systemClock } from '../clock/index.js'
import { randomBytes as systemRandomBytes } from '../crypto/index.js'
import type { Ledger } from '../ledger/index.js'
import { Lifecycle, LinkError, type Proof, type Receiver, type RequestHandler } from '../link/index.js'
import { type Log, silentLog } from '../log/index.js'
import type { Asset } from '../money/index.js'
import type { Outcome } from './drafts.js'
import { XrpError } from './errors.js'
import { checkDestination } from './payment-destination.js'
import { readServer } from './server-state.js'
import { Deposits, type UnclaimedDeposit } from './settlement-deposits.js'
import { SettlementError } from './settlement-errors.js'
import {
  decodeQuestion,
  encodeDepositState,
  encodePayout,
  encodeTerms,
  type Question,
  SETTLEMENT,
  type SettlementTerms,
} from './settlement-messages.js'
import { SettlementNotes } from './settlement-notes.js'
import { type Payout, type PayoutRequest, Payouts, PAYOUT } from './settlement-payouts.js'
import { parseRate, type XrpRate } from './settlement-rate.js'
import { Tags } from './settlement-tags.js'
import { isXrpAddress } from './signer.js'
import type { ServerOptions } from './transport.js'
import { XrpPayer, type XrpPayerOptions } from './xrp-payer.js'

/** Limits of a settlement's host; see docs/reference/limits.md. */
export interface SettlementLimits {
  /** Accounts that get a destination tag. */
  readonly settlementTagsMax: number
  /** Deposits on no balance that are kept; beyond them the smallest is only logged. */
  readonly unclaimedDepositsMax: number
  /** The most that one payment may cost, in drops. */
  readonly feeDropsMax: bigint
}

export const SETTLEMENT_LIMITS: SettlementLimits = {
  settlementTagsMax: 50_000,
  unclaimedDepositsMax: 1_000,
  feeDropsMax: 1_000n,
}

export interface XrpSettlementOptions extends ServerOptions, Pick<XrpPayerOptions, 'dial'> {
  /** Seed of the host's account in the XRP Ledger, for settlements only. Stays in memory. */
  readonly secret: string
  /** What one XRP is worth, such as `0.52 USD per XRP`. Needed unless the trustlines are in XRP. */
  readonly rate?: string
  /** The smallest withdrawal: the host pays the fee of each. Default 1000 drops. */
  readonly payoutDropsMin?: bigint
  /** The hosted ledger, open; its balances are in `asset`. */
  readonly ledger: Ledger
  readonly asset: Asset
  /** Where holders ask: a host. Absent: nobody asks. */
  readonly receiver?: Pick<Receiver, 'onRequest'>
  /**
   * `validated`: deposits are credited here. `proof`: somebody else keeps the balances, and asks
   * {@link XrpSettlement.acceptSettlement}. Default `validated`.
   */
  readonly credit?: 'validated' | 'proof'
  readonly limits?: Partial<SettlementLimits>
  readonly clock?: Clock
  readonly log?: Log
  readonly randomBytes?: (length: number) => Uint8Array
}

const OPEN_TIMEOUT_MS = 20_000
const PAYOUT_DROPS_MIN = 1_000n
/** Proofs whose ledger has not been read yet. */
const PROOFS_WAITING_MAX = 100

export class XrpSettlement {
  readonly rate: XrpRate
  readonly #options: XrpSettlementOptions
  readonly #log: Log
  readonly #notes: SettlementNotes
  readonly #tags: Tags
  readonly #deposits: Deposits
  readonly #payouts: Payouts
  readonly #payer: XrpPayer
  readonly #lifecycle: Lifecycle
  readonly #limits: SettlementLimits
  /** Who waits for a ledger to have been read. */
  #waiting: { readonly index: number; readonly done: () => void }[] = []
  #readIndex = 0
  #network: number | undefined
  #forgetLedger: () => void = () => undefined

  /** Nothing starts here. @throws {XrpError} `XRP_SECRET`, `XRP_OPTION`; {SettlementError} `SETTLEMENT_RATE` */
  constructor(options: XrpSettlementOptions) {
    const { ledger, asset, clock = systemClock, log = silentLog, randomBytes = systemRandomBytes } = options
    const { credit = 'validated', payoutDropsMin = PAYOUT_DROPS_MIN } = options
    this.#options = options
    this.#log = log
    this.#limits = { ...SETTLEMENT_LIMITS, ...options.limits }
    this.rate = parseRate(options.rate, asset)
    const notes = new SettlementNotes(ledger)
    const { settlementTagsMax, unclaimedDepositsMax, feeDropsMax } = this.#limits
    const tags = new Tags({ notes, randomBytes, settlementTagsMax })
    this.#notes = notes
    this.#tags = tags
    this.#payer = new XrpPayer(
      { ...options, feeDropsMax, clock, log, randomBytes },
      {
        record: notes,
        onTransaction: (transaction) => this.#deposits.onTransaction(transaction),
        onLedger: (index) => this.#onLedger(index),
        onOutcome: (purpose, outcome) => this.#onOutcome(purpose, outcome),
      },
    )
    const common = { ledger, notes, rate: this.rate, log }
    const credits = credit === 'validated'
    this.#deposits = new Deposits({ ...common, address: this.address, tags, credits, unclaimedDepositsMax })
    this.#payouts = new Payouts({
      ...common,
      payoutDropsMin,
      submit: (draft) => this.#payer.submit(draft),
      isOnTheWay: (purpose) => this.#payer.has(purpose),
    })
    this.#lifecycle = new Lifecycle({
      clock,
      start: async (givenUp) => this.#start(givenUp),
      stop: async () => this.#stop(),
    })
  }

  /** The host's address in the XRP Ledger. */
  get address(): string {
    return this.#payer.address
  }

  /** Whether everything in the XRP Ledger is read, and payments can be made. */
  get connected(): boolean {
    return this.#payer.connected
  }

  /** The ledger must be open. @throws {XrpError} `XRP_SERVER`, `XRP_HISTORY`, `XRP_RECORD`; {LinkError} `LINK_TIMEOUT` */
  async open(): Promise<void> {
    return this.#lifecycle.open(OPEN_TIMEOUT_MS)
  }

  /** Before the ledger is closed. Twice is fine. */
  async close(): Promise<void> {
    return this.#lifecycle.close()
  }

  /** How to pay to an account; durable when it resolves. @throws {SettlementError} `SETTLEMENT_REFUSED` */
  async termsFor(account: string): Promise<SettlementTerms> {
    const tag = this.#tags.tagOf(account)
    await this.#notes.saved()
    const { payoutDropsMin = PAYOUT_DROPS_MIN } = this.#options
    return { address: this.address, tag, network: this.#network, rate: this.rate, payoutDropsMin }
  }

  /**
   * Pays out what the host owes. Resolves when the units have left the balance for good: the payment follows, or they
   * come back ({@link payout}). @throws {SettlementError} `SETTLEMENT_FUNDS`, `SETTLEMENT_REFUSED`: nothing happened
   */
  async payOut(request: PayoutRequest): Promise<Payout> {
    const known = this.payout(request.account, request.id)
    if (known !== undefined) return known
    if (!this.connected) throw refused('the host has no connection to the XRP Ledger now: try again later')
    await this.#checkDestination(request)
    return this.#payouts.begin(request)
  }

  /** What became of a withdrawal, for a day. */
  payout(account: string, id: Uint8Array): Payout | undefined {
    return this.#payouts.find(account, id)
  }

  /** Deposits that are on no balance: without a tag, with one that nobody has, or refused by the ledger. */
  unclaimed(): readonly UnclaimedDeposit[] {
    return this.#deposits.unclaimed()
  }

  /** Credits one of them; durable when it resolves, with the units. @throws {SettlementError} `SETTLEMENT_REFUSED` */
  async claim(hash: string, account: string): Promise<bigint> {
    const units = this.#deposits.claim(hash, account)
    await this.#notes.saved()
    return units
  }

  /**
   * For whoever keeps balances elsewhere (`acceptSettlement` of the host plugin): whether the proof, the hash of a
   * transaction as text in an entry `sluice.settlement`, is that of a validated payment to us with the account's tag,
   * worth exactly `amount`, and on no balance yet. `true` uses it up.
   */
  async acceptSettlement(account: string, amount: bigint | string, proof: readonly Proof[]): Promise<boolean> {
    const hash = fromUtf8(findEntry(proof, SETTLEMENT)?.data ?? new Uint8Array(0))
    if (!/^[0-9A-F]{64}$/.test(hash) || !(await this.#haveRead(hash))) return false
    if (!this.#deposits.take(hash, account, BigInt(amount))) return false
    // Used up before anybody is told: a crash between may cost the credit, which the log then shows, and makes no money.
    if (this.#options.credit === 'proof') {
      this.#log.info('a deposit was accepted as proof', { hash, account, units: String(amount) })
      await this.#notes.saved()
    }
    return true
  }

  async #start(givenUp: Promise<never>): Promise<void> {
    this.#forgetLedger = this.#options.ledger.onFailure(() => void this.close())
    this.#tags.restore()
    const firsts = [this.#payer.restore(), this.#deposits.restore()].filter((first) => first !== undefined)
    this.#payouts.restore()
    await Promise.race([givenUp, this.#payer.open(firsts.length === 0 ? undefined : Math.min(...firsts))])
    this.#network = (await readServer(async (command) => this.#payer.request(command))).network
    this.#options.receiver?.onRequest(SETTLEMENT, this.#answer)
  }

  async #stop(): Promise<void> {
    this.#forgetLedger()
    this.#options.receiver?.onRequest(SETTLEMENT, undefined)
    await this.#payer.close()
    for (const { done } of this.#waiting.splice(0)) done()
  }

  #onLedger(index: number): void {
    this.#deposits.onLedger(index)
    this.#payouts.onLedger()
    this.#readIndex = index
    const ready = this.#waiting.filter((one) => one.index <= index)
    this.#waiting = this.#waiting.filter((one) => one.index > index)
    for (const { done } of ready) done()
  }

  #onOutcome(purpose: string, outcome: Outcome): void {
    if (purpose.startsWith(PAYOUT)) this.#payouts.onOutcome(purpose, outcome)
  }

  readonly #answer: RequestHandler = async (entries, account) => {
    const question = decodeQuestion(entries)
    if (question === undefined)
      throw toldRefusal('InvalidFieldsError', 'F05', 'the question about settlement is unreadable')
    try {
      return await this.#answerTo(question, account)
    } catch (error) {
      if (error instanceof SettlementError)
        throw toldRefusal(nameOf(error.code), 'F00', `${error.code}: ${error.message}`)
      throw error
    }
  }

  async #answerTo(question: Question, account: string): ReturnType<RequestHandler> {
    switch (question.ask) {
      case 'terms':
        return encodeTerms(await this.termsFor(account))
      case 'deposit': {
        const state = this.#deposits.stateOf(question.hash, account)
        await this.#notes.saved()
        return encodeDepositState(state)
      }
      case 'withdrawal': {
        const payout = this.payout(account, question.id)
        await this.#notes.saved()
        return encodePayout(payout)
      }
      case 'withdraw':
        return encodePayout(await this.payOut({ ...question, account }))
    }
  }

  /** What the payment would fail for, and cost a fee: asked before anything leaves the balance. */
  async #checkDestination({ to, tag }: PayoutRequest): Promise<void> {
    if (!isXrpAddress(to)) throw refused('the address is none of the XRP Ledger')
    if (to === this.address) throw refused("the address is the host's own: name one of yours")
    try {
      const why = await checkDestination(async (command) => this.#payer.request(command), to, tag)
      if (why !== undefined) throw refused(why)
    } catch (error) {
      if (error instanceof XrpError)
        throw refused('the XRP Ledger cannot be asked about the address now: try again later')
      throw error
    }
  }

  /** Whether a validated transaction has this hash, and everything up to its ledger has been read here. */
  async #haveRead(hash: string): Promise<boolean> {
    let index: unknown
    try {
      const answer = await this.#payer.request({ command: 'tx', transaction: hash })
      if (answer['validated'] !== true) return false
      index = answer['ledger_index']
    } catch (error) {
      if (error instanceof XrpError) return false
      throw error
    }
    if (typeof index !== 'number') return false
    if (index <= this.#readIndex) return true
    if (this.#waiting.length >= PROOFS_WAITING_MAX) return false
    const wanted = index
    await new Promise<void>((done) => this.#waiting.push({ index: wanted, done }))
    return this.#readIndex >= wanted
  }
}

/** A settlement of all accounts of a host, in its asset; opened. @throws as {@link XrpSettlement.open} */
export async function openXrpSettlement(
  host: Receiver & { readonly ledger: Ledger },
  options: Omit<XrpSettlementOptions, 'ledger' | 'asset' | 'receiver'>,
): Promise<XrpSettlement> {
  const { assetCode: code, assetScale: scale } = host.info
  const settlement = new XrpSettlement({ ...options, ledger: host.ledger, asset: { code, scale }, receiver: host })
  await settlement.open()
  return settlement
}

function nameOf(code: string): string {
  return code === 'SETTLEMENT_FUNDS' ? 'InsufficientBalanceError' : 'NotAcceptedError'
}

function toldRefusal(name: string, code: string, message: string): LinkError {
  return new LinkError('LINK_REFUSED', message, { name, code })
}

function refused(message: string): SettlementError {
  return new SettlementError('SETTLEMENT_REFUSED', message)
}
