/**
 * What a server of the XRP Ledger answers and tells, read without trust: transactions of stream, `account_tx` and `tx`
 * in both versions of the API, closed ledgers, accounts and escrows. What is unreadable is `undefined`.
 */
import type { Reserves } from './rules.js'

/** A JSON object of the server. */
export type Json = Readonly<Record<string, unknown>>

/** A transaction in a validated ledger. */
export interface ValidatedTransaction {
  readonly hash: string
  readonly ledgerIndex: number
  /** `tes…` or `tec…`: nothing else gets into a ledger. */
  readonly result: string
  readonly type: string
  readonly account: string
  /** The sequence number or ticket that it used; of an EscrowCreate, the number that names the escrow. */
  readonly sequence: number
  /** All its fields. */
  readonly fields: Json
  readonly nodes: readonly ChangedNode[]
  /** In drops; of a Payment. */
  readonly delivered: bigint | undefined
}

/** What a transaction did to one entry of the ledger. */
export interface ChangedNode {
  readonly change: 'created' | 'modified' | 'deleted'
  readonly entryType: string
  /** As they are now, or were last. */
  readonly fields: Json
}

export interface ClosedLedger {
  readonly index: number
  /** In seconds of the ledger's epoch. What is applied to the next ledger is compared with this. */
  readonly closeTime: number
  readonly baseFee: bigint
  readonly reserves: Reserves
}

export interface AccountState {
  /** In drops. */
  readonly balance: bigint
  readonly sequence: number
  readonly ownerCount: number
}

/** An escrow that is in the ledger. */
export interface EscrowEntry {
  readonly owner: string
  readonly destination: string
  /** The transaction that made it. */
  readonly createdBy: string
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function readTransaction(message: Json): ValidatedTransaction | undefined {
  if (message['validated'] !== true) return undefined
  const fields = [message['tx_json'], message['transaction'], message['tx'], message].find(isJson) ?? message
  const meta = message['meta'] ?? message['metaData']
  if (!isJson(meta)) return undefined
  const hash = message['hash'] ?? fields['hash']
  const ledgerIndex = message['ledger_index'] ?? fields['ledger_index']
  const result = meta['TransactionResult']
  const { TransactionType: type, Account: account, Sequence: own, TicketSequence: ticket } = fields
  const sequence = own === 0 ? ticket : own
  if (typeof hash !== 'string' || typeof result !== 'string' || typeof type !== 'string') return undefined
  if (typeof account !== 'string' || !isIndex(ledgerIndex) || !isIndex(sequence)) return undefined
  return {
    hash,
    ledgerIndex,
    result,
    type,
    account,
    sequence,
    fields,
    nodes: readNodes(meta['AffectedNodes']),
    delivered: readDrops(meta['delivered_amount']),
  }
}

const CHANGES = [
  ['CreatedNode', 'created'],
  ['ModifiedNode', 'modified'],
  ['DeletedNode', 'deleted'],
] as const

function readNodes(nodes: unknown): ChangedNode[] {
  const read: ChangedNode[] = []
  for (const wrapped of Array.isArray(nodes) ? nodes : []) {
    for (const [name, change] of CHANGES) {
      const node: unknown = isJson(wrapped) ? wrapped[name] : undefined
      if (!isJson(node) || typeof node['LedgerEntryType'] !== 'string') continue
      const fields = node['FinalFields'] ?? node['NewFields']
      read.push({ change, entryType: node['LedgerEntryType'], fields: isJson(fields) ? fields : {} })
    }
  }
  return read
}

/** What a transaction left of an account, if it touched it. */
export function accountAfter(transaction: ValidatedTransaction, account: string): AccountState | undefined {
  const node = transaction.nodes.find((one) => one.entryType === 'AccountRoot' && one.fields['Account'] === account)
  return node === undefined ? undefined : readAccount(node.fields)
}

/** An AccountRoot. */
export function readAccount(fields: unknown): AccountState | undefined {
  if (!isJson(fields)) return undefined
  const { Balance, Sequence, OwnerCount = 0 } = fields
  const balance = readDrops(Balance)
  if (balance === undefined || !isIndex(Sequence) || !isIndex(OwnerCount)) return undefined
  return { balance, sequence: Sequence, ownerCount: OwnerCount }
}

/** A `ledgerClosed` message, or the answer to `subscribe`, which has the same fields. */
export function readClosedLedger(message: Json): ClosedLedger | undefined {
  const { ledger_index: index, ledger_time: closeTime, fee_base, reserve_base, reserve_inc } = message
  const baseFee = readDrops(fee_base)
  const base = readDrops(reserve_base)
  const increment = readDrops(reserve_inc)
  if (!isIndex(index) || !isIndex(closeTime)) return undefined
  if (baseFee === undefined || base === undefined || increment === undefined) return undefined
  return { index, closeTime, baseFee, reserves: { base, increment } }
}

export function readEscrow(entry: unknown): EscrowEntry | undefined {
  if (!isJson(entry) || entry['LedgerEntryType'] !== 'Escrow') return undefined
  const { Account: owner, Destination: destination, PreviousTxnID: createdBy } = entry
  if (typeof owner !== 'string' || typeof destination !== 'string' || typeof createdBy !== 'string') return undefined
  return { owner, destination, createdBy }
}

/** XRP in drops: a whole number, as text or not. Other currencies are objects. */
export function readDrops(value: unknown): bigint | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value)
  return typeof value === 'string' && /^[0-9]{1,18}$/.test(value) ? BigInt(value) : undefined
}

/** A whole number, not negative. */
export function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
