/**
 * The holds that reach a link: escrows to its account, with our memos, in a validated ledger. A capture is an
 * EscrowFinish, and done when a validated ledger has it: finished too late it has no effect, and that is told. A
 * decision is durable before it takes effect, so that a restart carries it through.
 *
 * An escrow without the id memo gets the first sixteen bytes of its transaction's hash for an id, as a UUID. Left alone
 * are escrows that have another kind of condition, none, or a FinishAfter; those without CancelAfter; and those whose id
 * is in use: the ledger gives them back to their owners.
 */
import { fromHex, toHex } from '../bytes/index.js'
import type { CancelTimer, Clock } from '../clock/index.js'
import { isPreimage } from '../crypto/index.js'
import type { GivenReason, IncomingHold, Settled } from '../link/index.js'
import type { Log } from '../log/index.js'
import { btpFailure } from '../session/index.js'
import { type ClosedLedger, isIndex, readDrops, type ValidatedTransaction } from './ledger-messages.js'
import { dataMemos, memosBytes, readTransferMemos } from './memos.js'
import type { XrpLimits } from './options.js'
import type { XrpRecord } from './record.js'
import {
  conditionHex,
  finishFee,
  FULFILLMENT_BYTES,
  fromLedgerTime,
  fulfillmentHex,
  readCondition,
  readFulfillment,
} from './rules.js'
import { readDecision, type ReceivedDecision, type TransferEnd, writeDecision } from './stored-transfers.js'
import type { Draft, Outcome } from './drafts.js'

export interface ReceivedEscrowsOptions {
  readonly address: string
  readonly prefix: string
  readonly record: XrpRecord
  readonly clock: Clock
  readonly log: Log
  readonly submit: (draft: Draft) => void
  readonly isOnTheWay: (purpose: string) => boolean
  readonly tip: () => ClosedLedger | undefined
  /** Tells the sender of a rejection. */
  readonly sendReject: (id: Uint8Array, to: string, reason: GivenReason) => void
  readonly limits: XrpLimits
}

interface Received {
  readonly key: string
  readonly owner: string
  readonly sequence: number
  readonly id: Uint8Array
  readonly cancelAfter: number
  readonly hold: IncomingHold
  /** Shown to the handler. */
  offered: boolean
  decision: ReceivedDecision | undefined
  waiting: ((settled: Settled) => void)[]
  cancelTimer: CancelTimer | undefined
}

const KEY = 'in/'
export const FINISH = 'finish/'
const FINISH_UNITS = finishFee(FULFILLMENT_BYTES)

export class ReceivedEscrows {
  readonly #options: ReceivedEscrowsOptions
  /** By owner and sequence number. */
  readonly #live = new Map<string, Received>()
  /** By id: keys of those that are live or remembered. */
  readonly #ids = new Map<string, string>()
  readonly #ended: string[] = []
  #handler: ((hold: IncomingHold) => void) | undefined

  constructor(options: ReceivedEscrowsOptions) {
    this.#options = options
  }

  onHold(handler: ((hold: IncomingHold) => void) | undefined): void {
    this.#handler = handler
  }

  /** How a transfer that was fulfilled or rejected here ended. */
  ended(id: Uint8Array): TransferEnd | undefined {
    const value = this.#options.record.get(KEY + (this.#ids.get(toHex(id)) ?? ''))
    const decision = value === undefined ? undefined : readDecision(value)
    return decision?.decision === 'reject' ? { state: 'rolledBack' } : decision?.end
  }

  /** Reads back what earlier runs have decided. */
  restore(): void {
    this.close()
    this.#ids.clear()
    this.#ended.length = 0
    for (const [key, value] of this.#options.record.list(KEY)) {
      const decision = readDecision(value)
      if (decision === undefined) continue
      this.#ids.set(toHex(decision.id), key)
      this.#remember(key)
    }
  }

  onTransaction(transaction: ValidatedTransaction): void {
    if (transaction.result !== 'tesSUCCESS') return
    const { type, fields } = transaction
    if (type === 'EscrowCreate') return this.take(transaction)
    if (type !== 'EscrowFinish' && type !== 'EscrowCancel') return
    const received = this.#live.get(keyOf(String(fields['Owner']), Number(fields['OfferSequence'])))
    if (received === undefined) return
    const fulfillment = type === 'EscrowFinish' ? readFulfillment(fields['Fulfillment']) : undefined
    this.#end(received, fulfillment === undefined ? { state: 'rolledBack' } : { state: 'fulfilled', fulfillment })
  }

