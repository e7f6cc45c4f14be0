/**
 * A hosted ledger for BTP 2.0, whole: the store, the ledger, the host, and the port that its holders connect to. Opened
 * and closed together, in order: the Node rim of `packet-host.ts`.
 */
import type { Clock } from '../clock/index.js'
import { Ledger, type LedgerLimits } from '../ledger/index.js'
import type { Log } from '../log/index.js'
import { SessionServer } from '../session/index.js'
import { listen, type Listener, type ListenOptions } from '../session/ws.js'
import type { LedgerStore } from '../store/index.js'
import { AccountRegister, type AccountRegisterOptions } from './account-register.js'
import { LinkError } from './errors.js'
import { Lifecycle } from './lifecycle.js'
import { byIlpType } from './packet-dispatch.js'
import { type HostIdentity, PacketHost } from './packet-host.js'
import type { AcceptSettlement, PacketLink, PacketOwner } from './packet-types.js'

export interface HostedPacketsOptions extends Omit<AccountRegisterOptions, 'ledger'> {
  readonly store: LedgerStore
  readonly owner: PacketOwner
  readonly listen: Omit<ListenOptions, 'onTransport'>
  /** Asked at each `open`, before anyone can connect. */
  readonly identity: () => Promise<HostIdentity>
  readonly clock: Clock
  readonly log: Log
  readonly randomBytes: (length: number) => Uint8Array
  readonly acceptSettlement: AcceptSettlement | undefined
  /** What an ILP packet is decides about its frame, and about what becomes of errors. */
  readonly byPacket: boolean
  readonly ledgerLimits?: Partial<LedgerLimits>
  /** Connections of one account; one more is closed. */
  readonly socketsPerAccountMax?: number
}

export class HostedPackets implements PacketLink {
  readonly ledger: Ledger
  readonly host: PacketHost
  readonly #options: HostedPacketsOptions
  readonly #accounts: AccountRegister
  #sessions: SessionServer | undefined
  #listener: Listener | undefined
  readonly #life: Lifecycle
  #unsubscribe: () => void = () => undefined

  constructor(options: HostedPacketsOptions) {
    this.#options = options
    const { store, clock, ledgerLimits: limits = {}, socketsPerAccountMax = 16 } = options
    this.ledger = new Ledger({ store, clock, limits })
    this.#accounts = new AccountRegister({ ...options, ledger: this.ledger })
    this.host = new PacketHost({
      ...options,
      ledger: this.ledger,
      accounts: this.#accounts,
      socketsPerAccountMax,
      answersByPacket: options.byPacket,
    })
    this.#life = new Lifecycle({
      clock,
      start: async (givenUp) => this.#start(givenUp),
      stop: async () => this.#stop(),
    })
  }

  get connected(): boolean {
    return this.#life.wanted && this.host.isOpen && this.#listener !== undefined
  }

  /** The port that it listens on, while it is open. */
  get port(): number | undefined {
    return this.#listener?.port
  }

  open({ timeoutMs }: { readonly timeoutMs?: number }): Promise<void> {
    return this.#life.open(timeoutMs)
  }

  close(): Promise<void> {
    if (this.connected) this.#options.owner.onDisconnected()
    return this.#life.close()
  }

  send(data: Uint8Array): Promise<Uint8Array> {
    return this.host.send(data)
  }

  /** To the only holder. @throws {LinkError} `LINK_ACCOUNT` by rejection, where there are others or none */
  async pay(amount: bigint): Promise<void> {
    const [only, other] = this.ledger.accounts()
    if (only === undefined || other !== undefined) {
      throw new LinkError('LINK_ACCOUNT', 'a host of several holders must say whom it pays')
    }
    await this.host.pay(only.account, amount)
  }

  async #start(givenUp: Promise<never>): Promise<void> {
    const { clock, log, byPacket } = this.#options
    await this.ledger.open()
    this.#unsubscribe = this.ledger.onFailure((error) => this.#fail(error))
    await this.#accounts.enroll()
    const identity = await Promise.race([givenUp, this.#options.identity()])
    this.host.open(identity)
    const { authenticate } = this.#accounts
    const sessions = new SessionServer({
      version: 2,
      authenticate,
      owner: this.host.owner,
      clock,
      log,
      readAs: byPacket ? byIlpType : undefined,
    })
    this.#sessions = sessions
    this.#listener = await listen({
      ...this.#options.listen,
      onTransport: (transport, remoteAddress) => sessions.accept(transport, remoteAddress),
    })
    if (this.connected) this.#options.owner.onConnected()
  }

  async #stop(): Promise<void> {
    this.#unsubscribe()
    this.host.close('the host is closing')
    const [sessions, listener] = [this.#sessions, this.#listener]
    this.#sessions = undefined
    this.#listener = undefined
    await sessions?.close()
    await listener?.close()
    await this.ledger.close()
  }

  /** Ledger and disk may differ now: no answer can be given, not even an error. */
  #fail(error: Error): void {
    this.#options.log.error('the ledger stopped; restart to recover', { error: error.message })
    this.host.close('the ledger stopped')
    this.#options.owner.onFatal(error)
  }
}
