/**
 * The ledger with its rim: a store, a clock and group commit around the pure core (decide.ts, state.ts).
 * A command applies in memory at once; whoever tells its outcome to anyone waits for `committed`. Commands that are
 * executed in one turn of the event loop always share one commit, so that they are durable together or not at all.
 */
import { type CancelTimer, type Clock, systemClock } from '../clock/index.js'
import { randomBytes } from '../crypto/index.js'
import type { LedgerStore } from '../store/index.js'
import { apply, recall } from './apply.js'
import { corrupt, readBatch } from './codec.js'
import { decide, expire } from './decide.js'
import { LedgerError } from './errors.js'
import type { LedgerEvent } from './events.js'
import { GroupCommit, type LogEnd, asError, callAll } from './group-commit.js'
import { ledgerLimits } from './limits.js'
import { LogSegments, endedExpiresAt } from './segments.js'
import { readSnapshot, writeSnapshot } from './snapshot.js'
import * as core from './state.js'
import type {
  AccountView,
  Command,
  Decision,
  EndedTransfer,
  LedgerLimits,
  LiveTransfer,
  TransferView,
} from './types.js'

export interface LedgerOptions {
  readonly store: LedgerStore
  readonly clock?: Clock
  readonly limits?: Partial<LedgerLimits>
  /** Runs a function after the present turn; until then a batch gathers. Default `setImmediate`. */
  readonly defer?: (run: () => void) => void
  /** Log bytes after which a snapshot is taken. Default 16 MiB. */
  readonly snapshotBytes?: number
  /** Records that may wait for the store before commands that add to them are refused as `BUSY`. Default 65 536. */
  readonly batchRecordsMax?: number
  /** For the hash index of finished ids, so that nobody can choose ids that collide. */
  readonly randomBytes?: (length: number) => Uint8Array
}

/** Expiries in one turn; the next ones follow in the turns after it. */
const EXPIRE_PER_TURN = 1024
/** Chunks of finished ids forgotten in one turn. */
const FORGET_PER_TURN = 8
/** A clock that is set forward is noticed this late at worst. */
const TIMER_MS_MAX = 60_000
/** Ids that a list of ended transfers looks at: it is made in one turn, for people. */
const ENDED_EXAMINED_MAX = 100_000

type Status = 'new' | 'open' | 'closing' | 'closed' | 'failed'

export class Ledger {
  readonly #store: LedgerStore
  readonly #clock: Clock
  readonly #limits: LedgerLimits
  readonly #defer: (run: () => void) => void
  readonly #snapshotBytes: number
  readonly #batchRecordsMax: number
  readonly #random: (length: number) => Uint8Array
  readonly #expiredListeners = new Set<(transfer: LiveTransfer) => void>()
  readonly #failureListeners = new Set<(error: Error) => void>()

  #status: Status = 'new'
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #failure: Error | undefined
  #state: core.State
  #commits: GroupCommit

  #cancelTimer: CancelTimer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  /** @throws {LedgerError} `LEDGER_LIMITS` */
  constructor(options: LedgerOptions) {
    this.#store = options.store
    this.#clock = options.clock ?? systemClock
    this.#limits = ledgerLimits(options.limits)
    this.#defer = options.defer ?? setImmediate
    this.#snapshotBytes = options.snapshotBytes ?? 16 * 1024 * 1024
    this.#batchRecordsMax = options.batchRecordsMax ?? 65_536
    this.#random = options.randomBytes ?? randomBytes
    this.#state = this.#emptyState()
    this.#commits = this.#commitsFrom({ seq: 0, segments: new LogSegments(), bytesSinceSnapshot: 0 })
  }

  /**
   * Reads the store back and starts expiring. Concurrent calls share one attempt; on an open ledger it does nothing.
   * @throws {LedgerError} `LEDGER_CORRUPT`, `LEDGER_FAILED`; {InvariantError} when the books do not balance; what the store throws
   */
  open(): Promise<void> {
    if (this.#status === 'open') return Promise.resolve()
    this.#opening ??= this.#load().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Commits what is executed, tells who waits, and gives the store back. Twice is fine. */
  close(): Promise<void> {
    this.#closing ??= this.#stop().finally(() => {
      this.#closing = undefined
    })
    return this.#closing
  }

