/**
 * The connecting side that stays connected: one connection at a time, opened again with jittered delays when it is lost.
 * A peer that refuses the credentials is final only until the first success: after
 * it, a refusal is as likely the peer's trouble as ours.
 */
import type { BtpVersion, Credentials } from '../btp/index.js'
import { type CancelTimer, type Clock, systemClock } from '../clock/index.js'
import { type Log, silentLog } from '../log/index.js'
import { connect } from './connect.js'
import type { Connection } from './connection.js'
import { SessionError } from './errors.js'
import { type SessionLimits, sessionLimits } from './limits.js'
import type { Dial, ReadAs, Session, SessionOwner, Transport } from './types.js'

export interface SessionClientOptions extends Credentials {
  readonly version: BtpVersion
  readonly dial: Dial
  readonly owner: SessionOwner
  readonly clock?: Clock
  readonly log?: Log
  /** 0 ≤ x < 1; for jitter and the first request id. */
  readonly random?: () => number
  readonly limits?: Partial<SessionLimits>
  /** Of one attempt to dial and authenticate. Default 10 000. */
  readonly attemptTimeoutMs?: number
  /** The wait after each loss in turn, jittered down to half of it; the last repeats. Default: those of ilp-plugin-btp. */
  readonly reconnectDelaysMs?: readonly number[] | undefined
  /** A connection that lived so long starts the delays over. Default 10 000. */
  readonly stableMs?: number | undefined
  readonly readAs?: ReadAs | undefined
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: SessionError) => void
  cancelTimeout: CancelTimer | undefined
}

/** One time of wanting a connection: from `open` to `close`, or to the first refusal. */
interface Run {
  readonly abort: AbortController
  /** It succeeded once, and is wanted until `close`. */
  established: boolean
}

const RECONNECT_DELAYS_MS = [0, 100, 500, 1_000, 2_000, 5_000]
const STABLE_MS = 10_000
const OPEN_TIMEOUT_MS = 20_000
const ATTEMPT_TIMEOUT_MS = 10_000

export class SessionClient {
  readonly #options: SessionClientOptions
  readonly #clock: Clock
  readonly #log: Log
  readonly #random: () => number
  readonly #limits: SessionLimits
  readonly #waiters = new Set<Waiter>()
  #run: Run | undefined
  #ended: Promise<unknown> = Promise.resolve()
  #connection: Connection | undefined
  #lastFailure: SessionError | undefined

  constructor(options: SessionClientOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? silentLog
    this.#random = options.random ?? Math.random
    this.#limits = sessionLimits(options.version, options.limits)
  }

  /** The open session, if there is one now. */
  get session(): Session | undefined {
    return this.#connection?.open === true ? this.#connection : undefined
  }

