/** BTP frames in the field names of the btp-packet package, in which the vector files write them, and as ours. */
import { type Frame, formatTransferId, parseTransferId, type SubProtocol } from 'sluice/btp'
import { BytesError, fromBase64, fromUtf8, toBase64url, utf8 } from 'sluice/bytes'
import { formatAmount, parseAmount } from 'sluice/ilp'
import { isObject, type JsonObject } from './json.js'

/** What no compiler checked goes to the encoder as it is: refusing it is the encoder's job. */
export function frameOf(input: JsonObject): Frame {
  const fields = isObject(input['data']) ? input['data'] : {}
  const frame: Record<string, unknown> = { type: input['type'], requestId: input['requestId'] }
  for (const [key, value] of Object.entries(fields)) {
    switch (key) {
      case 'protocolData':
        frame['entries'] = Array.isArray(value) ? value.map(entryOf) : value
        break
      case 'transferId':
        frame['transferId'] = parseTransferId(value as string)
        break
      case 'amount':
        frame['amount'] = parseAmount(value as string)
        break
      case 'executionCondition':
        frame['condition'] = bytesOf(value)
        break
      case 'fulfillment':
        frame['fulfillment'] = bytesOf(value)
        break
      case 'expiresAt':
      case 'triggeredAt':
        frame[key] = Date.parse(value as string)
        break
      case 'data':
        frame['data'] = typeof value === 'string' ? utf8(value) : value
        break
      default:
        frame[key] = value
    }
  }
  return frame as unknown as Frame
}

export function fieldsOf(frame: Frame): JsonObject {
  const { type, requestId, ...rest } = frame
  const data: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(rest) as [string, unknown][]) {
    switch (key) {
      case 'entries':
        data['protocolData'] = (value as SubProtocol[]).map(({ name, ...entry }) => ({ protocolName: name, ...entry }))
        break
      case 'transferId':
        data['transferId'] = formatTransferId(value as Uint8Array)
        break
      case 'amount':
        data['amount'] = formatAmount(value as bigint)
        break
      case 'condition':
        data['executionCondition'] = toBase64url(value as Uint8Array)
        break
      case 'fulfillment':
        data['fulfillment'] = toBase64url(value as Uint8Array)
        break
      case 'expiresAt':
      case 'triggeredAt':
        data[key] = new Date(value as number)
        break
      case 'data':
        data['data'] = fromUtf8(value as Uint8Array)
        break
      default:
        data[key] = value
    }
  }
  return { type, requestId, data }
}

function entryOf(entry: unknown): unknown {
  if (!isObject(entry)) return entry
  const { protocolName, ...rest } = entry
  return { name: protocolName, ...rest }
}

function bytesOf(value: unknown): unknown {
  if (typeof value !== 'string') throw new BytesError('BYTES_BASE64', 'expected base64url text')
  return fromBase64(value)
}
