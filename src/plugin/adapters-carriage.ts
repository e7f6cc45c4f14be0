/**
 * How transfers and messages of version 1 travel as the data of version 2: what the two adapters agree on.
 *
 * A transfer is an ILP Prepare (RFC-27 draft 10). Its data are the whole packet of the transfer (type 1 or 10, of which
 * conditions are derived); for foreign programs they are that packet's own data. The transfer's id and `custom` stand
 * behind the last field, where whoever does not know them ignores them. A message of one ILP packet goes as it is.
 * Whatever has more is a byte 0 and a BTP message: no ILP packet begins so.
 */
import { decodeFrame, encodeFrame, findEntry, MESSAGE, octetEntry, type SubProtocol } from '../btp/index.js'
import { concat, EMPTY } from '../bytes/index.js'
import { sha256 } from '../crypto/index.js'
import {
  decodePacket,
  encodePacket,
  type ForwardedPaymentPacket,
  type PaymentPacket,
  type PreparePacket,
} from '../ilp/index.js'
import type { Hold } from '../link/index.js'
import { Reader, Writer } from '../oer/index.js'

const ENVELOPE = 0
const ID_BYTES = 16
/** Amount, expiry and condition of a Prepare. */
const FIXED_BYTES = 8 + 17 + 32
const ID = 'sluice.transfer'

/** What a Prepare says of a transfer. */
export interface Carried {
  readonly id: Uint8Array
  readonly packet: Uint8Array
  readonly custom: Uint8Array | undefined
}

/** @param to where it goes if its packet does not say. @throws {IlpError} when it does not fit a packet */
export function prepareOf(hold: Hold, id: Uint8Array, to: string, whole: boolean): Uint8Array {
  const payment = paymentIn(hold.packet)
  const bytes = encodePacket({
    type: 12,
    amount: hold.amount,
    expiresAt: hold.expiresAt,
    executionCondition: hold.condition,
    destination: payment?.account ?? to,
    data: whole ? hold.packet : (payment?.data ?? EMPTY),
  })
  if (!whole) return bytes
  const entries = [octetEntry(ID, id)]
  if (hold.custom !== undefined) entries.push(octetEntry('custom', hold.custom))
  return extended(bytes, envelope(entries))
}

/** Total: a Prepare of a foreign program is a forwarded payment (type 10), with an id that its bytes give. */
export function carriedBy(prepare: PreparePacket, bytes: Uint8Array): Carried {
  const { destination, data } = prepare
  const entries = opened(extensionOf(bytes))
  const id = entries && findEntry(entries, ID)?.data
  if (entries !== undefined && id?.length === ID_BYTES) {
    return { id, packet: data, custom: findEntry(entries, 'custom')?.data }
  }
  const whole = paymentIn(data)?.account === destination
  const packet = whole ? data : encodePacket({ type: 10, account: destination, data })
  return { id: sha256(bytes).subarray(0, ID_BYTES), packet, custom: undefined }
}

/** The same packet with `more` behind its last field: its length says so, and readers ignore it. */
function extended(packet: Uint8Array, more: Uint8Array): Uint8Array {
  const reader = new Reader(packet)
  const writer = new Writer()
  writer.uint8(reader.uint8())
  writer.varOctets(concat(reader.varOctets(), more))
  return writer.take()
}

/** What stands behind the last field of a Prepare that was read before. */
function extensionOf(prepare: Uint8Array): Uint8Array {
  const packet = new Reader(prepare)
  packet.uint8()
  const fields = new Reader(packet.varOctets())
  fields.octets(FIXED_BYTES)
  fields.varOctets()
  fields.varOctets()
  return fields.octets(fields.left)
}

/** Entries of a message as data: the ILP packet itself where there is nothing else. */
export function dataOfEntries(entries: readonly SubProtocol[]): Uint8Array {
  const [first] = entries
  const alone = entries.length === 1 && first?.name === 'ilp'
  return alone && isRequestPacket(first.data) ? first.data : envelope(entries)
}

/** Total. */
export function entriesOfData(data: Uint8Array): readonly SubProtocol[] {
  return opened(data) ?? [octetEntry('ilp', data)]
}

/** Of version 1: anything else would be taken for a transfer, or for an envelope. */
function isRequestPacket(bytes: Uint8Array): boolean {
  const type = bytes[0] ?? ENVELOPE
  return type >= 1 && type <= 11
}

/** Total. */
export function paymentIn(bytes: Uint8Array): PaymentPacket | ForwardedPaymentPacket | undefined {
  try {
    const packet = decodePacket(bytes)
    return packet.type === 1 || packet.type === 10 ? packet : undefined
  } catch {
    return undefined
  }
}

function envelope(entries: readonly SubProtocol[]): Uint8Array {
  const frame = encodeFrame({ type: MESSAGE, requestId: 0, entries }, 2)
  const bytes = new Uint8Array(frame.length + 1)
  bytes[0] = ENVELOPE
  bytes.set(frame, 1)
  return bytes
}

function opened(bytes: Uint8Array): readonly SubProtocol[] | undefined {
  if (bytes[0] !== ENVELOPE) return undefined
  try {
    const frame = decodeFrame(bytes.subarray(1), 2)
    return frame.type === MESSAGE ? frame.entries : undefined
  } catch {
    return undefined
  }
}
