/** Those who wait for a link to open, each for a time of its own. */
import type { Clock } from '../clock/index.js'
import { LinkError } from './errors.js'

export class Waiters {
  readonly #clock: Clock
  readonly #waiting = new Set<(error?: LinkError) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves or rejects with the next `release`. @throws {LinkError} `LINK_TIMEOUT` */
  wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const wake = (error?: LinkError): void => {
        cancel?.()
        this.#waiting.delete(wake)
        if (error === undefined) resolve()
        else reject(error)
      }
      const late = new LinkError('LINK_TIMEOUT', 'the host did not say in time which ledger it keeps')
      const cancel = timeoutMs === Infinity ? undefined : this.#clock.after(timeoutMs, () => wake(late))
      this.#waiting.add(wake)
    })
  }

  release(error?: LinkError): void {
    for (const wake of this.#waiting) wake(error)
  }
}
