/**
 * Between the text objects of the Ledger Plugin Interface version 1 and the bytes of a link, checked as they come in:
 * `to` and `from` on segment boundaries, amounts, conditions and times strictly.
 */
import {
  formatTransferId,
  parseTransferId,
  type SubProtocol,
  APPLICATION_JSON,
  findEntry,
  octetEntry,
} from '../btp/index.js'
import { EMPTY, fromBase64, fromUtf8, toBase64url, utf8 } from '../bytes/index.js'
import {
  DATA_BYTES_MAX,
  decodePacketOf,
  encodePacket,
  formatAmount,
  hasPrefix,
  HASH_BYTES,
  isAddress,
  parseAmount,
} from '../ilp/index.js'
import type { GivenReason, Hold, IncomingHold, LinkInfo, Reason } from '../link/index.js'
import {
  InvalidFieldsError,
  MaximumCustomDataSizeExceededError,
  MaximumIlpDataSizeExceededError,
  TransferNotFoundError,
} from './errors.js'
import type { LedgerTransfer, Message, RejectionMessage, Transfer } from './v1-types.js'

/** An ILP packet with the longest data and the longest address, and what surrounds them. */
export const ILP_BYTES_MAX = DATA_BYTES_MAX + 1100
/** JSON text of `custom`. */
export const CUSTOM_BYTES_MAX = 32_768

/** The key under which this face knows a transfer: lower-case UUID text. @throws {TransferNotFoundError} */
export function transferKey(id: string): string {
  try {
    parseTransferId(id)
    return id.toLowerCase()
  } catch {
    throw new TransferNotFoundError('there is no transfer with this id: ids are UUIDs')
  }
}

/** @throws {InvalidFieldsError} and the two errors of size */
export function toHold(transfer: Transfer, info: LinkInfo): Hold & { readonly id: Uint8Array; readonly to: string } {
  object(transfer, 'transfer')
  checkParties(transfer, info)
  const hold = {
    id: field('id', () => parseTransferId(transfer.id)),
    amount: field('amount', () => parseAmount(transfer.amount)),
    condition: hash('executionCondition', transfer.executionCondition),
    expiresAt: time(transfer.expiresAt),
    packet: ilpBytes(transfer.ilp),
    to: transfer.to,
  }
  const custom = customBytes(transfer.custom)
  if (transfer.noteToSelf !== undefined) object(transfer.noteToSelf, 'noteToSelf')
  return custom === undefined ? hold : { ...hold, custom }
}

/** What the events of an outgoing transfer show: the caller's own fields, completed; its key for an id. */
export function outgoingTransfer(key: string, transfer: Transfer, info: LinkInfo): LedgerTransfer {
  return { ...transfer, id: key, from: transfer.from ?? info.account, ledger: info.prefix }
}

/** A hold that an earlier run sent. */
export type EarlierHold = Hold & { readonly id: Uint8Array; readonly to: string }

/** Without what only that run knew. */
export function recoveredTransfer(hold: EarlierHold, info: LinkInfo): LedgerTransfer {
  return transferOf(hold, { from: info.account, to: hold.to, ledger: info.prefix })
}

export function incomingTransfer(hold: IncomingHold, info: LinkInfo): LedgerTransfer {
  return transferOf(hold, { from: senderOf(hold.account, info), to: info.account, ledger: info.prefix })
}

/** At a host the account has only a name, and there is one peer. */
function senderOf(account: string, info: LinkInfo): string {
  return hasPrefix(account, info.prefix) ? account : info.peer
}

function transferOf(
  hold: Pick<IncomingHold, 'id' | 'amount' | 'condition' | 'expiresAt' | 'packet'> & {
    readonly custom?: Uint8Array | undefined
  },
  parties: { from: string; to: string; ledger: string },
): LedgerTransfer {
  const transfer: LedgerTransfer = {
    id: formatTransferId(hold.id),
    ...parties,
    amount: formatAmount(hold.amount),
    executionCondition: toBase64url(hold.condition),
    expiresAt: new Date(hold.expiresAt).toISOString(),
  }
  if (hold.packet.length > 0) transfer.ilp = toBase64url(hold.packet)
  const custom = hold.custom === undefined ? undefined : jsonObject(hold.custom)
  if (custom !== undefined) transfer.custom = custom
  return transfer
}

/** 32 bytes. @throws {InvalidFieldsError} */
export function hash(name: string, text: string): Uint8Array {
  const bytes = field(name, () => fromBase64(text))
  if (bytes.length !== HASH_BYTES) throw new InvalidFieldsError(`${name} must be ${HASH_BYTES} bytes in base64url`)
  return bytes
}

/** The packet that a fulfilment carries (draft 9's third argument) as a hold's data, and back: a type-9 packet. */
export function fulfillmentData(ilp: string | undefined): Uint8Array {
  return ilp === undefined || ilp === '' ? EMPTY : field('ilp', () => decodePacketOf(9, fromBase64(ilp)).data)
}

/** As the last arguments of an event: none when there are no data. */
export function fulfillmentPacket(data: Uint8Array): [] | [packet: string] {
  return data.length === 0 ? [] : [toBase64url(encodePacket({ type: 9, data }))]
}

