/**
 * The packets and conditions of one stream's payments: type-1 ILP packets whose destination ends in an increasing
 * payment id, so that no packet is ever paid twice. Conditions after seed 002 (`hmac-account`) or PSK 1.0 (`psk`).
 */
import { ascii, EMPTY } from '../bytes/index.js'
import { randomBytes } from '../crypto/index.js'
import { accountFulfiller, conditionOf, encodePacket, pskFulfiller } from '../ilp/index.js'
import { Writer } from '../oer/index.js'

export interface Payment {
  /** The packet, byte-exact: with `psk` the condition is derived from it. */
  readonly packet: Uint8Array
  readonly condition: Uint8Array
}

/** Twelve digits from 10^11 up: 10^11 payments keep the width, so that ids are counted up inside the encoded packet. */
const ID_DIGITS = 12
const FIRST_ID_MIN = 100_000_000_000
const FIRST_ID_SPAN = 800_000_000_000

/** A random first payment id, so that a buyer that forgot its last one repeats none (protocols of 2017 start at 0). */
function randomFirstId(): number {
  const random = new DataView(randomBytes(8).slice().buffer).getBigUint64(0)
  return FIRST_ID_MIN + Number(random % BigInt(FIRST_ID_SPAN))
}

/** The maker of a stream's payments. Each call takes the next id. `firstId` has twelve digits. */
export function createPayments(
  method: 'psk' | 'hmac-account',
  address: string,
  secret: Uint8Array,
  firstId: number = randomFirstId(),
): (amount: bigint) => Payment {
  const digits = ascii(String(firstId).padStart(ID_DIGITS, '0'))
  const fulfillmentOf = fulfiller(method, address, secret)
  const slabs = new Writer()
  let template: Uint8Array = EMPTY
  let templateAmount = -1n

  return (amount) => {
    if (amount !== templateAmount) {
      template = encodePacket({ type: 1, amount, account: `${address}.${'0'.repeat(ID_DIGITS)}`, data: EMPTY })
      templateAmount = amount
    }
    // The packet ends with the address, an empty data field and an empty extension list: one byte each for the last two.
    // From a slab, because an array of its own costs more than all that goes into it.
    slabs.octets(template)
    const packet = slabs.take()
    packet.set(digits, packet.length - 2 - ID_DIGITS)
    countUp(digits)
    return { packet, condition: conditionOf(fulfillmentOf(packet)) }
  }
}

/** From a whole packet to its fulfillment. */
function fulfiller(
  method: 'psk' | 'hmac-account',
  address: string,
  secret: Uint8Array,
): (packet: Uint8Array) => Uint8Array {
  if (method === 'psk') return pskFulfiller(secret)
  const ofAccount = accountFulfiller(secret)
  return (packet) => {
    const id = String.fromCharCode(...packet.subarray(packet.length - 2 - ID_DIGITS, packet.length - 2))
    return ofAccount(`${address}.${id}`)
  }
}

function countUp(digits: Uint8Array): void {
  for (let i = digits.length - 1; i >= 0; i--) {
    const digit = digits[i] ?? 0
    if (digit < 0x39) {
      digits[i] = digit + 1
      return
    }
    digits[i] = 0x30
  }
}
