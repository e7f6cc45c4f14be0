/**
 * What must be true, kept apart from the code that it judges: one naive entry for each hold, from what was seen on the
 * wires, what applications were told and what the host's book shows. Three rules cover most of it:
 * - what was once told outside the host's process stays true, through any crash (also one at this very moment);
 * - money moves at most once, all accounts and the host's position add up to nothing, and limits hold;
 * - what a holder believes to have got back was not taken, and it never has more than its window at risk.
 */
import { EMPTY, equal, latin1, toHex } from 'sluice/bytes'
import { sha256 } from 'sluice/crypto'
import { Ledger, type TransferView } from 'sluice/ledger'
import type { HoldOutcome } from 'sluice/link'
import type { LedgerStore } from 'sluice/store'

/** One purchase that streams. */
export interface Stream {
  readonly account: string
  readonly price: bigint
  readonly window: bigint
  readonly budget: bigint
  /** Sum of the holds that its buyer sent, less those that it knows to have come back. */
  atRisk: bigint
  /** Units captured, by the host's book. */
  captured: number
  /** What the host wrote, and what the application has read. */
  readonly written: UnitCount
  readonly read: UnitCount
}

/** Bytes of a body as units. */
export class UnitCount {
  /** Units that are complete, and units that have begun. */
  whole = 0
  begun = 0
  readonly #unitBytes: (i: number) => number
  #bytes = 0
  #wholeEnd = 0
  #begunEnd = 0

  /** @param unitBytes bytes of unit `i` */
  constructor(unitBytes: (i: number) => number) {
    this.#unitBytes = unitBytes
  }

  add(bytes: number): void {
    this.#bytes += bytes
    while (this.#begunEnd < this.#bytes) this.#begunEnd += this.#unitBytes(this.begun++)
    for (let next = this.#unitBytes(this.whole); this.#wholeEnd + next <= this.#bytes;) {
      this.#wholeEnd += next
      next = this.#unitBytes(++this.whole)
    }
  }
}

/** Of the host's book: `unknown` is also what it never heard of. `post`: one phase, by the host. */
type State = 'unknown' | 'prepared' | 'fulfilled' | 'dead'

interface Hold {
  readonly account: string
  readonly id: Uint8Array
  readonly payer: 'holder' | 'host' | 'post'
  readonly amount: bigint
  readonly condition: Uint8Array
  readonly expiresAt: number
  readonly stream: Stream | undefined
  state: State
  /** What somebody outside the host was told by it. */
  told: State
  /** What its sender, if it is alive, thinks; `lost` when nobody is left who does. */
  belief: 'open' | 'fulfilled' | 'dead' | 'lost'
  /** Its Prepare arrived more than once, so that a refusal may have been followed by an acceptance. */
  repeated: boolean
  released: boolean
  /** A later run of its sender has asked what became of it, and was told. */
  found: boolean
  forgotten: boolean
  /** What was told of it in the end was found to be durable. */
  proven: boolean
}

export type NewHold = Omit<
  Hold,
  'state' | 'told' | 'belief' | 'repeated' | 'released' | 'proven' | 'found' | 'forgotten'
>

/** What a living holder's link says of itself. */
export interface Doubts {
  readonly held: bigint
  readonly inDoubt: bigint
  /** It keeps a record, has read it, and has not found out what became of all that it sent in earlier runs. */
  readonly records: boolean
}

interface Sums {
  heldOut: bigint
  heldIn: bigint
  fulfilledOut: bigint
  fulfilledIn: bigint
  posted: bigint
  /** Sent by the holder that lives now, and without an outcome. */
  pending: bigint
  /** Sent by the holders that lived before. */
  lost: bigint
}

/** Something is not as it must be. */
export class Violation extends Error {}

export interface OracleOptions {
  /** Single frames may be lost, so that a connection is not what its two ends think. */
  readonly wild: boolean
  readonly creditLimit: bigint
  readonly balanceMax: bigint
  readonly rememberMs: number
}

export class Oracle {
  /** Fulfillments that reached a living holder in this step. */
  readonly #due = new Set<Hold>()
  readonly #holds = new Map<string, Hold>()
  /** Those that the book may still change. */
  readonly #open = new Set<Hold>()
  readonly #sums = new Map<string, Sums>()
  readonly #streams = new Map<string, Stream>()
  readonly #options: OracleOptions
  /** What the clock says when the book is read back. */
  #shadowTime = 0

