/**
 * ILDCP (RFC-31 draft 5): a child asks its parent, by a packet to `peer.config`, for its address and asset. Request and
 * response are ordinary packets with a condition that everybody can fulfil.
 */
import { equal } from '../bytes/index.js'
import { Reader, Writer } from '../oer/index.js'
import { conditionOf } from './condition.js'
import { IlpError } from './errors.js'
import { DATA_BYTES_MAX, HASH_BYTES, readAddress, writeAddress } from './fields.js'
import { decodePacketOf, encodePacket } from './packet.js'

const writer = new Writer()

export const ILDCP_ADDRESS = 'peer.config'
/** Every packet to a `peer.` address is fulfilled by 32 zero bytes. */
export const PEER_FULFILLMENT = new Uint8Array(HASH_BYTES)
export const PEER_CONDITION = conditionOf(PEER_FULFILLMENT)

export interface IldcpRequest {
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly data: Uint8Array
}

export interface IldcpResponse {
  readonly clientAddress: string
  /** One base unit is 10^−assetScale of the asset; 0…255. */
  readonly assetScale: number
  readonly assetCode: string
}

/** A prepare packet. @throws {OerError} */
export function encodeIldcpRequest({ expiresAt, data }: IldcpRequest): Uint8Array {
  return encodePacket({
    type: 12,
    amount: 0n,
    expiresAt,
    executionCondition: PEER_CONDITION,
    destination: ILDCP_ADDRESS,
    data,
  })
}

/** @throws {OerError} for bytes that are no prepare packet to `peer.config` with the peer condition */
export function decodeIldcpRequest(bytes: Uint8Array): IldcpRequest {
  const packet = decodePacketOf(12, bytes)
  if (packet.destination !== ILDCP_ADDRESS || !equal(packet.executionCondition, PEER_CONDITION)) {
    throw new IlpError('ILP_DATA', `expected a packet to ${ILDCP_ADDRESS} with the condition of peer requests`)
  }
  return { expiresAt: packet.expiresAt, data: packet.data }
}

/** A fulfill packet. @throws {OerError} */
export function encodeIldcpResponse(response: IldcpResponse): Uint8Array {
  writer.reset()
  writeAddress(writer, response.clientAddress, 'destination')
  writer.uint8(response.assetScale)
  writer.varUtf8(response.assetCode, DATA_BYTES_MAX)
  return encodePacket({ type: 13, fulfillment: PEER_FULFILLMENT, data: writer.take() })
}

/** @throws {OerError} for bytes that are no fulfill packet with the peer fulfillment and these fields */
export function decodeIldcpResponse(bytes: Uint8Array): IldcpResponse {
  const packet = decodePacketOf(13, bytes)
  if (!equal(packet.fulfillment, PEER_FULFILLMENT)) {
    throw new IlpError('ILP_DATA', 'expected the fulfillment of peer requests')
  }
  const reader = new Reader(packet.data)
  return {
    clientAddress: readAddress(reader, 'destination'),
    assetScale: reader.uint8(),
    assetCode: reader.varUtf8(DATA_BYTES_MAX),
  }
}
