/**
 * One peer over BTP 2.0 (RFC-23 draft 9), without a ledger: data go through unread. The connections, dialled or waited
 * for, are somebody else's: there is at most one of each, the newest that authenticated. Each answers what it was asked.
 */
import { MESSAGE, type RequestFrame, TRANSFER, type TransferFrame } from '../btp/index.js'
import type { Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, type Session, type SessionOwner } from '../session/index.js'
import type { KeyValueStore } from '../store/index.js'
import { LinkError } from './errors.js'
import { answerBy } from './messages.js'
import { answeredByPacket } from './packet-dispatch.js'
import { askData, dataEntries, dataOf, readSettlementId, tellSettlement } from './packet-session.js'
import type { AcceptSettlement, PacketLink, PacketOwner } from './packet-types.js'
import { SettledIds } from './settled-ids.js'

/** How the peer is reached: dialled, waited for, or both. */
export interface PeerConnection {
  /** Resolves when the peer is there, after the session's owner has heard of it. */
  open(wait: { readonly timeoutMs?: number }): Promise<void>
  close(): Promise<void>
}

type Way = 'accepted' | 'dialled'

/** Who owns the sessions that the peer dialled, and those that were dialled to it. */
export type PeerOwners = Readonly<Record<Way, SessionOwner>>

export interface PacketPeerOptions {
  readonly owner: PacketOwner
  readonly connect: (owners: PeerOwners) => PeerConnection
  readonly clock: Clock
  readonly log: Log
  readonly randomBytes: (length: number) => Uint8Array
  /** Absent: no settlement of the peer is accepted. */
  readonly acceptSettlement: AcceptSettlement | undefined
  /** Keeps which settlements have counted. Absent: that is forgotten when the process ends. */
  readonly store: KeyValueStore | undefined
  /** The peer ignores errors of BTP: a Prepare that cannot be answered is answered by a Reject. */
  readonly answersByPacket: boolean
}

/** How long the id of a settlement of ours counts. */
export const SETTLEMENT_MS = 3_600_000

const NOT_SETTLED = btpFailure('NotAcceptedError', 'the settlement was not accepted: nothing proves it')

export class PacketPeer implements PacketLink {
  readonly #options: PacketPeerOptions
  readonly #connection: PeerConnection
  readonly #sessions = new Map<Way, Session>()
  readonly #settled: SettledIds

  constructor(options: PacketPeerOptions) {
    this.#options = options
    this.#settled = new SettledIds(options)
    this.#connection = options.connect({ accepted: this.#ownerOf('accepted'), dialled: this.#ownerOf('dialled') })
  }

  get connected(): boolean {
    return this.#live() !== undefined
  }

  async open(wait: { readonly timeoutMs?: number }): Promise<void> {
    if (!this.connected) await this.#connection.open(wait)
  }

  async close(): Promise<void> {
    for (const [way, session] of this.#sessions) {
      this.#lose(way, session)
      session.close('closed by its user')
    }
    await this.#connection.close()
  }

  send(data: Uint8Array): Promise<Uint8Array> {
    return askData(this.#live(), data)
  }

  pay(amount: bigint): Promise<void> {
    const { randomBytes, clock } = this.#options
    return tellSettlement(this.#live(), amount, { id: randomBytes(16), expiresAt: clock.now() + SETTLEMENT_MS })
  }

  #ownerOf(way: Way): SessionOwner {
    return {
      onOpen: (session) => this.#welcome(way, session),
      onRequest: (session, frame) => this.#serve(session, frame),
      onClosed: (session) => this.#lose(way, session),
    }
  }

  /** The one that the peer dialled, if there are two: ilp-plugin-btp answers over that one, whichever was asked. */
  #live(): Session | undefined {
    const accepted = this.#sessions.get('accepted')
    if (accepted?.open) return accepted
    const dialled = this.#sessions.get('dialled')
    return dialled?.open ? dialled : undefined
  }

  #welcome(way: Way, session: Session): void {
    const former = this.#sessions.get(way)
    if (former !== undefined) {
      // It may have ended long ago without our noticing; the peer knows better.
      this.#lose(way, former)
      former.close('replaced by a newer connection of the same peer')
    }
    this.#sessions.set(way, session)
    if (this.#sessions.size === 1) this.#options.owner.onConnected()
  }

  #lose(way: Way, session: Session): void {
    if (this.#sessions.get(way) !== session) return
    this.#sessions.delete(way)
    if (this.#sessions.size === 0) this.#options.owner.onDisconnected()
  }

  #serve(session: Session, frame: RequestFrame): void {
    const { log } = this.#options
    if (frame.type === MESSAGE) {
      const answer =
        frame.entries[0]?.name === 'ilp'
          ? async () => dataEntries(await this.#answer(dataOf(frame.entries)))
          : undefined
      return answerBy(answer, session, frame, '', log)
    }
    if (frame.type !== TRANSFER)
      return session.fail(frame.requestId, btpFailure('NotAcceptedError', 'unsupported packet'))
    this.#settle(session, frame).catch((error: unknown) => {
      const refused = error instanceof LinkError && error.code === 'LINK_REFUSED'
      if (!refused) log.warn('a settlement could not be handled', { error: String(error) })
      session.fail(frame.requestId, NOT_SETTLED)
    })
  }

  async #answer(data: Uint8Array): Promise<Uint8Array> {
    const { owner, log, answersByPacket } = this.#options
    if (!answersByPacket) return owner.onData(data)
    return answeredByPacket(data, '', log, async () => owner.onData(data))
  }

  async #settle(session: Session, frame: TransferFrame): Promise<void> {
    const { owner, acceptSettlement } = this.#options
    const { requestId, amount, entries } = frame
    const accept = async (): Promise<void> => {
      const proved = owner.answersMoney && (await acceptSettlement?.('', amount, entries)) === true
      if (!proved) throw new LinkError('LINK_REFUSED', 'the settlement was not accepted')
    }
    const credit = async (): Promise<void> => owner.onMoney(amount)
    const settlement = readSettlementId(frame)
    if (settlement === undefined) {
      await accept()
      await credit()
    } else if (!(await this.#settled.settle(settlement, amount, { accept, credit }))) {
      return session.fail(requestId, btpFailure('DuplicateIdError', 'the id was used for another amount'))
    }
    session.respond(requestId)
  }
}
