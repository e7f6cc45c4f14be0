/**
 * A transaction's metadata: the entries that it created, modified and deleted, with their fields before and after, sorted by
 * key, as servers record them. Also threading: every changed account and object names the transaction that changed it last.
 */
import { accountKey, ZERO_HASH, type Entry, type LedgerState } from './entries.js'
import type { EngineResult } from './results.js'
import type { Changes } from './sandbox.js'

type Fields = Readonly<Record<string, unknown>>

interface NodeOf {
  readonly LedgerEntryType: string
  readonly LedgerIndex: string
}

export type AffectedNode =
  | { readonly CreatedNode: NodeOf & { readonly NewFields: Fields } }
  | { readonly DeletedNode: NodeOf & { readonly FinalFields: Fields } }
  | {
      readonly ModifiedNode: NodeOf & {
        readonly FinalFields?: Fields
        readonly PreviousFields?: Fields
        readonly PreviousTxnID?: string
        readonly PreviousTxnLgrSeq?: number
      }
    }

export interface Metadata {
  readonly AffectedNodes: readonly AffectedNode[]
  readonly TransactionIndex: number
  readonly TransactionResult: EngineResult
  readonly delivered_amount?: string
}

/** Where a transaction stands. */
export interface Place {
  readonly hash: string
  readonly ledgerIndex: number
}

interface Effects {
  /** The changes, each threaded to the transaction. */
  readonly changes: Changes
  readonly nodes: readonly AffectedNode[]
}

/** What the changes look like in metadata, and how the entries are after them. */
export function effectsOf(state: LedgerState, changes: Changes, place: Place): Effects {
  const threaded = new Map<string, Entry | undefined>()
  const nodes = new Map<string, AffectedNode>()
  for (const [key, after] of changes) {
    const before = state.get(key)
    threaded.set(key, after === undefined ? undefined : thread(after, place))
    const node = nodeOf(key, before, after)
    if (node !== undefined) nodes.set(key, node)
  }
  for (const key of ownersOf(state, changes)) {
    const owner = state.get(key)
    if (owner?.LedgerEntryType !== 'AccountRoot' || changes.has(key)) continue
    threaded.set(key, thread(owner, place))
    const before = previousOf(owner)
    const node = { LedgerEntryType: owner.LedgerEntryType, LedgerIndex: key, ...before }
    if (before !== undefined) nodes.set(key, { ModifiedNode: node })
  }
  return { changes: threaded, nodes: [...nodes].toSorted(byKey).map(([, node]) => node) }
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

function thread(entry: Entry, { hash, ledgerIndex }: Place): Entry {
  return 'PreviousTxnID' in entry ? { ...entry, PreviousTxnID: hash, PreviousTxnLgrSeq: ledgerIndex } : entry
}

/** Keys of the accounts that own, or are named by, what was created or deleted. */
function ownersOf(state: LedgerState, changes: Changes): Set<string> {
  const owners = new Set<string>()
  for (const [key, after] of changes) {
    const before = state.get(key)
    const entry = before === undefined ? after : before
    if ((before !== undefined && after !== undefined) || entry === undefined) continue
    if (entry.LedgerEntryType === 'AccountRoot' || entry.LedgerEntryType === 'DirectoryNode') continue
    owners.add(accountKey(entry.Account))
    if ('Destination' in entry) owners.add(accountKey(entry.Destination))
  }
  return owners
}

function previousOf(entry: Entry): { PreviousTxnID: string; PreviousTxnLgrSeq: number } | undefined {
  if (!('PreviousTxnID' in entry) || entry.PreviousTxnID === ZERO_HASH) return undefined
  return { PreviousTxnID: entry.PreviousTxnID, PreviousTxnLgrSeq: entry.PreviousTxnLgrSeq }
}

/** Fields that metadata never shows, and those that it shows of deleted entries only. */
const HIDDEN = ['LedgerEntryType', 'Indexes']
const OF_DELETED = ['PreviousTxnID', 'PreviousTxnLgrSeq']

function shown(entry: Entry, hidden: readonly string[]): [string, unknown][] {
  return Object.entries(entry).filter(([name]) => !hidden.includes(name))
}

function nodeOf(key: string, before: Entry | undefined, after: Entry | undefined): AffectedNode | undefined {
  if (after === undefined) {
    if (before === undefined) return undefined
    const fields = Object.fromEntries(shown(before, HIDDEN))
    return { DeletedNode: { FinalFields: fields, LedgerEntryType: before.LedgerEntryType, LedgerIndex: key } }
  }
  const node = { LedgerEntryType: after.LedgerEntryType, LedgerIndex: key }
  const fields = shown(after, [...HIDDEN, ...OF_DELETED])
  if (before === undefined) {
    const given = fields.filter(([, value]) => value !== 0 && value !== '0')
    return { CreatedNode: { ...node, NewFields: Object.fromEntries(given) } }
  }
  const current = new Map(fields)
  const changed = shown(before, [...HIDDEN, ...OF_DELETED]).filter(([name, value]) => current.get(name) !== value)
  return {
    ModifiedNode: {
      FinalFields: Object.fromEntries(fields),
      ...node,
      ...(changed.length === 0 ? {} : { PreviousFields: Object.fromEntries(changed) }),
      ...previousOf(before),
    },
  }
}

/** The accounts that metadata names: to whom a stream tells the transaction, and in whose history it is. */
export function accountsIn({ AffectedNodes }: Metadata): Set<string> {
  const accounts = new Set<string>()
  for (const affected of AffectedNodes) {
    for (const value of Object.values(fieldsOf(affected))) {
      if (typeof value === 'string' && ADDRESS.test(value)) accounts.add(value)
    }
  }
  return accounts
}

/** Hashes, keys and conditions of the other fields are longer, amounts have no letter. */
const ADDRESS = /^r[1-9A-HJ-NP-Za-km-z]{24,34}$/

function fieldsOf(affected: AffectedNode): Fields {
  if ('CreatedNode' in affected) return affected.CreatedNode.NewFields
  if ('DeletedNode' in affected) return affected.DeletedNode.FinalFields
  return affected.ModifiedNode.FinalFields ?? {}
}
