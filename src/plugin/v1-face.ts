/**
 * The Ledger Plugin Interface version 1 (RFC-4 draft 8; the `ilp` of draft 9) as a face of any link.
 *
 * incoming and outgoing say the direction of the transfer. Events and promises come after the commit of whoever keeps
 * the book. A listener that throws harms nobody: its exception is logged.
 */
import { EventEmitter } from 'node:events'
import { formatTransferId, parseTransferId, type SubProtocol } from '../btp/index.js'
import { type IncomingHold, LinkError, type Link, type LinkInfo } from '../link/index.js'
import { type Log, silentLog } from '../log/index.js'
import { SessionError } from '../session/index.js'
import {
  AlreadyRolledBackError,
  InvalidFieldsError,
  lpiErrorOf,
  MissingFulfillmentError,
  NotAcceptedError,
  RequestHandlerAlreadyRegisteredError,
  TransferNotFoundError,
  UnreachableError,
} from './errors.js'
import { formatSigned } from './signed-amount.js'
import { messageEntries, readMessage, requestEntries, transferKey } from './v1-convert.js'
import { type Ended, EndedTransfers } from './v1-ended.js'
import { type Admit, IncomingTransfers } from './v1-incoming.js'
import { type Adopt, OutgoingTransfers } from './v1-outgoing.js'
import type {
  LedgerInfo,
  LedgerPluginV1,
  Message,
  PluginEvents,
  PluginRequestHandler,
  RejectionMessage,
  Transfer,
} from './v1-types.js'

/** What a face has beside its link, where that is not the whole of it. */
export interface FaceOptions {
  readonly log?: Log
  /** Instead of the link's own `open` and `close`. */
  readonly open?: (options: { timeoutMs?: number }) => Promise<void>
  readonly close?: () => Promise<void>
  /** Asked before `incoming_prepare`; what it rejects is rejected. */
  readonly admit?: Admit
  /** What a ledger remembers of a transfer that is not live. */
  readonly ended?: (id: Uint8Array) => Ended | undefined
  /** Takes how transfers of earlier runs are adopted: their end is told by the events of any other. */
  readonly recovered?: (adopt: Adopt) => void
}

export class PluginV1 extends EventEmitter<PluginEvents> implements LedgerPluginV1 {
  readonly #makeLink: () => Promise<Link>
  #link: Link | undefined
  readonly #options: FaceOptions
  readonly #log: Log
  readonly #ended: EndedTransfers
  readonly #outgoing: OutgoingTransfers
  readonly #incoming: IncomingTransfers
  #requestHandler: PluginRequestHandler | undefined
  #requests = 0
  /** `connect()` succeeded and `disconnect()` was not called since. */
  #attached = false
  /** What came before the application could listen: holds, as many as the link allows, and ends of what earlier runs sent. */
  readonly #early: (() => void)[] = []
  #listening = false
  /** The last of `connect` and `disconnect` that was told is `connect`. */
  #told = false
  #unsubscribe: (() => void) | undefined
  #connecting: Promise<null> | undefined
  /** How often `disconnect()` was called: it ends a `connect()` that is under way. */
  #disconnects = 0

  /** @param makeLink gives the link at each `connect` */
  constructor(makeLink: () => Promise<Link>, options: FaceOptions = {}) {
    super()
    this.#makeLink = makeLink
    this.#options = options
    this.#log = options.log ?? silentLog
    const emit = this.#emit.bind(this)
    this.#ended = new EndedTransfers((key) => options.ended?.(parseTransferId(key)))
    this.#outgoing = new OutgoingTransfers(() => this.#connected(), this.#ended, emit)
    this.#incoming = new IncomingTransfers(() => this.#connected(), this.#ended, emit, options.admit)
  }

