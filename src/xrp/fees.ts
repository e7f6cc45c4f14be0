/** What to pay for a transaction: the base fee, times its units, times the server's load; never above a limit. Pure. */

/** A load factor as a fraction, exact: `loadFactor / LOAD_SCALE`. */
const LOAD_SCALE = 1_000_000n

export class Fees {
  readonly #dropsMax: bigint
  #base = 10n
  #load = LOAD_SCALE

  /** @param dropsMax the most that one transaction may cost */
  constructor(dropsMax: bigint) {
    this.#dropsMax = dropsMax
  }

  setBase(drops: bigint): void {
    this.#base = drops
  }

  /** As the server tells it: 1 when it is idle. */
  setLoad(factor: number): void {
    if (Number.isFinite(factor) && factor >= 1) this.#load = BigInt(Math.ceil(factor * Number(LOAD_SCALE)))
  }

  /** The server asked for more than the base fee when it was asked last. */
  get isRaised(): boolean {
    return this.#load > LOAD_SCALE
  }

  /** What a transaction of so many units costs now; `undefined` when that is above the limit. */
  fee(units: bigint): bigint | undefined {
    return this.#allowed(this.#current(units))
  }

  /**
   * For one that paid `paid` and was refused for it: what it costs now, and at least a quarter more, which is what a
   * queue asks of a transaction that takes another's place.
   */
  raised(units: bigint, paid: bigint): bigint | undefined {
    const current = this.#current(units)
    const more = (paid * 5n + 3n) / 4n
    return this.#allowed(current > more ? current : more)
  }

  #current(units: bigint): bigint {
    return (this.#base * units * this.#load + LOAD_SCALE - 1n) / LOAD_SCALE
  }

  #allowed(fee: bigint): bigint | undefined {
    return fee <= this.#dropsMax ? fee : undefined
  }
}
