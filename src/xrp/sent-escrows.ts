/**
 * The holds that a link sends, as escrows of its account: created, then finished by the receiver or, past their expiry
 * by the ledger's time, cancelled by us. Only what validated ledgers say counts: an escrow is in place when a ledger has
 * it, fulfilled when one has its EscrowFinish, and back when one has its EscrowCancel. A rejection by the receiver is
 * only word of it: the money stays in the escrow until the cancel, and until then the receiver could still take it.
 */
import { EMPTY, toHex } from '../bytes/index.js'
import type { CancelTimer, Clock } from '../clock/index.js'
import {
  completeReason,
  type GivenReason,
  type Hold,
  type HoldObserver,
  type HoldOutcome,
  type Reason,
} from '../link/index.js'
import type { Log } from '../log/index.js'
import type { RefusalCode } from './errors.js'
import type { ClosedLedger, ValidatedTransaction } from './ledger-messages.js'
import { memosBytes, readData, transferMemos } from './memos.js'
import type { XrpLimits } from './options.js'
import type { XrpRecord } from './record.js'
import { refused, refusalOf } from './refusals.js'
import { conditionHex, ORDINARY_FEE, readFulfillment, toLedgerTime } from './rules.js'
import { readSent, type SentTransfer, type TransferEnd, writeSent } from './stored-transfers.js'
import type { Draft, Outcome } from './drafts.js'

/** A hold that an earlier run sent, rebuilt from the record or from the ledger. */
export type RecoveredHold = Hold & { readonly id: Uint8Array; readonly to: string }

/** Whoever wants to hear what becomes of holds of earlier runs. */
export type RecoveredHandler = (hold: RecoveredHold) => HoldObserver

export interface SentEscrowsOptions {
  readonly address: string
  readonly prefix: string
  readonly record: XrpRecord
  readonly clock: Clock
  readonly log: Log
  readonly submit: (draft: Draft) => void
  readonly isOnTheWay: (purpose: string) => boolean
  readonly tip: () => ClosedLedger | undefined
  readonly limits: XrpLimits
}

interface Sent {
  readonly key: string
  transfer: SentTransfer
  readonly observer: HoldObserver
  /** From an earlier run. */
  adopted: boolean
  /** Told that it is in place. */
  prepared: boolean
  toldDoubt: boolean
  cancelTimer: CancelTimer | undefined
  /** Cancels that came to nothing, and the ledger before which there is no other. */
  cancels: number
  cancelAfterLedger: number
}

const KEY = 'out/'
export const CREATE = 'create/'
export const CANCEL = 'cancel/'
/** Ledgers between two attempts to cancel, times the attempts so far. */
const CANCEL_PAUSE_LEDGERS = 2

export class SentEscrows {
  readonly #options: SentEscrowsOptions
  /** By id. */
  readonly #live = new Map<string, Sent>()
  /** Those that are in the ledger, by the sequence number of their EscrowCreate. */
  readonly #inLedger = new Map<number, Sent>()
  readonly #ended: string[] = []
  /** Of earlier runs; told when the handler comes. */
  #recovered: RecoveredHandler | undefined

  constructor(options: SentEscrowsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#live.size
  }

