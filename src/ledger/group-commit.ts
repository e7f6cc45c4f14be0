/**
 * Group commit: events gather into a batch until the present turn is over and no other batch is in flight; then the
 * batch is appended whole, and who waited for it is called, in order. Beside that it takes snapshots and drops what of
 * the log nobody needs. After a failure it never calls anybody again.
 */
import { Writer } from '../oer/index.js'
import type { LedgerStore } from '../store/index.js'
import { writeEvent, writeHead } from './codec.js'
import type { LedgerEvent } from './events.js'
import { type LogSegments, endedExpiresAt } from './segments.js'

export interface GroupCommitOptions {
  readonly store: LedgerStore
  readonly defer: (run: () => void) => void
  /** Log bytes after which a snapshot is taken. */
  readonly snapshotBytes: number
  /** The state as of all events added; ids that expired by `forgottenAt` need not be read back. */
  readonly takeSnapshot: () => { readonly bytes: Uint8Array; readonly forgottenAt: number }
  readonly onFlushed: () => void
  readonly onFailure: (error: Error) => void
}

/** Where the log that was read back ends. */
export interface LogEnd {
  readonly seq: number
  readonly segments: LogSegments
  readonly bytesSinceSnapshot: number
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #segments: LogSegments
  #seq: number
  #bytesSinceSnapshot: number
  #snapshotting: Promise<void> | undefined
  #stopped = false

  /** What gathers. */
  readonly #writer = new Writer(65_536)
  #records = 0
  #loggedTime = -1
  #expiresAt = 0
  #waiting: (() => void)[] = []
  #scheduled = false

  #inFlight: { readonly waiting: (() => void)[]; readonly settled: Promise<void> } | undefined

  constructor(options: GroupCommitOptions, end: LogEnd) {
    this.#options = options
    this.#seq = end.seq
    this.#segments = end.segments
    this.#bytesSinceSnapshot = end.bytesSinceSnapshot
  }

  /** Records of the batch that gathers. */
  get gathered(): number {
    return this.#records
  }

  /** Adds an event that was just applied. */
  add(event: LedgerEvent): void {
    if (this.#records === 0) writeHead(this.#writer)
    if (this.#records === 0 || event.time !== this.#loggedTime) {
      writeEvent(this.#writer, { type: 'passed', time: event.time })
      this.#loggedTime = event.time
    }
    if (event.type !== 'passed') writeEvent(this.#writer, event)
    this.#records += 1
    this.#expiresAt = Math.max(this.#expiresAt, endedExpiresAt(event))
    this.#schedule()
  }

  /** Calls `then` when all that was added is durable. */
  after(then: () => void): void {
    if (this.#records === 0 && this.#inFlight !== undefined) {
      this.#inFlight.waiting.push(then)
      return
    }
    this.#waiting.push(then)
    this.#schedule()
  }

  /** Commits what has gathered without waiting for the turn's end; resolves when nothing is left, or it has failed. */
  async drain(): Promise<void> {
    while (!this.#stopped && (this.#inFlight !== undefined || this.#isGathering())) {
      if (this.#inFlight === undefined) this.#flush()
      await this.#inFlight?.settled
    }
    await this.#snapshotting
  }

  /** Calls nobody any more. */
  stop(): void {
    this.#stopped = true
    this.#waiting = []
  }

  #isGathering(): boolean {
    return this.#records > 0 || this.#waiting.length > 0
  }

  #schedule(): void {
    if (this.#scheduled || this.#inFlight !== undefined || this.#stopped) return
    this.#scheduled = true
    this.#options.defer(() => {
      this.#scheduled = false
      if (this.#inFlight === undefined && !this.#stopped) this.#flush()
    })
  }

  #flush(): void {
    const waiting = this.#waiting
    this.#waiting = []
    if (this.#records === 0) {
      callAll(waiting)
      return
    }
    const bytes = this.#writer.take()
    const seq = ++this.#seq
    this.#segments.add(seq, this.#expiresAt)
    this.#records = 0
    this.#expiresAt = 0
    this.#bytesSinceSnapshot += bytes.length
    let snapshot: (() => Promise<void>) | undefined
    if (this.#bytesSinceSnapshot >= this.#options.snapshotBytes && this.#snapshotting === undefined) {
      this.#bytesSinceSnapshot = 0
      // Now, while nothing gathers: memory is exactly the state after this batch.
      const taken = this.#options.takeSnapshot()
      snapshot = () => this.#snapshot(seq, taken.bytes, taken.forgottenAt)
    }
    this.#inFlight = { waiting, settled: this.#append(seq, bytes, waiting, snapshot) }
    this.#options.onFlushed()
  }

  async #append(
    seq: number,
    bytes: Uint8Array,
    waiting: (() => void)[],
    snapshot: (() => Promise<void>) | undefined,
  ): Promise<void> {
    try {
      await this.#options.store.append({ seq, bytes })
    } catch (error) {
      this.#options.onFailure(asError(error))
      return
    }
    if (this.#stopped) return
    this.#inFlight = undefined
    if (snapshot !== undefined) this.#snapshotting = snapshot()
    if (this.#isGathering()) this.#schedule()
    callAll(waiting)
  }

  async #snapshot(seq: number, bytes: Uint8Array, forgottenAt: number): Promise<void> {
    try {
      await this.#options.store.snapshot({ seq, bytes })
      const first = this.#segments.drop(seq, forgottenAt)
      if (first !== undefined) await this.#options.store.drop(first)
    } catch (error) {
      this.#options.onFailure(asError(error))
    } finally {
      this.#snapshotting = undefined
    }
  }
}

/** Calls all, whatever one of them throws; that becomes an uncaught exception, as from any event. */
export function callAll(calls: readonly (() => void)[]): void {
  for (const call of calls) {
    try {
      call()
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
