/**
 * Writes the OER subset of ILP and BTP (RFC-30 draft 4), canonical always: what the reader would refuse is an
 * {@link OerError} here. One growing buffer, no allocation per field; `take` copies the result out, so that a module
 * can keep one writer for all that it encodes.
 */
import { OerError } from './errors.js'
import { FIXED_TIME_BYTES, VARIABLE_TIME_BYTES, putFixedTime, putVariableTime } from './time.js'

const UINT64_MAX = 0xffff_ffff_ffff_ffffn
const LENGTH_MAX = 0xffff_ffff
/** A buffer that grew beyond this is dropped after use. */
const KEPT_BYTES_MAX = 65_536
const UTF8 = new TextEncoder()
const LONE_SURROGATE = /\p{Surrogate}/u

export class Writer {
  #bytes: Uint8Array
  #at = 0

  constructor(bytes = 256) {
    this.#bytes = new Uint8Array(bytes)
  }

  /** Forgets what was written. */
  reset(): this {
    this.#at = 0
    return this
  }

  /** What was written, as bytes of its own; the writer is empty again. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#at)
    this.#at = 0
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = new Uint8Array(256)
    return taken
  }

  uint8(value: number): void {
    checkUint(value, 0xff)
    this.#room(1)
    this.#bytes[this.#at++] = value
  }

  uint16(value: number): void {
    checkUint(value, 0xffff)
    this.#room(2)
    this.#bytes[this.#at++] = value >>> 8
    this.#bytes[this.#at++] = value
  }

  uint32(value: number): void {
    checkUint(value, 0xffff_ffff)
    this.#room(4)
    this.#put32(value)
  }

  uint64(value: bigint): void {
    if (value < 0n || value > UINT64_MAX) throw outOfRange()
    this.#room(8)
    if (value <= Number.MAX_SAFE_INTEGER) {
      const small = Number(value)
      this.#put32(Math.trunc(small / 0x1_0000_0000))
      this.#put32(small)
    } else {
      this.#put32(Number(value >> 32n))
      this.#put32(Number(value & 0xffff_ffffn))
    }
  }

  /** Raw bytes. */
  octets(bytes: Uint8Array): void {
    const length = bytes.length
    this.#room(length)
    this.#bytes.set(bytes, this.#at)
    this.#at += length
  }

  /** Raw bytes of a field that has exactly `length`. @throws {OerError} `OER_SIZE` */
  fixedOctets(bytes: Uint8Array, length: number): void {
    if (bytes.length !== length) throw new OerError('OER_SIZE', `expected ${length} bytes, got ${bytes.length}`)
    this.octets(bytes)
  }

  /** A length determinant alone. */
  length(value: number): void {
    checkUint(value, LENGTH_MAX)
    this.#room(5)
    this.#at = this.#putLength(this.#at, value)
  }

  varOctets(bytes: Uint8Array): void {
    this.length(bytes.length)
    this.octets(bytes)
  }

  varUint(value: bigint): void {
    if (value < 0n || value > UINT64_MAX) throw outOfRange()
    let size = 1
    while (size < 8 && value >> BigInt(8 * size) !== 0n) size++
    this.#room(1 + size)
    this.#bytes[this.#at++] = size
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) {
      this.#bytes[this.#at++] = Number((value >> BigInt(shift)) & 0xffn)
    }
  }

  /** The number of items of a SEQUENCE OF. */
  count(value: number): void {
    if (value > 0xff) {
      this.varUint(BigInt(value))
      return
    }
    this.#room(2)
    this.#bytes[this.#at++] = 1
    this.#bytes[this.#at++] = value
  }

  /** One byte per character, without a length. @throws {OerError} `OER_TEXT` for a character above 0x7f */
  asciiOctets(text: string): void {
    const length = text.length
    this.#room(length)
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) throw new OerError('OER_TEXT', 'expected ASCII text')
      this.#bytes[this.#at + i] = unit
    }
    this.#at += length
  }

  varAscii(text: string): void {
    this.length(text.length)
    this.asciiOctets(text)
  }

  /** UTF-8 text of at most `bytesMax` bytes. @throws {OerError} `OER_TEXT` for a lone surrogate, which UTF-8 cannot say */
  varUtf8(text: string, bytesMax: number): void {
    if (LONE_SURROGATE.test(text)) throw new OerError('OER_TEXT', 'expected text without lone surrogates')
    const bytes = UTF8.encode(text)
    if (bytes.length > bytesMax) throw new OerError('OER_SIZE', `the text is limited to ${bytesMax} bytes`)
    this.varOctets(bytes)
  }

  /** Fixed form of a time, 17 digits, of milliseconds since 1970. */
  fixedTime(ms: number): void {
    this.#room(FIXED_TIME_BYTES)
    putFixedTime(this.#bytes, this.#at, ms)
    this.#at += FIXED_TIME_BYTES
  }

  /** Variable form of a time behind its length, always with three fraction digits. */
  varTime(ms: number): void {
    this.#room(1 + VARIABLE_TIME_BYTES)
    putVariableTime(this.#bytes, this.#at + 1, ms)
    this.#bytes[this.#at] = VARIABLE_TIME_BYTES
    this.#at += 1 + VARIABLE_TIME_BYTES
  }

  /** Begins a VarOctetString whose length is not known yet; give the result to `close` at its end. */
  open(): number {
    this.#room(1)
    return this.#at++
  }

  /** Ends the VarOctetString begun at `mark`. */
  close(mark: number): void {
    const start = mark + 1
    const length = this.#at - start
    const extra = lengthBytes(length) - 1
    if (extra > 0) {
      this.#room(extra)
      this.#bytes.copyWithin(start + extra, start, this.#at)
    }
    this.#putLength(mark, length)
    this.#at += extra
  }

  #put32(value: number): void {
    const bytes = this.#bytes
    const at = this.#at
    bytes[at] = value >>> 24
    bytes[at + 1] = value >>> 16
    bytes[at + 2] = value >>> 8
    bytes[at + 3] = value
    this.#at = at + 4
  }

  #putLength(at: number, length: number): number {
    const extra = lengthBytes(length) - 1
    if (extra === 0) {
      this.#bytes[at] = length
      return at + 1
    }
    this.#bytes[at] = 0x80 | extra
    let rest = length
    for (let i = at + extra; i > at; i--) {
      this.#bytes[i] = rest
      rest = Math.trunc(rest / 0x100)
    }
    return at + 1 + extra
  }

  #room(length: number): void {
    if (this.#at + length <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + length))
    grown.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = grown
  }
}

function lengthBytes(length: number): number {
  if (length < 0x80) return 1
  if (length < 0x100) return 2
  if (length < 0x1_0000) return 3
  return length < 0x100_0000 ? 4 : 5
}

function checkUint(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) throw outOfRange()
}

function outOfRange(): OerError {
  return new OerError('OER_RANGE', 'the number does not fit its field')
}
