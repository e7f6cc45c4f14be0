/** The ledger's limits and their defaults; docs/reference/limits.md explains them. */
import { LedgerError } from './errors.js'
import type { LedgerLimits } from './types.js'

export const LEDGER_LIMITS: LedgerLimits = {
  holdMsMax: 3_600_000,
  livePerAccountMax: 65_536,
  rememberedPerAccountMax: 4_000_000,
  rememberMs: 30_000,
  accountsMax: 100_000,
  notesMax: 100_000,
  memoBytesMax: 65_536,
}

/** The defaults with `changes`. @throws {LedgerError} `LEDGER_LIMITS` for anything but whole numbers from 0 */
export function ledgerLimits(changes: Partial<LedgerLimits> = {}): LedgerLimits {
  const limits = { ...LEDGER_LIMITS, ...changes }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new LedgerError('LEDGER_LIMITS', `${name} must be a whole number that is not negative`)
    }
  }
  return limits
}
