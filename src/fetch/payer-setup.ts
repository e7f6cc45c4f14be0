/** What the payer of one stream works with. */
import type { Clock } from '../clock/index.js'
import type { Link } from '../link/index.js'
import type { Exposure } from './exposure.js'
import type { Payment } from './payments.js'
import type { Allowance } from './purse.js'

export interface PayerSetup {
  readonly link: Link
  readonly exposure: Exposure
  /** What the call may spend beside the budget that `exposure` keeps; ended here. */
  readonly allowance: Allowance
  readonly price: bigint
  /** The address of the `Pay` header: names the stream. */
  readonly address: string
  readonly nextPayment: (amount: bigint) => Payment
  readonly unitsPerHoldMax: number
  /** Units of time: paid by the clock as well as by the bytes. */
  readonly timed: boolean
  /** The seller must state end offsets, because the buyer cannot count its units. */
  readonly offsetsNeeded: boolean
  /** The seller knows `sluice.cancel`. */
  readonly cancels: boolean
  readonly holdMs: number
  /** How long bytes may be missing for units that were captured, while the application waits for them. */
  readonly deliveryTimeoutMs: number
  readonly clock: Clock
}
