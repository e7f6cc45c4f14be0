/**
 * Bytes as text and back, and the few byte operations that every layer needs.
 * Browser-safe. Decoders are strict: text gives bytes or a {@link BytesError}.
 */
import { SluiceError } from '../errors/index.js'

/** Text that is not what it should be: codes `BYTES_HEX`, `BYTES_BASE64`, `BYTES_UTF8`, `BYTES_ASCII`. */
export class BytesError extends SluiceError {}

export const EMPTY = new Uint8Array(0)

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

const NIBBLES = new Int8Array(128).fill(-1)
for (const digits of ['0123456789abcdef', '0123456789ABCDEF']) {
  for (let i = 0; i < 16; i++) NIBBLES[digits.charCodeAt(i)] = i
}

/** Bytes of hexadecimal text, either case. @throws {BytesError} `BYTES_HEX` */
export function fromHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1)
  let bad = text.length % 2 !== 0
  for (let i = 0; i < bytes.length; i++) {
    const high = NIBBLES[text.charCodeAt(2 * i)] ?? -1
    const low = NIBBLES[text.charCodeAt(2 * i + 1)] ?? -1
    if (high < 0 || low < 0) bad = true
    bytes[i] = (high << 4) | low
  }
  if (bad) throw new BytesError('BYTES_HEX', 'expected an even number of hexadecimal digits')
  return bytes
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const LETTERS = Uint8Array.from(BASE64URL, (letter) => letter.charCodeAt(0))
const SEXTETS = new Int8Array(128).fill(-1)
for (let i = 0; i < 64; i++) SEXTETS[BASE64URL.charCodeAt(i)] = i
SEXTETS['+'.charCodeAt(0)] = 62
SEXTETS['/'.charCodeAt(0)] = 63

/** Base64url without padding (RFC 4648 section 5). */
export function toBase64url(bytes: Uint8Array): string {
  const rest = bytes.length % 3
  const whole = bytes.length - rest
  const length = (whole / 3) * 4 + (rest === 0 ? 0 : rest + 1)
  const codes = length <= SCRATCH.length ? SCRATCH : new Uint8Array(length)
  let at = 0
  for (let i = 0; i < whole; i += 3) {
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    codes[at++] = LETTERS[word >> 18] ?? 0
    codes[at++] = LETTERS[(word >> 12) & 63] ?? 0
    codes[at++] = LETTERS[(word >> 6) & 63] ?? 0
    codes[at++] = LETTERS[word & 63] ?? 0
  }
  if (rest > 0) {
    const word = ((bytes[whole] ?? 0) << 16) | ((bytes[whole + 1] ?? 0) << 8)
    codes[at++] = LETTERS[word >> 18] ?? 0
    codes[at++] = LETTERS[(word >> 12) & 63] ?? 0
    if (rest === 2) codes[at] = LETTERS[(word >> 6) & 63] ?? 0
  }
  // Not put together letter by letter: V8 would keep the pieces, thirty bytes for each letter, as long as the text lives.
  return UTF8_DECODER.decode(codes.subarray(0, length))
}

/** An array of more than 64 bytes costs more than putting an id or a packet into it. */
const SCRATCH = new Uint8Array(1024)

/**
 * Bytes of base64 or base64url text, padded or not: one strict decoder for every dialect (protocols.md K-5).
 * Unused low bits must be zero, so that a value has one text per dialect. @throws {BytesError} `BYTES_BASE64`
 */
export function fromBase64(text: string): Uint8Array {
  let end = text.length
  if (end % 4 === 0 && text.endsWith('=')) end -= text.endsWith('==') ? 2 : 1
  const rest = end % 4
  if (rest === 1) throw badBase64()
  const bytes = new Uint8Array((end * 3) >> 2)
  let word = 0
  let at = 0
  for (let i = 0; i < end; i++) {
    const sextet = SEXTETS[text.charCodeAt(i)] ?? -1
    if (sextet < 0) throw badBase64()
    word = (word << 6) | sextet
    if (i % 4 === 3) {
      bytes[at++] = word >> 16
      bytes[at++] = word >> 8
      bytes[at++] = word
      word = 0
    }
  }
  if (rest === 2) {
    if ((word & 15) !== 0) throw badBase64()
    bytes[at] = word >> 4
  } else if (rest === 3) {
    if ((word & 3) !== 0) throw badBase64()
    bytes[at] = word >> 10
    bytes[at + 1] = word >> 2
  }
  return bytes
}

function badBase64(): BytesError {
  return new BytesError('BYTES_BASE64', 'expected base64 or base64url text')
}

const UTF8_ENCODER = new TextEncoder()
const UTF8_DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function utf8(text: string): Uint8Array {
  return UTF8_ENCODER.encode(text)
}

/** Text of UTF-8 bytes. @throws {BytesError} `BYTES_UTF8` on malformed input */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return UTF8_DECODER.decode(bytes)
  } catch {
    throw new BytesError('BYTES_UTF8', 'expected well-formed UTF-8')
  }
}

/** One byte per character. @throws {BytesError} `BYTES_ASCII` when a character is above 0x7f */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) throw new BytesError('BYTES_ASCII', 'expected ASCII text')
    bytes[i] = unit
  }
  return bytes
}

/** One character per byte, total: the cheap text form that serves as a map key (`latin1`). */
export function latin1(bytes: Uint8Array): string {
  if (bytes.length <= LATIN1_AT_ONCE) return characters(bytes)
  let text = ''
  for (let i = 0; i < bytes.length; i += LATIN1_AT_ONCE) text += characters(bytes.subarray(i, i + LATIN1_AT_ONCE))
  return text
}

const LATIN1_AT_ONCE = 4096

/** Any array-like may be applied; spreading one into arguments takes four times as long. */
function characters(bytes: ArrayLike<number>): string {
  return String.fromCharCode.apply(null, bytes as number[])
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Equal in length and content, in time that depends only on the length. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}