  /** An EscrowCreate of a validated ledger: from the stream of them, or of an escrow that was open when we came. */
  take(transaction: ValidatedTransaction): void {
    const { account: owner, sequence, fields, hash } = transaction
    const { address, log, limits, record } = this.#options
    const { Destination, CancelAfter, FinishAfter, Condition, Amount, Memos } = fields
    const key = keyOf(owner, sequence)
    if (Destination !== address || owner === address || this.#live.has(key)) return
    const memos = readTransferMemos(Memos)
    const condition = readCondition(Condition)
    const amount = readDrops(Amount)
    if (memos === undefined || condition === undefined || amount === undefined) return
    if (!isIndex(CancelAfter) || FinishAfter !== undefined) return
    const id = memos.id ?? derivedId(hash)
    const known = this.#ids.get(toHex(id))
    if (known !== undefined && known !== key) return log.warn('an escrow repeats an id: it is left to expire', { hash })
    if (this.#live.size >= limits.holdsReceivedMax)
      return log.warn('too many holds are open: an escrow is left to expire', { hash })
    const stored = record.get(KEY + key)
    const received: Received = {
      key,
      owner,
      sequence,
      id,
      cancelAfter: CancelAfter,
      offered: false,
      decision: stored === undefined ? undefined : readDecision(stored),
      waiting: [],
      cancelTimer: undefined,
      hold: {
        account: this.#options.prefix + owner,
        id,
        amount,
        condition,
        expiresAt: fromLedgerTime(CancelAfter),
        packet: memos.packet,
        custom: memos.custom,
        onEnded: undefined,
        fulfill: (fulfillment, data, done) => this.#fulfill(received, fulfillment, data, done),
        reject: (reason, done) => this.#reject(received, reason, done),
      },
    }
    if (received.decision?.end !== undefined) return
    this.#live.set(key, received)
    this.#ids.set(toHex(id), key)
  }

  /** After everything up to this ledger: offers what is new and still there, carries decisions through, ends what is late. */
  onLedger(ledger: ClosedLedger): void {
    for (const received of this.#live.values()) {
      const finishing = this.#options.isOnTheWay(FINISH + received.key)
      if (finishing) continue
      if (ledger.closeTime > received.cancelAfter) this.#end(received, undefined)
      else if (received.decision?.decision === 'fulfil') this.#finish(received, received.decision)
      else if (!received.offered && received.decision === undefined) this.#offer(received)
    }
  }

  /** Of an EscrowFinish. A validated success was told as a transaction; the rest is tried again after the next ledger. */
  onOutcome(purpose: string, outcome: Outcome): void {
    const received = this.#live.get(purpose.slice(FINISH.length))
    if (received === undefined) return
    const why = outcome.status === 'refused' ? outcome.message : outcome.transaction.result
    this.#options.log.warn('an escrow could not be finished yet', {
      owner: received.owner,
      sequence: received.sequence,
      why,
    })
    const late =
      outcome.status === 'refused' ? outcome.code === 'XRP_EXPIRED' : outcome.transaction.result === 'tecNO_PERMISSION'
    const gone = outcome.status === 'validated' && outcome.transaction.result === 'tecNO_TARGET'
    if (late || gone) this.#end(received, undefined)
  }

  close(): void {
    for (const received of this.#live.values()) received.cancelTimer?.()
    this.#live.clear()
  }

  #offer(received: Received): void {
    received.offered = true
    if (this.#handler === undefined)
      return this.#reject(received, { code: 'T01', message: 'nobody here takes holds' }, undefined)
    try {
      this.#handler(received.hold)
    } catch (error) {
      this.#options.log.error('the handler of holds failed', { error: String(error) })
    }
  }

  #fulfill(received: Received, fulfillment: Uint8Array, data: Uint8Array, done: (settled: Settled) => void): void {
    const { record, limits } = this.#options
    const { memoBytesMax } = limits
    if (!isPreimage(fulfillment, received.hold.condition)) {
      return later(done, failed('InvalidFulfillmentError', 'the SHA-256 of it is not the condition'))
    }
    if (memosBytes(dataMemos(data)) > memoBytesMax) {
      return later(done, failed('InvalidFieldsError', `the data take more than ${memoBytesMax} bytes of memos`))
    }
    if (received.decision?.decision === 'reject')
      return later(done, failed('AlreadyRolledBackError', 'it was rejected'))
    if (this.#live.get(received.key) !== received) {
      const fulfilled = this.ended(received.id)?.state === 'fulfilled'
      return later(done, fulfilled ? { ok: true } : failed('AlreadyRolledBackError', 'it has expired'))
    }
    received.waiting.push(done)
    this.#armDoubt(received)
    if (received.decision !== undefined) return
    const { id, hold } = received
    const decision = { id, expiresAt: hold.expiresAt, decision: 'fulfil', fulfillment, data, end: undefined } as const
    received.decision = decision
    record.put(KEY + received.key, writeDecision(decision))
    this.#finish(received, decision)
  }

