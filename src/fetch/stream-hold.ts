/** One hold of a stream on its way. A class, so that a payment costs one object and no closure of its own. */
import type { HoldObserver, HoldOutcome } from '../link/index.js'
import type { HeldUnits } from './exposure.js'
import type { Purse } from './purse.js'

export class StreamHold implements HoldObserver {
  doubted = false
  readonly held: HeldUnits
  /** Where the money came from, and goes back to. */
  readonly purse: Purse
  readonly sentAt: number
  readonly #tell: (hold: StreamHold, outcome: HoldOutcome) => void

  constructor(held: HeldUnits, purse: Purse, sentAt: number, tell: (hold: StreamHold, outcome: HoldOutcome) => void) {
    this.held = held
    this.purse = purse
    this.sentAt = sentAt
    this.#tell = tell
  }

  onOutcome(outcome: HoldOutcome): void {
    this.#tell(this, outcome)
  }
}
