/**
 * The holds that a holder receives from its host. The host's book decides: a capture is done when the host has answered it.
 */
import { findEntry, type PrepareFrame, type RejectFrame } from '../btp/index.js'
import { EMPTY, equal, latin1 } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, type Session } from '../session/index.js'
import { guard } from './guard.js'
import { readHoldEntries } from './hold-entries.js'
import { decodeReason } from './reason.js'
import { ReceivedHold } from './received-hold.js'
import { ToldSettlement } from './told-settlement.js'
import type { IncomingHold, LinkInfo } from './types.js'

export interface HolderReceivedOptions {
  readonly clock: Clock
  readonly log: Log
  readonly session: () => Session | undefined
  /** Once it is known. */
  readonly info: () => LinkInfo | undefined
  /** A hold of this amount is ours, by the host's word. */
  readonly onCaptured: (amount: bigint) => void
  readonly holdsReceivedMax: number
}

const NOT_OPEN = btpFailure('UnreachableError', 'the link is not open')
const TOO_MANY = btpFailure('UnreachableError', 'too many holds wait here; let them end first')

export class HolderReceived {
  readonly #options: HolderReceivedOptions
  readonly #settlement: ToldSettlement
  readonly #holds = new Map<string, ReceivedHold>()
  #handler: ((hold: IncomingHold) => void) | undefined

  constructor(options: HolderReceivedOptions) {
    this.#options = options
    this.#settlement = new ToldSettlement({
      clock: options.clock,
      log: options.log,
      address: () => options.info()?.account ?? '',
      session: options.session,
      record: (hold, ending, then) => {
        this.#holds.delete(hold.key)
        if (ending.type === 'captured') options.onCaptured(hold.amount)
        then()
      },
    })
  }

  onHold(handler: ((hold: IncomingHold) => void) | undefined): void {
    this.#handler = handler
  }

  servePrepare(session: Session, frame: PrepareFrame): void {
    const { requestId, amount, expiresAt } = frame
    const { info } = this.#options
    const peer = info()?.peer
    if (peer === undefined) return session.fail(requestId, NOT_OPEN)
    const known = this.#holds.get(latin1(frame.transferId))
    if (known !== undefined) {
      const content = readHoldEntries(frame.entries)
      const same =
        known.amount === amount &&
        known.expiresAt === expiresAt &&
        equal(known.condition, frame.condition) &&
        equal(known.packet, content.packet) &&
        equal(known.custom ?? EMPTY, content.custom ?? EMPTY)
      if (same) return session.respond(requestId)
      return session.fail(requestId, btpFailure('DuplicateIdError', 'the id was used with other content'))
    }
    if (this.#holds.size >= this.#options.holdsReceivedMax) return session.fail(requestId, TOO_MANY)
    const content = readHoldEntries(frame.entries)
    const fields = {
      account: peer,
      id: frame.transferId.slice(),
      amount,
      condition: frame.condition.slice(),
      expiresAt,
      packet: content.packet.slice(),
      custom: content.custom?.slice(),
    }
    const hold = new ReceivedHold(fields, this.#settlement, session)
    this.#holds.set(hold.key, hold)
    session.respond(requestId)
    this.#offer(hold)
  }

  #offer(hold: ReceivedHold): void {
    if (this.#handler === undefined) {
      return hold.reject({ code: 'T01', message: 'nobody receives payments here' })
    }
    try {
      this.#handler(hold)
    } catch (error) {
      this.#options.log.error('the hold handler failed', { error: String(error) })
      hold.reject({ code: 'T00' })
    }
  }

  /** The host's Reject of a hold that we received: its time is up. False: it is about another hold. */
  serveReject(session: Session, frame: RejectFrame): boolean {
    const hold = this.#holds.get(latin1(frame.transferId))
    if (hold === undefined) return false
    session.respond(frame.requestId)
    const reason = decodeReason(findEntry(frame.entries, 'ilp')?.data, hold.account, this.#options.clock.now())
    this.#holds.delete(hold.key)
    hold.ended = true
    this.#settlement.end(hold, btpFailure('AlreadyRolledBackError', 'the host rolled the hold back'))
    guard(this.#options.log, () => hold.onEnded?.(reason.code === 'R00' ? 'expired' : 'cancelled'))
    return true
  }

  /** A new connection is ready. */
  resume(): void {
    this.#settlement.resume()
  }

  close(): void {
    this.#settlement.close()
  }
}
