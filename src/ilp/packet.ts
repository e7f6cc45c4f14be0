/**
 * ILP packets as bytes: a type byte and a VarOctetString of the contents. Trailing bytes, after the packet or after its
 * last known field, are ignored on reading (that is how the protocol extends) and never written. Conditions are derived
 * from the bytes as received, so whoever hashes or forwards a packet keeps the original.
 */
import { Reader, Writer } from '../oer/index.js'
import { IlpError } from './errors.js'
import { readV1, writeV1 } from './packet-v1.js'
import { readV4, writeV4 } from './packet-v4.js'
import type { Packet } from './types.js'

const writer = new Writer()

/** @throws {OerError} for a field that is outside its limits; nothing is returned then */
export function encodePacket(packet: Packet): Uint8Array {
  writer.reset()
  if (!isType(packet.type)) throw badType()
  writer.uint8(packet.type)
  const contents = writer.open()
  if (isV4(packet)) writeV4(writer, packet)
  else writeV1(writer, packet)
  writer.close(contents)
  return writer.take()
}

/** The packet of any bytes. Its byte fields are subarrays of `bytes`. @throws {OerError} for anything else */
export function decodePacket(bytes: Uint8Array): Packet {
  const reader = new Reader(bytes)
  const type = reader.uint8()
  if (!isType(type)) throw badType()
  reader.enter()
  switch (type) {
    case 12:
    case 13:
    case 14:
      return readV4(reader, type)
    default:
      return readV1(reader, type)
  }
}

/** As {@link decodePacket}, for a caller that can use only one type. @throws {IlpError} `ILP_TYPE` for another */
export function decodePacketOf<T extends Packet['type']>(type: T, bytes: Uint8Array): Extract<Packet, { type: T }> {
  if (bytes[0] !== type) throw badType()
  const packet = decodePacket(bytes)
  if (!isOf(packet, type)) throw badType()
  return packet
}

function isOf<T extends Packet['type']>(packet: Packet, type: T): packet is Extract<Packet, { type: T }> {
  return packet.type === type
}

function isType(type: number): type is Packet['type'] {
  return Number.isInteger(type) && type >= 1 && type <= 14
}

function isV4(packet: Packet): packet is Extract<Packet, { type: 12 | 13 | 14 }> {
  return packet.type >= 12
}

function badType(): IlpError {
  return new IlpError('ILP_TYPE', 'expected an ILP packet of another type')
}
