/**
 * What the ilp-packet package exported, over our codec: the functions of 1.x (types 1–11) and of 3.x (types 12–14); where
 * both have a name, the packet type decides. Stricter than they were: nothing wraps or is cut off in silence.
 */
import {
  decodePacket,
  decodePacketOf,
  type ErrorCode,
  encodePacket,
  HASH_BYTES,
  isAddress,
  isErrorCode,
  MESSAGE_BYTES_MAX,
  parseAmount,
} from '../ilp/index.js'
import { Reader } from '../oer/index.js'
import { codes } from './ilp-packet-errors.js'
import {
  bufferOf,
  type FieldsOf,
  type IlpFulfill,
  type IlpPrepare,
  type IlpReject,
  packetOf,
  type PacketType,
  type Tagged,
  taggedOf,
} from './ilp-packet-fields.js'

export * as Errors from './ilp-packet-errors.js'
export type * from './ilp-packet-fields.js'

/** Both ways, as the numeric enums of TypeScript have it. */
function twoWay<T extends Record<string, number>>(numbers: T): T & Record<number, string> {
  const names: Record<number, string> = {}
  for (const [name, number] of Object.entries(numbers)) names[number] = name
  return Object.assign(names, numbers)
}

export const Type = twoWay({
  TYPE_ILP_PAYMENT: 1,
  TYPE_ILQP_LIQUIDITY_REQUEST: 2,
  TYPE_ILQP_LIQUIDITY_RESPONSE: 3,
  TYPE_ILQP_BY_SOURCE_REQUEST: 4,
  TYPE_ILQP_BY_SOURCE_RESPONSE: 5,
  TYPE_ILQP_BY_DESTINATION_REQUEST: 6,
  TYPE_ILQP_BY_DESTINATION_RESPONSE: 7,
  TYPE_ILP_ERROR: 8,
  TYPE_ILP_FULFILLMENT: 9,
  TYPE_ILP_FORWARDED_PAYMENT: 10,
  TYPE_ILP_REJECTION: 11,
  TYPE_ILP_PREPARE: 12,
  TYPE_ILP_FULFILL: 13,
  TYPE_ILP_REJECT: 14,
})

export const IlpPacketType = twoWay({ Prepare: 12, Fulfill: 13, Reject: 14 })

/** Error codes by their long names. */
export const IlpError = codes

const TYPE_STRINGS: Readonly<Record<PacketType, string>> = {
  1: 'ilp_payment',
  2: 'ilqp_liquidity_request',
  3: 'ilqp_liquidity_response',
  4: 'ilqp_by_source_request',
  5: 'ilqp_by_source_response',
  6: 'ilqp_by_destination_request',
  7: 'ilqp_by_destination_response',
  8: 'ilp_error',
  9: 'ilp_fulfillment',
  10: 'ilp_forwarded_payment',
  11: 'ilp_rejection',
  12: 'ilp_prepare',
  13: 'ilp_fulfill',
  14: 'ilp_reject',
}

export function serializeIlpPacket(packet: Tagged): Buffer {
  return bufferOf(encodePacket(packetOf(packet)))
}

export function deserializeIlpPacket(binary: Uint8Array): Tagged & { typeString: string } {
  const tagged = taggedOf(decodePacket(binary))
  return { ...tagged, typeString: TYPE_STRINGS[tagged.type] }
}

function serializer<T extends PacketType>(type: T): (fields: FieldsOf[T]) => Buffer {
  return (data) => bufferOf(encodePacket(packetOf({ type, data } as Tagged)))
}

function deserializer<T extends PacketType>(type: T): (binary: Uint8Array) => FieldsOf[T] {
  return (binary) => taggedOf(decodePacketOf(type, binary)).data as FieldsOf[T]
}

