/**
 * Follows the validated ledgers, as one account sees them: every validated transaction that touches it, in the ledger's
 * order, each once, none left out; after each ledger its close time and fees. Streams only ring the bell: what is
 * followed is read by `account_tx` from where reading ended. So duplicate, late and reordered messages change nothing,
 * and a lost connection only means a longer range to read over the next one.
 */
import type { Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import { XrpError } from './errors.js'
import {
  type ClosedLedger,
  isIndex,
  isJson,
  type Json,
  readClosedLedger,
  readTransaction,
  type ValidatedTransaction,
} from './ledger-messages.js'
import type { Dial, LedgerConnection } from './transport.js'

/** How the owner hears of it, in the ledger's order. */
export interface LedgerFollowing {
  /** A connection is there and subscribed; nothing is read over it yet. Rejects: this server will not do. */
  onConnected(tip: ClosedLedger): Promise<void>
  onTransaction(transaction: ValidatedTransaction): void
  /** Everything up to this ledger has been told. */
  onLedger(ledger: ClosedLedger): void
  onLost(): void
}

export interface FollowerOptions {
  readonly dial: Dial
  readonly address: string
  readonly following: LedgerFollowing
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1). */
  readonly random: () => number
}

/** Pages of one answer to `account_tx` or `account_objects`. */
const PAGES_MAX = 10_000
/** What one page is asked to hold. */
const PAGE_ENTRIES = 200
const RECONNECT_MS = { min: 250, max: 30_000 } as const

export class LedgerFollower {
  readonly #options: FollowerOptions
  #connection: LedgerConnection | undefined
  #ready = false
  #wanted = false
  #attempts = 0
  /** The last ledger that was told whole; `undefined` before the first connection. */
  #read: number | undefined
  /** The newest validated ledger that the server has told of. */
  #tip: ClosedLedger | undefined
  #reading: Promise<void> | undefined
  #cancelReconnect: (() => void) | undefined

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  get connected(): boolean {
    return this.#ready
  }

  /** The newest validated ledger that is known of. */
  get tip(): ClosedLedger | undefined {
    return this.#tip
  }

  /** Follow from this ledger on. Before the first `open`, or in `onConnected`. */
  startAt(index: number): void {
    this.#read = Math.min(index - 1, this.#read ?? Infinity)
  }

