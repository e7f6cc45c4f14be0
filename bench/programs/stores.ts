/** The stores of our hosts, with a count of what they make durable. */
import { type Batch, type LedgerStore, MemoryStore, type Snapshot, type StoredLog } from 'sluice/store'
import { LevelStore } from 'sluice/store/level'

/** A directory makes it the level store. */
export class CountingStore implements LedgerStore {
  commits = 0
  readonly #store: LedgerStore

  constructor(directory: string | undefined) {
    this.#store = directory === undefined ? new MemoryStore({ warn: () => undefined }) : new LevelStore(directory)
  }

  open(): Promise<StoredLog> {
    return this.#store.open()
  }

  append(batch: Batch): Promise<void> {
    this.commits += 1
    return this.#store.append(batch)
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

  /** Commits since the last call. */
  next(): { commits: number } {
    const { commits } = this
    this.commits = 0
    return { commits }
  }
}
