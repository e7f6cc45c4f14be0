/**
 * A store that is not one: what it keeps lives as long as the object, across `close` and `open`, and dies with the
 * process. For tests and tutorials; it says so when it is opened.
 */
import { StoreError } from './errors.js'
import type { Batch, LedgerStore, Snapshot, StoredLog } from './types.js'

export interface MemoryStoreOptions {
  /** Told once that nothing survives. Default: a warning of the process. */
  readonly warn?: (message: string) => void
}

export class MemoryStore implements LedgerStore {
  readonly #warn: (message: string) => void
  #warned = false
  #open = false
  #batches: Batch[] = []
  #snapshot: Snapshot | undefined

  constructor(options: MemoryStoreOptions = {}) {
    this.#warn = options.warn ?? ((message) => process.emitWarning(message))
  }

  async open(): Promise<StoredLog> {
    if (this.#open) throw new StoreError('STORE_LOCKED', 'the store is open already: close its ledger first')
    this.#open = true
    if (!this.#warned) {
      this.#warned = true
      this.#warn('The ledger is kept in memory only: balances and holds are LOST when this process ends.')
    }
    return { snapshot: this.#snapshot, batches: each([...this.#batches]) }
  }

  async append(batch: Batch): Promise<void> {
    this.#check()
    this.#batches.push({ seq: batch.seq, bytes: batch.bytes.slice() })
  }

  async snapshot(snapshot: Snapshot): Promise<void> {
    this.#check()
    this.#snapshot = { seq: snapshot.seq, bytes: snapshot.bytes.slice() }
  }

  async drop(seq: number): Promise<void> {
    this.#check()
    this.#batches = this.#batches.filter((batch) => batch.seq >= seq)
  }

  async close(): Promise<void> {
    this.#open = false
  }

  /** A closed store with what this one holds now: what a crash would leave. */
  copy(): MemoryStore {
    const copy = new MemoryStore({ warn: this.#warn })
    copy.#warned = this.#warned
    copy.#batches = [...this.#batches]
    copy.#snapshot = this.#snapshot
    return copy
  }

  #check(): void {
    if (!this.#open) throw new StoreError('STORE_CLOSED', 'open the store first')
  }
}

async function* each(batches: readonly Batch[]): AsyncGenerator<Batch> {
  yield* batches
}