  constructor(options: OracleOptions) {
    this.#options = options
  }

  get holds(): number {
    return this.#holds.size
  }

  count(state: State): number {
    return Array.from(this.#holds.values()).filter((hold) => hold.state === state).length
  }

  // ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────

  openStream(clientId: string, stream: Stream): void {
    this.#streams.set(clientId, stream)
  }

  stream(clientId: string): Stream | undefined {
    return this.#streams.get(clientId)
  }

  /** Somebody offers a hold for the first time, or again. */
  offered(offer: NewHold): void {
    const key = keyOf(offer.account, offer.id)
    if (this.#holds.has(key)) return
    const hold: Hold = {
      ...offer,
      state: 'unknown',
      told: 'unknown',
      belief: 'open',
      repeated: false,
      released: false,
      proven: false,
      found: false,
      forgotten: false,
    }
    this.#holds.set(key, hold)
    this.#open.add(hold)
    if (hold.payer !== 'holder') return
    this.#of(hold.account).pending += hold.amount
    if (hold.stream !== undefined) hold.stream.atRisk += hold.amount
  }

  repeated(account: string, id: Uint8Array): void {
    const hold = this.#find(account, id)
    if (hold !== undefined) hold.repeated = true
  }

  /** The host told somebody what became of a hold. */
  tell(account: string, id: Uint8Array, told: Exclude<State, 'unknown'>): void {
    const hold = this.#find(account, id)
    if (hold === undefined) {
      // A holder asks for every id that an earlier run may have used.
      if (told === 'dead') return
      throw new Violation(`the host calls ${toHex(id)} ${told}, which nobody sent`)
    }
    if (isFinal(hold.told) && isFinal(told) && hold.told !== told) {
      throw new Violation(`${name(hold)} was told to be ${hold.told}, and now to be ${told}`)
    }
    if (told === 'fulfilled' && hold.belief === 'dead' && !excused(hold)) {
      throw new Violation(`${name(hold)} is told to be fulfilled, and its sender was told that it was not`)
    }
    if (!isFinal(hold.told)) hold.told = told
  }

  /** The host answered a question about a hold. `expiresAt`: as it was asked. */
  answered(account: string, id: Uint8Array, told: Exclude<State, 'unknown'>, expiresAt: number): void {
    const hold = this.#find(account, id)
    // A later run asks with the expiry of a whole block, which may be later than the host need remember the hold.
    if (told === 'dead' && hold !== undefined && expiresAt > hold.expiresAt && hold.told === 'fulfilled') return
    this.tell(account, id, told)
  }

  /** A Fulfill by the host: as told, with its proof. */
  tellFulfilled(account: string, id: Uint8Array, fulfillment: Uint8Array): void {
    this.tell(account, id, 'fulfilled')
    const hold = this.#find(account, id)
    if (hold !== undefined && !equal(sha256(fulfillment), hold.condition)) {
      throw new Violation(`${name(hold)} is told to be fulfilled with a wrong fulfillment`)
    }
  }

  /** The sender of a hold was told by its link. */
  believes(account: string, id: Uint8Array, outcome: HoldOutcome): void {
    const hold = this.#find(account, id)
    if (hold === undefined || outcome.status === 'inDoubt') return
    if (hold.belief === 'lost') return
    if (hold.belief !== 'open') throw new Violation(`${name(hold)} ended twice for its sender`)
    if (hold.payer === 'holder') this.#of(account).pending -= hold.amount
    if (outcome.status === 'fulfilled') {
      hold.belief = 'fulfilled'
      if (hold.payer === 'holder' && hold.told !== 'fulfilled')
        throw new Violation(`${name(hold)} is believed, not told, fulfilled`)
      if (hold.payer === 'host') this.tell(account, id, 'fulfilled')
      return
    }
    hold.belief = 'dead'
    if (hold.told === 'fulfilled')
      throw new Violation(`${name(hold)} was fulfilled, and its sender is told ${outcome.status}`)
    if (hold.payer === 'host' && hold.state !== 'unknown') this.tell(account, id, 'dead')
    this.#release(hold)
  }

  /** It reached the holder that a hold is not, or no more, in place. */
  heardDead(account: string, id: Uint8Array): void {
    const hold = this.#find(account, id)
    if (hold !== undefined) this.#release(hold)
  }

  /** The host told a holder that it has forgotten: that hold may stay in doubt for ever. */
  forgotten(account: string, id: Uint8Array): void {
    const hold = this.#find(account, id)
    if (hold !== undefined) hold.forgotten = true
  }

  /** Sum of the holds of which nobody can tell their sender what became of them. */
  unknowable(account: string): bigint {
    let sum = 0n
    for (const hold of this.#holds.values()) {
      if (hold.account === account && hold.forgotten && hold.belief === 'open') sum += hold.amount
    }
    return sum
  }

  /** A holder has heard what became of a hold, which may be of an earlier run of its. */
  found(account: string, id: Uint8Array): void {
    const hold = this.#find(account, id)
    if (hold?.belief !== 'lost' || hold.found) return
    hold.found = true
    this.#of(account).lost -= hold.amount
  }

  /** A Fulfill reached its holder: it must take it, however late. */
  heardFulfilled(account: string, id: Uint8Array): void {
    const hold = this.#find(account, id)
    if (hold?.belief === 'open' && !this.#options.wild) this.#due.add(hold)
  }

  /** The receiver of a host's hold was told by its link that what it asked for has happened. */
  settledByHolder(account: string, id: Uint8Array, as: 'fulfilled' | 'dead'): void {
    const hold = this.#find(account, id)
    if (hold !== undefined && hold.told !== as)
      throw new Violation(`${name(hold)} is ${as} for the holder, and ${hold.told} was told`)
  }

  /** A holder has crashed: what it had sent is nobody's, unless it has a record. */
  forgetBeliefs(account: string): void {
    for (const hold of this.#holds.values()) {
      if (hold.account === account && hold.payer === 'holder' && hold.belief === 'open') hold.belief = 'lost'
    }
    const sums = this.#of(account)
    sums.lost += sums.pending
    sums.pending = 0n
    this.#due.clear()
  }

  /** A holder believes that it knows what became of all that its earlier runs had sent. */
  recovered(account: string): void {
    this.#of(account).lost = 0n
    for (const hold of this.#holds.values()) {
      if (hold.account !== account || hold.payer !== 'holder' || hold.belief !== 'lost') continue
      hold.belief = hold.state === 'fulfilled' ? 'fulfilled' : 'dead'
    }
  }

  wrote(stream: Stream, bytes: number): void {
    stream.written.add(bytes)
    const { begun } = stream.written
    if (begun > stream.captured)
      throw new Violation(`${begun} units of ${stream.account} are written and ${stream.captured} captured`)
  }

  #release(hold: Hold): void {
    if (hold.released || hold.payer !== 'holder') return
    hold.released = true
    if (hold.stream !== undefined) hold.stream.atRisk -= hold.amount
  }

  // ── what must be so, after each step ─────────────────────────────────────────────────────────────────────────────

  /** Of the buyers. `held`: what each living holder's link says it has sent and not heard the end of. */
  checkHolders(held: ReadonlyMap<string, Doubts>): void {
    for (const stream of this.#streams.values()) {
      const exposure = stream.atRisk - BigInt(stream.read.whole) * stream.price
      if (exposure > stream.window)
        throw new Violation(`${stream.account} has ${exposure} at risk, more than ${stream.window}`)
      if (stream.atRisk > stream.budget)
        throw new Violation(`${stream.account} spends ${stream.atRisk} of ${stream.budget}`)
    }
    for (const hold of this.#due) {
      if (hold.belief === 'open')
        throw new Violation(`${name(hold)} was not taken for fulfilled although its Fulfill came`)
    }
    this.#due.clear()
    for (const [account, sums] of held) {
      const { pending } = this.#of(account)
      if (sums.held !== pending)
        throw new Violation(`${account} holds ${sums.held}, and has ${pending} without an outcome`)
      if (sums.records && this.#of(account).lost > sums.inDoubt) {
        throw new Violation(`${account} has ${sums.inDoubt} in doubt, and its earlier runs ${this.#of(account).lost}`)
      }
    }
  }

  /** Of the host's book as it is in memory. */
  checkBook(book: Ledger): void {
    const alive = new Set<Hold>()
    const now = book.now()
    for (const live of book.live()) {
      const hold = this.#find(live.account, live.id)
      if (hold === undefined) throw new Violation(`the book holds ${toHex(live.id)}, which nobody sent`)
      if (isFinal(hold.told)) throw new Violation(`${name(hold)} is alive again after it was told to be ${hold.told}`)
      if (hold.belief === 'dead' && !excused(hold)) {
        throw new Violation(`${name(hold)} is alive and its sender believes it dead`)
      }
      alive.add(hold)
      if (!this.#open.has(hold)) throw new Violation(`${name(hold)} is alive again after it had ended`)
    }
    for (const hold of this.#open) {
      if (alive.has(hold)) this.#follow(hold, 'prepared')
      else if (hold.state !== 'unknown' || hold.belief !== 'dead' || hold.repeated) {
        const state = stateOf(book.transfer(hold.account, hold.id))
        const forgotten = state === 'unknown' && hold.expiresAt + this.#options.rememberMs <= now
        // It expired late, and need not be remembered for long.
        this.#follow(hold, forgotten && hold.state === 'prepared' ? 'dead' : state)
      }
    }
    this.#checkSums(book)
  }

  /** Counts what the book did to a hold. */
  #follow(hold: Hold, state: State): void {
    if (state === hold.state) return
    if (state === 'unknown' && hold.state === 'prepared') throw new Violation(`the book has lost ${name(hold)}`)
    if (state === 'fulfilled' && hold.belief === 'dead' && !excused(hold)) {
      throw new Violation(`${name(hold)} is fulfilled and its sender believes it dead`)
    }
    this.#enter(hold, state)
    if (isFinal(state)) this.#open.delete(hold)
    if (state !== 'prepared' || hold.payer !== 'host') return
    const { fulfilledIn, fulfilledOut, posted, heldIn } = this.#of(hold.account)
    if (fulfilledIn - fulfilledOut + posted + heldIn > this.#options.balanceMax) {
      throw new Violation(`with ${name(hold)} the host owes more than it may`)
    }
  }

  #enter(hold: Hold, state: State): void {
    this.#add(hold, -1n)
    hold.state = state
    this.#add(hold, 1n)
  }

  #add({ account, amount, payer, state, stream }: Hold, sign: bigint): void {
    const sums = this.#of(account)
    if (state === 'prepared') {
      if (payer === 'holder') sums.heldOut += sign * amount
      else sums.heldIn += sign * amount
    } else if (state === 'fulfilled') {
      if (payer === 'holder') sums.fulfilledOut += sign * amount
      else if (payer === 'host') sums.fulfilledIn += sign * amount
      else sums.posted += sign * amount
      if (stream !== undefined) stream.captured += Number((sign * amount) / stream.price)
    }
  }

