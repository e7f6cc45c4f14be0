/**
 * The host of a hosted ledger for BTP 2.0 (RFC-23 draft 9): many holders, one trustline account each. What a holder sends
 * goes through the book to whoever answers data here; what is sent from here goes through the book to the holder that the
 * packet's destination names. `peer.config` (RFC-31 draft 5) is answered by the host itself.
 */
import { MESSAGE, type RequestFrame, type SubProtocol, TRANSFER, type TransferFrame } from '../btp/index.js'
import { equal } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import {
  decodePacketOf,
  encodeIldcpResponse,
  ILDCP_ADDRESS,
  PEER_CONDITION,
  type PreparePacket,
  segmentAfter,
} from '../ilp/index.js'
import type { Ledger } from '../ledger/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, type Session, type SessionOwner } from '../session/index.js'
import type { AccountRegister } from './account-register.js'
import { LinkError } from './errors.js'
import { failureOf } from './failures.js'
import { answerBy } from './messages.js'
import { btpErrorCode, errorCode, rejection } from './packet-answers.js'
import { PacketBook } from './packet-book.js'
import { SETTLEMENT_MS } from './packet-peer.js'
import { answeredByPacket } from './packet-dispatch.js'
import { askData, dataEntries, dataOf, readSettlementId, tellSettlement } from './packet-session.js'
import type { AcceptSettlement, PacketOwner } from './packet-types.js'

/** Who the host is, and what its ledger counts. */
export interface HostIdentity {
  /** The host's own address. */
  readonly address: string
  /** A holder's address is the prefix, which ends in a dot, and the account's name. */
  readonly prefix: string
  readonly assetCode: string
  readonly assetScale: number
}

export interface PacketHostOptions {
  /** Open while the host is; whoever made it closes it. */
  readonly ledger: Ledger
  readonly accounts: AccountRegister
  readonly owner: PacketOwner
  readonly clock: Clock
  readonly log: Log
  readonly randomBytes: (length: number) => Uint8Array
  readonly socketsPerAccountMax: number
  /** The holders ignore errors of BTP: a Prepare that cannot be answered is answered by a Reject. */
  readonly answersByPacket: boolean
  /** Absent: only those are credited whose account trusts its holder's word. */
  readonly acceptSettlement: AcceptSettlement | undefined
}

const NOT_SETTLED = btpFailure('NotAcceptedError', 'the settlement was not accepted: nothing proves it')
const NO_HANDLER = { name: 'NotAcceptedError', code: 'F00' }

export class PacketHost {
  /** What a session server tells of its sessions: each session's `account` is an account's name. */
  readonly owner: SessionOwner = {
    onOpen: (session) => this.#welcome(session),
    onRequest: (session, frame) => this.#serve(session, frame),
    onClosed: (session) => this.#remove(session),
  }

  readonly #options: PacketHostOptions
  readonly #book: PacketBook
  /** Connections by account, newest last. */
  readonly #sessions = new Map<string, Session[]>()
  #identity: HostIdentity | undefined
  #unsubscribe: () => void = () => undefined

  constructor(options: PacketHostOptions) {
    this.#options = options
    const { ledger, clock, log } = options
    this.#book = new PacketBook({ ledger, clock, log, address: () => this.#identity?.address ?? '' })
  }

  get isOpen(): boolean {
    return this.#identity !== undefined
  }

  /** The ledger is open. */
  open(identity: HostIdentity): void {
    this.#identity = identity
    this.#unsubscribe = this.#options.ledger.onExpired((transfer) => this.#book.expired(transfer))
  }

