/** What each `op` of the vector files means in terms of the public interface. */
import { accountOfToken, decodeFrame, encodeFrame } from 'sluice/btp'
import { fromBase64, fromHex, toBase64url, toHex, utf8 } from 'sluice/bytes'
import { deserializeIlpPacket, serializeIlpPacket } from 'sluice/compat/ilp-packet'
import { payTokenFor, sharedSecretFor } from 'sluice/http'
import {
  accountFulfiller,
  conditionOf,
  decodeAmountTooLarge,
  decodeIldcpRequest,
  decodeIldcpResponse,
  decodePacket,
  decodePacketOf,
  decodePskEnvelope,
  encodeAmountTooLarge,
  encodeIldcpRequest,
  encodeIldcpResponse,
  encodePacket,
  encodePskEnvelope,
  isAddress,
  type Packet,
  parseAmount,
  pskAccess,
  pskEncryptionKey,
  pskFulfiller,
  pskFulfillmentKey,
  pskReceiverId,
} from 'sluice/ilp'
import { Reader, Writer } from 'sluice/oer'
import { fieldsOf, frameOf } from './btp-fields.js'
import { isObject, type JsonObject, withDates } from './json.js'

/** Only what the format asks for: a kind that an op lacks is a vector not attempted. */
export interface Op {
  /** The bytes of an input. */
  readonly encode?: (input: JsonObject) => Uint8Array
  /** The value of bytes; the input may hold what else is needed, such as a secret. */
  readonly decode?: (bytes: Uint8Array, input: JsonObject, expectType: number | undefined) => unknown
  /** Decodes and encodes again. */
  readonly recode?: (bytes: Uint8Array, input: JsonObject) => Uint8Array
  readonly compute?: (input: JsonObject) => JsonObject
}

export const OPS: Readonly<Record<string, Op>> = {
  'oer.varOctets': {
    encode: (input) => written((writer) => writer.varOctets(bytesAt(input))),
    decode: (bytes) => new Reader(bytes).varOctets(),
    recode: (bytes) => written((writer) => writer.varOctets(new Reader(bytes).varOctets())),
  },
  'oer.lengthPrefix': { encode: (input) => written((writer) => writer.length(input['length'] as number)) },
  'oer.varUint': {
    encode: (input) => written((writer) => writer.varUint(integer(input['value']))),
    decode: (bytes) => new Reader(bytes).varUint(),
    recode: (bytes) => written((writer) => writer.varUint(new Reader(bytes).varUint())),
  },
  'oer.uint64': {
    encode: (input) => written((writer) => writer.uint64(integer(input['value']))),
    decode: (bytes) => new Reader(bytes).uint64(),
    recode: (bytes) => written((writer) => writer.uint64(new Reader(bytes).uint64())),
  },
  'ilp.packet': {
    encode: (input) => serializeIlpPacket(taggedOf(input)),
    decode: (bytes, _, expectType) => {
      if (expectType !== undefined) decodePacketOf(expectType as Packet['type'], bytes)
      return deserializeIlpPacket(bytes)
    },
    recode: (bytes) => encodePacket(decodePacket(bytes)),
  },
  'ilp.address': { compute: (input) => ({ valid: isAddress(input['address'] as string) }) },
  'ilp.amountTooLargeData': {
    encode: (input) =>
      encodeAmountTooLarge({
        receivedAmount: parseAmount(text(input, 'receivedAmount')),
        maximumAmount: parseAmount(text(input, 'maximumAmount')),
      }),
    decode: (bytes) => decodeAmountTooLarge(bytes),
    recode: (bytes) => encodeAmountTooLarge(decodeAmountTooLarge(bytes)),
  },
  'btp1.frame': frames(1),
  'btp2.frame': frames(2),
  'account.fromToken': { compute: (input) => ({ account: accountOfToken(text(input, 'token')) }) },
  'psk.condition': {
    compute: (input) => ({ condition: toBase64url(conditionOf(fromBase64(text(input, 'fulfillment')))) }),
  },
  'psk.accountHmac': {
    compute: (input) => conditional(accountFulfiller(fromBase64(text(input, 'secret')))(text(input, 'account'))),
  },
  'psk.packetHmac': { compute: packetHmac },
  'psk.receiver': { compute: receiver },
  'psk.envelope': {
    encode: (input) =>
      encodePskEnvelope(
        secretOf(input, 'secret'),
        {
          encryption: input['encryption'] as 'none',
          headers: headers(input, 'headers'),
          publicHeaders: headers(input, 'publicHeaders'),
          data: payload(input['data']),
        },
        fromHex(text(input, 'nonceHex')),
      ),
    decode: (bytes, input) => {
      const { data, ...rest } = decodePskEnvelope(secretOf(input, 'secret'), bytes)
      return { ...rest, data: toBase64url(data) }
    },
  },
  'psk.encryptionKey': { compute: (input) => ({ keyHex: toHex(pskEncryptionKey(secretOf(input, 'secret'))) }) },
  'http.payToken': {
    compute: (input) => {
      const payToken = payTokenFor(secretOf(input, 'clientSecret'), text(input, 'hostname', 'host'))
      return { payToken, token: payToken }
    },
  },
  'http.sharedSecret': {
    compute: (input) => {
      const secret = sharedSecretFor(secretOf(input, 'receiverSecret'), text(input, 'token'))
      return { sharedSecret: toBase64url(secret), sharedSecretHex: toHex(secret) }
    },
  },
  'ildcp.request': {
    encode: (input) =>
      encodeIldcpRequest({ expiresAt: Date.parse(text(input, 'expiresAt')), data: payload(input['data']) }),
    decode: (bytes) => {
      const { expiresAt, data } = decodeIldcpRequest(bytes)
      return { expiresAt: new Date(expiresAt), data }
    },
    recode: (bytes) => encodeIldcpRequest(decodeIldcpRequest(bytes)),
  },
  'ildcp.response': {
    encode: (input) =>
      encodeIldcpResponse({
        clientAddress: input['clientAddress'] as string,
        assetScale: input['assetScale'] as number,
        assetCode: text(input, 'assetCode'),
      }),
    decode: (bytes) => decodeIldcpResponse(bytes),
    recode: (bytes) => encodeIldcpResponse(decodeIldcpResponse(bytes)),
  },
}

