/**
 * BTP frames as bytes: type, request id, and a VarOctetString of the contents, which end in the sub-protocol entries.
 * BTP 1.0: RFC-23 draft 2. BTP 2.0: RFC-23 draft 9. Trailing bytes, after the frame or after the entries, are ignored on
 * reading and never written. Two entries of one name are readable: see `duplicateName`.
 */
import { Reader, Writer } from '../oer/index.js'
import { BtpError } from './errors.js'
import {
  type BtpVersion,
  ERROR,
  FULFILL,
  type Frame,
  MESSAGE,
  PREPARE,
  REJECT,
  RESPONSE,
  type SubProtocol,
  TRANSFER,
} from './types.js'

/** Data of an Error frame. */
export const ERROR_DATA_BYTES_MAX = 8192

const TRANSFER_ID_BYTES = 16
const HASH_BYTES = 32
/** An entry of empty name and data: two lengths and the content type. */
const ENTRY_BYTES_MIN = 3

const writer = new Writer()

/** @throws {OerError} for a field that is outside its limits, or a type that the version does not have */
export function encodeFrame(frame: Frame, version: BtpVersion): Uint8Array {
  if (!hasType(version, frame.type)) throw badType(frame.type, version)
  writer.reset()
  writer.uint8(frame.type)
  writer.uint32(frame.requestId)
  const contents = writer.open()
  writeBody(frame)
  writeEntries(frame.entries)
  writer.close(contents)
  return writer.take()
}

/**
 * The frame of any bytes. Its byte fields are subarrays of `bytes`.
 * @throws {OerError} for anything else; `frameHead` tells whether it can be answered
 */
export function decodeFrame(bytes: Uint8Array, version: BtpVersion): Frame {
  const reader = new Reader(bytes)
  const type = reader.uint8()
  if (!hasType(version, type)) throw badType(type, version)
  const requestId = reader.uint32()
  reader.enter()
  switch (type) {
    case RESPONSE:
    case MESSAGE:
      return { type, requestId, entries: readEntries(reader) }
    case ERROR:
      return {
        type,
        requestId,
        code: reader.asciiOctets(3),
        name: reader.varAscii(),
        triggeredAt: reader.varTime(),
        data: readErrorData(reader),
        entries: readEntries(reader),
      }
    case PREPARE:
      return {
        type,
        requestId,
        transferId: reader.octets(TRANSFER_ID_BYTES),
        amount: reader.uint64(),
        condition: reader.octets(HASH_BYTES),
        expiresAt: reader.varTime(),
        entries: readEntries(reader),
      }
    case FULFILL:
      return {
        type,
        requestId,
        transferId: reader.octets(TRANSFER_ID_BYTES),
        fulfillment: reader.octets(HASH_BYTES),
        entries: readEntries(reader),
      }
    case REJECT:
      return { type, requestId, transferId: reader.octets(TRANSFER_ID_BYTES), entries: readEntries(reader) }
    case TRANSFER:
      return { type, requestId, amount: reader.uint64(), entries: readEntries(reader) }
  }
}

/**
 * Type and request id of bytes that {@link decodeFrame} refuses, so that a request of an unknown type or with unreadable
 * contents can be answered; `undefined` when the framing itself is broken, which gets no answer.
 */
export function frameHead(bytes: Uint8Array): { readonly type: number; readonly requestId: number } | undefined {
  const reader = new Reader(bytes)
  try {
    const type = reader.uint8()
    const requestId = reader.uint32()
    reader.enter()
    return { type, requestId }
  } catch {
    return undefined
  }
}

function hasType(version: BtpVersion, type: number): type is Frame['type'] {
  switch (type) {
    case RESPONSE:
    case ERROR:
    case MESSAGE:
      return true
    case PREPARE:
    case FULFILL:
    case REJECT:
      return version === 1
    case TRANSFER:
      return version === 2
    default:
      return false
  }
}

function badType(type: number, version: BtpVersion): BtpError {
  return new BtpError('BTP_TYPE', `BTP ${version}.0 has no frame type ${type}: check which version the peer speaks`)
}

function writeBody(frame: Frame): void {
  switch (frame.type) {
    case RESPONSE:
    case MESSAGE:
      break
    case ERROR:
      if (frame.code.length !== 3) throw new BtpError('BTP_CODE', 'expected an error code of three characters')
      writer.asciiOctets(frame.code)
      writer.varAscii(frame.name)
      writer.varTime(frame.triggeredAt)
      checkErrorData(frame.data)
      writer.varOctets(frame.data)
      break
    case PREPARE:
      writer.fixedOctets(frame.transferId, TRANSFER_ID_BYTES)
      writer.uint64(frame.amount)
      writer.fixedOctets(frame.condition, HASH_BYTES)
      writer.varTime(frame.expiresAt)
      break
    case FULFILL:
      writer.fixedOctets(frame.transferId, TRANSFER_ID_BYTES)
      writer.fixedOctets(frame.fulfillment, HASH_BYTES)
      break
    case REJECT:
      writer.fixedOctets(frame.transferId, TRANSFER_ID_BYTES)
      break
    case TRANSFER:
      writer.uint64(frame.amount)
  }
}

function writeEntries(entries: readonly SubProtocol[]): void {
  // Callers without types: an absent list must not become a TypeError on the path of frames.
  if (!isArray(entries)) throw new BtpError('BTP_DATA', 'expected an array of sub-protocol entries')
  writer.count(entries.length)
  for (const entry of entries) {
    writer.varAscii(entry.name)
    writer.uint8(entry.contentType)
    writer.varOctets(entry.data)
  }
}

function isArray(value: unknown): boolean {
  return Array.isArray(value)
}

const NO_ENTRIES: readonly SubProtocol[] = []

function readEntries(reader: Reader): readonly SubProtocol[] {
  let left = reader.count(ENTRY_BYTES_MIN)
  if (left === 0) return NO_ENTRIES
  const entries: SubProtocol[] = []
  for (; left > 0; left--) {
    entries.push({ name: reader.varAscii(), contentType: reader.uint8(), data: reader.varOctets() })
  }
  return entries
}

function readErrorData(reader: Reader): Uint8Array {
  const data = reader.varOctets()
  checkErrorData(data)
  return data
}

function checkErrorData(data: Uint8Array): void {
  if (data.length > ERROR_DATA_BYTES_MAX) {
    throw new BtpError('BTP_DATA', `error data is limited to ${ERROR_DATA_BYTES_MAX} bytes`)
  }
}
