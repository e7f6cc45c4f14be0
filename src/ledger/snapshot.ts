/**
 * The state as bytes: balances, live transfers, notes and ledger time. What ended ids need is in the log that is kept.
 */
import { type Reader, Writer } from '../oer/index.js'
import * as codec from './codec.js'
import {
  type Account,
  type State,
  addAccount,
  addLive,
  writeNote,
  checkInvariants,
  conditionOf,
  memoOf,
} from './state.js'

/** Decimal digits of a counter of all time. */
const COUNTER_DIGITS_MAX = 64

export function writeSnapshot(state: State): Uint8Array {
  const writer = new Writer(4096)
  codec.writeHead(writer)
  codec.writeTime(writer, state.time)
  writer.uint32(state.nextIndex)
  writeCounter(writer, state.totals.fulfilledIn)
  writeCounter(writer, state.totals.fulfilledOut)
  writeCounter(writer, state.totals.posted)
  writer.uint32(state.accounts.size)
  for (const account of state.accounts.values()) writeAccount(writer, account)
  writer.uint32(state.notes.size)
  for (const note of state.notes.values()) {
    writer.varUtf8(note.key, codec.NAME_BYTES_MAX)
    writer.varOctets(note.value)
    codec.writeTime(writer, note.expiresAt)
  }
  return writer.take()
}

/**
 * Fills an empty state.
 * @throws {LedgerError} `LEDGER_CORRUPT`; {InvariantError} when what is written does not add up. The state is then unusable.
 */
export function readSnapshot(bytes: Uint8Array, state: State): void {
  codec.decoding(bytes, (reader) => {
    state.time = codec.readTime(reader)
    state.nextIndex = reader.uint32()
    state.totals.fulfilledIn = readCounter(reader)
    state.totals.fulfilledOut = readCounter(reader)
    state.totals.posted = readCounter(reader)
    for (let left = reader.uint32(); left > 0; left--) readAccount(reader, state)
    for (let left = reader.uint32(); left > 0; left--) {
      const key = reader.varUtf8(codec.NAME_BYTES_MAX)
      const value = reader.varOctets()
      writeNote(state, key, value, codec.readTime(reader))
    }
  })
  checkInvariants(state)
}

function writeAccount(writer: Writer, account: Account): void {
  writer.uint32(account.index)
  writer.varUtf8(account.name, codec.NAME_BYTES_MAX)
  codec.writeLimits(writer, account)
  writer.uint8(account.frozen ? 1 : 0)
  writer.uint8(account.closed ? 1 : 0)
  codec.writeTime(writer, account.answersUntil)
  writeCounter(writer, account.balance)
  writeCounter(writer, account.fulfilledIn)
  writeCounter(writer, account.fulfilledOut)
  writeCounter(writer, account.posted)
  writer.uint32(account.live.size)
  for (const live of account.live.values()) {
    writer.octets(live.bytes.subarray(0, 16))
    codec.writeSide(writer, live.payer)
    writer.uint64(live.amount)
    writer.octets(conditionOf(live))
    codec.writeTime(writer, live.expiresAt)
    writer.varOctets(memoOf(live))
  }
}

function readAccount(reader: Reader, state: State): void {
  const index = reader.uint32()
  const name = reader.varUtf8(codec.NAME_BYTES_MAX)
  if (state.accounts.has(name) || index >= state.nextIndex) throw codec.corrupt('an account is there twice')
  const account: Account = {
    index,
    name,
    ...codec.readLimits(reader),
    frozen: codec.readFlag(reader),
    closed: codec.readFlag(reader),
    answersUntil: codec.readTime(reader),
    balance: readCounter(reader),
    fulfilledIn: readCounter(reader),
    fulfilledOut: readCounter(reader),
    posted: readCounter(reader),
    heldOut: 0n,
    heldIn: 0n,
    live: new Map(),
    remembered: 0,
  }
  addAccount(state, account)
  for (let left = reader.uint32(); left > 0; left--) {
    const id = reader.octets(16)
    const payer = codec.readSide(reader)
    const amount = reader.uint64()
    const condition = reader.octets(32)
    const expiresAt = codec.readTime(reader)
    addLive(state, account, { id, payer, amount, condition, expiresAt, memo: reader.varOctets() })
  }
}

function writeCounter(writer: Writer, value: bigint): void {
  writer.varAscii(value.toString())
}

function readCounter(reader: Reader): bigint {
  const text = reader.varAscii()
  if (text.length > COUNTER_DIGITS_MAX || !/^-?[0-9]+$/.test(text)) throw codec.corrupt('a counter is not a number')
  return BigInt(text)
}
