/**
 * What a ledger's state holds, in the shapes that servers answer with, and the keys of these entries (the ledger's public
 * documentation, “Ledger Object IDs”). Only the entries that conditional transfers touch; a directory is one page, however long.
 */
import { createHash } from 'node:crypto'
import { decodeAccountID, hashes } from 'xrpl'

interface Threaded {
  /** The transaction that last changed the entry, and its ledger. */
  readonly PreviousTxnID: string
  readonly PreviousTxnLgrSeq: number
}

export interface AccountRoot extends Threaded {
  readonly LedgerEntryType: 'AccountRoot'
  readonly Account: string
  /** Drops, as all amounts here. */
  readonly Balance: string
  readonly Flags: number
  readonly OwnerCount: number
  readonly Sequence: number
}

/** What lies in the directories of its owner and of its destination. */
interface Owned extends Threaded {
  readonly Account: string
  readonly Flags: 0
  readonly OwnerNode: '0'
}

interface Addressed extends Owned {
  readonly Amount: string
  readonly Destination: string
  readonly DestinationNode?: '0'
  readonly DestinationTag?: number
  readonly SourceTag?: number
  /** Seconds of the Ripple epoch, as all times here. */
  readonly CancelAfter?: number
}

export interface Escrow extends Addressed {
  readonly LedgerEntryType: 'Escrow'
  readonly FinishAfter?: number
  readonly Condition?: string
}

export interface PayChannel extends Addressed {
  readonly LedgerEntryType: 'PayChannel'
  readonly Balance: string
  readonly PublicKey: string
  readonly SettleDelay: number
}

export interface DepositPreauth extends Owned {
  readonly LedgerEntryType: 'DepositPreauth'
  readonly Authorize: string
}

export interface DirectoryNode {
  readonly LedgerEntryType: 'DirectoryNode'
  readonly Flags: 0
  readonly Owner: string
  readonly RootIndex: string
  /** Keys of the entries in it, in order. Servers do not show them in metadata. */
  readonly Indexes: readonly string[]
}

export type Entry = AccountRoot | Escrow | PayChannel | DepositPreauth | DirectoryNode

/** Entries by key: 64 upper-case hexadecimal digits. */
export type LedgerState = ReadonlyMap<string, Entry>

export const LSF_REQUIRE_DEST_TAG = 0x0002_0000
export const LSF_REQUIRE_AUTH = 0x0004_0000
export const LSF_DISALLOW_XRP = 0x0008_0000
export const LSF_DEFAULT_RIPPLE = 0x0080_0000
export const LSF_DEPOSIT_AUTH = 0x0100_0000

/** The account that holds all XRP of a new ledger; its seed is no secret: it comes from “masterpassphrase”. */
export const GENESIS_ACCOUNT = 'rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh'

/** Seed of {@link GENESIS_ACCOUNT}, of a secp256k1 key. */
export const GENESIS_SEED = 'snoPBrXtMeMyMHUVTgbuqAfg1SUTb'

export const ZERO_HASH = '0'.repeat(64)

/** The first half of SHA-512, as upper-case hexadecimal digits. */
export function sha512Half(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha512')
  for (const part of parts) hash.update(part)
  return hash.digest('hex').slice(0, 64).toUpperCase()
}

/** Two bytes that keep the keys of different kinds apart. */
const OWNER_DIRECTORY = Uint8Array.of(0, 0x4f)
const DEPOSIT_PREAUTH = Uint8Array.of(0, 0x70)

export const accountKey = (account: string): string => hashes.hashAccountRoot(account)

export const escrowKey = (owner: string, sequence: number): string => hashes.hashEscrow(owner, sequence)

export const payChannelKey = (owner: string, destination: string, sequence: number): string =>
  hashes.hashPaymentChannel(owner, destination, sequence)

export const directoryKey = (owner: string): string => sha512Half(OWNER_DIRECTORY, decodeAccountID(owner))

export const depositPreauthKey = (owner: string, authorized: string): string =>
  sha512Half(DEPOSIT_PREAUTH, decodeAccountID(owner), decodeAccountID(authorized))

/** The account's entry, if it has one. */
export function accountIn(state: LedgerState, account: string): AccountRoot | undefined {
  const entry = state.get(accountKey(account))
  return entry?.LedgerEntryType === 'AccountRoot' ? entry : undefined
}
