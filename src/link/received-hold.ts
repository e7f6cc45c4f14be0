/** A hold that arrived, as its handler sees it. What it asks for is done by the link that received it. */
import { latin1 } from '../bytes/index.js'
import type { Session } from '../session/index.js'
import type { GivenReason, IncomingHold, Settled } from './types.js'

export type Done = (settled: Settled) => void

/** Who carries out what a handler decides. */
export interface Settlement {
  capture(hold: ReceivedHold, fulfillment: Uint8Array, data: Uint8Array, done: Done): void
  refuse(hold: ReceivedHold, reason: GivenReason, done: Done | undefined): void
}

export interface ReceivedFields {
  readonly account: string
  readonly id: Uint8Array
  readonly amount: bigint
  readonly condition: Uint8Array
  readonly expiresAt: number
  readonly packet: Uint8Array
  readonly custom: Uint8Array | undefined
}

export class ReceivedHold implements IncomingHold {
  readonly account: string
  readonly id: Uint8Array
  readonly key: string
  readonly amount: bigint
  readonly condition: Uint8Array
  readonly expiresAt: number
  readonly packet: Uint8Array
  readonly custom: Uint8Array | undefined
  onEnded: ((why: 'expired' | 'cancelled') => void) | undefined = undefined
  /** The connection that asked about it last: its outcome goes there while that lives. */
  session: Session | undefined
  /** Set by its link: nothing can be done with it any more. */
  ended = false
  readonly #settlement: Settlement

  constructor(fields: ReceivedFields, settlement: Settlement, session: Session | undefined) {
    this.account = fields.account
    this.id = fields.id
    this.key = latin1(fields.id)
    this.amount = fields.amount
    this.condition = fields.condition
    this.expiresAt = fields.expiresAt
    this.packet = fields.packet
    this.custom = fields.custom
    this.session = session
    this.#settlement = settlement
  }

  fulfill(fulfillment: Uint8Array, data: Uint8Array, done: Done): void {
    this.#settlement.capture(this, fulfillment, data, done)
  }

  reject(reason: GivenReason, done?: Done): void {
    this.#settlement.refuse(this, reason, done)
  }
}
