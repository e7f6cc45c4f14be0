/**
 * A link over a plugin for version 1 of the interface: its transfers as holds, its events as outcomes. The book is the
 * plugin's. An end that it does not tell within a while after the expiry is taken for an expiry: some never tell one.
 * Left out: messages with entries other than `ilp` and `custom`, which version 1 cannot say.
 */
import { formatTransferId, parseTransferId, type SubProtocol } from '../btp/index.js'
import { EMPTY, fromBase64, fromUtf8, toBase64url } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import { randomBytes } from '../crypto/index.js'
import { formatAmount, hasPrefix } from '../ilp/index.js'
import {
  type GivenReason,
  type Hold,
  type HoldObserver,
  type HoldOutcome,
  type IncomingHold,
  type Link,
  LinkError,
  type LinkInfo,
  type LinkState,
  type RequestHandler,
  type Settled,
} from '../link/index.js'
import { ANSWER_GRACE_MS, reasonOf, refusalIn } from './adapters-packet-hold.js'
import { fulfillmentData, fulfillmentPacket, messageEntries, readMessage, toHold, toReason } from './v1-convert.js'
import type { LedgerPluginV1, LedgerTransfer, Message, RejectionMessage } from './v1-types.js'

type Final = Extract<HoldOutcome, { status: 'fulfilled' | 'rejected' | 'expired' }>

export interface TransferLinkOptions {
  /** The other side's address. Absent: the first connector, or what is left of `server` and `client`. */
  readonly peer: string | undefined
  readonly clock: Clock
}

export class TransferPluginLink implements Link {
  readonly #plugin: LedgerPluginV1
  readonly #options: TransferLinkOptions
  #info: LinkInfo | undefined
  #state: LinkState = 'idle'
  #onHold: ((hold: IncomingHold) => void) | undefined
  readonly #handlers = new Map<string, RequestHandler>()
  readonly #listeners = new Set<(state: LinkState) => void>()
  /** By id: what ends a transfer of ours, and one that came. As many as the plugin has under way. */
  readonly #sent = new Map<string, (outcome: Final) => void>()
  readonly #received = new Map<string, IncomingHold>()

