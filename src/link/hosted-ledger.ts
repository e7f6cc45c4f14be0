/**
 * A hosted ledger, whole: the store, the ledger, the host, and the port that its holders connect to; or, where both sides
 * keep the book, the connection to the other side. Opened and closed together, in order: the Node rim of `host.ts`.
 */
import type { Server } from 'node:http'
import type { Credentials } from '../btp/index.js'
import { systemClock } from '../clock/index.js'
import { Ledger, type LedgerLimits, type Limits } from '../ledger/index.js'
import { silentLog } from '../log/index.js'
import { type Authenticate, type Dial, SessionClient, SessionServer } from '../session/index.js'
import { attach, listen, type Listener, type ListenOptions, type ServeOptions } from '../session/ws.js'
import type { LedgerStore } from '../store/index.js'
import { noteAsset } from './admin.js'
import { withKeptAccounts } from './account-register.js'
import { AdminSocket } from './admin-socket.js'
import { Host, type HostOptions } from './host.js'

export { HostedPackets, type HostedPacketsOptions } from './hosted-packets.js'

export interface HostedLedgerOptions extends Omit<HostOptions, 'ledger'> {
  readonly store: LedgerStore
  /** Accounts to open, or to give these limits, before anyone can connect. */
  readonly accounts?: Readonly<Record<string, Limits>>
  readonly listen?: Omit<ListenOptions, 'onTransport'> & Pick<AttachOptions, 'authenticate'>
  /** Connects to the holder of an account, instead of waiting for it: for `authority: 'payer'`. */
  readonly dial?: Credentials & { readonly account: string; readonly dial: Dial }
  readonly ledgerLimits?: Partial<LedgerLimits>
  /** Lets operators in (`sluice accounts …`) by a socket in this directory: that of the store. Default: nobody. */
  readonly adminDirectory?: string
}

export interface AttachOptions extends Omit<ServeOptions, 'onTransport'> {
  /**
   * The account's name for a user name and token, or `undefined` to refuse them. Accounts that an operator has opened
   * with a secret need no leave of it.
   */
  readonly authenticate: Authenticate
}

export class HostedLedger {
  readonly ledger: Ledger
  readonly host: Host
  readonly #options: HostedLedgerOptions
  readonly #sessions = new Set<SessionServer>()
  readonly #detach = new Set<() => void>()
  #listener: Listener | undefined
  #client: SessionClient | undefined
  #admin: AdminSocket | undefined
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

  /** Twice is fine; a failed attempt leaves nothing open. Rejects as the store, the ledger, `listen` or `dial` does. */
  open(wait: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#opening ??= this.#open(wait).catch(async (error: unknown) => {
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

  /** Lets holders connect at a path of an HTTP server, while it is open. The result takes it away again. */
  attach(server: Server, options: AttachOptions): () => void {
    const sessions = this.#serve(options.authenticate)
    const takeAway = attach(server, {
      ...options,
      onTransport: (transport, remoteAddress) => sessions.accept(transport, remoteAddress),
    })
    const detach = (): void => {
      takeAway()
      this.#detach.delete(detach)
    }
    this.#detach.add(detach)
    return detach
  }

  #serve(strangers: Authenticate): SessionServer {
    const { clock = systemClock, log = silentLog } = this.#options
    const authenticate = withKeptAccounts(this.ledger, strangers)
    const sessions = new SessionServer({ version: 1, authenticate, owner: this.host.owner, clock, log })
    this.#sessions.add(sessions)
    return sessions
  }

  async #open(wait: { readonly timeoutMs?: number }): Promise<void> {
    const { clock = systemClock, log = silentLog, accounts = {}, listen: listening, dial: dialing } = this.#options
    const { adminDirectory: directory, assetCode, assetScale } = this.#options
    await this.host.open()
    for (const [account, limits] of Object.entries(accounts)) await this.host.openAccount(account, limits)
    if (directory !== undefined) {
      noteAsset(this.ledger, { code: assetCode, scale: assetScale })
      this.#admin = new AdminSocket({ ledger: this.ledger, directory, log })
      await this.#admin.open()
    }
    if (listening !== undefined) {
      const sessions = this.#serve(listening.authenticate)
      this.#listener = await listen({
        ...listening,
        onTransport: (transport, remoteAddress) => sessions.accept(transport, remoteAddress),
      })
    }
    if (dialing !== undefined) {
      const owner = this.host.ownerFor(dialing.account)
      this.#client = new SessionClient({ version: 1, ...dialing, owner, clock, log })
      await this.#client.open(wait)
    }
  }

  async #close(): Promise<void> {
    await this.host.close()
    await this.#admin?.close()
    await this.#client?.close()
    for (const sessions of this.#sessions) await sessions.close()
    for (const detach of this.#detach) detach()
    await this.#listener?.close()
    this.#admin = undefined
    this.#client = undefined
    this.#sessions.clear()
    this.#detach.clear()
    this.#listener = undefined
    await this.ledger.close()
  }
}
