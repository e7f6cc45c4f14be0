/** What a program sees of a simulated server: its options, its commands, and the faults that may be ordered of it. */
import type { Clock } from '../../clock/index.js'
import type { Fields } from './answers.js'
import type { Transaction } from './blob.js'
import type { Load } from './chain.js'

/**
 * What becomes of a request. `answer`: it is done and answered; `cut-after`: done, but the connection is cut instead of an
 * answer; `cut-before`: the connection is cut, and it is not done; `ignore`: nothing; `delayMs`: done, and answered later.
 */
export type RequestFate = 'answer' | 'cut-after' | 'cut-before' | 'ignore' | { readonly delayMs: number }

/** Faults to order: set a property, or delete it. */
export interface XrpLedgerFaults {
  /** Called with each request, before it is done. */
  onRequest?: (request: Fields) => RequestFate
  /** Called with what one connection would be told of a closed ledger. @returns what it is told: less, more, in another order */
  onEvents?: (events: readonly Fields[]) => readonly Fields[]
  /** Transactions that no closed ledger takes. */
  withhold?: (tx: Transaction) => boolean
}

export interface StandaloneXrpLedgerOptions {
  /** Default 0: one that is free. */
  readonly port?: number
  /** Default the machine's. */
  readonly clock?: Clock
  /** Drops. Default 10. */
  readonly baseFee?: bigint
  /** Drops. Default 1 000 000. */
  readonly reserveBase?: bigint
  /** Drops. Default 200 000. */
  readonly reserveIncrement?: bigint
}

export interface StandaloneXrpLedger {
  /** `ws:` and this machine. */
  readonly url: string
  /** Faults to order. */
  readonly faults: XrpLedgerFaults
  /** The validated ledger's close time, seconds of the Ripple epoch. */
  readonly closeTime: number
  /** Closes the open ledger, as `ledger_accept` does. @returns the closed ledger's index */
  acceptLedger(): number
  /** Closes a ledger each `intervalMs`, until {@link stopClosing} or {@link close}. */
  startClosing(intervalMs: number): void
  stopClosing(): void
  /**
   * Pays from the genesis account and closes the ledger.
   * @returns the Payment's hash
   * @throws {XrpFundError} `XRP_FUND` when the payment fails, as with too little for a new account
   */
  fund(address: string, drops: bigint): string
  /** Drops of an account in the validated ledger; undefined for an account that is not in it. */
  balance(address: string): bigint | undefined
  /** What fees are multiplied by: 1 and 1 on an idle server. */
  setLoad(load: Partial<Load>): void
  /** Cuts all connections. */
  dropConnections(): void
  /** Cuts all connections and stops listening. Twice is fine. */
  close(): Promise<void>
}