function written(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer()
  write(writer)
  return writer.take()
}

function frames(version: 1 | 2): Op {
  return {
    encode: (input) => encodeFrame(frameOf(input), version),
    decode: (bytes) => fieldsOf(decodeFrame(bytes, version)),
    recode: (bytes) => encodeFrame(decodeFrame(bytes, version), version),
  }
}

function taggedOf(input: JsonObject): Parameters<typeof serializeIlpPacket>[0] {
  const data = isObject(input['data']) ? withDates(input['data']) : {}
  return { type: input['type'], data } as unknown as Parameters<typeof serializeIlpPacket>[0]
}

function packetHmac(input: JsonObject): JsonObject {
  const secret = fromBase64(text(input, 'secret'))
  const packet = serializeIlpPacket(taggedOf({ type: 1, data: input }))
  return {
    packetHex: toHex(packet),
    generatorHex: toHex(pskFulfillmentKey(secret)),
    ...conditional(pskFulfiller(secret)(packet)),
  }
}

function receiver(input: JsonObject): JsonObject {
  const secret = secretOf(input, 'receiverSecret')
  const access = pskAccess(secret, fromHex(text(input, 'tokenHex')))
  return {
    receiverIdHex: toHex(pskReceiverId(secret)),
    addressSuffix: access.segment,
    sharedSecretHex: toHex(access.sharedSecret),
  }
}

function conditional(fulfillment: Uint8Array): JsonObject {
  return { fulfillment: toBase64url(fulfillment), condition: toBase64url(conditionOf(fulfillment)) }
}

/** The first of these fields that is text. Another kind of value is a fault of the file, not a refusal. */
function text(input: JsonObject, ...names: string[]): string {
  for (const name of names) {
    const value = input[name]
    if (typeof value === 'string') return value
  }
  throw new TypeError(`the input has no text ${names.join(' or ')}`)
}

/** A secret in base64url, or in hexadecimal under a name that says so. */
function secretOf(input: JsonObject, name: string): Uint8Array {
  const hex = input[`${name}Hex`]
  return typeof hex === 'string' ? fromHex(hex) : fromBase64(text(input, name))
}

function bytesAt(input: unknown): Uint8Array {
  if (input instanceof Uint8Array) return input
  const inner = isObject(input) ? (input['data'] ?? input['value'] ?? input['bytes']) : undefined
  if (inner instanceof Uint8Array) return inner
  throw new TypeError('the input has no bytes')
}

/** Bytes, base64url text, or nothing. */
function payload(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (value === undefined) return new Uint8Array(0)
  if (typeof value !== 'string') throw new TypeError('the input has no data')
  try {
    return fromBase64(value)
  } catch {
    return utf8(value)
  }
}

function headers(input: JsonObject, name: string): Record<string, string> {
  return Object.fromEntries(Object.entries(input[name] ?? {}).map(([key, value]) => [key, String(value)]))
}

/** An integer of any size; other text is refused as the amount that it is not. */
function integer(value: unknown): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value)
  return typeof value === 'string' && /^-?[0-9]+$/.test(value) ? BigInt(value) : parseAmount(value as string)
}
