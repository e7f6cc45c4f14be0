/**
 * What the account has, as validated ledgers say it, less what its transactions on the way may still take. Pure.
 * The ledger asks, of an EscrowCreate: balance − fee ≥ reserve for one thing more, and ≥ that reserve + amount.
 */
import type { AccountState } from './ledger-messages.js'
import { reserveOf, type Reserves } from './rules.js'

/** What one transaction on the way may take. */
export interface Outlay {
  /** Amount and fee, in drops. */
  readonly drops: bigint
  /** Things that it makes the account own. */
  readonly owns: number
}

export type Affordable = 'yes' | 'no account' | 'reserve' | 'funds'

export class Account {
  #state: AccountState | undefined
  #reserves: Reserves = { base: 1_000_000n, increment: 200_000n }

  /** `undefined` while the ledger has no such account. */
  get state(): AccountState | undefined {
    return this.#state
  }

  get reserves(): Reserves {
    return this.#reserves
  }

  setState(state: AccountState | undefined): void {
    this.#state = state
  }

  setReserves(reserves: Reserves): void {
    this.#reserves = reserves
  }

  /** Whether the account can pay for one more transaction beside those on the way. */
  affords(amount: bigint, fee: bigint, owns: number, onTheWay: Iterable<Outlay>): Affordable {
    if (this.#state === undefined) return 'no account'
    let left = this.#state.balance - fee
    let owned = this.#state.ownerCount + owns
    for (const outlay of onTheWay) {
      left -= outlay.drops
      owned += outlay.owns
    }
    const reserve = reserveOf(this.#reserves, owned)
    if (left < reserve) return 'reserve'
    return left < reserve + amount ? 'funds' : 'yes'
  }
}