  /** Sum of what is sent and not ended. */
  get held(): bigint {
    let sum = 0n
    for (const { transfer } of this.#live.values()) sum += transfer.amount
    return sum
  }

  onRecovered(handler: RecoveredHandler | undefined): void {
    this.#recovered = handler
  }

  /** How a transfer ended, as far as it is remembered. */
  ended(id: Uint8Array): TransferEnd | undefined {
    const value = this.#options.record.get(KEY + toHex(id))
    return value === undefined ? undefined : readSent(value)?.end
  }

  /** Reads back what earlier runs sent; gives the first ledger that may tell more of it. */
  restore(): number | undefined {
    this.close()
    let first: number | undefined
    this.#ended.length = 0
    for (const [key, value] of this.#options.record.list(KEY)) {
      const transfer = readSent(value)
      if (transfer === undefined) continue
      if (transfer.end !== undefined) this.#ended.push(key)
      else {
        this.#adopt(transfer)
        first = Math.min(first ?? Infinity, transfer.firstLedger)
      }
    }
    return first
  }

  /** @param to address in the ledger */
  send(hold: Hold & { readonly id: Uint8Array }, to: string, address: string, observer: HoldObserver): void {
    const { tip, submit, record } = this.#options
    const key = toHex(hold.id)
    const refuse = (code: RefusalCode, message: string): void => {
      queueMicrotask(() => observer.onOutcome(refused(code, message), hold.id))
    }
    if (record.get(KEY + key) !== undefined) return refuse('XRP_TRANSFER', 'the id was used before')
    const ledger = tip()
    if (ledger === undefined) return refuse('XRP_BUSY', 'there is no connection to the ledger')
    const cancelAfter = toLedgerTime(hold.expiresAt)
    if (cancelAfter === undefined || cancelAfter < ledger.closeTime) {
      return refuse('XRP_EXPIRED', "it expires before the ledger's time")
    }
    const memos = transferMemos({ id: hold.id, packet: hold.packet, custom: hold.custom })
    if (memosBytes(memos) > this.#options.limits.memoBytesMax) {
      return refuse(
        'XRP_MEMO',
        `packet, custom and id take more than ${this.#options.limits.memoBytesMax} bytes of memos`,
      )
    }
    const transfer: SentTransfer = {
      id: hold.id,
      to,
      address,
      amount: hold.amount,
      condition: hold.condition,
      expiresAt: hold.expiresAt,
      packet: hold.packet,
      custom: hold.custom,
      firstLedger: ledger.index + 1,
      sequence: undefined,
      reason: undefined,
      end: undefined,
    }
    const sent = this.#track(transfer, observer)
    record.put(KEY + key, writeSent(transfer))
    this.#armDoubt(sent)
    submit({
      purpose: CREATE + key,
      fields: {
        TransactionType: 'EscrowCreate',
        Destination: address,
        Amount: hold.amount.toString(),
        Condition: conditionHex(hold.condition),
        CancelAfter: cancelAfter,
        ...(memos.length > 0 && { Memos: memos }),
      },
      units: ORDINARY_FEE,
      amount: hold.amount,
      owns: 1,
      deadline: cancelAfter,
    })
  }

  /** What became of an EscrowCreate or EscrowCancel. */
  onOutcome(purpose: string, outcome: Outcome): void {
    if (purpose.startsWith(CREATE)) this.#created(purpose.slice(CREATE.length), outcome)
    else this.#cancelled(purpose.slice(CANCEL.length), outcome)
  }

  /** Of another program with our key, too. */
  onTransaction(transaction: ValidatedTransaction): void {
    const { fields, type, result } = transaction
    if (result !== 'tesSUCCESS' || fields['Owner'] !== this.#options.address) return
    const sent = this.#inLedger.get(Number(fields['OfferSequence']))
    if (sent === undefined) return
    if (type === 'EscrowFinish') {
      const fulfillment = readFulfillment(fields['Fulfillment'])
      if (fulfillment !== undefined)
        this.#end(sent, { status: 'fulfilled', fulfillment, data: readData(fields['Memos']) })
    } else if (type === 'EscrowCancel') this.#end(sent, this.#cancelOutcome(sent))
  }

  /** An escrow of ours with our memos that an earlier run left in the ledger, and the record has lost. */
  adoptFromLedger(transfer: SentTransfer, sequence: number): void {
    const known = this.#live.get(toHex(transfer.id))
    if (known !== undefined || this.#inLedger.has(sequence)) return
    const sent = this.#adopt({ ...transfer, sequence })
    this.#options.record.put(KEY + sent.key, writeSent(sent.transfer))
  }

  /** After everything up to this ledger: cancels what has expired by the ledger's time. */
  onLedger(ledger: ClosedLedger): void {
    for (const sent of this.#live.values()) {
      const { sequence, expiresAt } = sent.transfer
      const purpose = CANCEL + sent.key
      if (sequence === undefined) {
        // Of an earlier run: the record does not have it on the way, and the ledgers up to this one tell nothing of it.
        if (sent.adopted && !this.#options.isOnTheWay(CREATE + sent.key))
          this.#refuse(sent, 'XRP_NOT_VALIDATED', 'it did not reach a ledger')
        continue
      }
      if (ledger.closeTime <= (toLedgerTime(expiresAt) ?? Infinity)) continue
      if (ledger.index < sent.cancelAfterLedger || this.#options.isOnTheWay(purpose)) continue
      this.#options.submit({
        purpose,
        fields: { TransactionType: 'EscrowCancel', Owner: this.#options.address, OfferSequence: sequence },
        units: ORDINARY_FEE,
        amount: 0n,
        owns: 0,
        deadline: undefined,
      })
    }
  }

  /** The receiver says that it will not take the hold. */
  onRejected(id: Uint8Array, by: string, reason: Reason): void {
    const sent = this.#live.get(toHex(id))
    if (sent === undefined || sent.transfer.sequence === undefined || sent.transfer.address !== by) return
    if (sent.transfer.reason !== undefined) return
    sent.transfer = { ...sent.transfer, reason }
    this.#options.record.put(KEY + sent.key, writeSent(sent.transfer))
    const until = new Date(sent.transfer.expiresAt).toISOString()
    this.#doubt(
      sent,
      `the receiver rejected it (${reason.code} ${reason.message}); the money is back when the escrow is cancelled, after ${until}`,
    )
  }

  /** Stops the timers; what is open stays in the record. */
  close(): void {
    for (const sent of this.#live.values()) sent.cancelTimer?.()
    this.#live.clear()
    this.#inLedger.clear()
  }

  #created(key: string, outcome: Outcome): void {
    const sent = this.#live.get(key)
    if (sent === undefined) return
    if (outcome.status === 'refused') {
      return this.#refuse(sent, outcome.code, outcome.message)
    }
    const { transaction } = outcome
    if (transaction.result !== 'tesSUCCESS') {
      const { code, message } = refusalOf(transaction.result)
      return this.#refuse(sent, code, `${message} (${transaction.result})`)
    }
    sent.transfer = { ...sent.transfer, sequence: transaction.sequence }
    this.#inLedger.set(transaction.sequence, sent)
    this.#options.record.put(KEY + key, writeSent(sent.transfer))
    sent.cancelTimer?.()
    this.#prepared(sent)
  }

  #cancelled(key: string, outcome: Outcome): void {
    const sent = this.#live.get(key)
    if (sent === undefined) return
    // A validated success was told as a transaction. The rest is tried again, ever more slowly: a tec costs a fee.
    sent.cancels += 1
    sent.cancelAfterLedger = (this.#options.tip()?.index ?? 0) + CANCEL_PAUSE_LEDGERS * sent.cancels
    const why = outcome.status === 'refused' ? outcome.message : outcome.transaction.result
    if (why === 'tecNO_TARGET') {
      this.#doubt(sent, 'the escrow is gone, and no ledger that was read says how: count it as spent')
      return this.#forget(sent)
    }
    if (why !== 'tesSUCCESS') this.#options.log.warn('an expired escrow could not be cancelled yet', { id: key, why })
  }

  #cancelOutcome(sent: Sent): Extract<HoldOutcome, { status: 'rejected' | 'expired' }> {
    const { reason, expiresAt } = sent.transfer
    if (reason !== undefined) return { status: 'rejected', reason }
    const given: GivenReason = { code: 'R00', message: 'expired', triggeredAt: expiresAt }
    return { status: 'expired', reason: completeReason(given, this.#options.prefix, this.#options.clock.now()) }
  }

  #refuse(sent: Sent, code: RefusalCode, message: string): void {
    // It did not happen: the id is free again.
    this.#forget(sent)
    this.#options.record.delete(KEY + sent.key)
    sent.observer.onOutcome(refused(code, message), sent.transfer.id)
  }

  #end(sent: Sent, outcome: Extract<HoldOutcome, { status: 'fulfilled' | 'rejected' | 'expired' }>): void {
    this.#forget(sent)
    const end: TransferEnd =
      outcome.status === 'fulfilled'
        ? { state: 'fulfilled', fulfillment: outcome.fulfillment }
        : { state: 'rolledBack' }
    const { record, limits } = this.#options
    record.put(
      KEY + sent.key,
      writeSent({ ...sent.transfer, packet: EMPTY, custom: undefined, reason: undefined, end }),
    )
    this.#ended.push(sent.key)
    for (const key of this.#ended.splice(0, Math.max(0, this.#ended.length - limits.transfersRememberedMax)))
      record.delete(KEY + key)
    this.#prepared(sent)
    sent.observer.onOutcome(outcome, sent.transfer.id)
  }

  #prepared(sent: Sent): void {
    if (sent.prepared) return
    sent.prepared = true
    sent.observer.onPrepared?.(sent.transfer.id)
  }

  #forget(sent: Sent): void {
    sent.cancelTimer?.()
    this.#live.delete(sent.key)
    if (sent.transfer.sequence !== undefined) this.#inLedger.delete(sent.transfer.sequence)
  }

  #armDoubt(sent: Sent): void {
    const { clock, limits } = this.#options
    const { finalityTimeoutMs } = limits
    sent.cancelTimer = clock.after(
      finalityTimeoutMs,
      () => this.#doubt(sent, `no validated ledger has told of it within ${finalityTimeoutMs} ms; its end follows`),
      true,
    )
  }

