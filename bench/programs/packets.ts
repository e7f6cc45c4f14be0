/**
 * The ILP packets that every contender of version 2 carries: a Prepare of amount 1 with data of its own, from which the
 * receiver derives the fulfillment, as STREAM does; it compares, and the sender checks what comes back.
 */
import { EMPTY, equal } from 'sluice/bytes'
import { conditionOf, decodePacket, decodePacketOf, encodePacket, pskFulfiller } from 'sluice/ilp'
import { holdMs } from './payments.js'

export const hostAddress = 'test.bench'
const destination = `${hostAddress}.server.goods`
const fulfillmentFor = pskFulfiller(new Uint8Array(16).fill(7))
let packets = 0

export interface Request {
  readonly packet: Buffer
  readonly condition: Uint8Array
}

export function nextRequest(): Request {
  const data = new Uint8Array(32)
  new DataView(data.buffer).setUint32(0, ++packets)
  const executionCondition = conditionOf(fulfillmentFor(data))
  const expiresAt = Date.now() + holdMs
  const packet = encodePacket({ type: 12, amount: 1n, expiresAt, executionCondition, destination, data })
  return { packet: asBuffer(packet), condition: executionCondition }
}

/** @throws when the packet is not as it should be */
export function replyTo(packet: Uint8Array): Buffer {
  const { amount, data, executionCondition } = decodePacketOf(12, packet)
  const fulfillment = fulfillmentFor(data)
  if (amount !== 1n || !equal(conditionOf(fulfillment), executionCondition)) throw new Error('not the packet asked for')
  return asBuffer(encodePacket({ type: 13, fulfillment, data: EMPTY }))
}

/** Why the reply is no fulfillment of the request, if it is none. */
export function faultOf(reply: Uint8Array, { condition }: Request): string | undefined {
  const packet = decodePacket(reply)
  if (packet.type !== 13) return packet.type === 14 ? `${packet.code} ${packet.message}` : `type ${packet.type}`
  return equal(conditionOf(packet.fulfillment), condition) ? undefined : 'wrong fulfillment'
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
