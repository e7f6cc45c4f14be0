/**
 * One peer over BTP 2.0 (RFC-23 draft 9), without a ledger: data go through unread. The connection, dialled or waited
 * for, is somebody else's; the newest that authenticated is the peer's.
 */
import { MESSAGE, type RequestFrame, TRANSFER, type TransferFrame } from '../btp/index.js'
import { latin1 } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, type Session, type SessionOwner } from '../session/index.js'
import { LinkError } from './errors.js'
import { answerBy } from './messages.js'
import { askData, dataEntries, dataOf, readSettlementId, type SettlementId, tellSettlement } from './packet-session.js'
import type { AcceptSettlement, PacketLink, PacketOwner } from './packet-types.js'

/** How the peer is reached: dialled, or waited for. */
export interface PeerConnection {
  /** Resolves when the peer is there, after the session's owner has heard of it. */
  open(wait: { readonly timeoutMs?: number }): Promise<void>
  close(): Promise<void>
}

export interface PacketPeerOptions {
  readonly owner: PacketOwner
  readonly connect: (owner: SessionOwner) => PeerConnection
  readonly clock: Clock
  readonly log: Log
  readonly randomBytes: (length: number) => Uint8Array
  /** Absent: no settlement of the peer is accepted. */
  readonly acceptSettlement: AcceptSettlement | undefined
}

/** Settlements of the peer that are remembered so that none counts twice; the oldest is forgotten. */
export const SETTLEMENTS_REMEMBERED_MAX = 10_000
/** How long the id of a settlement of ours counts. */
export const SETTLEMENT_MS = 3_600_000

const NOT_SETTLED = btpFailure('NotAcceptedError', 'the settlement was not accepted: nothing proves it')

export class PacketPeer implements PacketLink {
  readonly #options: PacketPeerOptions
  readonly #connection: PeerConnection
  #session: Session | undefined
  /** Amounts of settlements that counted, by id; oldest first. */
  readonly #settled = new Map<string, bigint>()

  constructor(options: PacketPeerOptions) {
    this.#options = options
    this.#connection = options.connect({
      onOpen: (session) => this.#welcome(session),
      onRequest: (session, frame) => this.#serve(session, frame),
      onClosed: (session) => this.#lose(session),
    })
  }

  get connected(): boolean {
    return this.#session?.open === true
  }

  async open(wait: { readonly timeoutMs?: number }): Promise<void> {
    if (!this.connected) await this.#connection.open(wait)
  }

  async close(): Promise<void> {
    const session = this.#session
    if (session !== undefined) {
      this.#lose(session)
      session.close('closed by its user')
    }
    await this.#connection.close()
  }

  send(data: Uint8Array): Promise<Uint8Array> {
    return askData(this.#session, data)
  }

  pay(amount: bigint): Promise<void> {
    const { randomBytes, clock } = this.#options
    return tellSettlement(this.#session, amount, { id: randomBytes(16), expiresAt: clock.now() + SETTLEMENT_MS })
  }

  #welcome(session: Session): void {
    const former = this.#session
    if (former !== undefined) {
      // It may have ended long ago without our noticing; the peer knows better.
      this.#lose(former)
      former.close('replaced by a newer connection of the same peer')
    }
    this.#session = session
    this.#options.owner.onConnected()
  }

  #lose(session: Session): void {
    if (this.#session !== session) return
    this.#session = undefined
    this.#options.owner.onDisconnected()
  }

  #serve(session: Session, frame: RequestFrame): void {
    const { owner, log } = this.#options
    if (frame.type === MESSAGE) {
      const answer =
        frame.entries[0]?.name === 'ilp'
          ? async () => dataEntries(await owner.onData(dataOf(frame.entries)))
          : undefined
      return answerBy(answer, session, frame, '', log)
    }
    if (frame.type !== TRANSFER)
      return session.fail(frame.requestId, btpFailure('NotAcceptedError', 'unsupported packet'))
    this.#settle(session, frame).catch((error: unknown) => {
      log.warn('a settlement could not be handled', { error: String(error) })
      session.fail(frame.requestId, NOT_SETTLED)
    })
  }

  async #settle(session: Session, frame: TransferFrame): Promise<void> {
    const { owner, clock, acceptSettlement } = this.#options
    const { requestId, amount, entries } = frame
    const settlement = readSettlementId(frame)
    const counted = settlement && this.#settled.get(latin1(settlement.id))
    if (counted !== undefined) {
      if (counted === amount) return session.respond(requestId)
      return session.fail(requestId, btpFailure('DuplicateIdError', 'the id was used for another amount'))
    }
    if (settlement !== undefined && settlement.expiresAt <= clock.now()) return session.fail(requestId, NOT_SETTLED)
    if (acceptSettlement === undefined || !owner.answersMoney) return session.fail(requestId, NOT_SETTLED)
    if (settlement !== undefined) this.#remember(settlement, amount)
    try {
      if ((await acceptSettlement('', amount, entries)) !== true) throw new LinkError('LINK_REFUSED', 'not accepted')
      await owner.onMoney(amount)
    } catch (error) {
      if (settlement !== undefined) this.#settled.delete(latin1(settlement.id))
      throw error
    }
    session.respond(requestId)
  }

  /** From now on, so that a repetition that comes while it is judged does not count either. */
  #remember({ id }: SettlementId, amount: bigint): void {
    this.#settled.set(latin1(id), amount)
    if (this.#settled.size <= SETTLEMENTS_REMEMBERED_MAX) return
    for (const oldest of this.#settled.keys()) {
      this.#settled.delete(oldest)
      break
    }
  }
}
