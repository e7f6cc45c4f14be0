/** Contents of ILP packets of version 4: prepare, fulfill, reject (RFC-27 draft 10). */
import type { Reader, Writer } from '../oer/index.js'
import {
  DATA_BYTES_MAX,
  HASH_BYTES,
  readAddress,
  readCode,
  readData,
  readMessage,
  readTriggeredBy,
  writeAddress,
  writeCode,
  writeData,
  writeMessage,
  writeTriggeredBy,
} from './fields.js'
import type { FulfillPacket, PreparePacket, RejectPacket } from './types.js'

/** A packet of types 12–14. */
export type PacketV4 = PreparePacket | FulfillPacket | RejectPacket

export function writeV4(writer: Writer, packet: PacketV4): void {
  switch (packet.type) {
    case 12:
      writer.uint64(packet.amount)
      writer.fixedTime(packet.expiresAt)
      writer.fixedOctets(packet.executionCondition, HASH_BYTES)
      writeAddress(writer, packet.destination, 'destination')
      break
    case 13:
      writer.fixedOctets(packet.fulfillment, HASH_BYTES)
      break
    case 14:
      writeCode(writer, packet.code)
      writeTriggeredBy(writer, packet.triggeredBy, 'destination')
      writeMessage(writer, packet.message)
  }
  writeData(writer, packet.data, DATA_BYTES_MAX)
}

export function readV4(reader: Reader, type: PacketV4['type']): PacketV4 {
  switch (type) {
    case 12:
      return {
        type,
        amount: reader.uint64(),
        expiresAt: reader.fixedTime(),
        executionCondition: reader.octets(HASH_BYTES),
        destination: readAddress(reader, 'destination'),
        data: readData(reader, DATA_BYTES_MAX),
      }
    case 13:
      return { type, fulfillment: reader.octets(HASH_BYTES), data: readData(reader, DATA_BYTES_MAX) }
    case 14:
      return {
        type,
        code: readCode(reader),
        triggeredBy: readTriggeredBy(reader, 'destination'),
        message: readMessage(reader),
        data: readData(reader, DATA_BYTES_MAX),
      }
  }
}