/** Total: a reason of any shape that programs have passed (an ISO string, a Date, nothing at all) can be sent. */
export function toReason(message: RejectionMessage | undefined): GivenReason {
  const { code, name, message: text, triggered_by, forwarded_by, triggered_at, additional_info } = message ?? {}
  const triggeredAt = triggered_at === undefined ? Number.NaN : new Date(triggered_at).getTime()
  const forwardedBy = typeof forwarded_by === 'string' ? [forwarded_by] : forwarded_by
  return {
    code: typeof code === 'string' && code !== '' ? code : 'F00',
    ...(typeof name === 'string' && name !== '' && { name }),
    ...(typeof text === 'string' && { message: text }),
    ...(typeof triggered_by === 'string' && isAddress(triggered_by, 'lenient') && { triggeredBy: triggered_by }),
    ...(Array.isArray(forwardedBy) && { forwardedBy: forwardedBy.filter((by) => isAddress(by, 'lenient')) }),
    ...(Number.isFinite(triggeredAt) && { triggeredAt }),
    ...(additional_info !== undefined && { data: jsonBytes(additional_info) }),
  }
}

export function fromReason(reason: Reason): RejectionMessage {
  const message: RejectionMessage = {
    code: reason.code,
    name: reason.name,
    message: reason.message,
    triggered_by: reason.triggeredBy,
    triggered_at: new Date(reason.triggeredAt).toISOString(),
    additional_info: additionalInfo(reason.data),
  }
  const last = reason.forwardedBy.at(-1)
  if (last !== undefined) message.forwarded_by = last
  return message
}

/** The sub-protocol entries of a message: `ilp` is the primary where there is one. @throws {InvalidFieldsError} */
export function messageEntries(message: Message): SubProtocol[] {
  const entries: SubProtocol[] = []
  if (message.ilp !== undefined) entries.push(octetEntry('ilp', ilpBytes(message.ilp)))
  const custom = customBytes(message.custom)
  if (custom !== undefined) entries.push({ name: 'custom', contentType: APPLICATION_JSON, data: custom })
  return entries
}

/** @throws {InvalidFieldsError} when the message has neither `ilp` nor `custom`, or goes elsewhere */
export function requestEntries(message: Message, info: LinkInfo): SubProtocol[] {
  object(message, 'message')
  checkParties(message, info)
  const entries = messageEntries(message)
  if (entries.length === 0) throw new InvalidFieldsError('a message needs ilp or custom')
  return entries
}

/** @param from the sender's ILP address, or its account's name at a host */
export function readMessage(
  entries: readonly SubProtocol[],
  id: string,
  info: LinkInfo,
  from: string = info.peer,
): Message {
  const message: Message = { id, from: senderOf(from, info), to: info.account, ledger: info.prefix }
  const ilp = findEntry(entries, 'ilp')
  const custom = findEntry(entries, 'custom')
  if (ilp !== undefined) message.ilp = toBase64url(ilp.data)
  const value = custom === undefined ? undefined : jsonObject(custom.data)
  if (value !== undefined) message.custom = value
  return message
}

function checkParties(thing: { to: string; from?: string; ledger?: string }, info: LinkInfo): void {
  if (!isAddress(thing.to, 'lenient') || !hasPrefix(thing.to, info.peer)) {
    throw new InvalidFieldsError(`to must be ${info.peer} or lie below it`)
  }
  if (thing.from !== undefined && !hasPrefix(thing.from, info.account)) {
    throw new InvalidFieldsError(`from must be ${info.account} or lie below it`)
  }
  if (thing.ledger !== undefined && thing.ledger !== info.prefix) {
    throw new InvalidFieldsError(`ledger must be ${info.prefix}`)
  }
}

function ilpBytes(ilp: string | undefined): Uint8Array {
  if (ilp === undefined || ilp === '') return EMPTY
  const bytes = field('ilp', () => fromBase64(ilp))
  if (bytes.length > ILP_BYTES_MAX) {
    throw new MaximumIlpDataSizeExceededError(`ilp is limited to ${ILP_BYTES_MAX} bytes`)
  }
  return bytes
}

function customBytes(custom: Record<string, unknown> | undefined): Uint8Array | undefined {
  if (custom === undefined) return undefined
  const bytes = utf8(field('custom', () => JSON.stringify(object(custom, 'custom'))))
  if (bytes.length > CUSTOM_BYTES_MAX) {
    throw new MaximumCustomDataSizeExceededError(`custom is limited to ${CUSTOM_BYTES_MAX} bytes of JSON`)
  }
  return bytes
}

function time(text: string): number {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN
  if (!Number.isFinite(ms)) throw new InvalidFieldsError('expiresAt must be an ISO 8601 time')
  return ms
}

function object<Value>(value: Value, name: string): Value {
  if (typeof value !== 'object' || value === null) throw new InvalidFieldsError(`${name} must be an object`)
  return value
}

function field<Value>(name: string, read: () => Value): Value {
  try {
    return read()
  } catch (error) {
    if (error instanceof InvalidFieldsError) throw error
    throw new InvalidFieldsError(`${name}: ${error instanceof Error ? error.message : 'cannot be read'}`)
  }
}

function jsonObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  const value = json(bytes)
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(bytes))
  } catch {
    return undefined
  }
}

function jsonBytes(value: unknown): Uint8Array {
  try {
    return utf8(JSON.stringify(value) ?? '')
  } catch {
    return EMPTY
  }
}

/** As the 2017 plugin shows data that it cannot parse. */
function additionalInfo(data: Uint8Array): unknown {
  return data.length === 0 ? {} : (json(data) ?? 'not JSON')
}