  #checkSums(book: Ledger): void {
    let total = book.position()
    for (const account of book.accounts()) {
      const sums = this.#of(account.account)
      for (const key of ['heldOut', 'heldIn', 'fulfilledOut', 'fulfilledIn', 'posted'] as const) {
        if (account[key] !== sums[key]) {
          throw new Violation(`${account.account} has ${key} ${account[key]} by the book and ${sums[key]} by its holds`)
        }
      }
      const balance = sums.fulfilledIn - sums.fulfilledOut + sums.posted
      if (account.balance !== balance) throw new Violation(`${account.account} has ${account.balance}, not ${balance}`)
      const { creditLimit } = this.#options
      if (balance - sums.heldOut < -creditLimit) throw new Violation(`${account.account} is beyond its credit`)
      total += account.balance
    }
    if (total !== 0n) throw new Violation(`money was made or lost: all positions add up to ${total}`)
  }

  // ── what a crash would leave ─────────────────────────────────────────────────────────────────────────────────────

  /** Reads what is durable with a ledger of its own: all that was told must be there. */
  async checkDurable(store: LedgerStore): Promise<void> {
    const book = await this.#reopen(store)
    this.#prove(book, false)
    await book.close()
  }

  /** The host has crashed, and this is what it left: the book goes on from there. */
  async crashed(store: LedgerStore): Promise<void> {
    const book = await this.#reopen(store)
    this.#prove(book, true)
    await book.close()
  }

