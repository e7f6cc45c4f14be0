/**
 * The till: takes the holds that arrive over a link, finds out what each is meant to pay for, and checks it before anyone
 * acts on it. Packet → address → client id, the segment after the till's own account → payee. The checks and their reject
 * codes are those of the reference receiver (interledgerjs/ilp 11.4, `transport.js`), and those that the 2017 shops lacked.
 * Answers `sluice.cancel` and `sluice.receipt`. Whatever a payer sends, nothing is thrown.
 *
 * A restart leaves no payee behind: holds of streams that are gone are rejected, so the money returns.
 */
import { EMPTY, fromUtf8, latin1, toBase64url } from '../bytes/index.js'
import type { SubProtocol } from '../btp/index.js'
import { systemClock, type Clock } from '../clock/index.js'
import { isPreimage, randomBytes } from '../crypto/index.js'
import { SluiceError } from '../errors/index.js'
import { decodePacketOf, errorName, hasPrefix, segmentAfter, type ErrorCode, type PaymentPacket } from '../ilp/index.js'
import type { IncomingHold, Receiver } from '../link/index.js'
import { OnceRule } from './once.js'
import type { ReceiptSigner } from './receipt-signer.js'
import { CANCEL, encodeReceipt, encodeTotals, RECEIPT, type StreamEnd, type Totals } from './stream-messages.js'
import { streamReceipt, type Sold } from './stream-receipt.js'

/**
 * Codes:
 * `TILL_FULL` as many streams as there may be: try again later;
 * `TILL_NO_RECEIPT` this seller signs no receipts;
 * `TILL_NO_STREAM` no such stream of this account.
 */
export class TillError extends SluiceError {}

/** A hold that passed every check: who takes it captures it with `fulfillment`, or rejects it. */
export interface CheckedHold {
  readonly hold: IncomingHold
  readonly packet: PaymentPacket
  readonly fulfillment: Uint8Array
}

/** What holds can be meant for. */
export interface Payee {
  /** The least amount of one hold; above 0. */
  readonly price: bigint
  /** The fulfillment of a hold for this payee, from the packet's bytes and its destination. Others are rejected (F05). */
  readonly fulfillmentFor: (packet: Uint8Array, destination: string) => Uint8Array
  readonly take: (checked: CheckedHold) => void
}

/** A payee with an end: one response that streams. */
export interface StreamPayee extends Payee {
  /** Ends it; resolves with what was captured. Twice is fine. */
  readonly stop: (why: StreamEnd) => Promise<Totals>
  /** What is sold here, and how much of it so far. */
  readonly sold: () => Sold
}

export interface TillOptions {
  readonly link: Receiver
  readonly clock?: Clock
  readonly randomBytes?: (length: number) => Uint8Array
  /** Signs what payers ask `sluice.receipt` for. Absent: there are no receipts. */
  readonly receipts?: ReceiptSigner | undefined
  /** Hears the code of each hold that fails a check. */
  readonly onRejected?: ((code: ErrorCode) => void) | undefined
  /** A hold that expires sooner is rejected (R02): its capture could come too late. Default 1000. */
  readonly captureMarginMs?: number
  /** Streams at once. Default 10 000. */
  readonly streamsMax?: number
  /** Ended streams whose totals and receipts can still be asked for. Default 1024. */
  readonly endedStreamsMax?: number
  /** Conditions of payments outside streams that are remembered, so that none is paid twice. Default 10 000. */
  readonly usedConditionsMax?: number
}

interface OpenStream {
  readonly payee: StreamPayee
  readonly once: OnceRule
  /** The trustline that pays, and may cancel; known with its first hold. */
  payer: string | undefined
}

interface EndedStream {
  readonly payer: string | undefined
  readonly sold: Sold
}

export class Till {
  readonly link: Receiver
  readonly #clock: Clock
  readonly #random: (length: number) => Uint8Array
  readonly #receipts: ReceiptSigner | undefined
  readonly #onRejected: (code: ErrorCode) => void
  readonly #captureMarginMs: number
  readonly #streamsMax: number
  readonly #endedStreamsMax: number
  readonly #usedConditionsMax: number
  readonly #streams = new Map<string, OpenStream>()
  /** Streams that nobody has paid for, oldest first. */
  readonly #unpaid = new Set<string>()
  readonly #ended = new Map<string, EndedStream>()
  readonly #usedConditions = new Set<string>()
  readonly #finders: ((clientId: string) => Payee | undefined)[] = []
  #forgetState: (() => void) | undefined

