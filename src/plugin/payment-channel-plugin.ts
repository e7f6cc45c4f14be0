/**
 * `makePaymentChannelPlugin` of ilp-plugin-payment-channel-framework 1.3: a version 1 plugin whose two sides both keep the
 * book, with a payment channel module that secures what they owe each other by claims.
 * One difference: what `handleIncomingPrepare` refuses is told to the payer by a Reject, as RFC-23 draft 2 wants it once a
 * transfer is prepared, not by an Error.
 */
import {
  APPLICATION_JSON,
  findEntry,
  jsonEntry,
  octetEntry,
  type SubProtocol,
  TEXT_PLAIN,
  textEntry,
} from '../btp/index.js'
import { EMPTY, fromUtf8 } from '../bytes/index.js'
import { isAddress } from '../ilp/index.js'
import { HostedLedger } from '../link/hosted-ledger.js'
import { type Link, LinkError } from '../link/index.js'
import { type Log, silentLog } from '../log/index.js'
import { type ChannelBackend, channelBackend, type TransferLog } from './channel-backend.js'
import { InvalidFieldsError, lpiErrorOf, UnreachableError } from './errors.js'
import { chooseStore, endedOf, type HostedLedgerPluginOptions, limitsOf } from './hosted-ledger-plugin.js'
import { LedgerTransferLog } from './ledger-transfer-log.js'
import { authenticator, dialOptions, listenOptions } from './listener.js'
import { PluginV1 } from './v1-face.js'
import type { LedgerInfo, LedgerTransfer } from './v1-types.js'

/** Messages of a module's own to the module of the other side. */
export interface ChannelRpc {
  addMethod(name: string, method: (args: unknown) => Promise<unknown>): void
  /** `prefix` is ignored, as it was. */
  call(name: string, prefix: string, args: unknown): Promise<unknown>
}

/** What every hook gets first. */
export interface ChannelContext {
  /** The module's own, for as long as the plugin lives. */
  readonly state: Record<string, unknown>
  readonly rpc: ChannelRpc
  readonly backend: ChannelBackend
  /** The plugin's own transfers. */
  readonly transferLog: TransferLog
  readonly plugin: PluginV1
}

/** A payment channel module. */
export interface ChannelModule {
  readonly pluginName?: string
  /** Called when the plugin is constructed. */
  readonly constructor: (context: ChannelContext, options: PaymentChannelPluginOptions) => void
  /** The token that the two sides know each other by, where neither `incomingSecret` nor `authCheck` is given. */
  getAuthToken(context: ChannelContext): string
  getInfo(context: ChannelContext): LedgerInfo
  getAccount(context: ChannelContext): string
  getPeerAccount(context: ChannelContext): string
  connect(context: ChannelContext, options?: object): Promise<void>
  disconnect(context: ChannelContext): Promise<void>
  /** Rejects to refuse a transfer that is prepared already, and counted in the log. */
  handleIncomingPrepare(context: ChannelContext, transfer: LedgerTransfer): Promise<void>
  /** As payer, after each fulfilled transfer: a claim to the total of them, or `undefined`. */
  createOutgoingClaim(context: ChannelContext, outgoingFulfilled: string): Promise<unknown>
  /** As payee: the claim, or `undefined` where the payer made none. */
  handleIncomingClaim(context: ChannelContext, claim: unknown): Promise<void>
}

export type PaymentChannelPluginOptions = Omit<HostedLedgerPluginOptions, 'symmetrical'> & { [option: string]: unknown }

/** The account of the other side, in the ledger of this side. */
const PEER = 'peer'
const HOOKS = [
  'constructor',
  'getAuthToken',
  'getInfo',
  'getAccount',
  'getPeerAccount',
  'connect',
  'disconnect',
  'handleIncomingPrepare',
  'createOutgoingClaim',
  'handleIncomingClaim',
] as const

/** @throws {InvalidFieldsError} when a hook is missing */
export function makePaymentChannelPlugin(
  module: ChannelModule,
): new (options: PaymentChannelPluginOptions) => PluginV1 {
  for (const hook of HOOKS) {
    // Every object has a constructor: only the module's own counts.
    if (!Object.hasOwn(module, hook) || typeof module[hook] !== 'function') {
      throw new InvalidFieldsError(`a payment channel module needs a function ${hook}`)
    }
  }
  const PaymentChannelPlugin = class extends PluginV1 {
    constructor(options: PaymentChannelPluginOptions) {
      if (typeof options !== 'object' || options === null) throw new InvalidFieldsError('options must be an object')
      const channel = new Channel(module, options)
      super(async () => channel.connect(), {
        log: channel.log,
        open: async (wait) => channel.open(wait),
        close: async () => channel.close(),
        ended: (id) => endedOf(channel.hosted.ledger.transfer(PEER, id)),
        admit: async (transfer) => module.handleIncomingPrepare(channel.context, transfer),
      })
      channel.start(this)
    }
  }
  const { pluginName = '' } = module
  const name = pluginName.replaceAll(
    /(?:^|-)(.)([^-]*)/g,
    (_, first: string, rest: string) => first.toUpperCase() + rest,
  )
  Object.defineProperty(PaymentChannelPlugin, 'name', { value: `Plugin${name}` })
  return PaymentChannelPlugin
}

/** A module, the ledger under it, and what joins them. */
class Channel {
  readonly log: Log
  readonly #module: ChannelModule
  readonly #options: PaymentChannelPluginOptions
  readonly #methods = new Map<string, (args: unknown) => Promise<unknown>>()
  #context: ChannelContext | undefined
  #hosted: HostedLedger | undefined
  #link: Link | undefined
  #connected = false

