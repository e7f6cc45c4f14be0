/**
 * One account of the XRP Ledger that pays and is paid: its history as validated ledgers tell it, and its transactions on
 * the way. What a link does with escrows, for plain payments; both sides of a settlement have one.
 */
import { type Clock, systemClock } from '../clock/index.js'
import { randomBytes as systemRandomBytes } from '../crypto/index.js'
import { type Log, silentLog } from '../log/index.js'
import { Account } from './account.js'
import type { Draft, Outcome, SlotRecord } from './drafts.js'
import { XrpError } from './errors.js'
import { Fees } from './fees.js'
import { LedgerFollower } from './follower.js'
import type { Json, ValidatedTransaction } from './ledger-messages.js'
import { XRP_LIMITS } from './options.js'
import { Signer } from './signer.js'
import { Submitter } from './submitter.js'
import { type Dial, dialServer, type ServerOptions } from './transport.js'

export interface XrpPayerOptions extends ServerOptions {
  /** The account's seed, of either key type. Stays in memory. */
  readonly secret: string
  /** The most that one transaction may cost, in drops. */
  readonly feeDropsMax: bigint
  readonly clock?: Clock
  readonly log?: Log
  readonly randomBytes?: (length: number) => Uint8Array
  /** For tests: instead of connections to `server`. */
  readonly dial?: Dial
}

/** Whoever owns the payer. All are told in the ledger's order. */
export interface XrpPayerOwner {
  readonly record: SlotRecord
  onTransaction(transaction: ValidatedTransaction): void
  /** Everything up to this ledger was told. */
  onLedger(index: number): void
  /** A transaction has ended. */
  onOutcome(purpose: string, outcome: Outcome): void
}

export class XrpPayer {
  readonly #follower: LedgerFollower
  readonly #submitter: Submitter
  readonly #signer: Signer

  /** Nothing starts here. @throws {XrpError} `XRP_SECRET`, `XRP_OPTION` */
  constructor(options: XrpPayerOptions, owner: XrpPayerOwner) {
    const { clock = systemClock, log = silentLog, randomBytes = systemRandomBytes, feeDropsMax } = options
    if (options.dial === undefined && !/^wss?:\/\//.test(String(options.server))) {
      throw new XrpError('XRP_OPTION', 'server must be a ws: or wss: address')
    }
    this.#signer = new Signer(options.secret)
    const account = new Account()
    this.#submitter = new Submitter({
      signer: this.#signer,
      account,
      fees: new Fees(feeDropsMax),
      record: owner.record,
      log,
      request: async (command) => this.request(command),
      tip: () => this.#follower.tip,
      onOutcome: (purpose, outcome) => owner.onOutcome(purpose, outcome),
      limits: XRP_LIMITS,
    })
    this.#follower = new LedgerFollower({
      dial: options.dial ?? dialServer(options),
      address: this.#signer.address,
      clock,
      log,
      random: () => (randomBytes(1)[0] ?? 0) / 256,
      following: {
        onConnected: async () => this.#submitter.connected(),
        onTransaction: (transaction) => {
          this.#submitter.onTransaction(transaction)
          owner.onTransaction(transaction)
        },
        onLedger: (ledger) => {
          this.#submitter.onLedger(ledger)
          owner.onLedger(ledger.index)
        },
        onLost: () => this.#submitter.lost(),
      },
    })
  }

  get address(): string {
    return this.#signer.address
  }

  /** There is a connection, and nothing is unread. */
  get connected(): boolean {
    return this.#follower.connected
  }

  /** Takes up what earlier runs left on the way; gives the first ledger that may have some of it. Before `open`. */
  restore(): number | undefined {
    return this.#submitter.restore()
  }

  /**
   * Resolves when everything up to the newest ledger is told. @param first the first ledger to read, at the latest
   * @throws {XrpError} `XRP_SERVER`, `XRP_HISTORY`
   */
  async open(first: number | undefined): Promise<void> {
    if (first !== undefined) this.#follower.startAt(first)
    await this.#follower.open()
  }

  async close(): Promise<void> {
    await this.#follower.close()
    this.#submitter.lost()
  }

  submit(draft: Draft): void {
    this.#submitter.submit(draft)
  }

  /** Whether a transaction of this purpose is queued or on the way. */
  has(purpose: string): boolean {
    return this.#submitter.has(purpose)
  }

  /** @throws {XrpError} `XRP_SERVER` */
  async request(command: Json): Promise<Json> {
    return this.#follower.request(command)
  }
}
