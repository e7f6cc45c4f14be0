/**
 * The money that calls share: what a hold is paid from before it is sent, and where it returns to when it comes back.
 * Only types, and the purse of a caller who has no wallet.
 */

/** Money of one budget. What was taken and is not given back is spent, or may be: in doubt counts as spent. */
export interface Purse {
  /** Sets aside money for as many of `units` as there is; returns how many. 0: none now. */
  take(price: bigint, units: number): number
  /** A hold that was paid from here came back. */
  giveBack(amount: bigint): void
}

/** One call's access to what it may spend, beside its own budget. */
export interface Allowance {
  /** The most for this call, beside the budget that its caller gives; `undefined`: no other bound. */
  readonly perCall: bigint | undefined
  /** The purse that is open now: today's. A hold goes back to the purse that it came from. */
  purse(): Purse
  /** True when there is no money for one unit, and none to be expected but from holds that come back. */
  spentFor(price: bigint): boolean
  /** The listener is called, never synchronously, whenever there may be more to take. Returns the way to stop it. */
  onMore(listener: () => void): () => void
  /** The call is over: all its holds have an outcome. */
  end(): void
}

const bottomless: Purse = { take: (_price, units) => units, giveBack() {} }

/** No budget beside the call's own. */
export const UNSHARED: Allowance = {
  perCall: undefined,
  purse: () => bottomless,
  spentFor: () => false,
  onMore: () => () => {},
  end() {},
}
