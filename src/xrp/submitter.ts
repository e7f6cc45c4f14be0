/**
 * Sends the account's transactions: gives each a sequence number and a fee, makes its signed blob durable, submits it
 * until a validated ledger has it or none can, and says which. Many are on the way at once. Submitting again means the
 * same blob; one signed anew (with a higher fee) keeps its sequence number, so that only one of the two can apply.
 * A number that no transaction will use is given to the next one, or to an AccountSet that changes nothing.
 */
import type { Log } from '../log/index.js'
import type { Account, Outlay } from './account.js'
import { type Draft, type Outcome, readSlot, type Slot, type SlotRecord, writeSlot } from './drafts.js'
import type { RefusalCode } from './errors.js'
import { XrpError } from './errors.js'
import type { Fees } from './fees.js'
import { accountAfter, type ClosedLedger, type Json, type ValidatedTransaction } from './ledger-messages.js'
import type { XrpLimits } from './options.js'
import { readAccountOf, readServer } from './server-state.js'
import { ORDINARY_FEE } from './rules.js'
import { Sequences } from './sequences.js'
import { shortage } from './refusals.js'
import type { Signed, Signer } from './signer.js'
import { advance, classOf, isEnd, type SlotEnd, type SlotEvent } from './slot.js'

export interface SubmitterOptions {
  readonly signer: Signer
  readonly account: Account
  readonly fees: Fees
  readonly record: SlotRecord
  readonly log: Log
  readonly request: (command: Json) => Promise<Json>
  /** The newest validated ledger, while there is a connection. */
  readonly tip: () => ClosedLedger | undefined
  /** Never called synchronously from `submit`. */
  readonly onOutcome: (purpose: string, outcome: Outcome) => void
  readonly limits: XrpLimits
}

/** Purpose of the transactions that only use up a sequence number. */
const FILL = 'fill'
const KEY = 'tx/'
/** Ledgers after which what is not final is submitted again, and its fee looked at. */
const PATIENCE_LEDGERS = 3

export class Submitter {
  readonly #options: SubmitterOptions
  readonly #slots = new Map<number, Slot>()
  readonly #queue: Draft[] = []
  #sequences: Sequences | undefined
  #networkId: number | undefined
  #flushing = false
  #syncing: Promise<void> | undefined
  #connected = false

  constructor(options: SubmitterOptions) {
    this.#options = options
  }

  /** Whether a transaction of this purpose is queued or on the way. */
  has(purpose: string): boolean {
    return this.#drafts().some((draft) => draft.purpose === purpose)
  }

  /** Reads back what earlier runs left on the way; gives the first ledger that may have some of it. */
  restore(): number | undefined {
    this.#slots.clear()
    this.#queue.length = 0
    let first: number | undefined
    for (const [key, value] of this.#options.record.list(KEY)) {
      const slot = readSlot(Number(key), value)
      this.#slots.set(slot.sequence, slot)
      first = Math.min(first ?? Infinity, slot.firstLedger)
    }
    return first
  }

  /** The account, its next sequence number and the server's load, over a new connection. @throws {XrpError} */
  async connected(): Promise<void> {
    const { account, request, signer } = this.#options
    account.setState(await readAccountOf(request, signer.address, 'validated'))
    await this.#readServer()
    await this.#sync()
    this.#connected = true
    for (const slot of this.#slots.values()) slot.unsent = true
  }

  lost(): void {
    this.#connected = false
  }

  submit(draft: Draft): void {
    if (this.#queue.length >= this.#options.limits.transactionsQueuedMax) {
      return this.#refuse(
        draft,
        'XRP_BUSY',
        '',
        `more than ${this.#options.limits.transactionsQueuedMax} transactions wait: send fewer at once`,
      )
    }
    this.#queue.push(draft)
    this.#pump()
  }

  onTransaction(transaction: ValidatedTransaction): void {
    const { account, signer } = this.#options
    const state = accountAfter(transaction, signer.address)
    if (state !== undefined) account.setState(state)
    // One with a ticket uses no sequence number.
    if (transaction.account !== signer.address || transaction.fields['Sequence'] === 0) return
    this.#sequences?.used(transaction.sequence)
    const slot = this.#slots.get(transaction.sequence)
    if (slot === undefined) return
    const ours = slot.blobs.some((blob) => blob.hash === transaction.hash)
    this.#advance(slot, { type: 'used', transaction, ours })
  }

  /** Everything up to this ledger was told. */
  onLedger(ledger: ClosedLedger): void {
    const { account, fees } = this.#options
    account.setReserves(ledger.reserves)
    fees.setBase(ledger.baseFee)
    let stuck = false
    for (const slot of this.#slots.values()) {
      this.#advance(slot, { type: 'read', ledgerIndex: ledger.index, lastLedger: slot.lastLedger })
      const waited = ledger.index - slot.sentAt
      if (isEnd(slot.state) || slot.unsent) continue
      if (slot.state.at === 'waiting' ? waited >= 1 : waited >= PATIENCE_LEDGERS) slot.unsent = true
      if (waited >= PATIENCE_LEDGERS) stuck = true
    }
    if (stuck) void this.#raiseAll()
    else if (fees.isRaised) void this.#readServer().catch(() => undefined)
    this.#pump()
  }

