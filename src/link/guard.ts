/** The one rule for calling into the program that uses a link. */
import type { Log } from '../log/index.js'

/** Calls what a program gave us; what it throws is logged, and changes nothing here. */
export function guard(log: Log, call: () => void): void {
  try {
    call()
  } catch (error) {
    log.error('a callback of the link failed', { error: String(error) })
  }
}