export const serializeIlpPayment = serializer(1)
export const deserializeIlpPayment = deserializer(1)
export const serializeIlqpLiquidityRequest = serializer(2)
export const deserializeIlqpLiquidityRequest = deserializer(2)
export const serializeIlqpLiquidityResponse = serializer(3)
export const deserializeIlqpLiquidityResponse = deserializer(3)
export const serializeIlqpBySourceRequest = serializer(4)
export const deserializeIlqpBySourceRequest = deserializer(4)
export const serializeIlqpBySourceResponse = serializer(5)
export const deserializeIlqpBySourceResponse = deserializer(5)
export const serializeIlqpByDestinationRequest = serializer(6)
export const deserializeIlqpByDestinationRequest = deserializer(6)
export const serializeIlqpByDestinationResponse = serializer(7)
export const deserializeIlqpByDestinationResponse = deserializer(7)
export const serializeIlpError = serializer(8)
export const deserializeIlpError = deserializer(8)
export const serializeIlpFulfillment = serializer(9)
export const deserializeIlpFulfillment = deserializer(9)
export const serializeIlpForwardedPayment = serializer(10)
export const deserializeIlpForwardedPayment = deserializer(10)
export const serializeIlpRejection = serializer(11)
export const deserializeIlpRejection = deserializer(11)
export const serializeIlpPrepare = serializer(12)
export const deserializeIlpPrepare = deserializer(12)
export const serializeIlpFulfill = serializer(13)
export const deserializeIlpFulfill = deserializer(13)
export const serializeIlpReject = serializer(14)
export const deserializeIlpReject = deserializer(14)

export function deserializeEnvelope(binary: Uint8Array): { type: number; contents: Buffer } {
  const reader = new Reader(binary)
  return { type: reader.uint8(), contents: bufferOf(reader.varOctets()) }
}

export type IlpReply = IlpFulfill | IlpReject

export function serializeIlpReply(packet: IlpReply): Buffer {
  return isFulfill(packet) ? serializeIlpFulfill(packet) : serializeIlpReject(packet)
}

export function deserializeIlpReply(binary: Uint8Array): IlpReply {
  return binary[0] === IlpPacketType.Fulfill ? deserializeIlpFulfill(binary) : deserializeIlpReject(binary)
}

export function isPrepare(value: unknown): value is IlpPrepare {
  return (
    isRecord(value) &&
    isAmount(value['amount']) &&
    value['expiresAt'] instanceof Date &&
    !Number.isNaN(value['expiresAt'].getTime()) &&
    isValidIlpAddress(value['destination']) &&
    isHash(value['executionCondition']) &&
    Buffer.isBuffer(value['data'])
  )
}

export function isFulfill(value: unknown): value is IlpFulfill {
  return isRecord(value) && isHash(value['fulfillment']) && Buffer.isBuffer(value['data'])
}

export function isReject(value: unknown): value is IlpReject {
  return (
    isRecord(value) &&
    typeof value['code'] === 'string' &&
    (value['triggeredBy'] === '' || isValidIlpAddress(value['triggeredBy'])) &&
    typeof value['message'] === 'string' &&
    Buffer.isBuffer(value['data'])
  )
}

export function isIlpReply(value: unknown): value is IlpReply {
  return isFulfill(value) || isReject(value)
}

export function isValidIlpAddress(value: unknown): value is string {
  return typeof value === 'string' && isAddress(value)
}

export function isCanonicalIlpRejectCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && isErrorCode(value)
}

/** The first segment of an address. */
export function getScheme(address: string): string {
  return address.split('.', 1)[0] ?? ''
}

/** What a handler throws. */
export interface IlpErrorClass {
  message?: string
  ilpErrorCode?: string
  ilpErrorData?: Buffer | undefined
}

/** The reject that an exception becomes: `F00` unless it says otherwise. `address` is whose error it is. */
export function errorToIlpReject(address: string, error: IlpErrorClass): IlpReject {
  return {
    code: error.ilpErrorCode ?? 'F00',
    triggeredBy: address,
    // By way of bytes, so that half a surrogate pair becomes a replacement character.
    message: Buffer.from((error.message ?? '').slice(0, MESSAGE_CHARACTERS_MAX)).toString(),
    data: error.ilpErrorData ?? Buffer.alloc(0),
  }
}

export function errorToReject(address: string, error: IlpErrorClass): Buffer {
  return serializeIlpReject(errorToIlpReject(address, error))
}

/** So many UTF-16 units fit into a message whatever they are. */
const MESSAGE_CHARACTERS_MAX = Math.floor(MESSAGE_BYTES_MAX / 3)

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function isHash(value: unknown): value is Buffer {
  return Buffer.isBuffer(value) && value.length === HASH_BYTES
}

function isAmount(value: unknown): value is string {
  try {
    return typeof value === 'string' && parseAmount(value) >= 0n
  } catch {
    return false
  }
}