  /**
   * Resolves when a session is open. Concurrent calls share the attempts; a failed one leaves the client as it was.
   * `timeoutMs`: 0 or absent means 20 s, `Infinity` for ever.
   * @throws {SessionError} `SESSION_NOT_ACCEPTED`, `SESSION_TIMEOUT`, `SESSION_CLOSED`
   */
  open({ timeoutMs }: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.session !== undefined) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject, cancelTimeout: undefined }
      const waitMs = timeoutMs || OPEN_TIMEOUT_MS
      if (waitMs !== Infinity) waiter.cancelTimeout = this.#clock.after(waitMs, () => this.#late(waiter, waitMs))
      this.#waiters.add(waiter)
      if (this.#run === undefined) this.#begin()
    })
  }

  /** Resolves when nothing is left behind: no socket, no timer, no attempt. `open` works again after it. */
  async close(): Promise<void> {
    this.#stop(new SessionError('SESSION_CLOSED', 'closed before it was open'))
    await this.#ended
  }

  #begin(): void {
    const run: Run = { abort: new AbortController(), established: false }
    this.#run = run
    this.#lastFailure = undefined
    this.#ended = Promise.all([this.#ended, this.#keepConnected(run)])
  }

  /** Ends the run, if there is one, and tells those who wait for it. */
  #stop(error: SessionError): void {
    const run = this.#run
    this.#run = undefined
    run?.abort.abort()
    for (const waiter of this.#take()) waiter.reject(error)
  }

  #late(waiter: Waiter, waitMs: number): void {
    this.#waiters.delete(waiter)
    const last = this.#lastFailure === undefined ? '' : ` (last: ${this.#lastFailure.message})`
    const error = new SessionError('SESSION_TIMEOUT', `no connection within ${waitMs} ms${last}`)
    waiter.reject(error)
    if (this.#waiters.size === 0 && this.#run?.established === false) this.#stop(error)
  }

  #take(): Waiter[] {
    const waiters = Array.from(this.#waiters)
    this.#waiters.clear()
    for (const waiter of waiters) waiter.cancelTimeout?.()
    return waiters
  }

  /** Never rejects. */
  async #keepConnected(run: Run): Promise<void> {
    const { signal } = run.abort
    const { reconnectDelaysMs = RECONNECT_DELAYS_MS, stableMs = STABLE_MS } = this.#options
    let drops = 0
    while (!signal.aborted) {
      try {
        const connection = await this.#attempt(signal)
        run.established = true
        this.#connection = connection
        for (const waiter of this.#take()) waiter.resolve()
        const cancelStable = this.#clock.after(stableMs, () => {
          drops = 0
        })
        await untilGone(connection, signal)
        cancelStable()
      } catch (error) {
        if (signal.aborted) return
        this.#lastFailure = asSessionError(error)
        this.#log.warn('cannot connect', { code: this.#lastFailure.code, reason: this.#lastFailure.message })
        if (!run.established && this.#lastFailure.code === 'SESSION_NOT_ACCEPTED') {
          this.#stop(this.#lastFailure)
          return
        }
      }
      const delayMs = reconnectDelaysMs[Math.min(drops++, reconnectDelaysMs.length - 1)] ?? 0
      if (!signal.aborted) await this.#pause(delayMs * (0.5 + this.#random() / 2), signal)
    }
  }

  async #attempt(signal: AbortSignal): Promise<Connection> {
    const attempt = new AbortController()
    const giveUp = (): void => attempt.abort()
    signal.addEventListener('abort', giveUp)
    const cancelTimeout = this.#clock.after(this.#options.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS, giveUp)
    try {
      const transport = await dialed(this.#options.dial, attempt.signal)
      return await connect(
        transport,
        {
          ...this.#options,
          clock: this.#clock,
          log: this.#log,
          random: this.#random,
          limits: this.#limits,
        },
        attempt.signal,
      )
    } finally {
      cancelTimeout()
      signal.removeEventListener('abort', giveUp)
    }
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel()
        signal.removeEventListener('abort', wake)
        resolve()
      }
      // A socket would keep the process alive; so does waiting for the next one.
      const cancel = this.#clock.after(delayMs, wake, true)
      signal.addEventListener('abort', wake)
    })
  }
}

/** Dials, without waiting for a dial that does not heed `signal`: what it still opens is ended. */
function dialed(dial: Dial, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new SessionError('SESSION_UNREACHABLE', 'the connection was not made in time'))
    signal.addEventListener('abort', giveUp)
    dial(signal).then(
      (transport) => {
        signal.removeEventListener('abort', giveUp)
        if (signal.aborted) transport.terminate()
        else resolve(transport)
      },
      (error: unknown) => {
        signal.removeEventListener('abort', giveUp)
        reject(asSessionError(error))
      },
    )
  })
}

/** Waits for the end of a connection's socket; closes it on `signal`. */
async function untilGone(connection: Connection, signal: AbortSignal): Promise<void> {
  const close = (): void => connection.close('closed by its user')
  if (signal.aborted) close()
  signal.addEventListener('abort', close)
  await connection.gone
  signal.removeEventListener('abort', close)
}

function asSessionError(error: unknown): SessionError {
  if (error instanceof SessionError) return error
  const message = error instanceof Error ? error.message : 'unknown failure'
  return new SessionError('SESSION_UNREACHABLE', message, { cause: error })
}
