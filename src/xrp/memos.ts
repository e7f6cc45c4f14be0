/**
 * What travels in the memos of transactions, under the names of ilp-plugin-xrp-escrow: the transfer's id and its ILP
 * packet with an EscrowCreate, data with an EscrowFinish, a message with a Payment of one drop. No MemoFormat.
 * A memo `sluice:custom` has the `custom` field of the Ledger Plugin Interface, for which the old plugin had none.
 */
import { formatTransferId, parseTransferId } from '../btp/index.js'
import { EMPTY, fromBase64, fromHex, fromUtf8, toBase64url, toHex, utf8 } from '../bytes/index.js'

const REL = 'https://interledger.org/rel/'
const TYPES = {
  ilp: `${REL}xrpIlp`,
  id: `${REL}xrpId`,
  custom: 'sluice:custom',
  data: `${REL}xrpFulfillmentData`,
  message: `${REL}xrpMessage`,
} as const

/** Serialized memos of one transaction: what the ledger allows. */
export const MEMO_BYTES_MAX = 1_024

export interface Memo {
  readonly Memo: { readonly MemoType: string; readonly MemoData: string }
}

/** Of an EscrowCreate. */
export interface TransferMemos {
  /** 16 bytes; where it is absent the receiver derives one from the transaction. */
  readonly id: Uint8Array | undefined
  readonly packet: Uint8Array
  readonly custom: Uint8Array | undefined
}

/** The id last: when memos are too long, it is the packet that is too long. */
export function transferMemos({ id, packet, custom }: TransferMemos): Memo[] {
  const memos: Memo[] = []
  if (packet.length > 0) memos.push(memo(TYPES.ilp, utf8(toBase64url(packet))))
  if (custom !== undefined) memos.push(memo(TYPES.custom, custom))
  if (id !== undefined) memos.push(memo(TYPES.id, utf8(formatTransferId(id))))
  return memos
}

/** `undefined` when none of the memos is ours, or one of them is unreadable. */
export function readTransferMemos(memos: unknown): TransferMemos | undefined {
  const ilp = find(memos, TYPES.ilp)
  const id = find(memos, TYPES.id)
  if (ilp === undefined && id === undefined) return undefined
  try {
    return {
      id: id === undefined ? undefined : parseTransferId(fromUtf8(id)),
      packet: ilp === undefined ? EMPTY : fromBase64(fromUtf8(ilp)),
      custom: find(memos, TYPES.custom),
    }
  } catch {
    return undefined
  }
}

/** Data that go with a fulfillment; no memo for none. */
export function dataMemos(data: Uint8Array): Memo[] {
  return data.length === 0 ? [] : [memo(TYPES.data, data)]
}

export function readData(memos: unknown): Uint8Array {
  return find(memos, TYPES.data) ?? EMPTY
}

export function messageMemos(message: Uint8Array): Memo[] {
  return [memo(TYPES.message, message)]
}

export function readMessageMemo(memos: unknown): Uint8Array | undefined {
  return find(memos, TYPES.message)
}

/** Bytes of the memos as the ledger counts them: the serialized array without its two ends. */
export function memosBytes(memos: readonly Memo[]): number {
  return memos.reduce((sum, { Memo: { MemoType, MemoData } }) => sum + 2 + field(MemoType) + field(MemoData), 0)
}

/** A field's code, its length (one byte up to 192), and its bytes. */
function field(hex: string): number {
  const bytes = hex.length / 2
  return 1 + (bytes <= 192 ? 1 : 2) + bytes
}

function memo(type: string, data: Uint8Array): Memo {
  return { Memo: { MemoType: hexOf(utf8(type)), MemoData: hexOf(data) } }
}

/** Total: memos are what strangers wrote. The first of a type counts. */
function find(memos: unknown, type: string): Uint8Array | undefined {
  if (!Array.isArray(memos)) return undefined
  const wanted = hexOf(utf8(type))
  for (const one of memos as readonly Partial<Memo>[]) {
    const { MemoType, MemoData } = one?.Memo ?? {}
    if (typeof MemoType !== 'string' || typeof MemoData !== 'string' || MemoType.toUpperCase() !== wanted) continue
    try {
      return fromHex(MemoData)
    } catch {
      return undefined
    }
  }
  return undefined
}

function hexOf(bytes: Uint8Array): string {
  return toHex(bytes).toUpperCase()
}
