/**
 * A hosted ledger, whole: the store, the ledger, the host, and the port that its holders connect to. Opened and closed
 * together, in order; this is the Node rim of `host.ts`.
 */
import { systemClock } from '../clock/index.js'
import { Ledger, type LedgerLimits } from '../ledger/index.js'
import { type Authenticate, SessionServer } from '../session/index.js'
import { listen, type Listener, type ListenOptions } from '../session/ws.js'
import type { LedgerStore } from '../store/index.js'
import { Host, type HostOptions } from './host.js'

export interface HostedLedgerOptions extends Omit<HostOptions, 'ledger'> {
  readonly store: LedgerStore
  /** The account's name for a user name and token, or `undefined` to refuse them. */
  readonly authenticate: Authenticate
  readonly listen: Omit<ListenOptions, 'onTransport'>
  readonly ledgerLimits?: Partial<LedgerLimits>
}

export class HostedLedger {
  readonly ledger: Ledger
  readonly host: Host
  readonly #options: HostedLedgerOptions
  #sessions: SessionServer | undefined
  #listener: Listener | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: HostedLedgerOptions) {
    this.#options = options
    const { store, clock = systemClock, ledgerLimits: limits = {} } = options
    this.ledger = new Ledger({ store, clock, limits })
    this.host = new Host({ ...options, ledger: this.ledger })
  }

  /** The port that it listens on, while it is open. */
  get port(): number | undefined {
    return this.#listener?.port
  }

  /** Twice is fine; a failed attempt leaves nothing open. Rejects as the store, the ledger or `listen` does. */
  open(): Promise<void> {
    this.#opening ??= this.#open().catch(async (error: unknown) => {
      await this.close()
      throw error
    })
    return this.#opening
  }

  /** Ends all connections and commits what is executed. Holds stay in the ledger. */
  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => {
      this.#opening = undefined
      this.#closing = undefined
    })
    return this.#closing
  }

  async #open(): Promise<void> {
    const { authenticate, clock = systemClock, log } = this.#options
    await this.ledger.open()
    await this.host.open()
    const sessions = new SessionServer({
      version: 1,
      authenticate,
      owner: this.host.owner,
      clock,
      ...(log === undefined ? {} : { log }),
    })
    this.#sessions = sessions
    this.#listener = await listen({
      ...this.#options.listen,
      onTransport: (transport, remoteAddress) => sessions.accept(transport, remoteAddress),
    })
  }

  async #close(): Promise<void> {
    await this.host.close()
    await this.#sessions?.close()
    await this.#listener?.close()
    this.#sessions = undefined
    this.#listener = undefined
    await this.ledger.close()
  }
}
