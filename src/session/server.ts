/**
 * The accepting side: takes sockets in, lets in who authenticates, keeps strangers few. It knows no network: whoever listens
 * hands it transports.
 */
import type { BtpVersion } from '../btp/index.js'
import { type Clock, systemClock } from '../clock/index.js'
import { type Log, silentLog } from '../log/index.js'
import { Connection } from './connection.js'
import { type SessionLimits, sessionLimits } from './limits.js'
import { type Authenticate, Stranger, STRANGER_LIMITS, type StrangerLimits } from './stranger.js'
import type { ReadAs, SessionOwner, Transport } from './types.js'

export interface SessionServerOptions {
  readonly version: BtpVersion
  readonly authenticate: Authenticate
  readonly owner: SessionOwner
  readonly clock?: Clock
  readonly log?: Log
  /** 0 ≤ x < 1. */
  readonly random?: () => number
  readonly limits?: Partial<SessionLimits & StrangerLimits>
  /** Sockets that have not authenticated; one more ends the one that has waited longest. Default 256. */
  readonly unauthenticatedMax?: number
  readonly readAs?: ReadAs | undefined
}

export class SessionServer {
  readonly #options: SessionServerOptions
  readonly #clock: Clock
  readonly #log: Log
  readonly #limits: SessionLimits & StrangerLimits
  readonly #unauthenticatedMax: number
  /** Longest waiting first. */
  readonly #strangers = new Set<Stranger>()
  readonly #connections = new Set<Connection>()
  #closed = false

  constructor(options: SessionServerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? silentLog
    this.#limits = { ...sessionLimits(options.version), ...STRANGER_LIMITS, ...options.limits }
    this.#unauthenticatedMax = options.unauthenticatedMax ?? 256
  }

  /** Sockets that have not authenticated. */
  get unauthenticated(): number {
    return this.#strangers.size
  }

  /** Sessions whose socket has not ended. */
  get sessions(): number {
    return this.#connections.size
  }

  /** Takes a socket in. Its handlers are set when this returns. */
  accept(transport: Transport, remoteAddress: string): void {
    if (this.#closed) {
      transport.terminate()
      return
    }
    if (this.#strangers.size >= this.#unauthenticatedMax) {
      // Not the newcomer: whoever holds all places by keeping silent would keep everybody out.
      for (const longest of this.#strangers) {
        longest.drop('too many connections wait to authenticate')
        break
      }
    }
    const stranger: Stranger = new Stranger({
      version: this.#options.version,
      transport,
      remoteAddress,
      authenticate: this.#options.authenticate,
      clock: this.#clock,
      log: this.#log,
      limits: this.#limits,
      onAccepted: (account, requestId, queued) => {
        this.#strangers.delete(stranger)
        this.#welcome(transport, account, requestId, queued)
      },
      onGone: () => this.#strangers.delete(stranger),
    })
    this.#strangers.add(stranger)
    stranger.start()
  }

  /** Ends all sessions and takes no more; resolves when their sockets have ended. */
  async close(reason = 'the host is closing'): Promise<void> {
    this.#closed = true
    for (const stranger of this.#strangers) stranger.drop(reason)
    for (const connection of this.#connections) connection.close(reason)
    await Promise.all(Array.from(this.#connections, (connection) => connection.gone))
  }

  #welcome(transport: Transport, account: string, requestId: number, queued: readonly Uint8Array[]): void {
    const connection = new Connection({
      version: this.#options.version,
      account,
      transport,
      owner: this.#options.owner,
      clock: this.#clock,
      log: this.#log,
      random: this.#options.random ?? Math.random,
      limits: this.#limits,
      readAs: this.#options.readAs,
    })
    this.#connections.add(connection)
    void connection.gone.then(() => this.#connections.delete(connection))
    connection.start()
    connection.greet(requestId)
    connection.announce()
    for (const message of queued) transport.onMessage(message)
  }
}
