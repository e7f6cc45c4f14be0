/**
 * The host of a hosted ledger: one book, one link for each holder's account (seed 000; RFC-23 draft 2). The host's
 * address is `prefix + server`, a holder's `prefix +` its account's name; with one holder, the seeds call it `client`.
 * Who a connection belongs to is decided by whoever authenticates it; the sessions come in through {@link Host.owner}.
 */
import type { Clock } from '../clock/index.js'
import { systemClock } from '../clock/index.js'
import { randomBytes } from '../crypto/index.js'
import { isAddress } from '../ilp/index.js'
import type { Ledger, Limits } from '../ledger/index.js'
import { type Log, silentLog } from '../log/index.js'
import type { Session, SessionOwner } from '../session/index.js'
import { LinkError } from './errors.js'
import { failureOf } from './failures.js'
import { guard } from './guard.js'
import { HostAccount } from './host-account.js'
import type { Claims, HoldHandler, HostCore, HostLimits } from './host-context.js'
import type { LinkInfo, LinkState, Receiver, RequestHandler } from './types.js'

export interface HostOptions {
  /** The host opens it; whoever made it closes it, after the host. */
  readonly ledger: Ledger
  /** Ledger prefix; a missing trailing dot is added. */
  readonly prefix: string
  readonly assetCode: string
  readonly assetScale: number
  /** Addresses of connectors on this ledger. */
  readonly connectors?: readonly string[]
  /** Opens accounts that are seen for the first time. Absent: only accounts that exist are served. */
  readonly newAccount?: Limits
  readonly clock?: Clock
  readonly log?: Log
  readonly randomBytes?: (length: number) => Uint8Array
  readonly limits?: Partial<HostLimits>
  /**
   * Whose book decides what became of a hold. Default `host`: ours. `payer`: the other side keeps a book of this trustline
   * too, and each decides about what it pays. The ledger's `holdMsMax` must then leave room for `settleGraceMs`.
   */
  readonly authority?: 'host' | 'payer'
  /** Our own and the other side's address on a trustline with one peer. Default `prefix + server` and `prefix + account`. */
  readonly addresses?: { readonly account: string; readonly peer: string }
  readonly claims?: Claims
  /** The ledger stopped, and the host with it: end the process; a restart recovers. */
  readonly onFailure?: (error: Error) => void
}

const LIMITS: HostLimits = {
  socketsPerAccountMax: 16,
  inquiryMax: 1_024,
  inquiryBytesMax: 65_536,
  settleGraceMs: 600_000,
}

/** The last segment of the host's address, which no account may have. */
const HOST_SEGMENT = 'server'
const ACCOUNT_CHARACTERS_MAX = 128

/** Whether an account may have this name: one address segment of at most 128 characters, but `server`. */
export function isAccountName(name: string): boolean {
  if (name === HOST_SEGMENT || name.length > ACCOUNT_CHARACTERS_MAX) return false
  return !name.includes('.') && isAddress(`g.${name}`)
}

export class Host implements Receiver {
  readonly ledger: Ledger
  /** What a session server tells of its sessions: each session's `account` is an account's name. */
  readonly owner: SessionOwner = {
    onOpen: (session) => this.#welcome(session, session.account),
    onRequest: (session, frame) => this.#accounts.get(session.account)?.serve(session, frame),
    onClosed: (session) => this.#accounts.get(session.account)?.remove(session),
  }

  readonly #options: HostOptions
  readonly #prefix: string
  readonly #core: HostCore
  readonly #accounts = new Map<string, HostAccount>()
  readonly #listeners = new Set<(state: LinkState) => void>()
  #unsubscribe: (() => void)[] = []

