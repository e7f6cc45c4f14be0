/**
 * ILP packets in the book (design: BTP 2.0 has no transfer ids). A Prepare with an amount takes a hold whose id is the
 * first 16 bytes of the SHA-256 of the whole packet; its Fulfill captures it, its Reject or its expiry frees it. The same
 * in both directions. Until it expires, an identical packet gets the answer that was given, and is never forwarded again.
 */
import { EMPTY, latin1 } from '../bytes/index.js'
import { type CancelTimer, type Clock } from '../clock/index.js'
import { isPreimage, sha256 } from '../crypto/index.js'
import type { PreparePacket } from '../ilp/index.js'
import type { Ledger, LiveTransfer, Side } from '../ledger/index.js'
import type { Log } from '../log/index.js'
import { LinkError } from './errors.js'
import { readAnswer, recordedAnswer, refusalAnswer, rejection } from './packet-answers.js'

/** Hands a packet on, and brings its answer. Rejects when the answer is lost: the packet is then in doubt. */
export type Forward = (packet: Uint8Array) => Promise<Uint8Array>

export interface PacketBookOptions {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly log: Log
  /** Who rejects, in the packets that say so. */
  readonly address: () => string
}

/** A packet under way. */
interface Exchange {
  readonly account: string
  readonly id: Uint8Array
  readonly payer: Side
  readonly condition: Uint8Array
  readonly answer: Promise<Uint8Array>
  readonly resolve: (answer: Uint8Array) => void
  readonly reject: (error: Error) => void
}

const TOO_LATE = 'the packet expired'

export class PacketBook {
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #log: Log
  readonly #address: () => string
  /** By account and id. */
  readonly #exchanges = new Map<string, Exchange>()

  constructor({ ledger, clock, log, address }: PacketBookOptions) {
    this.#ledger = ledger
    this.#clock = clock
    this.#log = log
    this.#address = address
  }

