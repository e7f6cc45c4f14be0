/**
 * One transaction on one state, in the servers' order of checks: what it says alone (tem), whether it may come now (ter, tef,
 * tel), then its work (tec or tes). Pure: it returns the changes.
 */
import { deriveAddress } from 'xrpl'
import { accountSet, depositPreauth, payment } from './accounts.js'
import type { SignedTransaction, Transaction } from './blob.js'
import { accountIn, accountKey, type AccountRoot } from './entries.js'
import { escrowCancel, escrowCreate, escrowFinish } from './escrows.js'
import { payChannelClaim, payChannelCreate } from './pay-channels.js'
import { isTec, type EngineResult } from './results.js'
import { Sandbox, type Changes, type Fees, type LedgerView } from './sandbox.js'
import type { Transactor } from './transactor.js'

/** Each was decoded from a blob, so that its fields have the types that the ledger's format gives them. */
const TRANSACTORS: ReadonlyMap<string, Transactor<Transaction>> = new Map<string, Transactor<Transaction>>([
  ['Payment', payment],
  ['AccountSet', accountSet],
  ['DepositPreauth', depositPreauth],
  ['EscrowCreate', escrowCreate],
  ['EscrowFinish', escrowFinish],
  ['EscrowCancel', escrowCancel],
  ['PaymentChannelCreate', payChannelCreate],
  ['PaymentChannelClaim', payChannelClaim],
])

const TF_FULLY_CANONICAL_SIG = 0x8000_0000

export interface ApplyOptions {
  /** The least fee of an open ledger, in multiples of the base fee; closed ledgers take any. */
  readonly loadFactor?: number
  /** Result tec changes nothing, neither: for transactions that may do better later. */
  readonly tecFails?: boolean
}

export interface Outcome {
  readonly result: EngineResult
  /** The state changes: for tes and, unless it fails, for tec. */
  readonly applied: boolean
  readonly changes: Changes
}

const NOTHING: Changes = new Map()

export function applyTransaction(view: LedgerView, signed: SignedTransaction, options: ApplyOptions = {}): Outcome {
  const { tx } = signed
  const transactor = TRANSACTORS.get(tx.TransactionType)
  if (transactor === undefined) return { result: 'temDISABLED', applied: false, changes: NOTHING }
  const account = accountIn(view.state, tx.Account)
  const refusal = malformed(tx, transactor) ?? untimely(tx, account, view, transactor, options)
  if (account === undefined || refusal !== undefined) {
    return { result: refusal ?? 'terNO_ACCOUNT', applied: false, changes: NOTHING }
  }
  const charged = charge(account, tx, view)
  const result = transactor.apply(tx, charged)
  const tec = isTec(result)
  if ((tec && options.tecFails === true) || (!tec && result !== 'tesSUCCESS')) {
    return { result, applied: false, changes: NOTHING }
  }
  return { result, applied: true, changes: tec ? charge(account, tx, view).changes : charged.changes }
}

function malformed(tx: Transaction, transactor: Transactor<Transaction>): EngineResult | undefined {
  // As a signed number of 32 bits would have its highest bit; `>>> 0` makes it the flags' own number again.
  const unknown = (tx.Flags ?? 0) & ~(TF_FULLY_CANONICAL_SIG | transactor.flags)
  if (unknown >>> 0 !== 0) return 'temINVALID_FLAG'
  return /^\d+$/.test(tx.Fee) ? transactor.check(tx) : 'temBAD_FEE'
}

function untimely(
  tx: Transaction,
  account: AccountRoot | undefined,
  { index, fees }: LedgerView,
  transactor: Transactor<Transaction>,
  { loadFactor }: ApplyOptions,
): EngineResult | undefined {
  if (account === undefined) return 'terNO_ACCOUNT'
  if (tx.Sequence !== account.Sequence) return tx.Sequence > account.Sequence ? 'terPRE_SEQ' : 'tefPAST_SEQ'
  if (tx.LastLedgerSequence !== undefined && index > tx.LastLedgerSequence) return 'tefMAX_LEDGER'
  const fee = BigInt(tx.Fee)
  if (loadFactor !== undefined && fee < scaled(feeOf(tx, transactor, fees), loadFactor)) return 'telINSUF_FEE_P'
  if (BigInt(account.Balance) < fee) return 'terINSUF_FEE_B'
  return deriveAddress(tx.SigningPubKey) === tx.Account ? undefined : 'tefBAD_AUTH'
}

/** A sandbox in which the fee is paid and the sequence number used. */
function charge(account: AccountRoot, tx: Transaction, view: LedgerView): Sandbox {
  const sandbox = new Sandbox(view)
  const rest = BigInt(account.Balance) - BigInt(tx.Fee)
  sandbox.put(accountKey(tx.Account), { ...account, Balance: String(rest), Sequence: account.Sequence + 1 })
  return sandbox
}

const feeOf = (tx: Transaction, transactor: Transactor<Transaction>, fees: Fees): bigint =>
  transactor.fee?.(tx, fees) ?? fees.base

/** Factors may have fractions; drops are rounded up. */
const scaled = (drops: bigint, factor: number): bigint => (drops * BigInt(Math.round(factor * 256)) + 255n) / 256n

/** What the open ledger asks for this transaction, in drops. */
export function openLedgerCost(tx: Transaction, fees: Fees, factor: number): bigint {
  const transactor = TRANSACTORS.get(tx.TransactionType)
  return scaled(transactor === undefined ? fees.base : feeOf(tx, transactor, fees), factor)
}
