/**
 * What is told of transactions, in the shapes of API versions 1 and 2: version 1 mixes a transaction's fields with what is
 * known about it, or calls it `tx` or `transaction`; version 2 keeps it apart as `tx_json` beside `hash`.
 */
import type { SignedTransaction } from './blob.js'
import type { ClosedLedger, ValidatedTransaction } from './chain.js'
import { tellResult } from './results.js'
import { isoTime } from './times.js'

export type ApiVersion = 1 | 2

export type Fields = Readonly<Record<string, unknown>>

/** Answers name the delivered amount `DeliverMax`; version 2 does not say `Amount` any more. */
function withDeliverMax({ tx }: SignedTransaction, version: ApiVersion): Fields {
  if (tx.TransactionType !== 'Payment') return tx
  const { Amount, ...rest } = tx
  return version === 1 ? { ...tx, DeliverMax: Amount } : { ...rest, DeliverMax: Amount }
}

/** The answer to `tx` for a transaction that no closed ledger has. */
export function tellUnvalidated(signed: SignedTransaction, version: ApiVersion): Fields {
  const fields = withDeliverMax(signed, version)
  if (version === 1) return { ...fields, hash: signed.hash, validated: false }
  return { hash: signed.hash, tx_json: fields, validated: false }
}

/** The answer to `tx`. */
export function tellTransaction(transaction: ValidatedTransaction, ledger: ClosedLedger, version: ApiVersion): Fields {
  const { signed, meta } = transaction
  const ctid = `C${hex(ledger.index, 7)}${hex(meta.TransactionIndex, 4)}0000`
  const told = { ctid, hash: signed.hash, ledger_index: ledger.index, meta, validated: true }
  const dated = { ...withDeliverMax(signed, version), date: ledger.closeTime, ledger_index: ledger.index }
  if (version === 1) return { ...dated, ...told, inLedger: ledger.index }
  return { ...told, close_time_iso: isoTime(ledger.closeTime), ledger_hash: ledger.hash, tx_json: dated }
}

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0')

/** One of the `transactions` that `account_tx` answers with. */
export function tellHistory(transaction: ValidatedTransaction, ledger: ClosedLedger, version: ApiVersion): Fields {
  const { signed, meta } = transaction
  const dated = { ...withDeliverMax(signed, version), date: ledger.closeTime, ledger_index: ledger.index }
  if (version === 1) return { meta, tx: { ...dated, hash: signed.hash, inLedger: ledger.index }, validated: true }
  return {
    close_time_iso: isoTime(ledger.closeTime),
    hash: signed.hash,
    ledger_hash: ledger.hash,
    ledger_index: ledger.index,
    meta,
    tx_json: dated,
    validated: true,
  }
}

/** A message of the stream `transaction`. */
export function transactionEvent(transaction: ValidatedTransaction, ledger: ClosedLedger, version: ApiVersion): Fields {
  const { signed, meta, result } = transaction
  const dated = { ...withDeliverMax(signed, version), date: ledger.closeTime }
  return {
    ...tellResult(result),
    close_time_iso: isoTime(ledger.closeTime),
    ledger_hash: ledger.hash,
    ledger_index: ledger.index,
    meta,
    status: 'closed',
    type: 'transaction',
    validated: true,
    ...(version === 1 ? { transaction: { ...dated, hash: signed.hash } } : { hash: signed.hash, tx_json: dated }),
  }
}
