/**
 * The PSK 1.0 envelope: what the data of a payment packet holds for payers and receivers of late 2017. After RFC-16
 * draft 3 as its reference code does it: the key label `ilp_key_encryption`, a 16-byte nonce as GCM IV, no padding.
 */
import { concat, fromBase64, fromUtf8, toBase64url, utf8 } from '../bytes/index.js'
import { aes256GcmDecrypt, aes256GcmEncrypt, hmacSha256, randomBytes } from '../crypto/index.js'
import { IlpError } from './errors.js'

const NONCE_BYTES = 16
const TAG_BYTES = 16
const LINE_FEED = 0x0a
const STATUS = /^PSK\/1\.[0-9]+$/
const AES = 'aes-256-gcm'

export type PskEncryption = 'none' | 'aes-256-gcm'

/** What goes into an envelope. Header names and values are text without line feeds, names without colons. */
export interface PskMessage {
  readonly encryption: PskEncryption
  /** Readable by everybody on the way. `Nonce`, `Encryption` and `Key` are the envelope's own. */
  readonly publicHeaders: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly data: Uint8Array
}

/** What an envelope held. Header names are in lower case. */
export interface PskEnvelope {
  readonly encryption: PskEncryption
  readonly publicHeaders: ReadonlyMap<string, string>
  readonly headers: ReadonlyMap<string, string>
  readonly data: Uint8Array
}

/** hmac(secret, "ilp_key_encryption"): 32 bytes. */
export function pskEncryptionKey(secret: Uint8Array): Uint8Array {
  return hmacSha256(secret, utf8('ilp_key_encryption'))
}

/** `nonce` is 16 random bytes, never used twice. @throws {IlpError} `ILP_PSK` for a header that cannot be carried */
export function encodePskEnvelope(
  secret: Uint8Array,
  message: PskMessage,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): Uint8Array {
  if (nonce.length !== NONCE_BYTES) throw badPsk(`the nonce must have ${NONCE_BYTES} bytes`)
  const publicHeaders = Object.entries(message.publicHeaders)
  for (const [name] of publicHeaders) {
    if (/^(?:nonce|encryption|key)$/i.test(name)) throw badPsk(`the public header ${name} cannot be set`)
  }
  let body = concat(writeHeaders(Object.entries(message.headers)), message.data)
  let encryption = 'none'
  if (message.encryption === AES) {
    const sealed = aes256GcmEncrypt(pskEncryptionKey(secret), nonce, body)
    body = sealed.cipherText
    encryption = `${AES} ${toBase64url(sealed.tag)}`
  }
  const head = writeHeaders([['Nonce', toBase64url(nonce)], ['Encryption', encryption], ...publicHeaders])
  return concat(utf8('PSK/1.0\n'), head, body)
}

/** @throws {IlpError} `ILP_PSK` for any bytes that are not an envelope which this secret opens (reject with `F06`) */
export function decodePskEnvelope(secret: Uint8Array, bytes: Uint8Array): PskEnvelope {
  const lines = splitHead(bytes)
  const status = lines.head.shift()
  if (status === undefined || !STATUS.test(status)) throw badPsk('the status line is not that of PSK/1.x')
  const publicHeaders = readHeaders(lines.head)
  if (publicHeaders.has('key')) throw badPsk('key derivation is not supported')
  const nonce = readBase64(publicHeaders.get('nonce'), NONCE_BYTES)
  const [method, tag] = (publicHeaders.get('encryption') ?? '').split(' ')
  let body = lines.rest
  if (method === AES) {
    const opened = aes256GcmDecrypt(pskEncryptionKey(secret), nonce, body, readBase64(tag, TAG_BYTES))
    if (opened === undefined) throw badPsk('this secret does not open it')
    body = opened
  } else if (method !== 'none' || tag !== undefined) {
    throw badPsk('the encryption method is not known')
  }
  const inner = splitHead(body)
  return { encryption: method, publicHeaders, headers: readHeaders(inner.head), data: inner.rest }
}

function writeHeaders(headers: readonly (readonly [string, string])[]): Uint8Array {
  const seen = new Set<string>()
  for (const [name, value] of headers) {
    const key = name.toLowerCase()
    if (name === '' || name.trim() !== name || /[:\n]/.test(name) || seen.has(key)) throw badPsk('bad header name')
    if (value.trim() !== value || value.includes('\n')) throw badPsk('bad header value')
    seen.add(key)
  }
  return utf8(`${headers.map(([name, value]) => `${name}: ${value}`).join('\n')}\n\n`)
}

/** The lines before the first empty one, and the bytes after it. No header makes no line. */
function splitHead(bytes: Uint8Array): { head: string[]; rest: Uint8Array } {
  let end = 0
  while (end + 1 < bytes.length && !(bytes[end] === LINE_FEED && bytes[end + 1] === LINE_FEED)) end++
  if (end + 1 >= bytes.length) throw badPsk('no empty line ends the headers')
  let head: string
  try {
    head = fromUtf8(bytes.subarray(0, end))
  } catch {
    throw badPsk('the headers are not UTF-8')
  }
  return { head: head === '' ? [] : head.split('\n'), rest: bytes.subarray(end + 2) }
}

function readHeaders(lines: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase()
    if (name === '' || headers.has(name)) throw badPsk('a header has no name, or occurs twice')
    headers.set(name, line.slice(colon + 1).trim())
  }
  return headers
}

function readBase64(text: string | undefined, length: number): Uint8Array {
  let bytes: Uint8Array | undefined
  try {
    bytes = text === undefined ? undefined : fromBase64(text)
  } catch {
    bytes = undefined
  }
  if (bytes?.length !== length) throw badPsk('the nonce or the tag is missing or has another length')
  return bytes
}

function badPsk(why: string): IlpError {
  return new IlpError('ILP_PSK', `not a PSK 1.0 envelope: ${why}`)
}
