/**
 * The ledger's records as bytes: batches of events for the log, and snapshots. Format 1, by the OER primitives of
 * RFC-30. Reading is strict and total: whatever the input, it gives a value or a {@link LedgerError} `LEDGER_CORRUPT`; checksums are
 * the store's affair. A batch is decoded whole before any of it is applied.
 */
import { type Reader, Reader as OerReader, OerError, type Writer } from '../oer/index.js'
import { LedgerError } from './errors.js'
import type { LedgerEvent } from './events.js'
import type { Limits, Side } from './types.js'

const FORMAT = 1

/** Generous: names are bounded by `decide`. */
export const NAME_BYTES_MAX = 4096

const KIND = {
  passed: 0,
  opened: 1,
  limited: 2,
  frozen: 3,
  closed: 4,
  prepared: 5,
  fulfilled: 6,
  rejected: 7,
  expired: 8,
  voided: 9,
  posted: 10,
  noted: 11,
} as const

/** Begins a batch. */
export function writeHead(writer: Writer): void {
  writer.uint8(FORMAT)
}

/** Adds an event to a batch. `passed` sets the time of the events that follow it, and is written before them. */
export function writeEvent(writer: Writer, event: LedgerEvent): void {
  writer.uint8(KIND[event.type])
  switch (event.type) {
    case 'passed':
      writeTime(writer, event.time)
      return
    case 'opened':
      writer.uint32(event.account)
      writer.varUtf8(event.name, NAME_BYTES_MAX)
      writeLimits(writer, event)
      return
    case 'limited':
      writer.uint32(event.account)
      writeLimits(writer, event)
      return
    case 'frozen':
      writer.uint32(event.account)
      writer.uint8(event.frozen ? 1 : 0)
      return
    case 'closed':
      writer.uint32(event.account)
      return
    case 'noted':
      writer.varUtf8(event.key, NAME_BYTES_MAX)
      writer.varOctets(event.value)
      writeTime(writer, event.expiresAt)
      return
    default:
      writer.uint32(event.account)
      writer.fixedOctets(event.id, 16)
      writeTime(writer, event.expiresAt)
  }
  switch (event.type) {
    case 'voided':
      return
    case 'posted':
      writeSigned(writer, event.amount)
      return
    case 'prepared':
      writeSide(writer, event.payer)
      writer.uint64(event.amount)
      writer.fixedOctets(event.condition, 32)
      writer.varOctets(event.memo)
      return
    default:
      writeSide(writer, event.payer)
      writer.fixedOctets(event.digest, 16)
  }
  if (event.type === 'fulfilled') {
    writer.fixedOctets(event.fulfillment, 32)
    writer.varOctets(event.data)
  } else if (event.type === 'rejected') writer.varOctets(event.reason)
}

/** The events of a batch, whole. @throws {LedgerError} `LEDGER_CORRUPT` */
export function readBatch(bytes: Uint8Array): LedgerEvent[] {
  return decoding(bytes, (reader) => {
    const events: LedgerEvent[] = []
    let time = -1
    while (reader.left > 0) {
      const event = readEvent(reader, time)
      if (event.type !== 'passed' && time < 0) throw corrupt('a batch begins with its time')
      time = event.time
      events.push(event)
    }
    return events
  })
}

function readEvent(reader: Reader, time: number): LedgerEvent {
  const kind = reader.uint8()
  switch (kind) {
    case KIND.passed:
      return { type: 'passed', time: readTime(reader) }
    case KIND.opened: {
      const account = reader.uint32()
      return { type: 'opened', time, account, name: reader.varUtf8(NAME_BYTES_MAX), ...readLimits(reader) }
    }
    case KIND.limited:
      return { type: 'limited', time, account: reader.uint32(), ...readLimits(reader) }
    case KIND.frozen:
      return { type: 'frozen', time, account: reader.uint32(), frozen: readFlag(reader) }
    case KIND.closed:
      return { type: 'closed', time, account: reader.uint32() }
    case KIND.noted: {
      const key = reader.varUtf8(NAME_BYTES_MAX)
      const value = reader.varOctets()
      return { type: 'noted', time, key, value, expiresAt: readTime(reader) }
    }
    default:
  }
  const on = { time, account: reader.uint32(), id: reader.octets(16), expiresAt: readTime(reader) }
  switch (kind) {
    case KIND.voided:
      return { type: 'voided', ...on }
    case KIND.posted:
      return { type: 'posted', ...on, amount: readSigned(reader) }
    case KIND.prepared: {
      const payer = readSide(reader)
      const amount = reader.uint64()
      const condition = reader.octets(32)
      return { type: 'prepared', ...on, payer, amount, condition, memo: reader.varOctets() }
    }
    default:
  }
  const ended = { ...on, payer: readSide(reader), digest: reader.octets(16) }
  switch (kind) {
    case KIND.fulfilled: {
      const fulfillment = reader.octets(32)
      return { type: 'fulfilled', ...ended, fulfillment, data: reader.varOctets() }
    }
    case KIND.rejected:
      return { type: 'rejected', ...ended, reason: reader.varOctets() }
    case KIND.expired:
      return { type: 'expired', ...ended }
    default:
      throw corrupt(`there is no record of kind ${kind}`)
  }
}

/** Reads bytes of this format with `read`, all of them. @throws {LedgerError} `LEDGER_CORRUPT` */
export function decoding<T>(bytes: Uint8Array, read: (reader: Reader) => T): T {
  try {
    const reader = new OerReader(bytes)
    const format = reader.uint8()
    if (format !== FORMAT) throw corrupt(`its format is ${format}, this program knows ${FORMAT}`)
    const value = read(reader)
    if (reader.left > 0) throw corrupt('it goes on after its end')
    return value
  } catch (error) {
    throw error instanceof OerError ? corrupt(error.message, error) : error
  }
}

export function corrupt(why: string, cause?: Error): LedgerError {
  const message = `the ledger's store is damaged or of another program: ${why}; restore it from a copy`
  return new LedgerError('LEDGER_CORRUPT', message, cause === undefined ? undefined : { cause })
}

/** 48 bits of milliseconds. */
export function writeTime(writer: Writer, ms: number): void {
  writer.uint16(Math.floor(ms / 0x1_0000_0000))
  writer.uint32(ms >>> 0)
}

export function readTime(reader: Reader): number {
  return reader.uint16() * 0x1_0000_0000 + reader.uint32()
}

export function writeSide(writer: Writer, side: Side): void {
  writer.uint8(side === 'holder' ? 0 : 1)
}

export function readSide(reader: Reader): Side {
  return readFlag(reader) ? 'host' : 'holder'
}

export function readFlag(reader: Reader): boolean {
  const flag = reader.uint8()
  if (flag > 1) throw corrupt('a flag is neither 0 nor 1')
  return flag === 1
}

/** 64 bits, two's complement. */
function writeSigned(writer: Writer, value: bigint): void {
  writer.uint64(BigInt.asUintN(64, value))
}

function readSigned(reader: Reader): bigint {
  return BigInt.asIntN(64, reader.uint64())
}

export function writeLimits(writer: Writer, limits: Limits): void {
  writeSigned(writer, limits.creditLimit)
  writeSigned(writer, limits.balanceMax)
}

export function readLimits(reader: Reader): Limits {
  const creditLimit = readSigned(reader)
  return { creditLimit, balanceMax: readSigned(reader) }
}
