/**
 * Contents of ILP packets of version 1: payment (RFC-3 draft 4), quotes (RFC-8 draft 3), error, and the experimental
 * types 9–11 of late 2017. Each ends with an empty extension list, written always (PSK 1.0 hashes it) and not demanded
 * on reading. Addresses are read leniently: schemes of that time are not all in the later grammar.
 */
import type { Reader, Writer } from '../oer/index.js'
import {
  DATA_BYTES_MAX,
  ERROR_DATA_BYTES_MAX,
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
import type { ErrorPacket, LiquidityPoint, LiquidityResponsePacket, Packet, PaymentPacket } from './types.js'

/** A packet of types 1–11. */
export type PacketV1 = Exclude<Packet, { readonly type: 12 | 13 | 14 }>

const CURVE_POINT_BYTES = 16

export function writeV1(writer: Writer, packet: PacketV1): void {
  switch (packet.type) {
    case 1:
      writePayment(writer, packet)
      break
    case 2:
      writeAddress(writer, packet.destinationAccount, 'lenient')
      writer.uint32(packet.destinationHoldDuration)
      break
    case 3:
      writeLiquidityResponse(writer, packet)
      break
    case 4:
      writeAddress(writer, packet.destinationAccount, 'lenient')
      writer.uint64(packet.sourceAmount)
      writer.uint32(packet.destinationHoldDuration)
      break
    case 5:
      writer.uint64(packet.destinationAmount)
      writer.uint32(packet.sourceHoldDuration)
      break
    case 6:
      writeAddress(writer, packet.destinationAccount, 'lenient')
      writer.uint64(packet.destinationAmount)
      writer.uint32(packet.destinationHoldDuration)
      break
    case 7:
      writer.uint64(packet.sourceAmount)
      writer.uint32(packet.sourceHoldDuration)
      break
    case 8:
      writeError(writer, packet)
      break
    case 9:
      writeData(writer, packet.data, DATA_BYTES_MAX)
      break
    case 10:
      writeAddress(writer, packet.account, 'lenient')
      writeData(writer, packet.data, DATA_BYTES_MAX)
      break
    case 11:
      writeCode(writer, packet.code)
      writeTriggeredBy(writer, packet.triggeredBy, 'lenient')
      writeMessage(writer, packet.message)
      writeData(writer, packet.data, DATA_BYTES_MAX)
  }
  writer.uint8(0)
}

export function readV1(reader: Reader, type: PacketV1['type']): PacketV1 {
  switch (type) {
    case 1:
      return readPayment(reader)
    case 2:
      return { type, destinationAccount: readAddress(reader, 'lenient'), destinationHoldDuration: reader.uint32() }
    case 3:
      return readLiquidityResponse(reader)
    case 4:
      return {
        type,
        destinationAccount: readAddress(reader, 'lenient'),
        sourceAmount: reader.uint64(),
        destinationHoldDuration: reader.uint32(),
      }
    case 5:
      return { type, destinationAmount: reader.uint64(), sourceHoldDuration: reader.uint32() }
    case 6:
      return {
        type,
        destinationAccount: readAddress(reader, 'lenient'),
        destinationAmount: reader.uint64(),
        destinationHoldDuration: reader.uint32(),
      }
    case 7:
      return { type, sourceAmount: reader.uint64(), sourceHoldDuration: reader.uint32() }
    case 8:
      return readError(reader)
    case 9:
      return { type, data: readData(reader, DATA_BYTES_MAX) }
    case 10:
      return { type, account: readAddress(reader, 'lenient'), data: readData(reader, DATA_BYTES_MAX) }
    case 11:
      return {
        type,
        code: readCode(reader),
        triggeredBy: readTriggeredBy(reader, 'lenient'),
        message: readMessage(reader),
        data: readData(reader, DATA_BYTES_MAX),
      }
  }
}

function writePayment(writer: Writer, packet: PaymentPacket): void {
  writer.uint64(packet.amount)
  writeAddress(writer, packet.account, 'lenient')
  writeData(writer, packet.data, DATA_BYTES_MAX)
}

function readPayment(reader: Reader): PaymentPacket {
  return {
    type: 1,
    amount: reader.uint64(),
    account: readAddress(reader, 'lenient'),
    data: readData(reader, DATA_BYTES_MAX),
  }
}

function writeLiquidityResponse(writer: Writer, packet: LiquidityResponsePacket): void {
  writer.count(packet.liquidityCurve.length)
  for (const [source, destination] of packet.liquidityCurve) {
    writer.uint64(source)
    writer.uint64(destination)
  }
  writeAddress(writer, packet.appliesToPrefix, 'lenient')
  writer.uint32(packet.sourceHoldDuration)
  writer.varTime(packet.expiresAt)
}

function readLiquidityResponse(reader: Reader): LiquidityResponsePacket {
  const liquidityCurve: LiquidityPoint[] = []
  for (let left = reader.count(CURVE_POINT_BYTES); left > 0; left--) {
    liquidityCurve.push([reader.uint64(), reader.uint64()])
  }
  return {
    type: 3,
    liquidityCurve,
    appliesToPrefix: readAddress(reader, 'lenient'),
    sourceHoldDuration: reader.uint32(),
    expiresAt: reader.varTime(),
  }
}

function writeError(writer: Writer, packet: ErrorPacket): void {
  writeCode(writer, packet.code)
  writer.varAscii(packet.name)
  writeTriggeredBy(writer, packet.triggeredBy, 'lenient')
  writer.count(packet.forwardedBy.length)
  for (const address of packet.forwardedBy) writeAddress(writer, address, 'lenient')
  writer.varTime(packet.triggeredAt)
  writeData(writer, packet.data, ERROR_DATA_BYTES_MAX)
}

function readError(reader: Reader): ErrorPacket {
  const code = readCode(reader)
  const name = reader.varAscii()
  const triggeredBy = readTriggeredBy(reader, 'lenient')
  const forwardedBy: string[] = []
  for (let left = reader.count(1); left > 0; left--) forwardedBy.push(readAddress(reader, 'lenient'))
  return {
    type: 8,
    code,
    name,
    triggeredBy,
    forwardedBy,
    triggeredAt: reader.varTime(),
    data: readData(reader, ERROR_DATA_BYTES_MAX),
  }
}
