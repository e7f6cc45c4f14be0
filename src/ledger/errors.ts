/** What the ledger throws. A command that is merely refused is a value, not an error: see `Refusal`. */
import { SluiceError } from '../errors/index.js'

/**
 * `LEDGER_NOT_OPEN` call `open()` first · `LEDGER_CLOSED` it was closed · `LEDGER_FAILED` a commit failed or an
 * invariant broke, so memory and disk may differ: restart, which recovers · `LEDGER_CORRUPT` the store gave back
 * something that no ledger wrote: nothing was changed, restore the store from a copy · `LEDGER_LIMITS` a limit is not
 * a whole number in its range.
 */
export class LedgerError extends SluiceError {}
