/** Waiting for a ledger's disk. */
import type { Ledger } from '../ledger/index.js'

/** Resolves when everything executed so far is durable: `false` when the ledger failed, and nobody can tell. */
export function committed(ledger: Ledger): Promise<boolean> {
  return new Promise((resolve) => {
    const forget = ledger.onFailure(() => resolve(false))
    ledger.committed(() => {
      forget()
      resolve(true)
    })
  })
}
