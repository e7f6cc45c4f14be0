/**
 * The record of an account's holds, one for each process that uses the account at once: a holder's record has one owner.
 * A process takes the first that is free; one that was killed is found there by the next, which asks the host for what it
 * left in doubt.
 */
import { join } from 'node:path'
import { StoreError, type Batch, type LedgerStore, type Snapshot, type StoredLog } from '../store/index.js'
import { LevelStore } from '../store/level.js'
import { WalletError } from './wallet-errors.js'

/** Processes that use one account at once. */
export const WALLET_PROCESSES_MAX = 64

export class RecordSlot implements LedgerStore {
  readonly #directory: string
  #store: LevelStore | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  async open(): Promise<StoredLog> {
    for (let slot = 0; slot < WALLET_PROCESSES_MAX; slot++) {
      const store = new LevelStore(join(this.#directory, String(slot)))
      try {
        const log = await store.open()
        this.#store = store
        return log
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'STORE_LOCKED') throw error
      }
    }
    throw new WalletError('WALLET_BUSY', `${WALLET_PROCESSES_MAX} processes pay from this account: end some of them`)
  }

  append(batch: Batch): Promise<void> {
    return this.#opened().append(batch)
  }

  snapshot(snapshot: Snapshot): Promise<void> {
    return this.#opened().snapshot(snapshot)
  }

  drop(seq: number): Promise<void> {
    return this.#opened().drop(seq)
  }

  async close(): Promise<void> {
    const store = this.#store
    this.#store = undefined
    await store?.close()
  }

  #opened(): LevelStore {
    if (this.#store === undefined) throw new StoreError('STORE_CLOSED', 'open the store first')
    return this.#store
  }
}