  /** `goesOn`: the host's book is this one from now on. */
  #prove(book: Ledger, goesOn: boolean): void {
    const captured = new Map<Stream, number>()
    for (const hold of this.#holds.values()) {
      const state = goesOn || !hold.proven ? this.#proveHold(book, hold, goesOn) : hold.told
      const { stream } = hold
      if (stream === undefined || state !== 'fulfilled') continue
      captured.set(stream, (captured.get(stream) ?? 0) + Number(hold.amount / stream.price))
    }
    for (const stream of this.#streams.values()) {
      const units = captured.get(stream) ?? 0
      const { begun } = stream.written
      if (begun > units)
        throw new Violation(`${begun} units are written, and ${units} would be captured after a crash now`)
    }
  }

  #proveHold(book: Ledger, hold: Hold, goesOn: boolean): State {
    const view = book.transfer(hold.account, hold.id)
    const forgettable = hold.expiresAt + this.#options.rememberMs <= book.now()
    if (view === undefined && forgettable) return hold.state
    const state = stateOf(view)
    if (state === 'unknown' && hold.told === 'dead' && hold.payer !== 'post') {
      if (!this.#refuses(book, hold)) {
        throw new Violation(`${name(hold)} was told to be dead, and would be taken if it came after a crash now`)
      }
    } else if (hold.told !== 'unknown' && (isFinal(hold.told) ? state !== hold.told : state === 'unknown')) {
      throw new Violation(`${name(hold)} was told to be ${hold.told}, and would be ${state} after a crash now`)
    }
    hold.proven = isFinal(hold.told)
    if (!goesOn) return state
    this.#enter(hold, state)
    if (!isFinal(state)) this.#open.add(hold)
    if (hold.payer === 'host' && hold.belief === 'open') hold.belief = 'lost'
    return state
  }

  /** Whether a hold that expired before it came would be refused if it came now, even with the clock set back. */
  #refuses(book: Ledger, { account, id, payer, amount, condition, expiresAt }: Hold): boolean {
    if (payer === 'post') return true
    this.#shadowTime = expiresAt - 1
    const { ok } = book.execute({ type: 'prepare', account, id, payer, amount, condition, expiresAt, memo: EMPTY })
    this.#shadowTime = 0
    return !ok
  }

  async #reopen(store: LedgerStore): Promise<Ledger> {
    // Time is what was logged, so that nothing is forgotten yet.
    const clock = { now: () => this.#shadowTime, after: () => () => undefined }
    const { rememberMs } = this.#options
    const book = new Ledger({ store, clock, limits: { rememberMs } })
    try {
      await book.open()
    } catch (error) {
      throw new Violation(`a crash now would leave a book that cannot be opened: ${String(error)}`)
    }
    return book
  }

  // ── what must come, once all faults have stopped ─────────────────────────────────────────────────────────────────

  checkQuiet(book: Ledger): void {
    const live = book.live()[0]
    if (live !== undefined)
      throw new Violation(`${toHex(live.id)} of ${live.account} is still held after all faults stopped`)
    for (const hold of this.#holds.values()) {
      if (hold.belief === 'open' && hold.payer === 'holder' && !hold.forgotten)
        throw new Violation(`${name(hold)} has no outcome for its sender`)
    }
  }

  #find(account: string, id: Uint8Array): Hold | undefined {
    return this.#holds.get(keyOf(account, id))
  }

  #of(account: string): Sums {
    let sums = this.#sums.get(account)
    if (sums === undefined) {
      sums = { heldOut: 0n, heldIn: 0n, fulfilledOut: 0n, fulfilledIn: 0n, posted: 0n, pending: 0n, lost: 0n }
      this.#sums.set(account, sums)
    }
    return sums
  }
}

function keyOf(account: string, id: Uint8Array): string {
  return `${account}/${latin1(id)}`
}

function name(hold: Hold): string {
  return `${toHex(hold.id).slice(0, 8)} of ${hold.account}, paid by ${hold.payer}`
}

function isFinal(state: State): boolean {
  return state === 'fulfilled' || state === 'dead'
}

function stateOf(view: TransferView | undefined): State {
  if (view === undefined) return 'unknown'
  if (view.state === 'prepared') return 'prepared'
  return view.outcome.state === 'fulfilled' || view.outcome.state === 'posted' ? 'fulfilled' : 'dead'
}

/** A refusal leaves nothing behind, so that a copy of the frame that comes later may be accepted. */
function excused(hold: Hold): boolean {
  return hold.repeated && hold.told !== 'dead'
}
