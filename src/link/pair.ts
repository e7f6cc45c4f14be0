/**
 * The two ends of one trustline in one process, without sockets: for tests, tutorials and programs that sell to themselves.
 */
import { equal, latin1 } from '../bytes/index.js'
import type { SubProtocol } from '../btp/index.js'
import { systemClock, type CancelTimer, type Clock } from '../clock/index.js'
import { randomBytes, sha256 } from '../crypto/index.js'
import { LinkError } from './errors.js'
import type {
  Hold,
  HoldObserver,
  HoldOutcome,
  IncomingHold,
  Link,
  LinkInfo,
  LinkState,
  Reason,
  RequestHandler,
  Settled,
} from './types.js'

export interface LinkPairOptions {
  /** Ledger prefix with its trailing dot. Default `example.pair.`. */
  readonly prefix?: string
  /** Default `USD`, scale 9. */
  readonly assetCode?: string
  readonly assetScale?: number
  /** How far below zero the holder may go. Default 0. */
  readonly creditLimit?: bigint
  /** How much the host may owe. Default 2^62. */
  readonly balanceMax?: bigint
  readonly clock?: Clock
}

export interface LinkPair {
  readonly host: Link
  readonly holder: Link
}

interface Entry {
  readonly hold: Hold
  readonly id: Uint8Array
  readonly observer: HoldObserver
  readonly payer: End
  incoming: IncomingHold | undefined
  state: 'prepared' | 'capturing' | 'done'
  cancel: CancelTimer
}

const OK: Settled = { ok: true }

export function linkPair(options: LinkPairOptions = {}): LinkPair {
  const book = new Book(options)
  return { host: book.host, holder: book.holder }
}

class Book {
  readonly host: End
  readonly holder: End
  readonly clock: Clock
  readonly #creditLimit: bigint
  readonly #balanceMax: bigint
  readonly #entries = new Map<string, Entry>()
  balance = 0n
  #heldOut = 0n
  #heldIn = 0n

  constructor(options: LinkPairOptions) {
    const prefix = options.prefix ?? 'example.pair.'
    const asset = { prefix, assetCode: options.assetCode ?? 'USD', assetScale: options.assetScale ?? 9, connectors: [] }
    this.clock = options.clock ?? systemClock
    this.#creditLimit = options.creditLimit ?? 0n
    this.#balanceMax = options.balanceMax ?? 1n << 62n
    this.host = new End(this, { ...asset, account: `${prefix}server`, peer: `${prefix}client` })
    this.holder = new End(this, { ...asset, account: `${prefix}client`, peer: `${prefix}server` })
  }

  other(end: End): End {
    return end === this.host ? this.holder : this.host
  }

  prepare(payer: End, hold: Hold, observer: HoldObserver): void {
    const id = hold.id ?? randomBytes(16)
    const key = latin1(id)
    const refuse = (code: string, name: string, message: string): void => {
      queueMicrotask(() => observer.onOutcome({ status: 'refused', code, name, message }, id))
    }
    if (this.#entries.has(key)) return refuse('F05', 'DuplicateIdError', 'this id was used before')
    if (hold.expiresAt <= this.clock.now()) return refuse('F01', 'InvalidFieldsError', 'the hold has expired')
    const fits =
      payer === this.holder
        ? this.balance - this.#heldOut - hold.amount >= -this.#creditLimit
        : this.balance + this.#heldIn + hold.amount <= this.#balanceMax
    if (!fits) return refuse('F08', 'InsufficientBalanceError', 'the amount is over the limit')
    const entry: Entry = {
      hold,
      id,
      observer,
      payer,
      incoming: undefined,
      state: 'prepared',
      cancel: this.clock.after(hold.expiresAt - this.clock.now(), () => this.#expire(entry)),
    }
    this.#entries.set(key, entry)
    this.#held(payer, hold.amount)
    queueMicrotask(() => {
      observer.onPrepared?.(id)
      entry.incoming = this.#offer(entry)
      this.other(payer).take(entry.incoming)
    })
  }

  #offer(entry: Entry): IncomingHold {
    const { hold, id } = entry
    return {
      account: 'client',
      id,
      amount: hold.amount,
      condition: hold.condition,
      expiresAt: hold.expiresAt,
      packet: hold.packet,
      custom: hold.custom,
      onEnded: undefined,
      fulfill: (fulfillment, data, done) => {
        if (!equal(sha256(fulfillment), hold.condition)) return later(done, failed('F04', 'wrong fulfillment'))
        if (entry.state !== 'prepared') return later(done, failed('F06', 'the hold has ended'))
        this.#finish(entry)
        this.balance += entry.payer === this.holder ? -hold.amount : hold.amount
        this.#tell(entry, { status: 'fulfilled', fulfillment, data }, done)
      },
      reject: (reason, done) => {
        if (entry.state !== 'prepared') return later(done, failed('F06', 'the hold has ended'))
        this.#finish(entry)
        this.#tell(entry, { status: 'rejected', reason: this.#reason(reason, this.other(entry.payer)) }, done)
      },
    }
  }

  #expire(entry: Entry): void {
    if (entry.state !== 'prepared') return
    this.#finish(entry)
    entry.incoming?.onEnded?.('expired')
    const reason = this.#reason({ code: 'R00', name: 'Transfer Timed Out' }, this.host)
    this.#tell(entry, { status: 'expired', reason }, undefined)
  }

