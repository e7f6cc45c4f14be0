/**
 * The reason of a rejection, as a type-8 ILP packet (RFC-3 draft 4): what the `ilp` entry of a BTP Reject carries.
 * The packet has no field for a message, so that goes into its data, as the `message` of a JSON object.
 */
import { octetEntry, REJECT } from '../btp/index.js'
import { EMPTY, fromUtf8, utf8 } from '../bytes/index.js'
import { decodePacketOf, encodePacket, ERROR_DATA_BYTES_MAX, errorName } from '../ilp/index.js'
import type { RequestBody } from '../session/index.js'
import type { GivenReason, Reason } from './types.js'

/** Every field filled in; what does not fit its field becomes the default, so that a reason can always be told. */
export function completeReason(given: GivenReason, triggeredBy: string, now: number): Reason {
  const reason: Reason = {
    code: given.code,
    name: given.name ?? errorName(given.code, 1),
    message: given.message ?? '',
    triggeredBy: given.triggeredBy ?? triggeredBy,
    forwardedBy: given.forwardedBy ?? [],
    triggeredAt: given.triggeredAt ?? now,
    data: given.data ?? EMPTY,
  }
  return encodes(reason) ? reason : { ...plainReason('F00', triggeredBy, now), message: reason.message }
}

function plainReason(code: string, triggeredBy: string, now: number): Reason {
  const name = errorName(code, 1)
  return { code, name, message: '', triggeredBy, forwardedBy: [], triggeredAt: now, data: EMPTY }
}

function encodes(reason: Reason): boolean {
  try {
    encodeReason(reason)
    return true
  } catch {
    return false
  }
}

/** A type-8 packet. @throws {OerError} when a field does not fit; a reason made by {@link completeReason} does */
export function encodeReason(reason: Reason): Uint8Array {
  return encodePacket({
    type: 8,
    code: reason.code,
    name: reason.name,
    triggeredBy: reason.triggeredBy,
    forwardedBy: reason.forwardedBy,
    triggeredAt: reason.triggeredAt,
    data: dataWithMessage(reason),
  })
}

/** A Reject. Always with a reason: the 2017 program cannot read one without. */
export function rejectBody(id: Uint8Array, reason: Uint8Array): RequestBody {
  return { type: REJECT, transferId: id, entries: [octetEntry('ilp', reason)] }
}

/** Total: bytes that are no type-8 packet, or none, are a plain `F00` of the peer. */
export function decodeReason(bytes: Uint8Array | undefined, triggeredBy: string, now: number): Reason {
  if (bytes === undefined || bytes.length === 0) return plainReason('F00', triggeredBy, now)
  try {
    const { code, name, triggeredBy: by, forwardedBy, triggeredAt, data } = decodePacketOf(8, bytes)
    return { code, name, message: messageOf(data), triggeredBy: by, forwardedBy, triggeredAt, data }
  } catch {
    return plainReason('F00', triggeredBy, now)
  }
}

function dataWithMessage({ message, data }: Reason): Uint8Array {
  if (message === '') return data
  const known = data.length === 0 ? {} : jsonObject(data)
  if (known === undefined) return data
  const whole = utf8(JSON.stringify({ message, ...known }))
  return whole.length <= ERROR_DATA_BYTES_MAX ? whole : data
}

function messageOf(data: Uint8Array): string {
  const message = data.length === 0 ? undefined : jsonObject(data)?.['message']
  return typeof message === 'string' ? message : ''
}

function jsonObject(data: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(fromUtf8(data))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
