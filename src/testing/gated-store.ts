/** A store whose appends wait for the test, or fail at its word; otherwise the store it was made over. */
import type { Batch, LedgerStore, Snapshot, StoredLog } from '../store/index.js'

interface Waiting {
  readonly batch: Batch
  readonly pass: () => void
  readonly fail: (error: Error) => void
}

export class GatedStore implements LedgerStore {
  readonly #store: LedgerStore
  #waiting: Waiting[] = []
  /** Whether appends wait for `release` or `fail`. */
  held = true

  constructor(store: LedgerStore) {
    this.#store = store
  }

  /** Appends that wait; a ledger has one at a time. */
  get waiting(): readonly Batch[] {
    return this.#waiting.map(({ batch }) => batch)
  }

  /** Lets what waits become durable. */
  release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { pass } of waiting) pass()
  }

  /** Makes what waits fail, as a full disk would. */
  fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) one.fail(error)
  }

  open(): Promise<StoredLog> {
    return this.#store.open()
  }

  async append(batch: Batch): Promise<void> {
    if (this.held) await new Promise<void>((pass, fail) => this.#waiting.push({ batch, pass, fail }))
    await this.#store.append(batch)
  }

  snapshot(snapshot: Snapshot): Promise<void> {
    return this.#store.snapshot(snapshot)
  }

  drop(seq: number): Promise<void> {
    return this.#store.drop(seq)
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
