/** A Prepare that arrived, as a hold of a link, and the answers to Prepares as outcomes (RFC-27 draft 10). */
import { EMPTY } from '../bytes/index.js'
import type { CancelTimer, Clock } from '../clock/index.js'
import { isPreimage } from '../crypto/index.js'
import { decodePacket, encodePacket, errorName, isAddress, type PreparePacket } from '../ilp/index.js'
import type { GivenReason, HoldOutcome, IncomingHold, Reason, Settled } from '../link/index.js'
import type { Carried } from './adapters-carriage.js'

/** After its expiry, a hold's answer is waited for this long. */
export const ANSWER_GRACE_MS = 5000

type Answered = Extract<HoldOutcome, { status: 'fulfilled' | 'rejected' | 'expired' }>

export interface ArrivedPacketOptions {
  readonly clock: Clock
  /** The peer's address, and our own. */
  readonly account: string
  readonly by: string
  readonly connected: () => boolean
  /** Called once, with the answer to the Prepare. */
  readonly ended: (answer: Uint8Array, captured: boolean) => void
}

export class ArrivedPacket implements IncomingHold {
  readonly account: string
  readonly id: Uint8Array
  readonly amount: bigint
  readonly condition: Uint8Array
  readonly expiresAt: number
  readonly packet: Uint8Array
  readonly custom: Uint8Array | undefined
  onEnded: ((why: 'expired' | 'cancelled') => void) | undefined = undefined
  readonly #options: ArrivedPacketOptions
  readonly #cancel: CancelTimer
  #live = true

  constructor(prepare: PreparePacket, carried: Carried, options: ArrivedPacketOptions) {
    this.account = options.account
    this.id = carried.id
    this.amount = prepare.amount
    this.condition = prepare.executionCondition
    this.expiresAt = prepare.expiresAt
    this.packet = carried.packet
    this.custom = carried.custom
    this.#options = options
    const { clock } = options
    this.#cancel = clock.after(prepare.expiresAt - clock.now(), () => this.#expire('expired'))
  }

  fulfill(fulfillment: Uint8Array, data: Uint8Array, done: (settled: Settled) => void): void {
    queueMicrotask(() => {
      const failure = this.#failure() ?? (isPreimage(fulfillment, this.condition) ? undefined : WRONG)
      if (failure !== undefined) return done(failure)
      this.#end(encodePacket({ type: 13, fulfillment, data }), true)
      done(DONE)
    })
  }

  reject(reason: GivenReason, done: (settled: Settled) => void = () => undefined): void {
    queueMicrotask(() => {
      const failure = this.#failure()
      if (failure === undefined) this.#end(rejectPacket(reason, this.#options.by), false)
      done(failure ?? DONE)
    })
  }

  /** The connection is given up: whoever sent this does not hear of it any more. */
  abandon(): void {
    this.#expire('cancelled')
  }

  #expire(why: 'expired' | 'cancelled'): void {
    if (!this.#live) return
    this.#end(rejectPacket({ code: 'R00', message: 'the transfer expired' }, this.#options.by), false)
    this.onEnded?.(why)
  }

  #failure(): Settled | undefined {
    if (!this.#live) return GONE
    return this.#options.connected() ? undefined : LOST
  }

  #end(answer: Uint8Array, captured: boolean): void {
    this.#live = false
    this.#cancel()
    this.#options.ended(answer, captured)
  }
}

const DONE: Settled = { ok: true }
const GONE: Settled = { ok: false, code: 'F06', name: 'AlreadyRolledBackError', message: 'the hold has ended' }
const WRONG: Settled = { ok: false, code: 'F04', name: 'NotAcceptedError', message: 'a wrong fulfillment' }
const LOST: Settled = { ok: false, code: 'T00', name: 'UnreachableError', message: 'the plugin is not connected' }

/** Total: what does not fit a Reject is left out. */
export function rejectPacket(reason: GivenReason, by: string): Uint8Array {
  const { code, message = '', data = EMPTY } = reason
  const triggeredBy = reason.triggeredBy?.replace(/\.$/, '') ?? by
  try {
    return encodePacket({ type: 14, code, triggeredBy: isAddress(triggeredBy) ? triggeredBy : '', message, data })
  } catch {
    return encodePacket({ type: 14, code: 'F00', triggeredBy: '', message: '', data: EMPTY })
  }
}

/** Total: what is neither a Fulfill nor a Reject is a rejection by the peer. */
export function outcomeOf(bytes: Uint8Array, peer: string, now: number): Answered {
  const packet = answerIn(bytes)
  if (packet === undefined) {
    return { status: 'rejected', reason: reasonOf({ code: 'F00', message: 'no answer to a Prepare' }, peer, now) }
  }
  if (packet.type === 13) return { status: 'fulfilled', fulfillment: packet.fulfillment, data: packet.data }
  const { code, triggeredBy, message, data } = packet
  const status = code === 'R00' ? 'expired' : 'rejected'
  return { status, reason: reasonOf({ code, message, data, triggeredBy: triggeredBy || peer }, peer, now) }
}

/** Every field filled in. */
export function reasonOf(given: GivenReason, by: string, now: number): Reason {
  const name = errorName(given.code, 1)
  return { name, message: '', triggeredBy: by, forwardedBy: [], triggeredAt: now, data: EMPTY, ...given }
}

function answerIn(bytes: Uint8Array) {
  try {
    const packet = decodePacket(bytes)
    return packet.type === 13 || packet.type === 14 ? packet : undefined
  } catch {
    return undefined
  }
}

/** The interface's errors by which a plugin, or its peer, refuses what it was to send. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  'AccountNotFoundError',
  'AlreadyRolledBackError',
  'DuplicateIdError',
  'ExpiryNotSupportedError',
  'HoldsNotSupportedError',
  'InsufficientBalanceError',
  'InvalidFieldsError',
  'MaximumCustomDataSizeExceededError',
  'MaximumIlpDataSizeExceededError',
  'NoSubscriptionsError',
  'NotAcceptedError',
])

/**
 * What a plugin threw, if it says that nothing was sent, or that the peer did not take it. Anything else may be a lost answer:
 * the published plugins reject with a plain `Error` when their time is up, and with one that has a BTP error as JSON when
 * the peer sent it.
 */
export function refusalIn(error: unknown): { readonly name: string; readonly message: string } | undefined {
  if (typeof error !== 'object' || error === null || !('name' in error)) return undefined
  const message = 'message' in error && typeof error.message === 'string' ? error.message : 'refused'
  const name = typeof error.name === 'string' && error.name !== 'Error' ? error.name : btpErrorIn(message)
  return name !== undefined && REFUSALS.has(name) ? { name, message } : undefined
}

function btpErrorIn(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('name' in value)) return undefined
    return typeof value.name === 'string' ? value.name : undefined
  } catch {
    return undefined
  }
}
