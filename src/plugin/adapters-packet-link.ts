/**
 * A link over a plugin for version 2 of the interface: holds go and come as ILP Prepares (RFC-27 draft 10), their
 * outcomes as Fulfills and Rejects. Nobody keeps a book here: the balance is what this link has seen fulfilled, and what
 * becomes of a hold whose answer is lost is not known; it counts as expired when its time has passed.
 * Left out: money (`sendMoney`).
 */
import { findEntry, type SubProtocol } from '../btp/index.js'
import { EMPTY, latin1 } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import { isPreimage, randomBytes } from '../crypto/index.js'
import {
  decodeIldcpResponse,
  decodePacketOf,
  encodeIldcpRequest,
  encodeIldcpResponse,
  ILDCP_ADDRESS,
  type PreparePacket,
} from '../ilp/index.js'
import {
  type Hold,
  type HoldObserver,
  type IncomingHold,
  type Link,
  LinkError,
  type LinkInfo,
  type LinkState,
  type RequestHandler,
} from '../link/index.js'
import { carriedBy, dataOfEntries, entriesOfData, prepareOf } from './adapters-carriage.js'
import { ANSWER_GRACE_MS, ArrivedPacket, outcomeOf, reasonOf, refusalIn, rejectPacket } from './adapters-packet-hold.js'
import { InvalidFieldsError } from './errors.js'
import type { LedgerPluginV2 } from './v2-types.js'

/** Holds that came and have not ended, per link; more are rejected with `T02`. */
export const ADAPTED_HOLDS_MAX = 10_000
const CONFIG_MS = 30_000

export interface PacketLinkOptions {
  /** Absent: asked of the peer by ILDCP (RFC-31 draft 5). Present: the peer that asks is told its address. */
  readonly info: LinkInfo | undefined
  /** The peer takes whole packets with ids, as our adapters do; otherwise it gets plain Prepares. */
  readonly whole: boolean
  readonly clock: Clock
}

export class PacketPluginLink implements Link {
  readonly #plugin: LedgerPluginV2
  readonly #options: PacketLinkOptions
  #info: LinkInfo | undefined
  #state: LinkState = 'idle'
  #opening: Promise<void> | undefined
  #balance = 0n
  #onHold: ((hold: IncomingHold) => void) | undefined
  readonly #handlers = new Map<string, RequestHandler>()
  readonly #listeners = new Set<(state: LinkState) => void>()
  readonly #arrived = new Map<string, ArrivedPacket>()

