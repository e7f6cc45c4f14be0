/**
 * One peer over BTP 2.0 (RFC-23 draft 9), without a ledger: data go through unread. The connection, dialled or waited
 * for, is somebody else's; the newest that authenticated is the peer's.
 */
import { MESSAGE, type RequestFrame, TRANSFER, type TransferFrame } from '../btp/index.js'
import type { Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, type Session, type SessionOwner } from '../session/index.js'
import type { KeyValueStore } from '../store/index.js'
import { LinkError } from './errors.js'
import { answerBy } from './messages.js'
import { askData, dataEntries, dataOf, readSettlementId, tellSettlement } from './packet-session.js'
import type { AcceptSettlement, PacketLink, PacketOwner } from './packet-types.js'
import { SettledIds } from './settled-ids.js'

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
  /** Keeps which settlements have counted. Absent: that is forgotten when the process ends. */
  readonly store: KeyValueStore | undefined
}

/** How long the id of a settlement of ours counts. */
export const SETTLEMENT_MS = 3_600_000

const NOT_SETTLED = btpFailure('NotAcceptedError', 'the settlement was not accepted: nothing proves it')

export class PacketPeer implements PacketLink {
  readonly #options: PacketPeerOptions
  readonly #connection: PeerConnection
  #session: Session | undefined
  readonly #settled: SettledIds

  constructor(options: PacketPeerOptions) {
    this.#options = options
    this.#settled = new SettledIds(options)
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
      const refused = error instanceof LinkError && error.code === 'LINK_REFUSED'
      if (!refused) log.warn('a settlement could not be handled', { error: String(error) })
      session.fail(frame.requestId, NOT_SETTLED)
    })
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