  constructor(options: TillOptions) {
    this.link = options.link
    this.#clock = options.clock ?? systemClock
    this.#random = options.randomBytes ?? randomBytes
    this.#receipts = options.receipts
    this.#onRejected = options.onRejected ?? (() => {})
    this.#captureMarginMs = options.captureMarginMs ?? 1000
    this.#streamsMax = options.streamsMax ?? 10_000
    this.#endedStreamsMax = options.endedStreamsMax ?? 1024
    this.#usedConditionsMax = options.usedConditionsMax ?? 10_000
  }

  /** Starts to take the link's holds. Twice is fine. */
  open(): void {
    if (this.#forgetState) return
    this.link.onHold((hold) => this.#take(hold))
    this.link.onRequest(CANCEL, async (entries, account) => this.#cancel(entries, account))
    this.link.onRequest(RECEIPT, async (entries, account) => this.#receipt(entries, account))
    this.#forgetState = this.link.onState((state) => {
      if (state === 'closed') void this.#stopAll('unavailable')
    })
  }

  /** Ends all streams and takes no more holds. Twice is fine. */
  async close(): Promise<void> {
    this.link.onHold(undefined)
    this.link.onRequest(CANCEL, undefined)
    this.link.onRequest(RECEIPT, undefined)
    // The link is watched meanwhile: once it is gone, nothing more is waited for.
    await this.#stopAll('closing')
    this.#forgetState?.()
    this.#forgetState = undefined
  }

  get streams(): number {
    return this.#streams.size
  }

  /** Whether there are as many streams as there may be, and somebody has paid for each. */
  get full(): boolean {
    return this.#streams.size >= this.#streamsMax && this.#unpaid.size === 0
  }

  /** A client id that nobody can guess, and the address under which its holder pays. */
  newClient(): { clientId: string; address: string } {
    const clientId = toBase64url(this.#random(CLIENT_ID_BYTES))
    return { clientId, address: this.addressOf(clientId) }
  }

  /** 32 bytes to share with one client. */
  newSecret(): Uint8Array {
    return this.#random(SECRET_BYTES)
  }

  /**
   * Holds for this client go to `payee`, until {@link Till.removeStream}. Where there is no room, the oldest stream that
   * nobody has paid for makes it. @throws {TillError} `TILL_FULL`
   */
  addStream(clientId: string, payee: StreamPayee): void {
    if (this.full) throw new TillError('TILL_FULL', 'too many streams: try again later')
    const [oldest] = this.#unpaid
    if (this.#streams.size >= this.#streamsMax && oldest !== undefined) this.#evict(oldest)
    this.#unpaid.add(clientId)
    this.#streams.set(clientId, { payee, once: new OnceRule(), payer: undefined })
  }

  /** The stream has ended; what it sold can still be asked for, for a while. */
  removeStream(clientId: string): void {
    const stream = this.#streams.get(clientId)
    if (!stream) return
    this.#streams.delete(clientId)
    this.#unpaid.delete(clientId)
    this.#ended.set(clientId, { payer: stream.payer, sold: stream.payee.sold() })
    if (this.#ended.size > this.#endedStreamsMax) forgetOldest(this.#ended)
  }

  /** Asks `find` for the payees of client ids that are no stream's. */
  addFinder(find: (clientId: string) => Payee | undefined): void {
    this.#finders.push(find)
  }

  /** The ILP address under which a client pays. */
  addressOf(clientId: string): string {
    return `${this.link.info.account}.${clientId}`
  }

  #evict(clientId: string): void {
    const stream = this.#streams.get(clientId)
    this.#streams.delete(clientId)
    this.#unpaid.delete(clientId)
    void stream?.payee.stop('idle')
  }

  #take(hold: IncomingHold): void {
    const refusal = this.#check(hold)
    if (refusal === undefined) return
    refuse(hold, ...refusal)
    this.#onRejected(refusal[0])
  }

  /** Hands the hold to its payee, or says why not. */
  #check(hold: IncomingHold): readonly [code: ErrorCode, message: string] | undefined {
    if (hold.packet.length === 0) return ['F01', 'the transfer carries no packet']
    const packet = readPayment(hold.packet)
    if (packet === undefined) return ['F01', 'the packet is not a payment']
    const own = this.link.info.account
    if (!hasPrefix(packet.account, own)) return ['F02', 'the packet is for another address']
    const clientId = segmentAfter(packet.account, own)
    if (clientId === undefined) return ['F06', 'the address names no client: take the whole address of the Pay header']
    const stream = this.#streams.get(clientId)
    const payee = stream?.payee ?? this.#find(clientId)
    if (payee === undefined) return ['F06', 'nothing is sold at this address any more: ask for a new one']
    if (hold.amount < packet.amount) return ['F04', 'the transfer is smaller than its packet says']
    if (packet.amount < payee.price) return ['F04', `the price is ${payee.price}`]
    if (hold.expiresAt - this.#clock.now() <= this.#captureMarginMs) return ['R02', 'the hold expires too soon']
    const fulfillment = payee.fulfillmentFor(hold.packet, packet.account)
    if (!isPreimage(fulfillment, hold.condition)) return ['F05', 'the condition does not fit secret and packet']
    const fresh = stream
      ? stream.once.admit(packet.account.slice(own.length + clientId.length + 2))
      : this.#admitCondition(hold.condition)
    if (!fresh) return ['F06', 'this was paid before: take the next payment id, or a new address']
    if (stream && stream.payer === undefined) {
      stream.payer = hold.account
      this.#unpaid.delete(clientId)
    }
    payee.take({ hold, packet, fulfillment })
    return undefined
  }

  #admitCondition(condition: Uint8Array): boolean {
    const key = latin1(condition)
    if (this.#usedConditions.has(key)) return false
    this.#usedConditions.add(key)
    if (this.#usedConditions.size > this.#usedConditionsMax) forgetOldest(this.#usedConditions)
    return true
  }

  #find(clientId: string): Payee | undefined {
    for (const find of this.#finders) {
      const payee = find(clientId)
      if (payee !== undefined) return payee
    }
    return undefined
  }

  /** Whether there are receipts. */
  get signs(): boolean {
    return this.#receipts !== undefined
  }

  /** A receipt of what was captured so far; `undefined` while nobody has paid, or when nobody signs. */
  async receiptOf(clientId: string): Promise<string | undefined> {
    const stream = this.#streams.get(clientId)
    const payer = stream?.payer ?? this.#ended.get(clientId)?.payer
    const sold = stream?.payee.sold() ?? this.#ended.get(clientId)?.sold
    if (payer === undefined || sold === undefined) return undefined
    const about = { info: this.link.info, stream: this.addressOf(clientId), payer, time: this.#clock.now() }
    return this.#receipts?.sign(streamReceipt(sold, about))
  }

  async #cancel(entries: readonly SubProtocol[], account: string): Promise<readonly SubProtocol[]> {
    const clientId = this.#clientIdOf(entries)
    const stream = this.#streams.get(clientId)
    const ended = this.#ended.get(clientId)
    const payer = stream?.payer ?? ended?.payer
    if ((!stream && !ended) || (payer !== undefined && payer !== account)) throw noStream()
    const totals = stream ? await stream.payee.stop('cancelled') : ended?.sold.totals
    const receipt = await this.receiptOf(clientId)
    return [...(totals ? [encodeTotals(totals)] : []), ...(receipt === undefined ? [] : [encodeReceipt(receipt)])]
  }

  async #receipt(entries: readonly SubProtocol[], account: string): Promise<readonly SubProtocol[]> {
    if (!this.#receipts) throw new TillError('TILL_NO_RECEIPT', 'this seller signs no receipts')
    const clientId = this.#clientIdOf(entries)
    // What a stream came to is its payer's business alone.
    if ((this.#streams.get(clientId)?.payer ?? this.#ended.get(clientId)?.payer) !== account) throw noStream()
    const receipt = await this.receiptOf(clientId)
    if (receipt === undefined) throw noStream()
    return [encodeReceipt(receipt)]
  }

  #clientIdOf(entries: readonly SubProtocol[]): string {
    return segmentAfter(fromUtf8(entries[0]?.data ?? EMPTY), this.link.info.account) ?? ''
  }

  async #stopAll(why: StreamEnd): Promise<void> {
    await Promise.all([...this.#streams.values()].map(async ({ payee }) => payee.stop(why)))
  }
}

/** As in the 2017 shops. */
const CLIENT_ID_BYTES = 8
const SECRET_BYTES = 32

function readPayment(bytes: Uint8Array): PaymentPacket | undefined {
  try {
    return decodePacketOf(1, bytes)
  } catch {
    return undefined
  }
}

function noStream(): TillError {
  return new TillError('TILL_NO_STREAM', 'no such stream of this account')
}

function refuse(hold: IncomingHold, code: ErrorCode, message: string): void {
  hold.reject({ code, name: errorName(code), message })
}

/** Maps and sets keep the order of insertion. */
function forgetOldest(entries: Map<string, unknown> | Set<string>): void {
  const [oldest] = entries.keys()
  if (oldest !== undefined) entries.delete(oldest)
}
