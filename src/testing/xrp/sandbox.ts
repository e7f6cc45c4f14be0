/** Changes that one transaction makes to a state, kept apart from it until they count. */
import {
  accountKey,
  directoryKey,
  type AccountRoot,
  type DirectoryNode,
  type Entry,
  type LedgerState,
} from './entries.js'

/** In drops. */
export interface Fees {
  readonly base: bigint
  readonly reserveBase: bigint
  readonly reserveIncrement: bigint
}

/** The ledger that a transaction is applied to. */
export interface LedgerView {
  readonly state: LedgerState
  /** The ledger's own index. */
  readonly index: number
  /** Seconds of the Ripple epoch: what escrows are measured by. */
  readonly parentCloseTime: number
  readonly fees: Fees
}

/** Entries by key as they are after a transaction; undefined where one was deleted. */
export type Changes = ReadonlyMap<string, Entry | undefined>

export class Sandbox {
  readonly view: LedgerView
  readonly #changes = new Map<string, Entry | undefined>()

  constructor(view: LedgerView) {
    this.view = view
  }

  get changes(): Changes {
    return this.#changes
  }

  get(key: string): Entry | undefined {
    return this.#changes.has(key) ? this.#changes.get(key) : this.view.state.get(key)
  }

  put(key: string, entry: Entry): void {
    this.#changes.set(key, entry)
  }

  delete(key: string): void {
    this.#changes.set(key, undefined)
  }

  account(address: string): AccountRoot | undefined {
    const entry = this.get(accountKey(address))
    return entry?.LedgerEntryType === 'AccountRoot' ? entry : undefined
  }

  /** Adds to an account's balance and count of entries, either may be negative. */
  credit(account: AccountRoot, drops: bigint, entries = 0): void {
    this.put(accountKey(account.Account), {
      ...account,
      Balance: String(BigInt(account.Balance) + drops),
      OwnerCount: account.OwnerCount + entries,
    })
  }

  /** Lists an entry in an account's directory, which is made if there is none. */
  list(owner: string, key: string): void {
    const at = directoryKey(owner)
    const directory = this.#directory(at)
    if (directory === undefined) {
      const fields = { Flags: 0, Owner: owner, RootIndex: at, Indexes: [key] } as const
      return this.put(at, { LedgerEntryType: 'DirectoryNode', ...fields })
    }
    return this.put(at, { ...directory, Indexes: [...directory.Indexes, key].toSorted() })
  }

  /** Takes an entry out of an account's directory. What servers do with one that is empty then depends on the entry. */
  unlist(owner: string, key: string, ifEmpty: 'keep' | 'delete'): void {
    const at = directoryKey(owner)
    const directory = this.#directory(at)
    if (directory === undefined) return
    const rest = directory.Indexes.filter((other) => other !== key)
    if (rest.length === 0 && ifEmpty === 'delete') this.delete(at)
    else this.put(at, { ...directory, Indexes: rest })
  }

  #directory(key: string): DirectoryNode | undefined {
    const entry = this.get(key)
    return entry?.LedgerEntryType === 'DirectoryNode' ? entry : undefined
  }

  /** What an account with so many entries must keep. */
  reserve(ownerCount: number): bigint {
    const { reserveBase, reserveIncrement } = this.view.fees
    return reserveBase + BigInt(ownerCount) * reserveIncrement
  }
}
