/**
 * The escrows that a new connection finds in the ledger: to the account, and of it. Their EscrowCreate has what they are
 * about, so that what no record knows, or a lost one knew, can be received, finished and cancelled all the same.
 */
import { decodePacket } from '../ilp/index.js'
import type { Log } from '../log/index.js'
import { XrpError } from './errors.js'
import type { LedgerFollower } from './follower.js'
import { type Json, readEscrow, readTransaction, type ValidatedTransaction } from './ledger-messages.js'
import { readTransferMemos } from './memos.js'
import { fromLedgerTime, readCondition } from './rules.js'
import type { SentTransfer } from './stored-transfers.js'

/** The EscrowCreate of each escrow that the account has sent or may receive. @throws {XrpError} `XRP_SERVER` */
export async function findEscrows(
  follower: LedgerFollower,
  address: string,
  log: Log,
): Promise<ValidatedTransaction[]> {
  const command = { command: 'account_objects', account: address, type: 'escrow', ledger_index: 'validated' }
  const entries = await follower.list(command, 'account_objects').catch((error: unknown): Json[] => {
    if (error instanceof XrpError && error.serverError === 'actNotFound') return []
    throw error
  })
  const found: ValidatedTransaction[] = []
  for (const entry of entries) {
    const escrow = readEscrow(entry)
    if (escrow === undefined) continue
    const transaction = await find(follower, escrow.createdBy, log)
    if (transaction !== undefined) found.push(transaction)
  }
  return found
}

async function find(follower: LedgerFollower, hash: string, log: Log): Promise<ValidatedTransaction | undefined> {
  try {
    return readTransaction(await follower.request({ command: 'tx', transaction: hash, binary: false }))
  } catch (error) {
    if (!(error instanceof XrpError) || error.serverError !== 'txnNotFound') throw error
    log.warn('the server has no transaction of an open escrow', { hash })
    return undefined
  }
}

/** What an EscrowCreate of ours was for. Without our id memo it is not a transfer: whoever made it ends it. */
export function sentTransferOf(create: ValidatedTransaction, prefix: string): SentTransfer | undefined {
  const { fields, sequence, ledgerIndex } = create
  const memos = readTransferMemos(fields['Memos'])
  const condition = readCondition(fields['Condition'])
  const { Destination, Amount, CancelAfter } = fields
  if (memos?.id === undefined || condition === undefined || typeof CancelAfter !== 'number') return undefined
  if (typeof Destination !== 'string' || typeof Amount !== 'string') return undefined
  const { id, packet, custom } = memos
  return {
    id,
    packet,
    custom,
    condition,
    sequence,
    to: destinationOf(packet) ?? prefix + Destination,
    address: Destination,
    amount: BigInt(Amount),
    expiresAt: fromLedgerTime(CancelAfter),
    firstLedger: ledgerIndex,
    reason: undefined,
    end: undefined,
  }
}

/** Where a packet goes, if it says so. */
export function destinationOf(packet: Uint8Array): string | undefined {
  if (packet.length === 0) return undefined
  try {
    const read = decodePacket(packet)
    if (read.type === 1 || read.type === 10) return read.account
    return read.type === 12 ? read.destination : undefined
  } catch {
    return undefined
  }
}