  constructor(plugin: LedgerPluginV2, options: PacketLinkOptions) {
    this.#plugin = plugin
    this.#options = options
    this.#info = options.info
    plugin.on('connect', () => this.#info !== undefined && this.#opening === undefined && this.#become('open'))
    plugin.on('disconnect', () => this.#state === 'open' && this.#become('connecting'))
  }

  get state(): LinkState {
    return this.#state
  }

  get info(): LinkInfo {
    if (this.#info === undefined) throw new LinkError('LINK_NOT_OPEN', 'open the link first')
    return this.#info
  }

  open(options: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#state === 'open') return Promise.resolve()
    this.#opening ??= this.#open(options.timeoutMs).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async close(): Promise<void> {
    this.#plugin.deregisterDataHandler()
    const closing = this.#plugin.disconnect()
    if (this.#state !== 'idle') this.#become('closed')
    for (const hold of this.#arrived.values()) hold.abandon()
    await closing
  }

  send(hold: Hold, observer: HoldObserver): void {
    const id = hold.id ?? randomBytes(16)
    const done = (outcome: Parameters<HoldObserver['onOutcome']>[0]): void => observer.onOutcome(outcome, id)
    const refuse = (name: string, code: string, message: string): void => {
      queueMicrotask(() => done({ status: 'refused', name, code, message }))
    }
    if (!this.#plugin.isConnected()) return refuse('UnreachableError', 'T00', 'the plugin is not connected')
    let bytes: Uint8Array
    try {
      bytes = prepareOf(hold, id, this.info.peer, this.#options.whole)
    } catch (error) {
      return refuse('InvalidFieldsError', 'F01', error instanceof Error ? error.message : 'does not fit a packet')
    }
    void this.#exchange(hold, id, bytes, observer)
  }

  onHold(handler: ((hold: IncomingHold) => void) | undefined): void {
    this.#onHold = handler
  }

  async request(entries: readonly SubProtocol[]): Promise<readonly SubProtocol[]> {
    try {
      return entriesOfData(bytesOf(await this.#plugin.sendData(bufferOf(dataOfEntries(entries)))))
    } catch (error) {
      const { name, message } = error instanceof Error ? error : { name: '', message: 'refused' }
      if (!this.#plugin.isConnected()) throw new LinkError('LINK_CLOSED', message)
      throw new LinkError('LINK_REFUSED', message, { name, code: 'F00' })
    }
  }

  onRequest(name: string, handler: RequestHandler | undefined): void {
    if (handler === undefined) this.#handlers.delete(name)
    else this.#handlers.set(name, handler)
  }

  async balance(): Promise<bigint> {
    return this.#balance
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #open(timeoutMs: number | undefined): Promise<void> {
    this.#become('connecting')
    this.#plugin.deregisterDataHandler()
    this.#plugin.registerDataHandler(async (data) => bufferOf(await this.#answer(bytesOf(data))))
    try {
      await this.#plugin.connect(timeoutMs === undefined ? {} : { timeout: timeoutMs })
      this.#info ??= await this.#ask()
    } catch (error) {
      if (this.#state === 'connecting') await this.close()
      throw error
    }
    if (this.#plugin.isConnected()) this.#become('open')
  }

  async #ask(): Promise<LinkInfo> {
    const request = encodeIldcpRequest({ expiresAt: this.#options.clock.now() + CONFIG_MS, data: EMPTY })
    const answer = await this.#plugin.sendData(bufferOf(request))
    try {
      const { clientAddress, assetCode, assetScale } = decodeIldcpResponse(answer)
      const prefix = clientAddress.slice(0, clientAddress.lastIndexOf('.') + 1)
      return { prefix, account: clientAddress, peer: `${prefix}server`, assetCode, assetScale, connectors: [] }
    } catch {
      throw new InvalidFieldsError('the peer does not tell who we are (peer.config): give info')
    }
  }

  #become(state: LinkState): void {
    if (state === this.#state) return
    this.#state = state
    for (const listener of this.#listeners) listener(state)
  }

  /** Never rejects. */
  async #exchange(hold: Hold, id: Uint8Array, bytes: Uint8Array, observer: HoldObserver): Promise<void> {
    const { clock } = this.#options
    let ended = false
    const expire = (): void => {
      if (ended) return
      ended = true
      const reason = { code: 'R00', message: 'no answer came in time' }
      observer.onOutcome({ status: 'expired', reason: reasonOf(reason, this.info.account, clock.now()) }, id)
    }
    const cancel = clock.after(hold.expiresAt + ANSWER_GRACE_MS - clock.now(), expire)
    const answering = this.#plugin.sendData(bufferOf(bytes))
    await Promise.resolve()
    observer.onPrepared?.(id)
    try {
      const outcome = outcomeOf(bytesOf(await answering), this.info.peer, clock.now())
      if (ended) return
      ended = true
      cancel()
      if (outcome.status === 'fulfilled' && !isPreimage(outcome.fulfillment, hold.condition)) {
        const reason = reasonOf({ code: 'F05', message: 'a wrong fulfillment' }, this.info.peer, clock.now())
        return observer.onOutcome({ status: 'rejected', reason }, id)
      }
      if (outcome.status === 'fulfilled') this.#balance -= hold.amount
      observer.onOutcome(outcome, id)
    } catch (error) {
      if (ended) return
      const refusal = refusalIn(error)
      if (refusal !== undefined) {
        ended = true
        cancel()
        const reason = reasonOf({ code: 'F00', message: refusal.message }, this.info.peer, clock.now())
        return observer.onOutcome({ status: 'rejected', reason }, id)
      }
      observer.onOutcome({ status: 'inDoubt', message: 'the answer was lost' }, id)
    }
  }

  async #answer(data: Uint8Array): Promise<Uint8Array> {
    const prepare = readPrepare(data)
    if (prepare === undefined) return this.#answerRequest(entriesOfData(data))
    const { info } = this.#options
    if (prepare.destination === ILDCP_ADDRESS && info !== undefined) {
      return encodeIldcpResponse({ ...info, clientAddress: info.peer })
    }
    return this.#take(prepare, data)
  }

  async #answerRequest(entries: readonly SubProtocol[]): Promise<Uint8Array> {
    const primary = entries[0]?.name ?? ''
    const handler = this.#handlers.get(primary)
    if (handler === undefined) throw new InvalidFieldsError('nobody answers this')
    const answer = await handler(entries, this.info.peer)
    return answer.length === 0 ? dataOfEntries([findEntry(entries, 'ilp') ?? EMPTY_ILP]) : dataOfEntries(answer)
  }

  #take(prepare: PreparePacket, bytes: Uint8Array): Promise<Uint8Array> | Uint8Array {
    const { clock } = this.#options
    const by = this.#info?.account ?? ''
    if (this.#onHold === undefined || by === '') return rejectPacket({ code: 'T01', message: 'nobody receives' }, by)
    if (prepare.expiresAt <= clock.now()) return rejectPacket({ code: 'R00', message: 'expired on the way' }, by)
    if (this.#arrived.size >= ADAPTED_HOLDS_MAX) return rejectPacket({ code: 'T02', message: 'too many holds' }, by)
    const carried = carriedBy(prepare, bytes)
    const key = latin1(carried.id)
    if (this.#arrived.has(key)) return rejectPacket({ code: 'F00', message: 'this transfer is under way' }, by)
    const onHold = this.#onHold
    return new Promise((resolve) => {
      const hold = new ArrivedPacket(prepare, carried, {
        clock,
        account: this.info.peer,
        by,
        connected: () => this.#plugin.isConnected(),
        ended: (answer, captured) => {
          this.#arrived.delete(key)
          if (captured) this.#balance += prepare.amount
          resolve(answer)
        },
      })
      this.#arrived.set(key, hold)
      onHold(hold)
    })
  }
}

const EMPTY_ILP: SubProtocol = { name: 'ilp', contentType: 0, data: EMPTY }

function readPrepare(data: Uint8Array): PreparePacket | undefined {
  try {
    return decodePacketOf(12, data)
  } catch {
    return undefined
  }
}

/** The same bytes, and back. */
function bytesOf(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
