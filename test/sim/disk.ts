/**
 * A disk that outlives the programs that write on it. A write takes time; at a crash one that is under way is done, not
 * done or, on a disk for strings, done in part. Two media: a log of batches that are written whole or not at all, as by
 * the level store; and the `_store` of the Ledger Plugin Interface, under the store for it.
 */
import { type Batch, type KeyValueStore, KvStore, type LedgerStore, type Snapshot, type StoredLog } from 'sluice/store'
import type { Random } from './random.js'
import type { Life, Timeline } from './timeline.js'

export type Medium = 'log' | 'strings'

export interface DiskOptions {
  readonly timeline: Timeline
  readonly random: Random
  readonly medium: Medium
}

/** How much of a write that a crash interrupted is there afterwards. */
type Extent = 'whole' | 'part'

export class Disk {
  /** Added to the time of each write. */
  slowMs = 0
  /** The next writes fail, done or not. */
  broken = false
  /** A write has failed, and whoever asked for it may know. */
  failed = false
  /** Writes under way. */
  writing = 0
  readonly #options: DiskOptions
  #batches: Batch[] = []
  #snapshot: Snapshot | undefined
  #strings = new Map<string, string>()

  constructor(options: DiskOptions) {
    this.#options = options
  }

  /** The disk as a program uses it. */
  store(life: Life): LedgerStore {
    return this.#options.medium === 'log' ? this.#logStore(life) : new KvStore({ store: this.#stringStore(life) })
  }

  /** What a crash at this moment would leave if it undid all that is under way. */
  copy(): LedgerStore {
    const strings = new Map(this.#strings)
    if (this.#options.medium === 'strings') {
      const copy: KeyValueStore = {
        get: (key) => strings.get(key),
        put: (key, value) => void strings.set(key, value),
        del: (key) => void strings.delete(key),
      }
      return new KvStore({ store: copy })
    }
    const log: StoredLog = { snapshot: this.#snapshot, batches: each([...this.#batches]) }
    const done = (): Promise<void> => Promise.resolve()
    return { open: () => Promise.resolve(log), append: done, snapshot: done, drop: done, close: done }
  }

  #write(life: Life, apply: (extent: Extent) => void): Promise<void> {
    const { timeline, random, medium } = this.#options
    return new Promise((resolve, reject) => {
      let pending = true
      this.writing += 1
      const finish = (extent: Extent | 'not'): void => {
        pending = false
        this.writing -= 1
        if (extent !== 'not') apply(extent)
      }
      const fails = this.broken
      life.onEnd(() => {
        if (!pending) return
        const fates = medium === 'strings' ? (['not', 'whole', 'part', 'part'] as const) : (['not', 'whole'] as const)
        finish(random.pick(fates) ?? 'not')
      })
      const writeMs = this.slowMs + random.between(1, 12)
      timeline.after(writeMs, life, () => {
        finish(fails && random.chance(0.5) ? 'not' : 'whole')
        // Durable some time before anybody hears of it.
        timeline.after(random.between(0, 3), life, () => {
          this.failed ||= fails
          if (fails) reject(new Error('the disk is broken'))
          else resolve()
        })
      })
    })
  }

  #logStore(life: Life): LedgerStore {
    return {
      open: () => Promise.resolve({ snapshot: this.#snapshot, batches: each([...this.#batches]) }),
      append: ({ seq, bytes }) => {
        const batch = { seq, bytes: bytes.slice() }
        return this.#write(life, () => {
          this.#batches.push(batch)
        })
      },
      snapshot: ({ seq, bytes }) => {
        const snapshot = { seq, bytes: bytes.slice() }
        return this.#write(life, () => {
          this.#snapshot = snapshot
        })
      },
      drop: (seq) =>
        this.#write(life, () => {
          this.#batches = this.#batches.filter((batch) => batch.seq >= seq)
        }),
      close: () => Promise.resolve(),
    }
  }

  #stringStore(life: Life): KeyValueStore {
    const { random } = this.#options
    return {
      get: (key) => this.#strings.get(key),
      put: (key, value) =>
        this.#write(life, (extent) => {
          // In sectors of four characters, so that what is left can still be read as base64.
          const cut = 4 * random.between(0, Math.floor(value.length / 4))
          this.#strings.set(key, extent === 'whole' ? value : value.slice(0, cut))
        }),
      del: (key) => this.#write(life, () => this.#strings.delete(key)),
    }
  }
}

async function* each(batches: readonly Batch[]): AsyncGenerator<Batch> {
  yield* batches
}
