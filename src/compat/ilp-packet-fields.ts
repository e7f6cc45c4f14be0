/**
 * Packets in the representations of the ilp-packet package, and as ours. Types 1–11 as in ilp-packet 1.x: amounts as
 * decimal strings, data as base64url text, error data as text, dates as `Date`. Types 12–14 as in 3.x: binary as `Buffer`.
 * Input is checked, because it comes from programs that no compiler checked; text beyond ASCII in error data is UTF-8.
 */
import { EMPTY, fromBase64, toBase64url, utf8 } from '../bytes/index.js'
import { formatAmount, IlpError, type LiquidityPoint, type Packet, parseAmount } from '../ilp/index.js'
import { Reader, Writer } from '../oer/index.js'

/** Base64 or base64url text, or bytes; nothing is empty. Always base64url on the way out. */
type Data = string | Uint8Array | undefined

export interface IlpPayment {
  amount: string
  account: string
  data?: Data
}
export interface IlqpLiquidityRequest {
  destinationAccount: string
  destinationHoldDuration: number
}
export interface IlqpLiquidityResponse {
  /** Points of sixteen bytes: source and destination amount. */
  liquidityCurve: Buffer
  appliesToPrefix: string
  sourceHoldDuration: number
  expiresAt: Date
}
export interface IlqpBySourceRequest {
  destinationAccount: string
  sourceAmount: string
  destinationHoldDuration: number
}
export interface IlqpBySourceResponse {
  destinationAmount: string
  sourceHoldDuration: number
}
export interface IlqpByDestinationRequest {
  destinationAccount: string
  destinationAmount: string
  destinationHoldDuration: number
}
export interface IlqpByDestinationResponse {
  sourceAmount: string
  sourceHoldDuration: number
}
export interface IlpErrorFields {
  code: string
  name: string
  triggeredBy: string
  forwardedBy: string[]
  triggeredAt: Date
  data: string
}
export interface IlpFulfillment {
  data?: Data
}
export interface IlpForwardedPayment {
  account: string
  data?: Data
}
export interface IlpRejection {
  code: string
  triggeredBy: string
  message: string
  data: Buffer
}
export interface IlpPrepare {
  amount: string
  executionCondition: Buffer
  expiresAt: Date
  destination: string
  data: Buffer
}
export interface IlpFulfill {
  fulfillment: Buffer
  data: Buffer
}
export interface IlpReject {
  code: string
  triggeredBy: string
  message: string
  data: Buffer
}

/** The fields of each packet type. */
export interface FieldsOf {
  1: IlpPayment
  2: IlqpLiquidityRequest
  3: IlqpLiquidityResponse
  4: IlqpBySourceRequest
  5: IlqpBySourceResponse
  6: IlqpByDestinationRequest
  7: IlqpByDestinationResponse
  8: IlpErrorFields
  9: IlpFulfillment
  10: IlpForwardedPayment
  11: IlpRejection
  12: IlpPrepare
  13: IlpFulfill
  14: IlpReject
}

export type PacketType = keyof FieldsOf

/** A packet's type and fields. */
export type Tagged<T extends PacketType = PacketType> = { [K in T]: { type: K; data: FieldsOf[K] } }[T]

/** @throws {OerError} for fields of the wrong kind, or an amount, date or text that is none */
export function packetOf(tagged: Tagged): Packet {
  const { type, data } = tagged
  switch (type) {
    case 1:
      return { type, amount: parseAmount(data.amount), account: data.account, data: dataOf(data.data) }
    case 2:
      return { ...data, type }
    case 3:
      return { ...data, type, liquidityCurve: pointsOf(data.liquidityCurve), expiresAt: timeOf(data.expiresAt) }
    case 4:
      return { ...data, type, sourceAmount: parseAmount(data.sourceAmount) }
    case 5:
      return { ...data, type, destinationAmount: parseAmount(data.destinationAmount) }
    case 6:
      return { ...data, type, destinationAmount: parseAmount(data.destinationAmount) }
    case 7:
      return { ...data, type, sourceAmount: parseAmount(data.sourceAmount) }
    case 8:
      if (!Array.isArray(data.forwardedBy)) throw wrongKind('forwardedBy', 'an array of addresses')
      return {
        type,
        code: textOf('code', data.code),
        name: textOf('name', data.name),
        triggeredBy: data.triggeredBy,
        forwardedBy: data.forwardedBy,
        triggeredAt: timeOf(data.triggeredAt),
        data: utf8(textOf('data', data.data)),
      }
    case 9:
      return { type, data: dataOf(data.data) }
    case 10:
      return { type, account: data.account, data: dataOf(data.data) }
    case 11:
    case 14:
      return {
        type,
        code: textOf('code', data.code),
        triggeredBy: data.triggeredBy,
        message: textOf('message', data.message),
        data: bytesOf('data', data.data),
      }
    case 12:
      return {
        type,
        amount: parseAmount(data.amount),
        expiresAt: timeOf(data.expiresAt),
        executionCondition: bytesOf('executionCondition', data.executionCondition),
        destination: data.destination,
        data: bytesOf('data', data.data),
      }
    case 13:
      return { type, fulfillment: bytesOf('fulfillment', data.fulfillment), data: bytesOf('data', data.data) }
    default:
      throw new IlpError('ILP_TYPE', 'expected a packet type from 1 to 14')
  }
}

