/** What the stores throw. */
import { SluiceError } from '../errors/index.js'

/**
 * `STORE_LOCKED` another ledger owns the store: end it, or choose another place · `STORE_FORMAT` written by another
 * version or program · `STORE_KEY` a prefix has other characters than letters, digits, _ and - ·
 * `STORE_CORRUPT` its content is damaged: restore it from a copy · `STORE_CLOSED` open it first ·
 * `STORE_FAILED` the medium could not be read or written.
 */
export class StoreError extends SluiceError {}
