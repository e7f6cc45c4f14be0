/** What a version 1 face remembers of transfers that have ended, beside what a ledger behind it does. */

/** How a transfer ended. */
export type Ended = { readonly state: 'fulfilled'; readonly fulfillment: string } | { readonly state: 'rolledBack' }

/** Ended transfers that the face itself remembers; then it forgets the older half. A host's ledger remembers longer. */
export const ENDED_MAX = 10_000

export class EndedTransfers {
  #recent = new Map<string, Ended>()
  #older = new Map<string, Ended>()
  readonly #ledger: (key: string) => Ended | undefined

  constructor(ledger: (key: string) => Ended | undefined) {
    this.#ledger = ledger
  }

  get(key: string): Ended | undefined {
    return this.#recent.get(key) ?? this.#older.get(key) ?? this.#ledger(key)
  }

  /** Whether the face itself remembers it. */
  remembers(key: string): boolean {
    return this.#recent.has(key) || this.#older.has(key)
  }

  add(key: string, ended: Ended): void {
    // By halves: the first key of a Map is found by searching past all those that were deleted before it.
    if (this.#recent.size >= ENDED_MAX / 2) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(key, ended)
  }
}