  /** Gives sequence numbers to what waits for its turn. */
  #pump(): void {
    const { limits, tip } = this.#options
    const ledger = tip()
    if (!this.#connected || this.#sequences === undefined || ledger === undefined) return
    while (this.#queue.length > 0 && this.#slots.size < limits.transactionsOnTheWayMax) {
      const draft = this.#queue.shift()
      if (draft !== undefined) this.#prepare(draft, ledger, this.#sequences)
    }
    this.#fill(ledger, this.#sequences)
    this.#flush()
  }

  /** What no transaction of ours will use must be used, or all that follows it waits in vain. */
  #fill(ledger: ClosedLedger, sequences: Sequences): void {
    for (
      let left = this.#options.limits.transactionsOnTheWayMax;
      left > 0 && sequences.lowestFree !== undefined;
      left--
    ) {
      const draft = {
        purpose: FILL,
        fields: { TransactionType: 'AccountSet' },
        units: ORDINARY_FEE,
        amount: 0n,
        owns: 0,
      }
      if (!this.#prepare({ ...draft, deadline: undefined }, ledger, sequences)) return
    }
  }

  #prepare(draft: Draft, ledger: ClosedLedger, sequences: Sequences): boolean {
    const { account, fees, record, limits } = this.#options
    if (draft.deadline !== undefined && ledger.closeTime > draft.deadline) {
      this.#refuse(draft, 'XRP_EXPIRED', '', 'the ledger is past the time at which it expires')
      return false
    }
    const fee = fees.fee(draft.units)
    if (fee === undefined) {
      this.#refuse(draft, 'XRP_FEE', '', TOO_DEAR)
      return false
    }
    if (draft.amount > 0n || draft.owns > 0) {
      const affordable = account.affords(draft.amount, fee, draft.owns, this.#outlays())
      if (affordable !== 'yes') {
        this.#refuse(draft, ...shortage(affordable))
        return false
      }
    }
    const sequence = sequences.take()
    const lastLedger = ledger.index + limits.validationLedgersMax
    try {
      const signed = this.#sign(draft, sequence, fee, lastLedger)
      const slot: Slot = {
        sequence,
        draft,
        firstLedger: ledger.index + 1,
        fee,
        lastLedger,
        blobs: [signed],
        state: { at: 'prepared' },
        unsent: true,
        sentAt: ledger.index,
      }
      record.put(`${KEY}${sequence}`, writeSlot(slot))
      this.#slots.set(sequence, slot)
      return true
    } catch (error) {
      sequences.release(sequence)
      if (!(error instanceof XrpError)) throw error
      this.#refuse(draft, 'XRP_REFUSED', '', error.message)
      return false
    }
  }

  #sign(draft: Draft, sequence: number, fee: bigint, lastLedger: number): Signed {
    const { signer } = this.#options
    return signer.sign({
      ...draft.fields,
      Account: signer.address,
      Sequence: sequence,
      Fee: fee.toString(),
      LastLedgerSequence: lastLedger,
      ...(this.#networkId === undefined ? {} : { NetworkID: this.#networkId }),
    })
  }

  #drafts(): Draft[] {
    return [...Array.from(this.#slots.values(), ({ draft }) => draft), ...this.#queue]
  }

  *#outlays(): Iterable<Outlay> {
    for (const { draft, fee } of this.#slots.values()) yield { drops: draft.amount + fee, owns: draft.owns }
  }

  /** Submits what is to be submitted, in the order of sequence numbers, once it is durable. */
  #flush(): void {
    if (this.#flushing) return
    this.#flushing = true
    this.#flushAll()
      .catch((error: unknown) => {
        const facts = { error: String(error) }
        this.#options.log.error('transactions could not be made durable: nothing is submitted', facts)
      })
      .finally(() => {
        this.#flushing = false
      })
  }

  async #flushAll(): Promise<void> {
    for (;;) {
      await this.#options.record.saved()
      const unsent = [...this.#slots.values()].filter((slot) => slot.unsent).toSorted((a, b) => a.sequence - b.sequence)
      if (unsent.length === 0 || !this.#connected) return
      for (const slot of unsent) {
        slot.unsent = false
        slot.sentAt = this.#options.tip()?.index ?? slot.sentAt
        this.#advance(slot, { type: 'submitted' })
        void this.#send(slot)
      }
    }
  }

  /** Never rejects. */
  async #send(slot: Slot): Promise<void> {
    const signed = slot.blobs.at(-1)
    if (signed === undefined) return
    try {
      const answer = await this.#options.request({ command: 'submit', tx_blob: signed.blob, fail_hard: false })
      const result = answer['engine_result']
      if (typeof result === 'string') this.#answered(slot, signed, result)
    } catch (error) {
      if (!(error instanceof XrpError)) throw error
      if (NEVER.has(error.serverError)) return this.#answered(slot, signed, `temINVALID (${error.message})`)
      // No answer, or a server that cannot now: the same blob goes out after the next ledger, or over the next connection.
      this.#options.log.debug('a submission was not answered', { hash: signed.hash, error: error.message })
    }
  }

  #answered(slot: Slot, signed: Signed, result: string): void {
    // A blob that was replaced says nothing about the one that replaced it.
    if (isEnd(slot.state) || slot.blobs.at(-1) !== signed) return
    this.#options.log.debug('submitted', { hash: signed.hash, sequence: slot.sequence, result })
    this.#advance(slot, { type: 'answered', result })
    switch (classOf(result)) {
      case 'past':
      case 'future':
        void this.#resync()
        return
      case 'fee':
        void this.#raiseAll(slot)
        return
      case 'provisional':
      case 'later':
      case 'refused':
        this.#pump()
    }
  }