  constructor(plugin: LedgerPluginV1, options: TransferLinkOptions) {
    this.#plugin = plugin
    this.#options = options
    plugin.on('connect', () => this.#state === 'connecting' && this.#info !== undefined && this.#become('open'))
    plugin.on('disconnect', () => this.#state === 'open' && this.#become('connecting'))
    plugin.on('incoming_prepare', (transfer: LedgerTransfer) => this.#take(transfer))
    plugin.on('incoming_cancel', ({ id }: LedgerTransfer) => this.#cancelled(id))
    plugin.on('outgoing_fulfill', ({ id }: LedgerTransfer, fulfillment: string, ilp?: string) => {
      this.#end(id, () => ({ status: 'fulfilled', fulfillment: fromBase64(fulfillment), data: fulfillmentData(ilp) }))
    })
    plugin.on('outgoing_reject', ({ id }: LedgerTransfer, reason?: RejectionMessage) => {
      this.#end(id, () => ({ status: 'rejected', reason: this.#reason(givenBy(reason)) }))
    })
    plugin.on('outgoing_cancel', ({ id }: LedgerTransfer, reason?: RejectionMessage) => {
      this.#end(id, () => ({ status: 'expired', reason: this.#reason({ ...givenBy(reason), code: 'R00' }) }))
    })
  }

  get state(): LinkState {
    return this.#state
  }

  get info(): LinkInfo {
    if (this.#info === undefined) throw new LinkError('LINK_NOT_OPEN', 'open the link first')
    return this.#info
  }

  async open({ timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#state === 'open') return
    this.#state = 'connecting'
    this.#plugin.deregisterRequestHandler()
    this.#plugin.registerRequestHandler(async (message) => this.#answer(message))
    try {
      await this.#plugin.connect(timeoutMs === undefined ? {} : { timeout: timeoutMs })
    } catch (error) {
      if (this.#state === 'connecting') this.#become('idle')
      throw error
    }
    this.#info = this.#known()
    if (this.#plugin.isConnected()) this.#become('open')
  }

  async close(): Promise<void> {
    this.#plugin.deregisterRequestHandler()
    await this.#plugin.disconnect()
    this.#become('closed')
  }

  send(hold: Hold, observer: HoldObserver): void {
    const id = hold.id ?? randomBytes(16)
    void this.#send(hold, id, observer)
  }

  onHold(handler: ((hold: IncomingHold) => void) | undefined): void {
    this.#onHold = handler
  }

  async request(entries: readonly SubProtocol[]): Promise<readonly SubProtocol[]> {
    if (entries.some(({ name }) => name !== 'ilp' && name !== 'custom')) {
      const refusal = { name: 'InvalidFieldsError', code: 'F01' }
      throw new LinkError('LINK_REFUSED', 'version 1 carries ilp and custom only', refusal)
    }
    const { info } = this
    const { ilp, custom } = readMessage(entries, '', info)
    const message = { to: info.peer, ...(ilp !== undefined && { ilp }), ...(custom !== undefined && { custom }) }
    try {
      return messageEntries(await this.#plugin.sendRequest(message))
    } catch (error) {
      throw new LinkError('LINK_REFUSED', messageOf(error), { name: nameOf(error), code: 'F00' })
    }
  }

  onRequest(name: string, handler: RequestHandler | undefined): void {
    if (handler === undefined) this.#handlers.delete(name)
    else this.#handlers.set(name, handler)
  }

  async balance(): Promise<bigint> {
    return BigInt(await this.#plugin.getBalance())
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #known(): LinkInfo {
    const { prefix, currencyCode, currencyScale, connectors } = this.#plugin.getInfo()
    const account = this.#plugin.getAccount()
    const other = hasPrefix(account, `${prefix}server`) ? `${prefix}client` : `${prefix}server`
    const peer = this.#options.peer ?? connectors[0] ?? other
    return { prefix, account, peer, assetCode: currencyCode, assetScale: currencyScale, connectors }
  }

  #become(state: LinkState): void {
    if (state === this.#state) return
    this.#state = state
    for (const listener of this.#listeners) listener(state)
  }

  /** Never rejects. */
  async #send(hold: Hold, id: Uint8Array, observer: HoldObserver): Promise<void> {
    const { clock } = this.#options
    const key = formatTransferId(id)
    let ended = false
    let isPrepared = false
    const prepare = (): void => {
      if (isPrepared) return
      isPrepared = true
      observer.onPrepared?.(id)
    }
    const finish = (outcome: HoldOutcome): void => {
      if (ended) return
      ended = true
      cancel()
      this.#sent.delete(key)
      // Its end may be told before it was said to be sent.
      if (outcome.status !== 'refused') prepare()
      observer.onOutcome(outcome, id)
    }
    const late = (): void => finish({ status: 'expired', reason: this.#reason({ code: 'R00' }) })
    const cancel = clock.after(hold.expiresAt + ANSWER_GRACE_MS - clock.now(), late)
    this.#sent.set(key, finish)
    try {
      await this.#plugin.sendTransfer({
        id: key,
        to: this.info.peer,
        amount: formatAmount(hold.amount),
        executionCondition: toBase64url(hold.condition),
        expiresAt: new Date(hold.expiresAt).toISOString(),
        ...(hold.packet.length > 0 && { ilp: toBase64url(hold.packet) }),
        ...(hold.custom !== undefined && { custom: JSON.parse(fromUtf8(hold.custom)) as Record<string, unknown> }),
      })
      prepare()
    } catch (error) {
      if (ended) return
      const refusal = refusalIn(error)
      if (refusal === undefined) observer.onOutcome({ status: 'inDoubt', message: messageOf(error) }, id)
      else finish({ status: 'refused', code: 'F00', ...refusal })
    }
  }

  #end(id: string, outcome: () => Final): void {
    const finish = this.#sent.get(id)
    if (finish === undefined) return
    try {
      finish(outcome())
    } catch {
      finish({
        status: 'rejected',
        reason: this.#reason({ code: 'F05', message: 'the plugin told an unreadable end' }),
      })
    }
  }

  #take(transfer: LedgerTransfer): void {
    this.#info ??= this.#known()
    const info = this.#info
    const { id } = transfer
    const refuse = (code: string): unknown => this.#plugin.rejectIncomingTransfer(id, { code }).catch(() => undefined)
    if (this.#onHold === undefined) return void refuse('T01')
    let hold: Hold
    try {
      // The fields of a transfer that comes are those of one that goes, with the parties exchanged.
      const { from: _from, ledger: _ledger, ...fields } = transfer
      hold = toHold(fields, { ...info, account: info.peer, peer: info.account })
    } catch {
      return void refuse('F01')
    }
    const settle = async (action: () => Promise<unknown>, done: (settled: Settled) => void): Promise<void> => {
      const settled = await settledBy(action)
      if (settled.ok) this.#received.delete(id)
      done(settled)
    }
    const { amount, condition, expiresAt, packet, custom } = hold
    const incoming: IncomingHold = {
      account: info.peer,
      id: parseTransferId(id),
      amount,
      condition,
      expiresAt,
      packet,
      custom,
      fulfill: (fulfillment, data, done) => {
        const carried = fulfillmentPacket(data)
        void settle(async () => this.#plugin.fulfillCondition(id, toBase64url(fulfillment), ...carried), done)
      },
      reject: (reason, done = () => undefined) => {
        void settle(async () => this.#plugin.rejectIncomingTransfer(id, this.#told(reason)), done)
      },
      onEnded: undefined,
    }
    this.#received.set(id, incoming)
    this.#onHold(incoming)
  }

  #cancelled(id: string): void {
    const hold = this.#received.get(id)
    this.#received.delete(id)
    hold?.onEnded?.('expired')
  }

  async #answer(message: Message): Promise<Message> {
    const entries = messageEntries(message)
    const handler = this.#handlers.get(entries[0]?.name ?? '')
    if (handler === undefined) throw new LinkError('LINK_REFUSED', 'nobody answers this')
    const { ilp, custom } = readMessage(await handler(entries, this.info.peer), '', this.info)
    return { to: this.info.peer, ...(ilp !== undefined && { ilp }), ...(custom !== undefined && { custom }) }
  }

  #reason(given: GivenReason) {
    return reasonOf(given, this.info.peer, this.#options.clock.now())
  }

  /** Data of a reason are bytes; here they are text in an object. */
  #told({ code, name, message, triggeredBy, data = EMPTY }: GivenReason): RejectionMessage {
    return {
      code,
      ...(name !== undefined && { name }),
      ...(message !== undefined && { message }),
      triggered_by: triggeredBy ?? this.info.account,
      additional_info: data.length === 0 ? {} : { data: toBase64url(data) },
    }
  }
}

/** Plugins of 2017 tell an expiry without a reason. */
function givenBy(reason: RejectionMessage | undefined): GivenReason {
  const info = reason?.additional_info
  const text = typeof info === 'object' && info !== null && 'data' in info ? info.data : undefined
  const { data: _, ...given } = toReason(reason)
  try {
    return typeof text === 'string' ? { ...given, data: fromBase64(text) } : given
  } catch {
    return given
  }
}

/** Never rejects. */
async function settledBy(action: () => Promise<unknown>): Promise<Settled> {
  try {
    await action()
    return { ok: true }
  } catch (error) {
    return { ok: false, code: 'F00', name: nameOf(error), message: messageOf(error) }
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'NotAcceptedError'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'refused'
}