  #finish(entry: Entry): void {
    entry.state = 'done'
    entry.cancel()
    this.#held(entry.payer, -entry.hold.amount)
  }

  #held(payer: End, amount: bigint): void {
    if (payer === this.holder) this.#heldOut += amount
    else this.#heldIn += amount
  }

  #tell(entry: Entry, outcome: HoldOutcome, done: ((settled: Settled) => void) | undefined): void {
    later(done, OK)
    queueMicrotask(() => entry.observer.onOutcome(outcome, entry.id))
  }

  #reason(reason: Partial<Reason> & { readonly code: string }, by: End): Reason {
    return {
      name: reason.code,
      message: '',
      triggeredBy: by.info.account,
      forwardedBy: [],
      triggeredAt: this.clock.now(),
      data: new Uint8Array(0),
      ...reason,
    }
  }
}

function failed(code: string, message: string): Settled {
  return { ok: false, code, message }
}

function later(done: ((settled: Settled) => void) | undefined, settled: Settled): void {
  if (done !== undefined) queueMicrotask(() => done(settled))
}

class End implements Link {
  readonly info: LinkInfo
  readonly #book: Book
  readonly #requests = new Map<string, RequestHandler>()
  readonly #listeners = new Set<(state: LinkState) => void>()
  #handler: ((hold: IncomingHold) => void) | undefined
  #state: LinkState = 'idle'

  constructor(book: Book, info: LinkInfo) {
    this.#book = book
    this.info = info
  }

  get state(): LinkState {
    return this.#state
  }

  async open(): Promise<void> {
    if (this.#state === 'open') return
    this.#become('open')
    await this.#book.other(this).open()
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#become('closed')
    await this.#book.other(this).close()
  }

  #become(state: LinkState): void {
    this.#state = state
    for (const listener of this.#listeners) listener(state)
  }

  send(hold: Hold, observer: HoldObserver): void {
    if (this.#state === 'open') return this.#book.prepare(this, hold, observer)
    const id = hold.id ?? randomBytes(16)
    const outcome: HoldOutcome = {
      status: 'refused',
      code: 'T00',
      name: 'UnreachableError',
      message: 'the link is not open',
    }
    queueMicrotask(() => observer.onOutcome(outcome, id))
  }

  take(hold: IncomingHold): void {
    if (this.#handler === undefined) hold.reject({ code: 'T01', name: 'Ledger Unreachable' })
    else this.#handler(hold)
  }

  onHold(handler: ((hold: IncomingHold) => void) | undefined): void {
    this.#handler = handler
  }

  async request(entries: readonly SubProtocol[]): Promise<readonly SubProtocol[]> {
    if (this.#state !== 'open') throw new LinkError('LINK_NOT_OPEN', 'open the link before sending a request')
    return this.#book.other(this).answer(entries)
  }

  async answer(entries: readonly SubProtocol[]): Promise<readonly SubProtocol[]> {
    const handler = this.#requests.get(entries[0]?.name ?? '')
    if (handler === undefined) {
      throw new LinkError('LINK_REFUSED', 'no handler for this message', { code: 'F00', name: 'NotAcceptedError' })
    }
    return handler(entries, 'client')
  }

  onRequest(name: string, handler: RequestHandler | undefined): void {
    if (handler === undefined) this.#requests.delete(name)
    else this.#requests.set(name, handler)
  }

  async balance(): Promise<bigint> {
    return this === this.#book.holder ? this.#book.balance : -this.#book.balance
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
