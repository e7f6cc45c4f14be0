/** The transfers that a version 1 face sends, from `sendTransfer` to the event that tells their end. */
import { formatTransferId } from '../btp/index.js'
import { EMPTY, equal, toBase64url } from '../bytes/index.js'
import type { Hold, HoldObserver, HoldOutcome, Link, LinkInfo } from '../link/index.js'
import { DuplicateIdError, lpiErrorOf, UnreachableError } from './errors.js'
import {
  type EarlierHold,
  fromReason,
  fulfillmentPacket,
  outgoingTransfer,
  recoveredTransfer,
  toHold,
} from './v1-convert.js'
import type { EndedTransfers } from './v1-ended.js'
import type { Emit, LedgerTransfer, Transfer } from './v1-types.js'

interface Outgoing {
  readonly hold: Hold
  readonly submitted: Promise<null>
}

/** Gives the observer of a transfer that an earlier run sent. */
export type Adopt = (hold: EarlierHold) => HoldObserver

type Final = Extract<HoldOutcome, { status: 'fulfilled' | 'rejected' | 'expired' }>

export class OutgoingTransfers {
  readonly #link: () => Link
  readonly #ended: EndedTransfers
  readonly #emit: Emit
  readonly #live = new Map<string, Outgoing>()

  constructor(link: () => Link, ended: EndedTransfers, emit: Emit) {
    this.#link = link
    this.#ended = ended
    this.#emit = emit
  }

  has(key: string): boolean {
    return this.#live.has(key)
  }

  /** A transfer that an earlier run sent, and this one hears of. @param later runs what tells events, once it may */
  adopt(hold: EarlierHold, info: LinkInfo, later: (tell: () => void) => void): HoldObserver {
    const key = formatTransferId(hold.id)
    const transfer = recoveredTransfer(hold, info)
    this.#live.set(key, { hold, submitted: Promise.resolve(null) })
    return {
      onOutcome: (outcome) => {
        if (outcome.status === 'inDoubt') return
        this.#live.delete(key)
        if (outcome.status !== 'refused') later(() => this.#tell(key, transfer, outcome))
      },
    }
  }

  /** Resolves when the transfer is prepared. A repetition gets the first one's promise. */
  async send(transfer: Transfer): Promise<null> {
    const { info } = this.#link()
    const hold = toHold(transfer, info)
    const key = formatTransferId(hold.id)
    const known = this.#live.get(key)
    if (known !== undefined) {
      if (!sameHold(known.hold, hold)) throw new DuplicateIdError(`${key} is the id of another transfer`)
      return known.submitted
    }
    if (this.#ended.get(key) !== undefined) {
      throw new DuplicateIdError(`${key} is the id of a transfer that has ended`)
    }
    const submitted = this.#submit(key, hold, outgoingTransfer(key, transfer, info))
    this.#live.set(key, { hold, submitted })
    return submitted
  }

  async #submit(key: string, hold: Hold, transfer: LedgerTransfer): Promise<null> {
    return new Promise((resolve, reject) => {
      let submitted = false
      const submit = (): void => {
        if (submitted) return
        submitted = true
        this.#emit('outgoing_prepare', transfer)
        resolve(null)
      }
      this.#link().send(hold, {
        onPrepared: submit,
        onOutcome: (outcome) => {
          switch (outcome.status) {
            case 'inDoubt':
              // Whoever waits hears of it now; the event that tells the end comes when the end is known.
              reject(new UnreachableError(`${key} is in doubt: ${outcome.message}`))
              return
            case 'refused':
              this.#live.delete(key)
              reject(lpiErrorOf(outcome.name, outcome.message))
              return
            case 'fulfilled':
            case 'rejected':
            case 'expired':
              submit()
              this.#live.delete(key)
              this.#tell(key, transfer, outcome)
          }
        },
      })
    })
  }

  #tell(key: string, transfer: LedgerTransfer, outcome: Final): void {
    if (outcome.status === 'fulfilled') {
      const fulfillment = toBase64url(outcome.fulfillment)
      this.#ended.add(key, { state: 'fulfilled', fulfillment })
      this.#emit('outgoing_fulfill', transfer, fulfillment, ...fulfillmentPacket(outcome.data))
      return
    }
    this.#ended.add(key, { state: 'rolledBack' })
    const event = outcome.status === 'rejected' ? 'outgoing_reject' : 'outgoing_cancel'
    this.#emit(event, transfer, fromReason(outcome.reason))
  }
}

function sameHold(a: Hold, b: Hold): boolean {
  return (
    a.amount === b.amount &&
    a.expiresAt === b.expiresAt &&
    a.to === b.to &&
    equal(a.condition, b.condition) &&
    equal(a.packet, b.packet) &&
    equal(a.custom ?? EMPTY, b.custom ?? EMPTY)
  )
}
