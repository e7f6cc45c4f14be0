/**
 * A store over the `_store` of the Ledger Plugin Interface: `get`, `put`, `del` of strings, answered directly or by
 * promise; it cannot list keys. Each batch is a value under its number, each snapshot one of two values in turn, all
 * with checksums. What this can promise is no more than what `put` promises:
 * - where `put` answers before the value is durable, a power failure may cost the batches since;
 * - a batch at the log's end that is not whole is taken for one that was never answered, and is left out;
 * - another process with the same `_store` is not noticed.
 */
import { concat, fromBase64, toBase64url } from '../bytes/index.js'
import { StoreError } from './errors.js'
import { seal, unseal } from './seal.js'
import type { Batch, LedgerStore, Snapshot, StoredLog } from './types.js'

/** The `_store` of the Ledger Plugin Interface. A missing key gives `undefined`, or an error that says `notFound`. */
export interface KeyValueStore {
  get(key: string): unknown
  put(key: string, value: string): unknown
  del(key: string): unknown
}

export interface KvStoreOptions {
  readonly store: KeyValueStore
  /** Begins every key; letters, digits, `_` and `-`. Default `sluice-ledger`. */
  readonly prefix?: string
}

const FORMAT = 1
/** Format (1), epoch (4), number (8). */
const HEAD_BYTES = 13
const SNAPSHOT_SLOTS = [0, 1] as const

interface Entry {
  /** Counts openings: a batch older than the one before it is what a lost write left over. */
  readonly epoch: number
  readonly seq: number
  readonly bytes: Uint8Array
}

type Read = Entry | 'missing' | 'damaged'

/** The `_store` objects that a ledger has open in this process. */
const owned = new WeakSet<KeyValueStore>()

export class KvStore implements LedgerStore {
  readonly #store: KeyValueStore
  readonly #prefix: string
  #open = false
  #epoch = 1
  /** The oldest batch that may be there. */
  #first = 1
  /** Of the snapshot in use, and of the one before it. */
  #snapshotSeq = 0
  #formerSeq = 0
  #slot = 0

