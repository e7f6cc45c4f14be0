/**
 * What a hold carries, as BTP sub-protocols (`ilp`, `custom`) and as the one memo that the ledger keeps with it; and
 * what a capture carries: `ilp` again, a fulfillment packet (type 9) as of LPI draft 9. Peers without a use for it ignore it.
 */
import { APPLICATION_JSON, findEntry, octetEntry, type SubProtocol } from '../btp/index.js'
import { EMPTY } from '../bytes/index.js'
import { decodePacketOf, encodePacket } from '../ilp/index.js'
import { Reader, Writer } from '../oer/index.js'

export interface HoldContent {
  readonly packet: Uint8Array
  readonly custom: Uint8Array | undefined
}

const FULFILLMENT_PACKET = 9

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
  return data.length === 0 ? [] : [octetEntry('ilp', encodePacket({ type: FULFILLMENT_PACKET, data }))]
}

/** Nothing when the peer gave nothing, or another kind of packet. */
export function readCaptureData(entries: readonly SubProtocol[]): Uint8Array {
  const packet = findEntry(entries, 'ilp')?.data
  if (packet?.[0] !== FULFILLMENT_PACKET) return EMPTY
  try {
    return decodePacketOf(FULFILLMENT_PACKET, packet).data
  } catch {
    return EMPTY
  }
}