/** Buffers in the result are views of the packet's bytes. */
export function taggedOf(packet: Packet): Tagged {
  switch (packet.type) {
    case 1: {
      const { type, amount, account, data } = packet
      return { type, data: { amount: formatAmount(amount), account, data: toBase64url(data) } }
    }
    case 2: {
      const { type, ...data } = packet
      return { type, data }
    }
    case 3: {
      const { type, liquidityCurve, expiresAt, ...rest } = packet
      return {
        type,
        data: { ...rest, liquidityCurve: curveOf(liquidityCurve), expiresAt: new Date(expiresAt) },
      }
    }
    case 4: {
      const { type, sourceAmount, ...rest } = packet
      return { type, data: { ...rest, sourceAmount: formatAmount(sourceAmount) } }
    }
    case 5: {
      const { type, destinationAmount, ...rest } = packet
      return { type, data: { ...rest, destinationAmount: formatAmount(destinationAmount) } }
    }
    case 6: {
      const { type, destinationAmount, ...rest } = packet
      return { type, data: { ...rest, destinationAmount: formatAmount(destinationAmount) } }
    }
    case 7: {
      const { type, sourceAmount, ...rest } = packet
      return { type, data: { ...rest, sourceAmount: formatAmount(sourceAmount) } }
    }
    case 8: {
      const { type, forwardedBy, triggeredAt, data, ...rest } = packet
      return {
        type,
        data: {
          ...rest,
          forwardedBy: [...forwardedBy],
          triggeredAt: new Date(triggeredAt),
          data: bufferOf(data).toString('utf8'),
        },
      }
    }
    case 9:
      return { type: 9, data: { data: toBase64url(packet.data) } }
    case 10:
      return { type: 10, data: { account: packet.account, data: toBase64url(packet.data) } }
    case 11: {
      const { type, data, ...rest } = packet
      return { type, data: { ...rest, data: bufferOf(data) } }
    }
    case 12: {
      const { type, amount, expiresAt, executionCondition, destination, data } = packet
      return {
        type,
        data: {
          amount: formatAmount(amount),
          executionCondition: bufferOf(executionCondition),
          expiresAt: new Date(expiresAt),
          destination,
          data: bufferOf(data),
        },
      }
    }
    case 13:
      return { type: 13, data: { fulfillment: bufferOf(packet.fulfillment), data: bufferOf(packet.data) } }
    case 14: {
      const { type, data, ...rest } = packet
      return { type, data: { ...rest, data: bufferOf(data) } }
    }
  }
}

/** A Buffer over the same memory. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const POINT_BYTES = 16

function pointsOf(curve: unknown): LiquidityPoint[] {
  const bytes = bytesOf('liquidityCurve', curve)
  if (bytes.length % POINT_BYTES !== 0) throw wrongKind('liquidityCurve', `points of ${POINT_BYTES} bytes`)
  const reader = new Reader(bytes)
  const points: LiquidityPoint[] = []
  while (reader.left > 0) points.push([reader.uint64(), reader.uint64()])
  return points
}

function curveOf(points: readonly LiquidityPoint[]): Buffer {
  const writer = new Writer()
  for (const [source, destination] of points) {
    writer.uint64(source)
    writer.uint64(destination)
  }
  return bufferOf(writer.take())
}

function dataOf(data: Data): Uint8Array {
  return typeof data === 'string' ? fromBase64Text(data) : bytesOf('data', data)
}

function fromBase64Text(text: string): Uint8Array {
  try {
    return fromBase64(text)
  } catch {
    throw wrongKind('data', 'base64url text')
  }
}

function bytesOf(field: string, value: unknown): Uint8Array {
  if (value === undefined || value === null) return EMPTY
  if (value instanceof Uint8Array) return value
  throw wrongKind(field, 'a Buffer')
}

function textOf(field: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw wrongKind(field, 'a string')
}

function timeOf(value: unknown): number {
  if (value instanceof Date) return value.getTime()
  throw wrongKind('a time', 'a Date')
}

function wrongKind(field: string, expected: string): IlpError {
  return new IlpError('ILP_DATA', `expected ${field} to be ${expected}`)
}