  #finish({ key, owner, sequence, cancelAfter, hold }: Received, { fulfillment, data }: ReceivedDecision): void {
    if (fulfillment === undefined) return
    const memos = data === undefined ? [] : dataMemos(data)
    this.#options.submit({
      purpose: FINISH + key,
      fields: {
        TransactionType: 'EscrowFinish',
        Owner: owner,
        OfferSequence: sequence,
        Condition: conditionHex(hold.condition),
        Fulfillment: fulfillmentHex(fulfillment),
        ...(memos.length > 0 && { Memos: memos }),
      },
      units: FINISH_UNITS,
      amount: 0n,
      owns: 0,
      deadline: cancelAfter,
    })
  }

  /** Done once it is durable that it will never be finished here; the money is back when its owner cancels it. */
  #reject(received: Received, reason: GivenReason, done: ((settled: Settled) => void) | undefined): void {
    const { record } = this.#options
    if (received.decision !== undefined || this.#live.get(received.key) !== received) {
      const ended = received.decision?.decision === 'fulfil' ? 'AlreadyFulfilledError' : 'AlreadyRolledBackError'
      if (done !== undefined) later(done, failed(ended, 'it has ended, or its end is under way'))
      return
    }
    const { id, hold } = received
    received.decision = {
      id,
      expiresAt: hold.expiresAt,
      decision: 'reject',
      fulfillment: undefined,
      data: undefined,
      end: undefined,
    }
    record.put(KEY + received.key, writeDecision(received.decision))
    void this.#tellRejected(received, reason, done)
  }

  /** Never rejects. */
  async #tellRejected(
    { id, owner }: Received,
    reason: GivenReason,
    done: ((settled: Settled) => void) | undefined,
  ): Promise<void> {
    let settled: Settled = { ok: true }
    try {
      await this.#options.record.saved()
      this.#options.sendReject(id, owner, reason)
    } catch (error) {
      this.#options.log.error('a rejection is not durable', { error: String(error) })
      settled = failed('UnreachableError', 'the record cannot be written')
    }
    if (done !== undefined) this.#call(() => done(settled))
  }

  /** @param end how the ledger ended it; `undefined`: it is too late to finish it */
  #end(received: Received, end: TransferEnd | undefined): void {
    const { key, decision, hold, waiting, id } = received
    received.cancelTimer?.()
    this.#live.delete(key)
    const settled = end ?? { state: 'rolledBack' }
    if (decision === undefined && settled.state === 'rolledBack') this.#ids.delete(toHex(id))
    else {
      const kept = decision ?? {
        id,
        expiresAt: hold.expiresAt,
        decision: 'fulfil',
        fulfillment: undefined,
        data: undefined,
      }
      this.#options.record.put(KEY + key, writeDecision({ ...kept, end: settled }))
      this.#remember(key)
    }
    received.waiting = []
    if (settled.state === 'rolledBack' && received.offered && decision?.decision !== 'reject') {
      this.#call(() => hold.onEnded?.('expired'))
    }
    const answer: Settled =
      settled.state === 'fulfilled'
        ? { ok: true }
        : failed('AlreadyRolledBackError', 'the escrow ended before a ledger had its EscrowFinish')
    for (const done of waiting) this.#call(() => done(answer))
  }

  #remember(key: string): void {
    const { record, limits } = this.#options
    this.#ended.push(key)
    for (const old of this.#ended.splice(0, Math.max(0, this.#ended.length - limits.transfersRememberedMax))) {
      const value = record.get(KEY + old)
      const decision = value === undefined ? undefined : readDecision(value)
      if (decision !== undefined) this.#ids.delete(toHex(decision.id))
      record.delete(KEY + old)
    }
  }

  #armDoubt(received: Received): void {
    const { clock, limits } = this.#options
    const { finalityTimeoutMs } = limits
    received.cancelTimer ??= clock.after(
      finalityTimeoutMs,
      () => {
        received.cancelTimer = undefined
        const message = `in doubt: no validated ledger has told of it within ${finalityTimeoutMs} ms; ask again`
        for (const done of received.waiting.splice(0)) this.#call(() => done(failed('UnreachableError', message)))
      },
      true,
    )
  }

  #call(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#options.log.error('a callback of the link failed', { error: String(error) })
    }
  }
}

function keyOf(owner: string, sequence: number): string {
  return `${owner}/${sequence}`
}

/** As a UUID of version 8 (RFC 9562), which is for values of one's own. */
function derivedId(hash: string): Uint8Array {
  const id = fromHex(hash.slice(0, 32))
  id[6] = ((id[6] ?? 0) & 0x0f) | 0x80
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80
  return id
}

function later(done: (settled: Settled) => void, settled: Settled): void {
  queueMicrotask(() => done(settled))
}

function failed(name: Parameters<typeof btpFailure>[0], message: string): Settled {
  return { ok: false, ...btpFailure(name, message) }
}