  /** Resolves when everything up to the newest ledger is told. A failed attempt leaves nothing behind. */
  async open(): Promise<void> {
    this.#wanted = true
    try {
      await this.#connect()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#wanted = false
    this.#cancelReconnect?.()
    this.#cancelReconnect = undefined
    this.#ready = false
    const connection = this.#connection
    this.#connection = undefined
    await connection?.close()
    await this.#reading?.catch(() => undefined)
    this.#read = undefined
    this.#tip = undefined
  }

  /** @throws {XrpError} `XRP_SERVER` */
  async request(command: Json): Promise<Json> {
    if (this.#connection === undefined) throw new XrpError('XRP_SERVER', 'there is no connection to the server')
    return this.#connection.request(command)
  }

  /** All the entries of a list that comes in pages. @throws {XrpError} `XRP_SERVER`, `XRP_HISTORY` */
  async list(command: Json, field: string, onPage?: (answer: Json) => void): Promise<Json[]> {
    const entries: Json[] = []
    let marker: unknown
    for (let page = 0; page < PAGES_MAX; page++) {
      const answer = await this.request({
        ...command,
        limit: PAGE_ENTRIES,
        ...(marker === undefined ? {} : { marker }),
      })
      onPage?.(answer)
      const found = answer[field]
      if (Array.isArray(found)) entries.push(...found.filter(isJson))
      marker = answer['marker']
      if (marker === undefined || marker === null) return entries
    }
    throw new XrpError('XRP_HISTORY', `a list of more than ${PAGES_MAX} pages is not read`)
  }

  async #connect(): Promise<void> {
    const connection = this.#options.dial()
    this.#connection = connection
    connection.onMessage = (message) => this.#heard(connection, message)
    connection.onLost = (reason) => this.#lost(connection, reason)
    try {
      await connection.open()
      const { address, following } = this.#options
      const subscribed = await connection.request({ command: 'subscribe', streams: ['ledger'], accounts: [address] })
      const tip = readClosedLedger(subscribed)
      if (tip === undefined) throw new XrpError('XRP_SERVER', 'the server has no validated ledger yet: try again later')
      this.#see(tip)
      this.#read ??= tip.index
      await following.onConnected(tip)
      await this.#catchUp(connection)
    } catch (error) {
      if (this.#connection === connection) this.#connection = undefined
      await connection.close()
      throw error
    }
    if (this.#connection !== connection) throw new XrpError('XRP_SERVER', 'the connection was lost while it was set up')
    this.#attempts = 0
  }

  #lost(connection: LedgerConnection, reason: string): void {
    if (this.#connection !== connection) return
    this.#connection = undefined
    this.#options.log.warn(reason)
    if (!this.#ready) return
    this.#ready = false
    this.#options.following.onLost()
    this.#reconnectLater()
  }

  #reconnectLater(): void {
    if (!this.#wanted) return
    const { clock, random, log } = this.#options
    const waitMs = Math.min(RECONNECT_MS.max, RECONNECT_MS.min * 2 ** this.#attempts) * (0.5 + random() / 2)
    this.#attempts += 1
    this.#cancelReconnect = clock.after(
      waitMs,
      () => {
        this.#cancelReconnect = undefined
        this.#connect().catch((error: unknown) => {
          log.warn('connecting again failed', { error: String(error) })
          this.#reconnectLater()
        })
      },
      true,
    )
  }

  #see(ledger: ClosedLedger): void {
    if (this.#tip === undefined || ledger.index > this.#tip.index) this.#tip = ledger
  }

  /** Any message is a reason to read on; a closed ledger says how far. */
  #heard(connection: LedgerConnection, message: Json): void {
    if (this.#connection !== connection || !this.#wanted) return
    if (message['type'] === 'ledgerClosed') {
      const ledger = readClosedLedger(message)
      if (ledger !== undefined) this.#see(ledger)
    }
    if (!this.#ready) return
    this.#catchUp(connection).catch((error: unknown) => {
      this.#options.log.warn('validated ledgers could not be read yet', { error: String(error) })
    })
  }

  /** One reading at a time; whoever asks meanwhile waits for the same. */
  async #catchUp(connection: LedgerConnection): Promise<void> {
    this.#reading ??= this.#readOn(connection).finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readOn(connection: LedgerConnection): Promise<void> {
    for (;;) {
      const tip = this.#tip
      const read = this.#read
      if (this.#connection !== connection || tip === undefined || read === undefined) return
      if (read < tip.index) {
        const reached = await this.#readRange(connection, read + 1, tip.index)
        if (this.#connection !== connection || !this.#wanted) return
        // A server that is behind its own stream has told less; the next message asks for the rest.
        if (reached < tip.index) return
      }
      if (!this.#ready) {
        this.#ready = true
        this.#options.following.onLedger(tip)
      } else if (read < tip.index) this.#options.following.onLedger(tip)
      if (this.#tip === tip) return
    }
  }

  /** Tells what is in the ledgers from `first` to `last`; gives the last one that the server has looked at. */
  async #readRange(connection: LedgerConnection, first: number, last: number): Promise<number> {
    const { address, following } = this.#options
    let from = first
    let to = last
    const command = {
      command: 'account_tx',
      account: address,
      ledger_index_min: first,
      ledger_index_max: last,
      forward: true,
    }
    const entries = await this.list(command, 'transactions', (answer) => {
      if (isIndex(answer['ledger_index_min'])) from = Math.max(from, answer['ledger_index_min'])
      if (isIndex(answer['ledger_index_max'])) to = Math.min(to, answer['ledger_index_max'])
    }).catch((error: unknown) => {
      // An account that is not in the ledger has no history.
      if (error instanceof XrpError && error.serverError === 'actNotFound') return []
      // The second version of the interface refuses a range that it has not; the first one gives what it has of it.
      if (error instanceof XrpError && error.serverError === 'lgrIdxMalformed') throw forgotten(first)
      throw error
    })
    if (this.#connection !== connection || !this.#wanted) return first - 1
    if (from > first) throw forgotten(first)
    for (const entry of entries) {
      const transaction = readTransaction(entry)
      if (transaction !== undefined && transaction.ledgerIndex <= to) following.onTransaction(transaction)
    }
    this.#read = to
    return to
  }
}

/** What happened there cannot be told from what did not: nothing may be decided without it. */
function forgotten(first: number): XrpError {
  return new XrpError('XRP_HISTORY', `the server has not all ledgers from ${first} on: use one with more history`)
}
