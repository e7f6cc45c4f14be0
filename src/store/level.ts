/**
 * The default store: an ordered log in one LevelDB directory, for one process. Each group commit is one synced `put`;
 * LevelDB writes it whole or not at all. Keys: `format`, `snapshot`, and `b` with the batch's number in 16 hex digits.
 */
import { ClassicLevel } from 'classic-level'
import { equal, utf8 } from '../bytes/index.js'
import { StoreError } from './errors.js'
import { seal, unseal } from './seal.js'
import type { Batch, LedgerStore, Snapshot, StoredLog } from './types.js'

const FORMAT = utf8('sluice-ledger 1')
const SEQ_BYTES = 8
const BATCHES = { gte: 'b', lt: 'c' }

type Database = ClassicLevel<string, Uint8Array>

export class LevelStore implements LedgerStore {
  readonly #directory: string
  #db: Database | undefined

  /** @param directory made when it is not there; nobody else may write in it */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** @throws {StoreError} `STORE_LOCKED`, `STORE_FORMAT`, `STORE_CORRUPT`, `STORE_FAILED` */
  async open(): Promise<StoredLog> {
    if (this.#db !== undefined) throw this.#locked()
    const db: Database = new ClassicLevel(this.#directory, { keyEncoding: 'utf8', valueEncoding: 'view' })
    this.#db = db
    try {
      await db.open()
      await this.#checkFormat(db)
      return { snapshot: await this.#readSnapshot(db), batches: this.#readBatches(db) }
    } catch (error) {
      await this.close()
      throw this.#explain(error)
    }
  }

  async append(batch: Batch): Promise<void> {
    await this.#opened().put(keyOf(batch.seq), seal(headOf(batch.seq), batch.bytes), { sync: true })
  }

  async snapshot(snapshot: Snapshot): Promise<void> {
    await this.#opened().put('snapshot', seal(headOf(snapshot.seq), snapshot.bytes), { sync: true })
  }

  async drop(seq: number): Promise<void> {
    await this.#opened().clear({ gte: BATCHES.gte, lt: keyOf(seq) })
  }

  async close(): Promise<void> {
    const db = this.#db
    this.#db = undefined
    await db?.close()
  }

  #opened(): Database {
    if (this.#db === undefined) throw new StoreError('STORE_CLOSED', 'open the store first')
    return this.#db
  }

  async #checkFormat(db: Database): Promise<void> {
    const format = await db.get('format')
    if (format === undefined) {
      for await (const key of db.keys({ limit: 1 })) {
        throw new StoreError('STORE_FORMAT', `${this.#directory} holds ${JSON.stringify(key)} of another program`)
      }
      await db.put('format', FORMAT, { sync: true })
    } else if (!equal(format, FORMAT)) {
      const other = new TextDecoder().decode(format.subarray(0, 64))
      throw new StoreError(
        'STORE_FORMAT',
        `${this.#directory} has the format ${JSON.stringify(other)}: use its program`,
      )
    }
  }

  async #readSnapshot(db: Database): Promise<Snapshot | undefined> {
    const sealed = await db.get('snapshot')
    return sealed === undefined ? undefined : this.#unsealed(sealed, 'snapshot')
  }

  async *#readBatches(db: Database): AsyncGenerator<Batch> {
    for await (const [key, sealed] of db.iterator(BATCHES)) {
      const batch = this.#unsealed(sealed, key)
      if (keyOf(batch.seq) !== key) throw this.#corrupt(key)
      yield batch
    }
  }

  #unsealed(sealed: Uint8Array, key: string): Batch {
    const content = unseal(sealed, SEQ_BYTES)
    if (content === undefined) throw this.#corrupt(key)
    return { seq: Number(content.head.getBigUint64(0)), bytes: content.body }
  }

  #corrupt(key: string): StoreError {
    return new StoreError('STORE_CORRUPT', `${key} in ${this.#directory} is damaged: restore the directory from a copy`)
  }

  #locked(cause?: unknown): StoreError {
    const message = `another ledger has ${this.#directory} open: end that process, or choose another directory`
    return new StoreError('STORE_LOCKED', message, { cause })
  }

  #explain(error: unknown): StoreError {
    if (error instanceof StoreError) return error
    if (causesOf(error).some(saysLocked)) return this.#locked(error)
    const causes = causesOf(error).map((cause) => (cause instanceof Error ? cause.message : String(cause)))
    const message = `${this.#directory} cannot be opened as a ledger's store: ${causes.join(': ')}`
    return new StoreError(causes.some((cause) => /corrupt/i.test(cause)) ? 'STORE_CORRUPT' : 'STORE_FAILED', message, {
      cause: error,
    })
  }
}

function keyOf(seq: number): string {
  return `b${seq.toString(16).padStart(16, '0')}`
}

function headOf(seq: number): Uint8Array {
  const head = new Uint8Array(SEQ_BYTES)
  new DataView(head.buffer).setBigUint64(0, BigInt(seq))
  return head
}

const CAUSES_MAX = 8

/** An error, its cause, that one's cause, and so on. */
function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = []
  for (let next = error; next !== undefined && causes.length < CAUSES_MAX;) {
    causes.push(next)
    next = next instanceof Error ? next.cause : undefined
  }
  return causes
}

/** By the code of classic-level. */
function saysLocked(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^LEVEL_LOCKED$/.test(String(error.code))
}
