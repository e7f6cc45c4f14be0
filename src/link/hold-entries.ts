/**
 * What a hold carries, as BTP sub-protocols (`ilp`, `custom`) and as the one memo that the ledger keeps with it; and
 * what a capture carries (`sluice.data`, which peers that do not know it ignore).
 */
import { APPLICATION_JSON, findEntry, octetEntry, type SubProtocol } from '../btp/index.js'
import { EMPTY } from '../bytes/index.js'
import { Reader, Writer } from '../oer/index.js'

export interface HoldContent {
  readonly packet: Uint8Array
  readonly custom: Uint8Array | undefined
}

const writer = new Writer()

export function holdEntries(packet: Uint8Array, custom: Uint8Array | undefined): SubProtocol[] {
  const entries: SubProtocol[] = []
  if (packet.length > 0) entries.push(octetEntry('ilp', packet))
  if (custom !== undefined) entries.push({ name: 'custom', contentType: APPLICATION_JSON, data: custom })
  return entries
}

/** The content of a Prepare; entries of other names are annotations. */
export function readHoldEntries(entries: readonly SubProtocol[]): HoldContent {
  return { packet: findEntry(entries, 'ilp')?.data ?? EMPTY, custom: findEntry(entries, 'custom')?.data }
}

export function encodeMemo({ packet, custom }: HoldContent): Uint8Array {
  writer.reset()
  writer.varOctets(packet)
  if (custom !== undefined) writer.varOctets(custom)
  return writer.take()
}

/** @throws {OerError} when the bytes are not a memo */
export function decodeMemo(memo: Uint8Array): HoldContent {
  const reader = new Reader(memo)
  const packet = reader.varOctets()
  return { packet, custom: reader.left === 0 ? undefined : reader.varOctets() }
}

export function captureEntries(data: Uint8Array): SubProtocol[] {
  return data.length === 0 ? [] : [octetEntry('sluice.data', data)]
}

export function readCaptureData(entries: readonly SubProtocol[]): Uint8Array {
  return findEntry(entries, 'sluice.data')?.data ?? EMPTY
}