  /**
   * Decides a command and applies it in memory. Tell nobody of the decision, refusals included, before `committed`.
   * @throws {LedgerError} `LEDGER_NOT_OPEN`, `LEDGER_CLOSED`, `LEDGER_FAILED`
   */
  execute(command: Command): Decision {
    const state = this.#running()
    if (this.#commits.gathered >= this.#batchRecordsMax && adds(command, state)) {
      return { ok: false, code: 'BUSY', message: 'the store is slower than the load; try again later' }
    }
    const { decision, events } = decide(state, command, this.#timeOf(state))
    for (const event of events) this.#record(state, event)
    return decision
  }

  /**
   * Calls `then` once everything executed so far is durable, in the order of the calls and never synchronously. When
   * nothing waits to become durable it is called after this turn. Never called if the ledger fails.
   * @throws {LedgerError} `LEDGER_NOT_OPEN`, `LEDGER_CLOSED`
   */
  committed(then: () => void): void {
    if (this.#status === 'failed') return
    this.#running()
    this.#commits.after(then)
  }

  /** Hears of each transfer that expired, once that is durable. Returns the way to stop hearing. */
  onExpired(listener: (transfer: LiveTransfer) => void): () => void {
    this.#expiredListeners.add(listener)
    return () => this.#expiredListeners.delete(listener)
  }

  /** Hears once that the ledger failed: what was executed and not committed is in doubt until a restart. */
  onFailure(listener: (error: Error) => void): () => void {
    this.#failureListeners.add(listener)
    return () => this.#failureListeners.delete(listener)
  }

  /** Ledger time: the clock's, or the log's where the clock has stepped back. */
  now(): number {
    return this.#timeOf(this.#running())
  }

  // What follows shows memory, which may be ahead of the store: wait for `committed` before telling anyone.

  account(name: string): AccountView | undefined {
    const account = core.openAccount(this.#running(), name)
    return account === undefined ? undefined : core.viewAccount(account)
  }

  accounts(): AccountView[] {
    return [...this.#running().accounts.values()].filter((account) => !account.closed).map(core.viewAccount)
  }

  transfer(name: string, id: Uint8Array): TransferView | undefined {
    const state = this.#running()
    const account = core.openAccount(state, name)
    if (account === undefined || id.length !== 16) return undefined
    const live = account.live.get(core.keyOf(id))
    if (live !== undefined) return { state: 'prepared', transfer: core.viewTransfer(live) }
    const finished = core.finishedAt(state, account, id, this.#timeOf(state))
    if (finished === undefined) return undefined
    return { state: 'finished', outcome: finished.outcome, expiresAt: finished.expiresAt }
  }

  /** Live transfers, of one account or of all. */
  live(name?: string): LiveTransfer[] {
    const state = this.#running()
    const named = name === undefined ? undefined : core.openAccount(state, name)
    const accounts = name === undefined ? [...state.accounts.values()] : named === undefined ? [] : [named]
    return accounts.flatMap((account) => [...account.live.values()].map(core.viewTransfer))
  }

  /** Transfers that have ended and are remembered, of one account or of all: at most `most`, the latest expiries first. */
  ended(most: number, name?: string): EndedTransfer[] {
    const state = this.#running()
    const named = name === undefined ? undefined : core.openAccount(state, name)
    if (name !== undefined && named === undefined) return []
    const found: EndedTransfer[] = []
    let examined = 0
    for (const { account: index, id, outcome, expiresAt } of state.finished.latest()) {
      if (found.length >= most || ++examined > ENDED_EXAMINED_MAX) break
      const account = state.byIndex.get(index)
      if (account === undefined || account.closed || (named !== undefined && account !== named)) continue
      found.push({ account: account.name, id, outcome, expiresAt })
    }
    return found
  }

  /** The host's own position: minus the sum of all balances. */
  position(): bigint {
    return core.positionOf(this.#running())
  }

  note(key: string): Uint8Array | undefined {
    const state = this.#running()
    return core.noteAt(state, key, this.#timeOf(state))?.value
  }

  /** Notes whose keys begin so, with the rest of the key. */
  notes(prefix: string): (readonly [rest: string, value: Uint8Array])[] {
    const state = this.#running()
    const now = this.#timeOf(state)
    const found: (readonly [string, Uint8Array])[] = []
    for (const { key, value, expiresAt } of state.notes.values()) {
      if (expiresAt > now && key.startsWith(prefix)) found.push([key.slice(prefix.length), value])
    }
    return found
  }

  /** Adds up the whole book. @throws {InvariantError} */
  check(): void {
    core.checkInvariants(this.#running())
  }

  #emptyState(): core.State {
    const seed = this.#random(4)
    return core.createState(this.#limits, new DataView(seed.buffer, seed.byteOffset, 4).getUint32(0))
  }

  #running(): core.State {
    switch (this.#status) {
      case 'open':
        return this.#state
      case 'new':
        throw new LedgerError('LEDGER_NOT_OPEN', 'open the ledger first')
      case 'failed':
        throw this.#failed()
      case 'closing':
      case 'closed':
        throw new LedgerError('LEDGER_CLOSED', 'the ledger was closed; open it again')
    }
  }

  #failed(): LedgerError {
    const message = 'a commit failed and what was not committed is in doubt: restart, which recovers'
    return new LedgerError('LEDGER_FAILED', message, { cause: this.#failure })
  }

  #timeOf(state: core.State): number {
    return Math.max(this.#clock.now(), state.time)
  }

  async #load(): Promise<void> {
    await this.#closing
    if (this.#status === 'failed') throw this.#failed()
    const log = await this.#store.open()
    try {
      const state = this.#emptyState()
      const segments = new LogSegments()
      const { snapshot } = log
      if (snapshot !== undefined) readSnapshot(snapshot.bytes, state)
      const base = snapshot?.seq ?? 0
      let last: number | undefined
      let bytes = 0
      for await (const batch of log.batches) {
        if (last === undefined ? batch.seq > base + 1 : batch.seq !== last + 1) throw corrupt('a batch is missing')
        last = batch.seq
        let expiresAt = 0
        const change = batch.seq <= base ? recall : apply
        for (const event of readBatch(batch.bytes)) {
          change(state, event)
          expiresAt = Math.max(expiresAt, endedExpiresAt(event))
        }
        segments.add(batch.seq, expiresAt)
        if (batch.seq > base) bytes += batch.bytes.length
      }
      core.checkInvariants(state)
      this.#state = state
      this.#commits = this.#commitsFrom({ seq: Math.max(base, last ?? 0), segments, bytesSinceSnapshot: bytes })
    } catch (error) {
      await this.#store.close()
      throw error
    }
    this.#status = 'open'
    this.#armNext(this.#state)
  }

  async #stop(): Promise<void> {
    // An attempt to open that fails has told its own caller, and left nothing to close.
    await this.#opening?.catch(() => undefined)
    this.#disarm()
    if (this.#status === 'open') {
      this.#status = 'closing'
      await this.#commits.drain()
    }
    if (this.#status === 'closing') this.#status = 'closed'
    if (this.#status === 'closed' || this.#status === 'failed') await this.#store.close()
  }

  /** Applies an event and adds it to the batch that gathers. */
  #record(state: core.State, event: LedgerEvent): void {
    try {
      const expired =
        event.type === 'expired' ? state.byIndex.get(event.account)?.live.get(core.keyOf(event.id)) : undefined
      apply(state, event)
      this.#commits.add(event)
      if (expired !== undefined) this.#tellExpired(core.viewTransfer(expired))
    } catch (error) {
      this.#fail(asError(error))
      throw this.#failed()
    }
    if (event.type === 'prepared') this.#armAt(event.expiresAt)
  }

  #tellExpired(transfer: LiveTransfer): void {
    this.#commits.after(() => callAll([...this.#expiredListeners].map((listener) => () => listener(transfer))))
  }

  #commitsFrom(end: LogEnd): GroupCommit {
    return new GroupCommit(
      {
        store: this.#store,
        defer: this.#defer,
        snapshotBytes: this.#snapshotBytes,
        takeSnapshot: () => {
          core.forgetClosed(this.#state)
          return { bytes: writeSnapshot(this.#state), forgottenAt: this.#state.time - this.#limits.rememberMs }
        },
        onFlushed: () => core.forget(this.#state, FORGET_PER_TURN),
        onFailure: (error) => this.#fail(error),
      },
      end,
    )
  }

  #fail(error: Error): void {
    if (this.#status === 'failed') return
    this.#status = 'failed'
    this.#failure = error
    this.#commits.stop()
    this.#disarm()
    callAll([...this.#failureListeners].map((listener) => () => listener(error)))
  }

  /** Expires what is due, in the order of expiry. */
  #tick(): void {
    if (this.#status !== 'open') return
    const state = this.#state
    const now = this.#timeOf(state)
    try {
      for (let left = EXPIRE_PER_TURN; left > 0; left--) {
        const next = state.expiring.first()
        if (next === undefined || next.expiresAt > now) break
        this.#record(state, expire(next, now))
      }
      // Only logged time lets anything be forgotten: a clock that is set forward and back must not.
      if (state.finished.forgettableAt + this.#limits.rememberMs <= now && now > state.time) {
        this.#record(state, { type: 'passed', time: now })
      }
    } catch {
      // Told by onFailure.
      return
    }
    core.forget(state, FORGET_PER_TURN)
    this.#armNext(state)
  }

  #armNext(state: core.State): void {
    const expiry = state.expiring.first()?.expiresAt ?? Number.POSITIVE_INFINITY
    this.#armAt(Math.min(expiry, state.finished.forgettableAt + this.#limits.rememberMs))
  }

  #armAt(time: number): void {
    if (time >= this.#timerAt) return
    this.#disarm()
    this.#timerAt = time
    const delayMs = Math.min(Math.max(0, time - this.#clock.now()), TIMER_MS_MAX)
    this.#cancelTimer = this.#clock.after(delayMs, () => {
      this.#disarm()
      this.#tick()
    })
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }
}

/** Commands that a load of them can send without end; the others only undo or end what those began. */
function adds(command: Command, state: core.State): boolean {
  if (command.type === 'note') return !state.notes.has(command.key)
  return command.type !== 'fulfill' && command.type !== 'reject'
}