  /**
   * The answer to a packet, which is forwarded at most once, when its hold is durable. It is given when the outcome is
   * durable too. @throws {LinkError} by rejection, for a packet that is in doubt
   */
  exchange(
    account: string,
    payer: Side,
    packet: Uint8Array,
    prepare: PreparePacket,
    forward: Forward,
  ): Promise<Uint8Array> {
    if (prepare.amount === 0n) return this.#exchangeUnheld(packet, prepare, forward)
    const id = sha256(packet).slice(0, 16)
    const key = keyOf(account, id)
    const same = this.#exchanges.get(key)
    if (same !== undefined) {
      if (same.payer === payer) return same.answer
      return Promise.resolve(rejection('F00', this.#address(), 'the packet has been here before'))
    }
    const exchange = newExchange(account, id, payer, prepare.executionCondition)
    this.#exchanges.set(key, exchange)
    try {
      this.#hold(exchange, packet, prepare, forward)
    } catch (error) {
      this.#fail(exchange, asLinkError(error))
    }
    return exchange.answer
  }

  /** A transfer has expired, durably. */
  expired({ account, id }: LiveTransfer): void {
    const exchange = this.#exchanges.get(keyOf(account, id))
    if (exchange !== undefined) this.#finish(exchange, rejection('R00', this.#address(), TOO_LATE))
  }

  /** What is under way is in doubt; it stays in the ledger. */
  stop(why: string): void {
    for (const exchange of this.#exchanges.values()) exchange.reject(new LinkError('LINK_CLOSED', why))
    this.#exchanges.clear()
  }

  #hold(exchange: Exchange, packet: Uint8Array, prepare: PreparePacket, forward: Forward): void {
    const { account, id, payer, condition } = exchange
    const { amount, expiresAt } = prepare
    const ledger = this.#ledger
    const decision = ledger.execute({
      type: 'prepare',
      account,
      id,
      payer,
      amount,
      condition,
      expiresAt,
      memo: EMPTY,
    })
    if (!decision.ok) {
      const { code, message } = decision
      return ledger.committed(() => this.#finish(exchange, refusalAnswer(code, message, this.#address())))
    }
    const { outcome } = decision
    if (outcome !== undefined) {
      return ledger.committed(() => this.#finish(exchange, recordedAnswer(outcome, this.#address())))
    }
    if (!decision.repeated) return ledger.committed(() => void this.#forward(exchange, packet, forward))
    // It was forwarded before a restart, or its answer was lost: nobody can bring one any more.
    if (payer === 'host') ledger.committed(() => this.#fail(exchange, inDoubt()))
  }

  async #forward(exchange: Exchange, packet: Uint8Array, forward: Forward): Promise<void> {
    try {
      this.#settle(exchange, await forward(packet))
    } catch (error) {
      this.#fail(exchange, asLinkError(error))
    }
  }

  /** Puts the answer into the book, and gives it. */
  #settle(exchange: Exchange, bytes: Uint8Array): void {
    const { account, id, condition } = exchange
    const ledger = this.#ledger
    const by = exchange.payer === 'host' ? 'holder' : 'host'
    const packet = readAnswer(bytes)
    if (!this.#isCurrent(exchange)) {
      if (packet?.type === 13) this.#log.warn('a fulfillment came after the packet had ended', { account })
      return
    }
    if (packet?.type === 13 && isPreimage(packet.fulfillment, condition)) {
      const { fulfillment, data } = packet
      const decision = ledger.execute({ type: 'fulfill', account, id, by, fulfillment, data })
      if (!decision.ok) this.#log.warn('a fulfillment came too late', { account, code: decision.code })
      const answer = decision.ok ? bytes : rejection('R00', this.#address(), TOO_LATE)
      return ledger.committed(() => this.#finish(exchange, answer))
    }
    const reason = packet?.type === 14 ? bytes : this.#badAnswer(packet !== undefined)
    const decision = ledger.execute({ type: 'reject', account, id, by, reason })
    const answer = decision.ok ? reason : rejection('R00', this.#address(), TOO_LATE)
    ledger.committed(() => this.#finish(exchange, answer))
  }

  #badAnswer(isFulfill: boolean): Uint8Array {
    return isFulfill
      ? rejection('F05', this.#address(), 'the fulfillment is not that of the condition')
      : rejection('T00', this.#address(), 'the answer is no ILP packet')
  }

  /** Without money there is nothing to hold: the answer is checked, and comes in time. */
  #exchangeUnheld(packet: Uint8Array, prepare: PreparePacket, forward: Forward): Promise<Uint8Array> {
    const { executionCondition: condition, expiresAt } = prepare
    const late = (): Uint8Array => rejection('R00', this.#address(), TOO_LATE)
    const leftMs = expiresAt - this.#clock.now()
    if (leftMs <= 0) return Promise.resolve(late())
    return new Promise((resolve, reject) => {
      const cancel: CancelTimer = this.#clock.after(leftMs, () => resolve(late()))
      forward(packet)
        .then((bytes) => {
          const answer = readAnswer(bytes)
          if (answer === undefined) return resolve(this.#badAnswer(false))
          const matches = answer.type === 14 || isPreimage(answer.fulfillment, condition)
          resolve(matches ? bytes : this.#badAnswer(true))
        })
        .catch((error: unknown) => reject(asLinkError(error)))
        .finally(cancel)
    })
  }

  #isCurrent(exchange: Exchange): boolean {
    return this.#exchanges.get(keyOf(exchange.account, exchange.id)) === exchange
  }

  #finish(exchange: Exchange, answer: Uint8Array): void {
    this.#forget(exchange)
    exchange.resolve(answer)
  }

  #fail(exchange: Exchange, error: Error): void {
    this.#forget(exchange)
    exchange.reject(error)
  }

  #forget(exchange: Exchange): void {
    if (this.#isCurrent(exchange)) this.#exchanges.delete(keyOf(exchange.account, exchange.id))
  }
}

function keyOf(account: string, id: Uint8Array): string {
  return `${account} ${latin1(id)}`
}

function newExchange(account: string, id: Uint8Array, payer: Side, condition: Uint8Array): Exchange {
  let resolve: (answer: Uint8Array) => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const answer = new Promise<Uint8Array>((onAnswer, onError) => {
    resolve = onAnswer
    reject = onError
  })
  return { account, id, payer, condition, answer, resolve, reject }
}

function inDoubt(): LinkError {
  return new LinkError('LINK_CLOSED', 'the answer to this packet was lost: it is in doubt until it expires')
}

function asLinkError(error: unknown): LinkError {
  if (error instanceof LinkError) return error
  return new LinkError('LINK_CLOSED', error instanceof Error ? error.message : 'the packet could not be handled')
}
