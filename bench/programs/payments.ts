/**
 * The payments that every contender makes: amount 1, an ILP payment packet of its own, a condition by PSK 1.0, half a
 * minute to live. The payee reads the packet, derives the fulfillment from it, and compares, as a receiver has to.
 */
import { EMPTY, equal } from 'sluice/bytes'
import { conditionOf, decodePacketOf, encodePacket, pskFulfiller } from 'sluice/ilp'

export const prefix = 'example.letter-shop.mytrustline.'
const payeeAccount = `${prefix}server`
export const payerAccount = `${prefix}client`
export const holdMs = 30_000

const fulfillmentFor = pskFulfiller(new Uint8Array(16).fill(7))
let payments = 0

export interface Payment {
  readonly address: string
  readonly packet: Uint8Array
  readonly condition: Uint8Array
}

export function nextPayment(): Payment {
  const address = `${payeeAccount}.bench.${++payments}`
  const packet = encodePacket({ type: 1, amount: 1n, account: address, data: EMPTY })
  return { address, packet, condition: conditionOf(fulfillmentFor(packet)) }
}

/** The fulfillment of a hold that is as it should be. @throws when it is not */
export function fulfillmentOf(amount: bigint, packet: Uint8Array, condition: Uint8Array): Uint8Array {
  const payment = decodePacketOf(1, packet)
  const fulfillment = fulfillmentFor(packet)
  if (payment.amount !== amount || !equal(conditionOf(fulfillment), condition))
    throw new Error('not the hold asked for')
  return fulfillment
}
