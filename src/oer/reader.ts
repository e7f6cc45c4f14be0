/**
 * Reads the OER subset of ILP and BTP (RFC-30 draft 4): strict and total, any bytes give a value or an {@link OerError}.
 * Byte fields are returned as subarrays of the input, without a copy: whoever keeps one keeps the input, and must not
 * change it.
 */
import { OerError } from './errors.js'
import { FIXED_TIME_BYTES, getFixedTime, getVariableTime } from './time.js'

/** Longer length determinants than 1 + 4 bytes are refused. */
const LENGTH_BYTES_MAX = 4
const SHORT_TEXT_BYTES = 8
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class Reader {
  readonly #bytes: Uint8Array
  #at: number
  #end: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#at = 0
    this.#end = bytes.length
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#end - this.#at
  }

  uint8(): number {
    this.#need(1)
    return this.#byte()
  }

  uint16(): number {
    this.#need(2)
    return this.#byte() * 0x100 + this.#byte()
  }

  uint32(): number {
    this.#need(4)
    return ((this.#byte() << 24) | (this.#byte() << 16) | (this.#byte() << 8) | this.#byte()) >>> 0
  }

  uint64(): bigint {
    const high = this.uint32()
    const low = this.uint32()
    return high < 0x20_0000 ? BigInt(high * 0x1_0000_0000 + low) : (BigInt(high) << 32n) | BigInt(low)
  }

  /** `length` raw bytes. */
  octets(length: number): Uint8Array {
    this.#need(length)
    const start = this.#at
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  /** The value of a length determinant, canonical and no more than the bytes that are left. */
  length(): number {
    const first = this.uint8()
    let length = first
    if (first >= 0x80) {
      const count = first & 0x7f
      if (count === 0 || count > LENGTH_BYTES_MAX) throw badLength()
      this.#need(count)
      length = 0
      for (let i = 0; i < count; i++) length = length * 0x100 + this.#byte()
      if (length < (count === 1 ? 0x80 : 0x100 ** (count - 1))) throw badLength()
    }
    this.#need(length)
    return length
  }

  /** A length determinant and that many bytes. */
  varOctets(): Uint8Array {
    return this.octets(this.length())
  }

  /** A VarUInt below 2^64. A leading zero byte is accepted, as deployed readers do; none is ever written. */
  varUint(): bigint {
    const length = this.length()
    if (length === 0) throw new OerError('OER_LENGTH', 'a number needs at least one byte')
    if (length > 8) throw new OerError('OER_RANGE', 'a number of more than 8 bytes is refused')
    let value = 0n
    for (let i = 0; i < length; i++) value = (value << 8n) | BigInt(this.#byte())
    return value
  }

  /** The number of items of a SEQUENCE OF whose items take `itemBytesMin` bytes at least. */
  count(itemBytesMin: number): number {
    const at = this.#at
    if (this.left > 1 && this.#bytes[at] === 1) {
      // Fewer than 256 items, nearly always.
      this.#at = at + 2
      const count = this.#bytes[at + 1] ?? 0
      if (count * itemBytesMin > this.left) throw truncated()
      return count
    }
    const count = this.varUint()
    if (count * BigInt(itemBytesMin) > BigInt(this.left)) throw truncated()
    return Number(count)
  }

  /** `length` bytes of ASCII. */
  asciiOctets(length: number): string {
    this.#need(length)
    const bytes = this.#bytes
    const start = this.#at
    const end = start + length
    let bits = 0
    for (let i = start; i < end; i++) bits |= bytes[i] ?? 0
    if (bits > 0x7f) throw new OerError('OER_TEXT', 'expected ASCII text')
    this.#at = end
    // Names are short and cheaper to put together; addresses are not.
    if (length > SHORT_TEXT_BYTES) return UTF8.decode(bytes.subarray(start, end))
    let text = ''
    for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] ?? 0)
    return text
  }

  varAscii(): string {
    return this.asciiOctets(this.length())
  }

  /** UTF-8 text of at most `bytesMax` bytes. */
  varUtf8(bytesMax: number): string {
    const bytes = this.varOctets()
    if (bytes.length > bytesMax) throw new OerError('OER_SIZE', `the text is limited to ${bytesMax} bytes`)
    try {
      return UTF8.decode(bytes)
    } catch {
      throw new OerError('OER_TEXT', 'expected well-formed UTF-8')
    }
  }

  /** Fixed form of a time, 17 digits: milliseconds since 1970. */
  fixedTime(): number {
    this.#need(FIXED_TIME_BYTES)
    const ms = getFixedTime(this.#bytes, this.#at)
    this.#at += FIXED_TIME_BYTES
    return ms
  }

  /** Variable form of a time, behind its length: milliseconds since 1970. */
  varTime(): number {
    const length = this.length()
    const ms = getVariableTime(this.#bytes, this.#at, this.#at + length)
    this.#at += length
    return ms
  }

  /** Goes into a VarOctetString: from here on the reader ends where it ends. What follows it is not read. */
  enter(): void {
    const length = this.length()
    this.#end = this.#at + length
  }

  #need(length: number): void {
    if (length > this.#end - this.#at) throw truncated()
  }

  #byte(): number {
    return this.#bytes[this.#at++] ?? 0
  }
}

function truncated(): OerError {
  return new OerError('OER_TRUNCATED', 'the bytes end before the value does')
}

function badLength(): OerError {
  return new OerError('OER_LENGTH', 'a length must be in its shortest form and have at most 4 bytes')
}
