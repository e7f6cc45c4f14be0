/**
 * A signed transaction, from the bytes that are submitted: decoded and checked by `xrpl`'s own functions, so that what
 * this ledger takes is what a server would. Not: multi-signed and batched transactions.
 */
import { decode, hashes, verifySignature } from 'xrpl'

/** What every transaction has; other fields by name, as the ledger's documents name them. */
export interface Transaction {
  readonly TransactionType: string
  readonly Account: string
  readonly Fee: string
  readonly Sequence: number
  readonly SigningPubKey: string
  readonly Flags?: number
  readonly LastLedgerSequence?: number
  readonly [field: string]: unknown
}

export interface SignedTransaction {
  readonly hash: string
  readonly blob: string
  readonly tx: Transaction
}

/** Why a server takes the blob for no transaction: the error `invalidTransaction` with this text. */
export class BlobError extends Error {}

const MEMO_BYTES = 1024
/** Characters that RFC 3986 allows in URLs. */
const URL_TEXT = /^[\w\-.~:/?#[\]@!$&'()*+,;=%]*$/

/** @throws {BlobError} for what is no signed transaction, its signature wrong, or its memos too long */
export function readBlob(blob: string): SignedTransaction {
  const tx = parse(blob)
  if (!isSigned(blob)) throw new BlobError('fails local checks: Invalid signature.')
  checkMemos(tx['Memos'])
  return { hash: hashes.hashSignedTx(blob), blob, tx }
}

function parse(blob: string): Transaction {
  let fields: Record<string, unknown>
  try {
    fields = decode(blob)
  } catch (error) {
    throw new BlobError('the bytes are no transaction', { cause: error })
  }
  if (!isTransaction(fields)) throw new BlobError('a field that every transaction has is missing')
  return fields
}

function isTransaction(fields: Record<string, unknown>): fields is Record<string, unknown> & Transaction {
  const texts = ['TransactionType', 'Account', 'Fee', 'SigningPubKey'].every((name) => typeof fields[name] === 'string')
  return texts && typeof fields['Sequence'] === 'number'
}

function isSigned(blob: string): boolean {
  try {
    return verifySignature(blob)
  } catch {
    return false
  }
}

interface Memo {
  readonly Memo: Readonly<Partial<Record<'MemoType' | 'MemoFormat' | 'MemoData', string>>>
}

function checkMemos(memos: unknown): void {
  if (!Array.isArray(memos)) return
  let size = 0
  for (const { Memo: memo } of memos as readonly Memo[]) {
    const { MemoType = '', MemoFormat = '' } = memo
    // Two bytes open and close the memo.
    size += 2 + Object.values(memo).reduce((sum, hex) => sum + fieldBytes(hex.length / 2), 0)
    for (const text of [MemoType, MemoFormat]) {
      if (!URL_TEXT.test(Buffer.from(text, 'hex').toString('latin1'))) {
        throw new BlobError(
          'fails local checks: The MemoType and MemoFormat fields may only contain characters that are allowed in URLs under RFC 3986.',
        )
      }
    }
  }
  if (size > MEMO_BYTES) throw new BlobError('fails local checks: The memo exceeds the maximum allowed size.')
}

/** Field code, length of one or two bytes, contents. */
const fieldBytes = (length: number): number => 1 + (length > 192 ? 2 : 1) + length