  constructor(module: ChannelModule, options: PaymentChannelPluginOptions) {
    this.#module = module
    this.#options = options
    this.log = options.log ?? silentLog
    if (options._store === undefined) throw new InvalidFieldsError('a payment channel plugin needs a _store')
    limitsOf(options)
  }

  get context(): ChannelContext {
    if (this.#context === undefined) throw new UnreachableError('the plugin is not constructed yet')
    return this.#context
  }

  get hosted(): HostedLedger {
    if (this.#hosted === undefined) throw new UnreachableError('connect the plugin first')
    return this.#hosted
  }

  /** Lets the module look at its options; nothing connects yet. */
  start(plugin: PluginV1): void {
    const { _store } = this.#options
    if (_store === undefined) throw new InvalidFieldsError('a payment channel plugin needs a _store')
    this.#context = {
      state: {},
      rpc: {
        addMethod: (name, method) => {
          this.#methods.set(name, method)
          if (this.#link !== undefined) this.#serve(this.#link, name, method)
        },
        call: async (name, _prefix, args) => this.#call(name, args),
      },
      backend: channelBackend(_store),
      transferLog: new LedgerTransferLog(() => this.hosted.ledger, PEER),
      plugin,
    }
    this.#module.constructor(this.#context, this.#options)
  }

  /** The ledger and its link. The addresses are the module's, which may know them only once it is connected. */
  async connect(): Promise<Link> {
    if (!this.#connected) await this.#module.connect(this.context, {})
    this.#connected = true
    if (this.#link !== undefined) return this.#link
    this.#hosted = this.#makeLedger()
    const link = this.#hosted.host.link(PEER)
    for (const [name, method] of this.#methods) this.#serve(link, name, method)
    this.#link = link
    return link
  }

  async open(wait: { timeoutMs?: number }): Promise<void> {
    await this.hosted.open(wait)
  }

  async close(): Promise<void> {
    if (this.#connected) {
      this.#connected = false
      await this.#module.disconnect(this.context)
    }
    await this.#hosted?.close()
  }

  #makeLedger(): HostedLedger {
    const module = this.#module
    const context = this.context
    const { listener, server, ca, incomingSecret, authCheck } = this.#options
    const { prefix, currencyCode, currencyScale, connectors } = module.getInfo(context)
    const addresses = { account: module.getAccount(context), peer: module.getPeerAccount(context) }
    for (const address of [prefix, ...Object.values(addresses)]) {
      if (!isAddress(address, 'prefix')) throw new InvalidFieldsError(`the module gives ${address} for an address`)
    }
    const token = module.getAuthToken(context)
    const access = {
      incomingSecret: incomingSecret ?? token,
      ...(authCheck !== undefined && { authCheck }),
    }
    return new HostedLedger({
      store: chooseStore(this.#options),
      accounts: { [PEER]: limitsOf(this.#options) },
      prefix,
      assetCode: currencyCode,
      assetScale: currencyScale,
      connectors: connectors ?? [],
      log: this.log,
      authority: 'payer',
      addresses,
      claims: {
        create: async () => claimEntries(await module.createOutgoingClaim(context, await outgoing(context))),
        receive: (entries) => {
          void this.#receive(entries)
        },
      },
      ...(listener !== undefined && {
        listen: { ...listenOptions(listener, access), authenticate: authenticator(access, PEER) },
      }),
      ...(server !== undefined && { dial: { ...withToken(dialOptions(server, ca), token), account: PEER } }),
    })
  }

  /** Never rejects. */
  async #receive(entries: readonly SubProtocol[]): Promise<void> {
    try {
      await this.#module.handleIncomingClaim(this.context, readEntry(entries, 'claim'))
    } catch (error) {
      this.log.error('the module could not take a claim', { error: String(error) })
    }
  }

  #serve(link: Link, name: string, method: (args: unknown) => Promise<unknown>): void {
    link.onRequest(name, async (entries) => [jsonEntry(name, await method(readEntry(entries, name)))])
  }

  async #call(name: string, args: unknown): Promise<unknown> {
    if (this.#link === undefined) throw new UnreachableError('connect the plugin first')
    try {
      return readEntry(await this.#link.request([jsonEntry(name, args)]), name)
    } catch (error) {
      if (error instanceof LinkError && error.code === 'LINK_REFUSED') throw lpiErrorOf(error.peerName, error.message)
      throw error
    }
  }
}

async function outgoing(context: ChannelContext): Promise<string> {
  return context.transferLog.getOutgoingFulfilled()
}

function withToken<Dialed extends { readonly token: string }>(dialed: Dialed, token: string): Dialed {
  return dialed.token === '' ? { ...dialed, token } : dialed
}

/** By its type: bytes, text, or anything else as JSON. */
function claimEntries(claim: unknown): SubProtocol[] {
  if (claim === undefined) return []
  if (claim instanceof Uint8Array) return [octetEntry('claim', claim)]
  return [typeof claim === 'string' ? textEntry('claim', claim) : jsonEntry('claim', claim)]
}

function readEntry(entries: readonly SubProtocol[], name: string): unknown {
  const entry = findEntry(entries, name)
  if (entry === undefined) return undefined
  if (entry.contentType === APPLICATION_JSON) return JSON.parse(fromUtf8(entry.data)) as unknown
  return entry.contentType === TEXT_PLAIN ? fromUtf8(entry.data) : Buffer.from(entry.data ?? EMPTY)
}