  #advance(slot: Slot, event: SlotEvent): void {
    const before = slot.state
    slot.state = advance(before, event)
    if (isEnd(before) || !isEnd(slot.state)) return
    this.#slots.delete(slot.sequence)
    this.#options.record.delete(`${KEY}${slot.sequence}`)
    this.#end(slot, slot.state)
  }

  #end(slot: Slot, end: SlotEnd): void {
    const { draft } = slot
    switch (end.at) {
      case 'validated':
        this.#tell(draft, { status: 'validated', transaction: end.transaction })
        return
      case 'taken':
        // Somebody else uses this key. What did not happen can be done under another number.
        this.#options.log.warn('another program used the sequence number of a transaction', { sequence: slot.sequence })
        if (draft.purpose !== FILL) this.#queue.unshift(draft)
        return
      case 'expired':
        this.#sequences?.release(slot.sequence)
        this.#refuse(
          draft,
          'XRP_NOT_VALIDATED',
          end.result,
          `no ledger up to ${slot.lastLedger} has it; the server's last word was ${end.result || 'none'}`,
        )
        return
      case 'dead':
        this.#sequences?.release(slot.sequence)
        if (end.result === FEE_LIMIT) this.#refuse(draft, 'XRP_FEE', '', TOO_DEAR)
        else this.#refuse(draft, 'XRP_REFUSED', end.result, `the server refused it: ${end.result}`)
    }
  }

  #refuse(draft: Draft, code: RefusalCode, result: string, message: string): void {
    this.#tell(draft, { status: 'refused', code, result, message })
  }

  #tell(draft: Draft, outcome: Outcome): void {
    if (draft.purpose === FILL) return
    // A validated one is told at once, so that what follows it in the ledger finds it known.
    if (outcome.status === 'validated') this.#options.onOutcome(draft.purpose, outcome)
    else queueMicrotask(() => this.#options.onOutcome(draft.purpose, outcome))
  }

  /** Pays more for what the server finds too cheap, and for what waits for long, where the load is higher than it was. */
  async #raiseAll(cheap?: Slot): Promise<void> {
    const { fees, record, log } = this.#options
    try {
      await this.#readServer()
    } catch (error) {
      return log.warn("the server's load could not be read", { error: String(error) })
    }
    for (const slot of this.#slots.values()) {
      const { draft, sequence } = slot
      const now = fees.fee(draft.units)
      if (slot !== cheap && (now === undefined || now <= slot.fee || slot.state.at === 'submitted')) continue
      const fee = fees.raised(draft.units, slot.fee)
      if (fee === undefined) {
        if (slot === cheap) this.#advance(slot, { type: 'unaffordable', result: FEE_LIMIT })
        continue
      }
      const ledger = this.#options.tip()
      if (ledger === undefined) return
      slot.fee = fee
      slot.lastLedger = Math.max(slot.lastLedger, ledger.index + this.#options.limits.validationLedgersMax)
      slot.blobs.push(this.#sign(draft, sequence, fee, slot.lastLedger))
      record.put(`${KEY}${sequence}`, writeSlot(slot))
      slot.unsent = true
    }
    this.#pump()
  }

  /** Never rejects. */
  async #resync(): Promise<void> {
    this.#syncing ??= this.#sync()
      .then(() => this.#pump())
      .catch((error: unknown) => {
        this.#options.log.warn("the account's sequence number could not be read", { error: String(error) })
      })
      .finally(() => {
        this.#syncing = undefined
      })
    return this.#syncing
  }

  async #sync(): Promise<void> {
    const { request, signer } = this.#options
    const told = (await readAccountOf(request, signer.address, 'current'))?.sequence
    if (told === undefined) return
    // The answer may be older than the ledgers that were read meanwhile.
    const next = Math.max(told, this.#options.account.state?.sequence ?? 0)
    this.#sequences ??= new Sequences(next)
    this.#sequences.sync(next, new Set(this.#slots.keys()))
  }

  async #readServer(): Promise<void> {
    const { load, networkId } = await readServer(this.#options.request)
    if (load !== undefined) this.#options.fees.setLoad(load)
    this.#networkId = networkId
  }
}

const FEE_LIMIT = 'feeDropsMax'
const TOO_DEAR = 'the server asks for a fee above feeDropsMax: wait, or allow more'
/** Errors of `submit` that mean the blob is malformed. */
const NEVER: ReadonlySet<string> = new Set(['invalidTransaction', 'invalidParams'])
