/** The transfers that reach a version 1 face, from `incoming_prepare` to the event that tells their end. */
import { toBase64url } from '../bytes/index.js'
import { isPreimage } from '../crypto/index.js'
import type { IncomingHold, Link, Settled } from '../link/index.js'
import {
  AlreadyFulfilledError,
  AlreadyRolledBackError,
  lpiErrorOf,
  NotAcceptedError,
  TransferNotFoundError,
} from './errors.js'
import { fulfillmentData, fulfillmentPacket, hash, incomingTransfer, toReason } from './v1-convert.js'
import type { EndedTransfers } from './v1-ended.js'
import type { Emit, LedgerTransfer, RejectionMessage } from './v1-types.js'

/** Whether a transfer may be shown to the application: rejects where it may not, with a message for the payer. */
export type Admit = (transfer: LedgerTransfer) => Promise<void>

interface Incoming {
  readonly transfer: LedgerTransfer
  readonly hold: IncomingHold
  /** Set once a fulfilment or a rejection is under way, so that a second one gets the first one's result. */
  ending: { readonly fulfilled: boolean; readonly done: Promise<null> } | undefined
}

export class IncomingTransfers {
  readonly #link: () => Link
  readonly #ended: EndedTransfers
  readonly #emit: Emit
  readonly #admit: Admit | undefined
  readonly #live = new Map<string, Incoming>()

  constructor(link: () => Link, ended: EndedTransfers, emit: Emit, admit: Admit | undefined) {
    this.#link = link
    this.#ended = ended
    this.#emit = emit
    this.#admit = admit
  }

  has(key: string): boolean {
    return this.#live.has(key)
  }

  take(hold: IncomingHold): void {
    const { info } = this.#link()
    const transfer = incomingTransfer(hold, info)
    this.#live.set(transfer.id, { transfer, hold, ending: undefined })
    hold.onEnded = () => {
      this.#live.delete(transfer.id)
      this.#ended.add(transfer.id, { state: 'rolledBack' })
      this.#emit('incoming_cancel', transfer, {
        code: 'R00',
        name: 'Transfer Timed Out',
        message: 'the transfer expired',
        triggered_by: info.account,
        triggered_at: transfer.expiresAt,
        additional_info: {},
      })
    }
    if (this.#admit === undefined) return this.#emit('incoming_prepare', transfer)
    void this.#offer(transfer, hold, this.#admit)
  }

  /** Never rejects. */
  async #offer(transfer: LedgerTransfer, hold: IncomingHold, admit: Admit): Promise<void> {
    try {
      await admit(transfer)
    } catch (error) {
      if (!this.#live.delete(transfer.id)) return
      this.#ended.add(transfer.id, { state: 'rolledBack' })
      return hold.reject({ code: 'F00', message: error instanceof Error ? error.message : 'not admitted' })
    }
    if (this.#live.has(transfer.id)) this.#emit('incoming_prepare', transfer)
  }

  /** Resolves when the transfer is fulfilled in the book. */
  async fulfill(key: string, fulfillment: string, ilp: string | undefined): Promise<null> {
    const preimage = hash('fulfillment', fulfillment)
    const data = fulfillmentData(ilp)
    const incoming = this.#live.get(key)
    if (incoming === undefined) return this.#repeat(key, toBase64url(preimage))
    if (!isPreimage(preimage, incoming.hold.condition)) {
      throw new NotAcceptedError('the fulfillment does not match the condition')
    }
    if (incoming.ending !== undefined) {
      if (!incoming.ending.fulfilled) throw new AlreadyRolledBackError(`${key} is being rejected`)
      return incoming.ending.done
    }
    const { hold, transfer } = incoming
    const done = this.#settle(
      key,
      incoming,
      (settled) => hold.fulfill(preimage, data, settled),
      () => {
        const text = toBase64url(preimage)
        this.#ended.add(key, { state: 'fulfilled', fulfillment: text })
        this.#emit('incoming_fulfill', transfer, text, ...fulfillmentPacket(data))
      },
    )
    incoming.ending = { fulfilled: true, done }
    return done
  }

  /** Resolves when the transfer is rolled back in the book. */
  async reject(key: string, reason: RejectionMessage | undefined): Promise<null> {
    const incoming = this.#live.get(key)
    if (incoming === undefined) throw this.#gone(key)
    if (incoming.ending !== undefined) {
      if (incoming.ending.fulfilled) throw new AlreadyFulfilledError(`${key} is being fulfilled`)
      return incoming.ending.done
    }
    const { hold, transfer } = incoming
    const given = toReason(reason)
    const done = this.#settle(
      key,
      incoming,
      (settled) => hold.reject(given, settled),
      () => {
        this.#ended.add(key, { state: 'rolledBack' })
        this.#emit('incoming_reject', transfer, { ...reason, code: given.code })
      },
    )
    incoming.ending = { fulfilled: false, done }
    return done
  }

  async #settle(
    key: string,
    incoming: Incoming,
    start: (settled: (result: Settled) => void) => void,
    tell: () => void,
  ): Promise<null> {
    return new Promise((resolve, reject) => {
      start((settled) => {
        if (settled.ok) {
          this.#live.delete(key)
          tell()
          resolve(null)
          return
        }
        incoming.ending = undefined
        reject(lpiErrorOf(settled.name, settled.message))
      })
    })
  }

  #repeat(key: string, fulfillment: string): null {
    const ended = this.#ended.get(key)
    if (ended?.state !== 'fulfilled') throw this.#gone(key)
    if (ended.fulfillment !== fulfillment) throw new NotAcceptedError('the fulfillment does not match the condition')
    return null
  }

  /** Why a transfer that is not live cannot be ended. */
  #gone(key: string): Error {
    const ended = this.#ended.get(key)
    if (ended === undefined) return new TransferNotFoundError(`there is no transfer ${key}`)
    if (ended.state === 'fulfilled') return new AlreadyFulfilledError(`${key} was fulfilled`)
    return new AlreadyRolledBackError(`${key} was rolled back`)
  }
}