  #doubt(sent: Sent, message: string): void {
    if (sent.toldDoubt || this.#live.get(sent.key) !== sent) return
    sent.toldDoubt = true
    sent.observer.onOutcome({ status: 'inDoubt', message }, sent.transfer.id)
  }

  /** Of an earlier run. */
  #adopt(transfer: SentTransfer): Sent {
    const { id, to, amount, condition, expiresAt, packet, custom } = transfer
    const hold = { id, to, amount, condition, expiresAt, packet, ...(custom !== undefined && { custom }) }
    const sent = this.#track(transfer, this.#recovered?.(hold) ?? NOBODY)
    sent.adopted = true
    sent.prepared = transfer.sequence !== undefined
    return sent
  }

  #track(transfer: SentTransfer, observer: HoldObserver): Sent {
    const key = toHex(transfer.id)
    const sent: Sent = {
      key,
      transfer,
      observer: this.#guarded(observer),
      adopted: false,
      prepared: false,
      toldDoubt: false,
      cancelTimer: undefined,
      cancels: 0,
      cancelAfterLedger: 0,
    }
    this.#live.set(key, sent)
    if (transfer.sequence !== undefined) this.#inLedger.set(transfer.sequence, sent)
    return sent
  }

  /** What the program's callbacks throw is logged, and changes nothing here. */
  #guarded(observer: HoldObserver): HoldObserver {
    const guard = (call: () => void): void => {
      try {
        call()
      } catch (error) {
        this.#options.log.error('a callback of the link failed', { error: String(error) })
      }
    }
    return {
      onPrepared: (id) => guard(() => observer.onPrepared?.(id)),
      onOutcome: (outcome, id) => guard(() => observer.onOutcome(outcome, id)),
    }
  }
}

const NOBODY: HoldObserver = { onOutcome: () => undefined }