  /** Ends all connections. What is held stays in the ledger. */
  close(reason: string): void {
    this.#unsubscribe()
    this.#identity = undefined
    this.#book.stop(reason)
    for (const sessions of this.#sessions.values()) for (const session of sessions) session.close(reason)
    this.#sessions.clear()
  }

  /** Sends a Prepare to the holder that its destination names. @throws {LinkError} by rejection */
  async send(data: Uint8Array): Promise<Uint8Array> {
    const { prefix, address, assetCode, assetScale } = this.#opened()
    const packet = readPrepare(data)
    if (packet === undefined) {
      throw refusal(
        'only ILP Prepare packets have a destination: nothing else can be sent',
        'InvalidFieldsError',
        'F01',
      )
    }
    const { destination } = packet
    if (destination === ILDCP_ADDRESS) return encodeIldcpResponse({ clientAddress: address, assetCode, assetScale })
    const account = segmentAfter(destination, prefix)
    if (account === undefined || this.#options.ledger.account(account) === undefined) {
      return rejection('F02', address, 'no account has this address')
    }
    if (this.#live(account) === undefined) throw new LinkError('LINK_NOT_OPEN', 'the holder is not connected')
    return this.#book.exchange(account, 'host', data, packet, async (bytes) => this.#forward(account, bytes))
  }

  /** The reply of an error frame is final: it was not processed. Only a reply that is lost leaves the packet in doubt. */
  async #forward(account: string, packet: Uint8Array): Promise<Uint8Array> {
    try {
      return await askData(this.#live(account), packet)
    } catch (error) {
      if (!(error instanceof LinkError)) throw error
      const address = this.#identity?.address ?? ''
      if (error.code === 'LINK_NOT_OPEN') return rejection('T01', address, 'the holder is not connected')
      if (error.code === 'LINK_REFUSED') {
        return rejection(btpErrorCode(error.peerName), address, 'the holder could not process the packet')
      }
      throw error
    }
  }

  /** The sum of what is final on an account, from the holder's side, as of the last commit. @throws {LinkError} `LINK_ACCOUNT` */
  balanceOf(account: string): Promise<bigint> {
    const view = this.#options.ledger.account(account)
    if (view === undefined) throw new LinkError('LINK_ACCOUNT', 'there is no such account')
    return new Promise((resolve) => this.#options.ledger.committed(() => resolve(view.balance)))
  }

  /**
   * Counts `amount`, which was moved to the holder outside of this ledger, against what the host owes, then tells the
   * holder. What the holder refuses is counted back; what it does not answer stays counted, and is in doubt.
   * @throws {LinkError} by rejection
   */
  async pay(account: string, amount: bigint): Promise<void> {
    const { randomBytes, clock } = this.#options
    this.#opened()
    const session = this.#live(account)
    if (session === undefined) throw new LinkError('LINK_NOT_OPEN', 'the holder is not connected')
    const settlement = { id: randomBytes(16), expiresAt: clock.now() + SETTLEMENT_MS }
    await this.#post(account, -amount, settlement)
    try {
      await tellSettlement(session, amount, settlement)
    } catch (error) {
      if (error instanceof LinkError && error.code === 'LINK_REFUSED') {
        await this.#post(account, amount, { ...settlement, id: randomBytes(16) })
      }
      throw error
    }
  }

  #welcome(session: Session): void {
    if (!this.isOpen) return session.close('the host is closed')
    const { account } = session
    const sessions = this.#sessions.get(account) ?? []
    if (sessions.length >= this.#options.socketsPerAccountMax) return session.close('too many connections')
    sessions.push(session)
    this.#sessions.set(account, sessions)
  }

  #remove(session: Session): void {
    const sessions = this.#sessions.get(session.account) ?? []
    const at = sessions.indexOf(session)
    if (at >= 0) sessions.splice(at, 1)
    if (sessions.length === 0) this.#sessions.delete(session.account)
  }

  #live(account: string): Session | undefined {
    return this.#sessions.get(account)?.findLast((session) => session.open)
  }

  #serve(session: Session, frame: RequestFrame): void {
    const { log } = this.#options
    if (!this.isOpen) return
    if (frame.type === MESSAGE) {
      const answer = frame.entries[0]?.name === 'ilp' ? this.#answer : undefined
      return answerBy(answer, session, frame, session.account, log)
    }
    if (frame.type !== TRANSFER)
      return session.fail(frame.requestId, btpFailure('NotAcceptedError', 'unsupported packet'))
    this.#settle(session, frame).catch((error: unknown) => {
      const refused = error instanceof LinkError && error.code === 'LINK_REFUSED'
      if (!refused) log.warn('a settlement could not be handled', { account: session.account, error: String(error) })
      session.fail(frame.requestId, refused ? asFailure(error) : NOT_SETTLED)
    })
  }

  readonly #answer = async (entries: readonly SubProtocol[], account: string): Promise<readonly SubProtocol[]> => {
    const data = dataOf(entries)
    const receive = async (): Promise<Uint8Array> => this.#receive(account, data)
    const { answersByPacket, log } = this.#options
    if (!answersByPacket) return dataEntries(await receive())
    return dataEntries(await answeredByPacket(data, this.#identity?.address ?? '', log, receive))
  }

  async #receive(account: string, data: Uint8Array): Promise<Uint8Array> {
    const { prefix, address, assetCode, assetScale } = this.#opened()
    const { owner } = this.#options
    const packet = readPrepare(data)
    if (packet === undefined) {
      return data[0] === PREPARE_PACKET ? rejection('F01', address, 'unreadable packet') : owner.onData(data)
    }
    if (packet.destination === ILDCP_ADDRESS) {
      if (packet.amount !== 0n || !equal(packet.executionCondition, PEER_CONDITION)) {
        return rejection('F01', address, 'no request for configuration')
      }
      return encodeIldcpResponse({ clientAddress: `${prefix}${account}`, assetCode, assetScale })
    }
    if (!owner.answersData) throw new LinkError('LINK_REFUSED', 'no data handler is registered', NO_HANDLER)
    return this.#book.exchange(account, 'holder', data, packet, async (bytes) => this.#handle(bytes))
  }

  /** Whatever happens in the handler, the holder gets an answer without its text. */
  async #handle(packet: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#options.owner.onData(packet)
    } catch (error) {
      this.#options.log.warn('the data handler failed', { error: String(error) })
      return rejection(errorCode(error), this.#identity?.address ?? '', 'the packet could not be handled')
    }
  }

  async #settle(session: Session, frame: TransferFrame): Promise<void> {
    const { accounts, owner, clock, randomBytes, acceptSettlement, ledger } = this.#options
    const { account } = session
    const { amount, entries, requestId } = frame
    const settlement = readSettlementId(frame) ?? { id: randomBytes(16), expiresAt: clock.now() + SETTLEMENT_MS }
    const before = ledger.transfer(account, settlement.id)
    if (before === undefined) {
      if (!owner.answersMoney) return session.fail(requestId, NOT_SETTLED)
      const accepted =
        accounts.trustsSettlements(account) || (await acceptSettlement?.(account, amount, entries)) === true
      if (!accepted) return session.fail(requestId, NOT_SETTLED)
    }
    const isNew = await this.#post(account, amount, settlement)
    session.respond(requestId)
    // The book has it: whatever the handler does, it is settled.
    if (isNew) await owner.onMoney(amount).catch((error: unknown) => this.#handlerFailed(error))
  }

  #handlerFailed(error: unknown): void {
    this.#options.log.error('the money handler failed; the settlement is in the book', { error: String(error) })
  }

  /** Resolves when it is durable: true if it had not been posted before. @throws {LinkError} `LINK_REFUSED` by rejection */
  #post(account: string, amount: bigint, settlement: { id: Uint8Array; expiresAt: number }): Promise<boolean> {
    const { ledger } = this.#options
    return new Promise((resolve, reject) => {
      const decision = ledger.execute({ type: 'post', account, amount, ...settlement })
      ledger.committed(() => {
        if (decision.ok) resolve(!decision.repeated)
        else reject(new LinkError('LINK_REFUSED', decision.message, failureOf(decision)))
      })
    })
  }

  #opened(): HostIdentity {
    if (this.#identity === undefined) throw new LinkError('LINK_NOT_OPEN', 'the host is not open')
    return this.#identity
  }
}

const PREPARE_PACKET = 12

function readPrepare(data: Uint8Array): PreparePacket | undefined {
  try {
    return decodePacketOf(PREPARE_PACKET, data)
  } catch {
    return undefined
  }
}

function refusal(message: string, name: string, code: string): LinkError {
  return new LinkError('LINK_REFUSED', message, { name, code })
}

function asFailure(error: unknown): { code: string; name: string; message: string } {
  if (!(error instanceof LinkError)) return NOT_SETTLED
  return { code: error.peerCode, name: error.peerName, message: error.message }
}
