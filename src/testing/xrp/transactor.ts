/** What the types of transactions have in common: one object for each, in `accounts.ts`, `escrows.ts` and `pay-channels.ts`. */
import type { EngineResult } from './results.js'
import type { Fees, Sandbox } from './sandbox.js'

/** One type of transaction. */
export interface Transactor<Tx> {
  /** Flags that it takes, beside `tfFullyCanonicalSig`. */
  readonly flags: number
  /** What is wrong with it whatever the ledger holds: a `tem` result. */
  check(tx: Tx): EngineResult | undefined
  /** Fee in drops; default the base fee. */
  fee?(tx: Tx, fees: Fees): bigint
  /** Applies it. Fee and sequence number are taken already; for a `tec` result nothing else of the sandbox counts. */
  apply(tx: Tx, sandbox: Sandbox): EngineResult
}

/** @returns whether the amount is of XRP and more than nothing */
export const isDrops = (amount: unknown): amount is string => typeof amount === 'string' && /^[1-9]\d*$/.test(amount)
