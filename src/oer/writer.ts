/**
 * Writes the OER subset of ILP and BTP (RFC-30 draft 4), canonical always: what the reader would refuse is an
 * {@link OerError} here. Messages are laid one behind the other in slabs and handed out as subarrays, because an
 * allocation per message would cost more than all of its fields. So a message that is kept keeps its slab: copy what
 * lives long, and never transfer the underlying buffer.
 */
import { EMPTY } from '../bytes/index.js'
import { OerError } from './errors.js'
import { FIXED_TIME_BYTES, VARIABLE_TIME_BYTES, putFixedTime, putVariableTime } from './time.js'

const UINT64_MAX = 0xffff_ffff_ffff_ffffn
const LENGTH_MAX = 0xffff_ffff
/** As large as Node's own pool: some fifty frames. */
const SLAB_BYTES = 8192
const UTF8 = new TextEncoder()
const LONE_SURROGATE = /\p{Surrogate}/u

export class Writer {
  readonly #slabBytes: number
  #slab = EMPTY
  /** Where the current message begins, and where the next byte goes. */
  #start = 0
  #at = 0

  constructor(slabBytes = SLAB_BYTES) {
    this.#slabBytes = slabBytes
  }

  /** Forgets what was written since the last `take`. */
  reset(): void {
    this.#at = this.#start
  }

  /** What was written since the last `take`; it will not be written to again. */
  take(): Uint8Array {
    const taken = this.#slab.subarray(this.#start, this.#at)
    this.#start = this.#at
    return taken
  }

  uint8(value: number): void {
    checkUint(value, 0xff)
    this.#room(1)
    this.#slab[this.#at++] = value
  }

  uint16(value: number): void {
    checkUint(value, 0xffff)
    this.#room(2)
    this.#slab[this.#at++] = value >>> 8
    this.#slab[this.#at++] = value
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
    this.#slab.set(bytes, this.#at)
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
    this.#slab[this.#at++] = size
    for (let shift = 8 * (size - 1); shift >= 0; shift -= 8) {
      this.#slab[this.#at++] = Number((value >> BigInt(shift)) & 0xffn)
    }
  }

  /** The number of items of a SEQUENCE OF. */
  count(value: number): void {
    if (value > 0xff) {
      this.varUint(BigInt(value))
      return
    }
    this.#room(2)
    this.#slab[this.#at++] = 1
    this.#slab[this.#at++] = value
  }

  /** One byte per character, without a length. @throws {OerError} `OER_TEXT` for a character above 0x7f */
  asciiOctets(text: string): void {
    const length = text.length
    this.#room(length)
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) throw new OerError('OER_TEXT', 'expected ASCII text')
      this.#slab[this.#at + i] = unit
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
    putFixedTime(this.#slab, this.#at, ms)
    this.#at += FIXED_TIME_BYTES
  }

  /** Variable form of a time behind its length, always with three fraction digits. */
  varTime(ms: number): void {
    this.#room(1 + VARIABLE_TIME_BYTES)
    putVariableTime(this.#slab, this.#at + 1, ms)
    this.#slab[this.#at] = VARIABLE_TIME_BYTES
    this.#at += 1 + VARIABLE_TIME_BYTES
  }

  /** Begins a VarOctetString whose length is not known yet; give the result to `close` at its end. */
  open(): number {
    this.#room(1)
    this.#at++
    // Counted from the message's beginning, which moves when a slab is full.
    return this.#at - this.#start
  }

  /** Ends the VarOctetString begun at `mark`. */
  close(mark: number): void {
    const length = this.#at - this.#start - mark
    const extra = lengthBytes(length) - 1
    this.#room(extra)
    const contents = this.#start + mark
    if (extra > 0) this.#slab.copyWithin(contents + extra, contents, this.#at)
    this.#putLength(contents - 1, length)
    this.#at += extra
  }

  #put32(value: number): void {
    const bytes = this.#slab
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
      this.#slab[at] = length
      return at + 1
    }
    this.#slab[at] = 0x80 | extra
    let rest = length
    for (let i = at + extra; i > at; i--) {
      this.#slab[i] = rest
      rest = Math.trunc(rest / 0x100)
    }
    return at + 1 + extra
  }

  #room(length: number): void {
    if (this.#at + length > this.#slab.length) this.#grow(length)
  }

  /** Goes on in a new slab; messages that were taken keep the old one. */
  #grow(length: number): void {
    const written = this.#at - this.#start
    const slab = new Uint8Array(Math.max(this.#slabBytes, 2 * (written + length)))
    slab.set(this.#slab.subarray(this.#start, this.#at))
    this.#slab = slab
    this.#start = 0
    this.#at = written
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
