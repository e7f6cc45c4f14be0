/**
 * What a ledger asks of a disk: an ordered log of batches, and snapshots of the state after a batch.
 * design.md section 5. The conformance suite in `sluice/testing` runs against every implementation.
 */

/** One group commit, as the ledger encoded it. `seq` counts from 1 without gaps. */
export interface Batch {
  readonly seq: number
  readonly bytes: Uint8Array
}

/** The state after batch `seq`, as the ledger encoded it. */
export interface Snapshot {
  readonly seq: number
  readonly bytes: Uint8Array
}

export interface StoredLog {
  readonly snapshot: Snapshot | undefined
  /** Every batch still kept, in order and without gaps; those up to `snapshot.seq` hold finished ids only. */
  readonly batches: AsyncIterable<Batch>
}

export interface LedgerStore {
  /** Takes ownership and gives back what is stored. Refuses a format it does not know, and a second owner. */
  open(): Promise<StoredLog>
  /** Resolves when the batch is durable, whole or not at all. `seq` is the last one plus 1; one call at a time. */
  append(batch: Batch): Promise<void>
  /** Durable when it resolves; replaces the snapshot before. May run beside `append`. */
  snapshot(snapshot: Snapshot): Promise<void>
  /** Forgets the batches before `seq`, all of which a snapshot contains. */
  drop(seq: number): Promise<void>
  /** Gives it up; twice is fine. */
  close(): Promise<void>
}
