/**
 * The checks that a PSK 1.0 receiver makes of an incoming transfer, in the order of the reference code, up to the
 * application's own decision. Pure: what to do about the transfer is the caller's business.
 */
import { isPreimage } from '../crypto/index.js'
import { segmentAfter } from './address.js'
import { pskFulfiller } from './condition.js'
import type { ErrorCode } from './error-codes.js'
import { decodePacketOf } from './packet.js'
import { decodePskEnvelope, type PskEnvelope } from './psk-envelope.js'
import { isPskSegmentOf, pskSharedSecret } from './psk-receiver.js'
import type { PaymentPacket } from './types.js'

export interface PskTransfer {
  readonly amount: bigint
  readonly condition: Uint8Array | undefined
  /** The ILP packet as received. */
  readonly packet: Uint8Array | undefined
}

export interface PskReceiver {
  readonly secret: Uint8Array
  /** The receiver's own address, which payers extend. */
  readonly account: string
  /** Default true: more than the packet asks for is kept. */
  readonly allowOverpayment?: boolean
}

/**
 * `accept`: fulfil it if the application agrees (else reject with `F00`). `ignore`: it is for someone else on this
 * account. `reject`: refuse it with this code.
 */
export type PskReview =
  | {
      readonly verdict: 'accept'
      readonly fulfillment: Uint8Array
      readonly payment: PaymentPacket
      readonly envelope: PskEnvelope
    }
  | { readonly verdict: 'ignore' }
  | { readonly verdict: 'reject'; readonly code: ErrorCode; readonly message: string }

/** Never throws. `nowMs` is compared with the private `Expires-At`. */
export function reviewPskTransfer(receiver: PskReceiver, transfer: PskTransfer, nowMs: number): PskReview {
  if (transfer.condition === undefined) return reject('F00', 'the transfer has no condition')
  if (transfer.packet === undefined) return reject('F01', 'the transfer has no packet')
  const payment = readPayment(transfer.packet)
  if (payment === undefined) return reject('F01', 'the packet is not a payment')
  const segment = segmentAfter(payment.account, receiver.account)
  if (segment === undefined || !isPskSegmentOf(receiver.secret, segment)) return { verdict: 'ignore' }
  const sharedSecret = pskSharedSecret(receiver.secret, segment)
  if (sharedSecret === undefined) return reject('F06', 'no such shared secret')
  const envelope = readEnvelope(sharedSecret, payment.data)
  if (envelope === undefined) return reject('F06', 'the data is no PSK 1.0 envelope of this secret')
  if (transfer.amount < payment.amount) return reject('F04', 'the transfer is smaller than the payment')
  if (transfer.amount > payment.amount && receiver.allowOverpayment === false) {
    return reject('F03', 'the transfer is larger than the payment')
  }
  const expiresAt = envelope.headers.get('expires-at')
  // Negated, so that a time that cannot be read has passed.
  if (expiresAt !== undefined && !(nowMs < Date.parse(expiresAt))) return reject('R00', 'the payment has expired')
  const fulfillment = pskFulfiller(sharedSecret)(transfer.packet)
  if (!isPreimage(fulfillment, transfer.condition)) {
    return reject('F05', 'the receiver derives another condition')
  }
  return { verdict: 'accept', fulfillment, payment, envelope }
}

function reject(code: ErrorCode, message: string): PskReview {
  return { verdict: 'reject', code, message }
}

function readPayment(packet: Uint8Array): PaymentPacket | undefined {
  try {
    return decodePacketOf(1, packet)
  } catch {
    return undefined
  }
}

function readEnvelope(secret: Uint8Array, data: Uint8Array): PskEnvelope | undefined {
  try {
    return decodePskEnvelope(secret, data)
  } catch {
    return undefined
  }
}
