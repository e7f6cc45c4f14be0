/** What a version 1 face remembers of transfers that have ended, beside what a ledger behind it does. */

/** How a transfer ended. */
export type Ended = { readonly state: 'fulfilled'; readonly fulfillment: string } | { readonly state: 'rolledBack' }

/** Ended transfers that the face itself remembers, oldest forgotten first; a host's ledger remembers longer. */
export const ENDED_MAX = 10_000

export class EndedTransfers {
  readonly #ended = new Map<string, Ended>()
  readonly #ledger: (key: string) => Ended | undefined

  constructor(ledger: (key: string) => Ended | undefined) {
    this.#ledger = ledger
  }

  get(key: string): Ended | undefined {
    return this.#ended.get(key) ?? this.#ledger(key)
  }

  add(key: string, ended: Ended): void {
    this.#ended.set(key, ended)
    if (this.#ended.size <= ENDED_MAX) return
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest)
      return
    }
  }
}