  /** @throws {StoreError} `STORE_KEY` */
  constructor(options: KvStoreOptions) {
    this.#store = options.store
    this.#prefix = options.prefix ?? 'sluice-ledger'
    if (!/^[A-Za-z0-9_-]+$/.test(this.#prefix)) {
      throw new StoreError('STORE_KEY', 'a prefix has letters, digits, _ and - only')
    }
  }

  /** @throws {StoreError} `STORE_LOCKED`, `STORE_FORMAT`, `STORE_CORRUPT` */
  async open(): Promise<StoredLog> {
    if (owned.has(this.#store))
      throw new StoreError('STORE_LOCKED', 'another ledger has this _store open: close it first')
    owned.add(this.#store)
    this.#open = true
    try {
      return await this.#read()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async append(batch: Batch): Promise<void> {
    await this.#write(this.#batchKey(batch.seq), { epoch: this.#epoch, ...batch })
  }

  async snapshot(snapshot: Snapshot): Promise<void> {
    const slot = this.#slot === 0 ? 1 : 0
    const head = new Uint8Array(8)
    new DataView(head.buffer).setBigUint64(0, BigInt(this.#first))
    const bytes = concat(head, snapshot.bytes)
    await this.#write(this.#snapshotKey(slot), { epoch: this.#epoch, seq: snapshot.seq, bytes })
    this.#slot = slot
    this.#formerSeq = this.#snapshotSeq
    this.#snapshotSeq = snapshot.seq
  }

  /** Keeps what the snapshot before the last one needs, in case the last one should turn out not to be whole. */
  async drop(seq: number): Promise<void> {
    this.#check()
    const end = Math.min(seq, this.#formerSeq + 1)
    for (; this.#first < end; this.#first++) await this.#store.del(this.#batchKey(this.#first))
  }

  async close(): Promise<void> {
    if (this.#open) owned.delete(this.#store)
    this.#open = false
  }

  async #read(): Promise<StoredLog> {
    const snapshot = await this.#readSnapshot()
    const batches = await this.#readLog(this.#snapshotSeq)
    return { snapshot, batches: each(batches) }
  }

  async #readSnapshot(): Promise<Snapshot | undefined> {
    const found: { slot: number; entry: Entry }[] = []
    let damaged = false
    for (const slot of SNAPSHOT_SLOTS) {
      const entry = await this.#get(this.#snapshotKey(slot))
      damaged ||= entry === 'damaged'
      if (typeof entry === 'object' && entry.bytes.length >= 8) found.push({ slot, entry })
    }
    found.sort((a, b) => b.entry.seq - a.entry.seq)
    const [last, former] = found
    this.#slot = last?.slot ?? 1
    this.#snapshotSeq = last?.entry.seq ?? 0
    this.#formerSeq = former?.entry.seq ?? 0
    this.#epoch = 1 + Math.max(0, ...found.map(({ entry }) => entry.epoch))
    if (last === undefined) {
      // The first snapshot may be torn, while the log is whole; an empty log would mean that all is lost.
      if (damaged && (await this.#get(this.#batchKey(1))) === 'missing') throw this.#corrupt(this.#snapshotKey(0))
      return undefined
    }
    const { bytes, seq } = last.entry
    this.#first = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0))
    return { seq, bytes: bytes.subarray(8) }
  }

  /** Every whole batch up to the first that is not there. */
  async #readLog(snapshotSeq: number): Promise<Batch[]> {
    const batches: Batch[] = []
    let epoch = 0
    for (let seq = this.#first; ; seq++) {
      const entry = await this.#get(this.#batchKey(seq))
      if (typeof entry === 'object' && entry.epoch >= epoch) {
        if (entry.seq !== seq) throw this.#corrupt(this.#batchKey(seq))
        epoch = entry.epoch
        batches.push({ seq, bytes: entry.bytes })
        continue
      }
      // Dropped already, before a crash could have been told.
      if (entry === 'missing' && batches.length === 0 && seq <= snapshotSeq) continue
      await this.#checkEnd(seq, snapshotSeq, epoch)
      if (entry === 'damaged') await this.#store.del(this.#batchKey(seq))
      break
    }
    this.#first = batches[0]?.seq ?? snapshotSeq + 1
    this.#epoch = Math.max(this.#epoch, epoch + 1)
    return batches
  }

  /** What is not whole must be the end of the log: nothing that was answered follows it. */
  async #checkEnd(seq: number, snapshotSeq: number, epoch: number): Promise<void> {
    const next = await this.#get(this.#batchKey(seq + 1))
    if (seq <= snapshotSeq || (typeof next === 'object' && next.epoch >= epoch)) {
      throw this.#corrupt(this.#batchKey(seq))
    }
  }

  async #write(key: string, { epoch, seq, bytes }: Entry): Promise<void> {
    this.#check()
    const head = new Uint8Array(HEAD_BYTES)
    const view = new DataView(head.buffer)
    view.setUint8(0, FORMAT)
    view.setUint32(1, epoch)
    view.setBigUint64(5, BigInt(seq))
    await this.#store.put(key, toBase64url(seal(head, bytes)))
  }

  async #get(key: string): Promise<Read> {
    let text: unknown
    try {
      text = await this.#store.get(key)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    if (text === undefined || text === null) return 'missing'
    const sealed = typeof text === 'string' ? bytesOf(text) : undefined
    const content = sealed === undefined ? undefined : unseal(sealed, HEAD_BYTES)
    if (content === undefined) return 'damaged'
    const { head, body } = content
    if (head.getUint8(0) !== FORMAT) {
      throw new StoreError('STORE_FORMAT', `${key} has the format ${head.getUint8(0)}, this program knows ${FORMAT}`)
    }
    return { epoch: head.getUint32(1), seq: Number(head.getBigUint64(5)), bytes: body }
  }

  #batchKey(seq: number): string {
    return `${this.#prefix}-log-${seq}`
  }

  #snapshotKey(slot: number): string {
    return `${this.#prefix}-snapshot-${slot}`
  }

  #check(): void {
    if (!this.#open) throw new StoreError('STORE_CLOSED', 'open the store first')
  }

  #corrupt(key: string): StoreError {
    return new StoreError('STORE_CORRUPT', `${key} of the _store is missing or damaged: restore it from a copy`)
  }
}

function bytesOf(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text)
  } catch {
    return undefined
  }
}

/** As LevelUP and its successors say it. */
export function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'notFound' in error && Boolean(error.notFound)
}

async function* each(batches: readonly Batch[]): AsyncGenerator<Batch> {
  yield* batches
}
