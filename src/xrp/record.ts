/**
 * What a link over the XRP Ledger must know after a crash: its transactions on the way, its transfers, and what it has
 * decided about those that reached it. A map of keys to JSON values, kept as a log of changes in a `LedgerStore`.
 * What changes while a batch is being written goes into the next one.
 */
import { fromUtf8, utf8 } from '../bytes/index.js'
import type { LedgerStore } from '../store/index.js'
import { XrpError } from './errors.js'
import { isJson, type Json } from './ledger-messages.js'

const VERSION = 1
/** Changes after which the log is replaced by a snapshot. */
const SNAPSHOT_CHANGES = 10_000

type Change = readonly [key: string, value: Json | null]

export class XrpRecord {
  readonly #store: LedgerStore
  readonly #values = new Map<string, Json>()
  #pending: Change[] = []
  #writing: Promise<void> | undefined
  #seq = 0
  #changes = 0
  #failure: XrpError | undefined

  constructor(store: LedgerStore) {
    this.#store = store
  }

  /** @throws {XrpError} `XRP_RECORD` */
  async open(): Promise<void> {
    this.#values.clear()
    this.#pending = []
    this.#failure = undefined
    this.#seq = 0
    try {
      const { snapshot, batches } = await this.#store.open()
      if (snapshot !== undefined) this.#read(snapshot.bytes)
      this.#seq = snapshot?.seq ?? 0
      for await (const { seq, bytes } of batches) {
        if (seq <= this.#seq) continue
        this.#read(bytes)
        this.#seq = seq
      }
    } catch (error) {
      throw new XrpError('XRP_RECORD', `the record cannot be read: ${String(error)}`)
    }
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.saved().catch(() => undefined)
    await this.#store.close()
  }

  get(key: string): Json | undefined {
    return this.#values.get(key)
  }

  /** Values whose keys begin so, with the rest of the key. */
  *list(prefix: string): Iterable<readonly [rest: string, value: Json]> {
    for (const [key, value] of this.#values) if (key.startsWith(prefix)) yield [key.slice(prefix.length), value]
  }

  put(key: string, value: Json): void {
    this.#values.set(key, value)
    this.#pending.push([key, value])
    void this.#write()
  }

  delete(key: string): void {
    if (!this.#values.delete(key)) return
    this.#pending.push([key, null])
    void this.#write()
  }

  /** Resolves when all that was put or deleted before is durable. @throws {XrpError} `XRP_RECORD` */
  async saved(): Promise<void> {
    while (this.#failure === undefined && (this.#writing !== undefined || this.#pending.length > 0)) await this.#write()
    if (this.#failure !== undefined) throw this.#failure
  }

  async #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  /** Never rejects: who waits asks `saved`. */
  async #writeAll(): Promise<void> {
    // What the rest of this turn puts belongs to the same batch.
    await Promise.resolve()
    while (this.#pending.length > 0 && this.#failure === undefined) {
      const changes = this.#pending
      this.#pending = []
      try {
        this.#seq += 1
        await this.#store.append({ seq: this.#seq, bytes: encode(changes) })
        this.#changes += changes.length
        if (this.#changes >= SNAPSHOT_CHANGES) await this.#snapshot()
      } catch (error) {
        this.#failure = new XrpError('XRP_RECORD', `the record cannot be written: ${String(error)}`)
      }
    }
  }

  async #snapshot(): Promise<void> {
    this.#changes = 0
    // Changes that are not written yet are in it too: reading them twice is harmless.
    await this.#store.snapshot({ seq: this.#seq, bytes: encode([...this.#values]) })
    await this.#store.drop(this.#seq + 1)
  }

  #read(bytes: Uint8Array): void {
    const content: unknown = JSON.parse(fromUtf8(bytes))
    if (!isJson(content) || content['version'] !== VERSION || !Array.isArray(content['changes'])) {
      throw new XrpError('XRP_RECORD', 'the store holds something else, or a format that is not known here')
    }
    for (const change of content['changes'] as Change[]) {
      const [key, value] = change
      if (value === null) this.#values.delete(key)
      else this.#values.set(key, value)
    }
  }
}

function encode(changes: readonly Change[]): Uint8Array {
  return utf8(JSON.stringify({ version: VERSION, changes }))
}
