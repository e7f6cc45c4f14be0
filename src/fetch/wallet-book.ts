/**
 * The book of a wallet's budgets, in a directory that several processes share. LevelDB has one owner, so it is opened only
 * for as long as a change takes; its lock is the wallet's lock, which the kernel frees when a process dies. Changes that
 * come meanwhile are made together, with one write.
 */
import { fromUtf8, utf8 } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import { StoreError, type Snapshot } from '../store/index.js'
import { LevelStore } from '../store/level.js'
import { remembered, type Taken } from './wallet-budget.js'
import { WalletError } from './wallet-errors.js'

/** What a change sees, and may replace. */
export interface Book {
  taken: readonly Taken[]
}

interface Waiting {
  /** Tells the outcome once the book is written. */
  readonly run: (book: Book) => Promise<() => void>
  readonly fail: (error: unknown) => void
}

const VERSION = 1
/** How long the lock is waited for, and how often it is tried. */
export const WALLET_LOCK_TIMEOUT_MS = 30_000
const LOCK_RETRY_MS = 10

export class WalletBook {
  readonly #directory: string
  readonly #clock: Clock
  #queue: Waiting[] = []
  #running = false

  constructor(directory: string, clock: Clock) {
    this.#directory = directory
    this.#clock = clock
  }

  /**
   * Runs `change` while no other process has the book. Resolves when what it did is durable.
   * @throws {WalletError} `WALLET_BUSY`, `WALLET_FILE`; and what the change throws
   */
  change<T>(change: (book: Book) => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({
        async run(book) {
          const before = book.taken
          try {
            const value = await change(book)
            return () => resolve(value)
          } catch (error) {
            book.taken = before
            return () => reject(asError(error))
          }
        },
        fail: (error) => reject(asError(error)),
      })
      if (!this.#running) void this.#run()
    })
  }

  /** Never rejects: it tells those who wait. */
  async #run(): Promise<void> {
    this.#running = true
    while (this.#queue.length > 0) {
      let batch: Waiting[] = []
      try {
        const { store, snapshot } = await this.#lock()
        const tellers: (() => void)[] = []
        try {
          const book = { taken: snapshot === undefined ? [] : decodeBook(snapshot.bytes) }
          const before = book.taken
          // Only now: all that came while the lock was waited for.
          batch = this.#queue.splice(0)
          for (const waiting of batch) tellers.push(await waiting.run(book))
          if (book.taken !== before) {
            await store.snapshot({ seq: (snapshot?.seq ?? 0) + 1, bytes: encodeBook(book) })
          }
        } finally {
          await store.close()
        }
        for (const tell of tellers) tell()
      } catch (error) {
        const unserved = batch.length > 0 ? batch : this.#queue.splice(0)
        for (const { fail } of unserved) fail(asFault(error))
      }
    }
    this.#running = false
  }

  async #lock(): Promise<{ readonly store: LevelStore; readonly snapshot: Snapshot | undefined }> {
    const until = this.#clock.now() + WALLET_LOCK_TIMEOUT_MS
    for (;;) {
      const store = new LevelStore(this.#directory)
      try {
        const { snapshot } = await store.open()
        return { store, snapshot }
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'STORE_LOCKED') throw error
        if (this.#clock.now() >= until) {
          const message = `other processes kept the wallet locked for ${WALLET_LOCK_TIMEOUT_MS} ms: try again`
          throw new WalletError('WALLET_BUSY', message, { cause: error })
        }
        await new Promise<void>((resolve) => this.#clock.after(LOCK_RETRY_MS, resolve, true))
      }
    }
  }
}

function encodeBook({ taken }: Book): Uint8Array {
  const entries = remembered(taken).map((one) => ({ ...one, amount: String(one.amount) }))
  return utf8(JSON.stringify({ version: VERSION, taken: entries }))
}

/** The store has checked that these are the bytes that were written; the version may still be another. */
function decodeBook(bytes: Uint8Array): Taken[] {
  const value = JSON.parse(fromUtf8(bytes)) as {
    version: unknown
    taken: (Omit<Taken, 'amount'> & { amount: string })[]
  }
  if (value.version !== VERSION) {
    throw new WalletError('WALLET_FILE', `the wallet's book has version ${String(value.version)}: use its program`)
  }
  return value.taken.map((one) => ({ ...one, amount: BigInt(one.amount) }))
}

function asFault(error: unknown): Error {
  if (error instanceof WalletError) return error
  const why = error instanceof Error ? error.message : String(error)
  return new WalletError('WALLET_FILE', `the wallet's book cannot be kept: ${why}`, { cause: error })
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