  constructor(options: HostOptions) {
    this.#options = options
    this.ledger = options.ledger
    this.#prefix = options.prefix.endsWith('.') ? options.prefix : `${options.prefix}.`
    if (!isAddress(this.#prefix, 'prefix'))
      throw new LinkError('LINK_PREFIX', `${this.#prefix} is not an address prefix`)
    this.#core = {
      state: 'idle',
      ledger: options.ledger,
      clock: options.clock ?? systemClock,
      log: options.log ?? silentLog,
      randomBytes: options.randomBytes ?? randomBytes,
      limits: { ...LIMITS, ...options.limits },
      authority: options.authority ?? 'host',
      claims: options.claims,
      holdHandler: undefined,
      requestHandlers: new Map(),
      open: () => this.open(),
    }
  }

  get state(): LinkState {
    return this.#core.state
  }

  /** Of the host itself; `peer` is the ledger's prefix, because its peers are many. */
  get info(): LinkInfo {
    return { ...this.#info(''), peer: this.#prefix }
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Opens the ledger and takes up what it still holds. @throws what {@link Ledger.open} throws */
  async open(): Promise<void> {
    const { ledger } = this
    await ledger.open()
    if (this.#core.state === 'open') return
    this.#unsubscribe = [
      ledger.onExpired((transfer) => this.#account(transfer.account).expired(transfer)),
      ledger.onFailure((error) => this.#fail(error)),
    ]
    for (const transfer of ledger.live()) this.#account(transfer.account).recover(transfer)
    this.#become('open')
    for (const account of this.#accounts.values()) account.offerRecovered()
  }

  /** Closes all connections. What is held stays in the ledger. */
  async close(): Promise<void> {
    this.#stop('the host is closing')
  }

  /** The link to a holder. @throws {LinkError} `LINK_ACCOUNT` when no account can have this name */
  link(account: string): HostAccount {
    if (!isAccountName(account)) {
      throw new LinkError('LINK_ACCOUNT', `an account's name is one address segment, and not '${HOST_SEGMENT}'`)
    }
    return this.#account(account)
  }

  /**
   * Opens an account, or changes the limits of one that is open. Resolves when that is durable.
   * @throws {LinkError} `LINK_ACCOUNT`
   */
  async openAccount(account: string, limits: Limits): Promise<void> {
    this.link(account)
    const type = this.ledger.account(account) === undefined ? 'open' : 'limit'
    const decision = this.ledger.execute({ type, account, ...limits })
    await new Promise<void>((resolve) => this.ledger.committed(resolve))
    if (!decision.ok) throw new LinkError('LINK_ACCOUNT', decision.message, failureOf(decision))
  }

  /** The owner of sessions that we dialled, all of them to the holder of this account. */
  ownerFor(account: string): SessionOwner {
    const link = this.link(account)
    return {
      onOpen: (session) => this.#welcome(session, account),
      onRequest: (session, frame) => link.serve(session, frame),
      onClosed: (session) => link.remove(session),
    }
  }

  /** Receives the holds of every account that has no handler of its own. */
  onHold(handler: HoldHandler | undefined): void {
    this.#core.holdHandler = handler
    for (const account of this.#accounts.values()) account.offerRecovered()
  }

  /** Answers the requests of every account that has no handler of its own for this name. */
  onRequest(name: string, handler: RequestHandler | undefined): void {
    if (handler === undefined) this.#core.requestHandlers.delete(name)
    else this.#core.requestHandlers.set(name, handler)
  }

  #welcome(session: Session, name: string): void {
    if (this.#core.state !== 'open') return session.close('the host is closed')
    if (!isAccountName(name) || !this.#isKept(name)) return session.close('no such account')
    this.#account(name).add(session)
  }

  /** Whether the book has this account, if need be from now on. */
  #isKept(account: string): boolean {
    if (this.ledger.account(account) !== undefined) return true
    const { newAccount } = this.#options
    if (newAccount === undefined) return false
    const decision = this.ledger.execute({ type: 'open', account, ...newAccount })
    if (!decision.ok) this.#core.log.warn('an account could not be opened', { account, code: decision.code })
    return decision.ok
  }

  #account(name: string): HostAccount {
    let account = this.#accounts.get(name)
    if (account === undefined) {
      account = new HostAccount(name, this.#info(name), this.#core)
      this.#accounts.set(name, account)
    }
    return account
  }

  #info(account: string): LinkInfo {
    const { assetCode, assetScale, connectors = [], addresses } = this.#options
    const prefix = this.#prefix
    const named = addresses ?? { account: `${prefix}${HOST_SEGMENT}`, peer: `${prefix}${account}` }
    return { prefix, account: named.account, peer: named.peer, assetCode, assetScale, connectors }
  }

  /** Ledger and disk may differ now: no answer can be given, not even an error. */
  #fail(error: Error): void {
    this.#core.log.error('the ledger stopped; restart to recover', { error: error.message })
    this.#stop('the ledger stopped')
    this.#options.onFailure?.(error)
  }

  #stop(reason: string): void {
    if (this.#core.state !== 'open') return
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe()
    this.#become('closed')
    for (const account of this.#accounts.values()) account.stop(reason)
  }

  #become(state: LinkState): void {
    this.#core.state = state
    for (const listener of this.#listeners) guard(this.#core.log, () => listener(state))
    for (const account of this.#accounts.values()) account.tellState()
  }
}