  /** Concurrent calls share one attempt; a failed one leaves nothing behind. Falsy timeout: the default. */
  async connect(options: { timeout?: number } = {}): Promise<null> {
    const timeout = options?.timeout
    if (timeout !== undefined && timeout !== null && typeof timeout !== 'number') {
      throw new TypeError('timeout must be a number of milliseconds')
    }
    if (this.#attached) return null
    const connecting =
      this.#connecting ??
      this.#connect(timeout).finally(() => {
        if (this.#connecting === connecting) this.#connecting = undefined
      })
    this.#connecting = connecting
    return connecting
  }

  async disconnect(): Promise<null> {
    const wasAttached = this.#attached
    this.#attached = false
    this.#listening = false
    this.#connecting = undefined
    this.#disconnects += 1
    this.#early.length = 0
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    await (this.#options.close?.() ?? this.#link?.close())
    if (wasAttached && this.#told) this.#emit('disconnect')
    this.#told = false
    return null
  }

  isConnected(): boolean {
    return this.#attached && this.#link?.state === 'open'
  }

  /** A fresh copy. @throws {UnreachableError} before `connect()` */
  getInfo(): LedgerInfo {
    const { prefix, assetCode, assetScale, connectors } = this.#info()
    return { prefix, currencyCode: assetCode, currencyScale: assetScale, connectors: [...connectors] }
  }

  /** @throws {UnreachableError} before `connect()` */
  getAccount(): string {
    return this.#info().account
  }

  /** The caller's own position: the holder's balance, or minus it on the host's side. */
  async getBalance(): Promise<string> {
    return formatSigned(await this.#connected().balance().catch(rethrow))
  }

  /** Base64url. */
  async getFulfillment(transferId: string): Promise<string> {
    this.#info()
    const key = transferKey(transferId)
    const ended = this.#ended.get(key)
    if (ended?.state === 'fulfilled') return ended.fulfillment
    if (ended !== undefined) throw new AlreadyRolledBackError(`${key} was rolled back`)
    if (this.#outgoing.has(key) || this.#incoming.has(key)) {
      throw new MissingFulfillmentError(`${key} is not fulfilled yet`)
    }
    throw new TransferNotFoundError(`there is no transfer ${key}`)
  }

  /** Resolves when the transfer is prepared; how it ends is told by an event. */
  async sendTransfer(transfer: Transfer): Promise<null> {
    this.#info()
    return this.#outgoing.send(transfer)
  }

  /** Resolves when the transfer is fulfilled in the book. */
  async fulfillCondition(transferId: string, fulfillment: string, ilp?: string): Promise<null> {
    return this.#incoming.fulfill(this.#incomingKey(transferId), fulfillment, ilp)
  }

  /** Resolves when the transfer is rolled back in the book. Any reason will do, even `{}`. */
  async rejectIncomingTransfer(transferId: string, reason?: RejectionMessage): Promise<null> {
    return this.#incoming.reject(this.#incomingKey(transferId), reason)
  }

  async sendRequest(message: Message): Promise<Message> {
    const info = this.#info()
    const entries = requestEntries(message, info)
    this.#emit('outgoing_request', { from: info.account, ledger: info.prefix, ...message })
    const answer = await this.#connected().request(entries, message.to).catch(rethrow)
    // Where a ledger has many accounts, the one that was asked has answered.
    const to = info.peer === info.prefix ? message.to : info.peer
    const response = readMessage(answer, message.id ?? this.#nextMessageId(), info, to)
    this.#emit('incoming_response', response)
    return response
  }

  registerRequestHandler(handler: PluginRequestHandler): null {
    if (this.#requestHandler !== undefined) {
      throw new RequestHandlerAlreadyRegisteredError('a request handler is registered: deregister it first')
    }
    if (typeof handler !== 'function') throw new InvalidFieldsError('the request handler must be a function')
    this.#requestHandler = handler
    return null
  }

  deregisterRequestHandler(): null {
    this.#requestHandler = undefined
    return null
  }

  async #connect(timeout: number | undefined): Promise<null> {
    const before = this.#disconnects
    const link = await this.#makeLink()
    if (before !== this.#disconnects) throw disconnected()
    this.#link = link
    link.onHold((hold) => this.#whenListening(() => this.#take(hold)))
    this.#options.recovered?.((hold) => this.#outgoing.adopt(hold, link.info, (tell) => this.#whenListening(tell)))
    for (const name of ['ilp', 'custom']) {
      link.onRequest(name, async (entries, account) => this.#onRequest(entries, account))
    }
    this.#unsubscribe ??= link.onState(() => this.#onState())
    try {
      const wait = timeout ? { timeoutMs: timeout } : {}
      await (this.#options.open?.(wait) ?? link.open(wait))
    } catch (error) {
      this.#unsubscribe?.()
      this.#unsubscribe = undefined
      return rethrow(error)
    }
    if (before !== this.#disconnects) throw disconnected()
    this.#attached = true
    this.#onState()
    setImmediate(() => this.#takeEarly())
    return null
  }

  /** Programs add their listeners when `connect()` has resolved: what a ledger recovered at its start waits until then. */
  #takeEarly(): void {
    if (!this.#attached) return
    this.#listening = true
    for (const tell of this.#early.splice(0)) tell()
  }

  #whenListening(tell: () => void): void {
    if (this.#listening) tell()
    else this.#early.push(tell)
  }

  /** `connect` once for each time that the link opens, `disconnect` for each time that it is lost. */
  #onState(): void {
    const open = this.#link?.state === 'open'
    if (!this.#attached || open === this.#told) return
    this.#told = open
    this.#emit(open ? 'connect' : 'disconnect')
  }

  async #onRequest(entries: readonly SubProtocol[], account: string): Promise<readonly SubProtocol[]> {
    const handler = this.#requestHandler
    if (!this.#attached || handler === undefined) {
      const error = { name: 'NotAcceptedError', code: 'F00' }
      throw new LinkError('LINK_REFUSED', 'no request handler is registered', error)
    }
    const message = readMessage(entries, this.#nextMessageId(), this.#connected().info, account)
    this.#emit('incoming_request', message)
    const answer = await handler(message)
    this.#emit('outgoing_response', answer)
    return messageEntries(answer)
  }

  /** Where no ledger keeps the ids apart, peers choose them: nothing that is known may be changed by one of theirs. */
  #take(hold: IncomingHold): void {
    const key = formatTransferId(hold.id)
    if (this.#outgoing.has(key) || this.#incoming.has(key) || this.#ended.remembers(key)) {
      return hold.reject({ code: 'F00', message: 'this is the id of another transfer' })
    }
    this.#incoming.take(hold)
  }

  #incomingKey(transferId: string): string {
    this.#info()
    const key = transferKey(transferId)
    if (this.#outgoing.has(key)) throw new NotAcceptedError(`${key} is outgoing: only its receiver ends it`)
    return key
  }

  #info(): LinkInfo {
    return this.#connected().info
  }

  #connected(): Link {
    if (!this.#attached || this.#link === undefined) throw new UnreachableError('connect the plugin first')
    return this.#link
  }

  #nextMessageId(): string {
    this.#requests += 1
    return String(this.#requests)
  }

  /** The interface's listeners are the application's: what they throw must not stop the book. */
  #emit<Name extends keyof PluginEvents>(name: Name, ...args: PluginEvents[Name]): void {
    try {
      ;(this.emit as (name: keyof PluginEvents, ...args: unknown[]) => boolean).call(this, name, ...args)
    } catch (error) {
      this.#log.error('a listener threw', { event: name, error: String(error) })
    }
  }
}

function disconnected(): UnreachableError {
  return new UnreachableError('disconnected before it was connected')
}

function rethrow(error: unknown): never {
  if (error instanceof LinkError) {
    if (error.code === 'LINK_REFUSED') throw lpiErrorOf(error.peerName, error.message)
    if (error.code === 'LINK_PREFIX') throw new InvalidFieldsError(error.message)
    throw new UnreachableError(error.message)
  }
  if (error instanceof SessionError) {
    const refused = error.code === 'SESSION_NOT_ACCEPTED'
    throw refused ? new NotAcceptedError(error.message) : new UnreachableError(error.message)
  }
  throw error
}
