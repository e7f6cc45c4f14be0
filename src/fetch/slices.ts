/**
 * Budgets that several processes share, as one of them sees them: it sets a slice aside durably before it spends of it,
 * takes the next one when half is used, and returns what is left when no call needs it any more. So no commit stands
 * before each hold, and a process that is killed has spent at most its slices. What was held on one day goes back to
 * that day's slice. Slices grow, so that short calls set little aside and long ones seldom wait.
 */
import type { CancelTimer, Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import type { Allowance, Purse } from './purse.js'

/** What a slice is of: one day's budget for one origin in one asset. */
export interface SliceOf {
  /** Days since 1970, UTC. */
  readonly day: number
  readonly asset: string
  readonly scale: number
  readonly origin: string
}

/** Where slices come from. */
export interface SliceSource {
  /** Sets money aside, durably: about `most`, but `0n` unless there is `least`. */
  reserve(of: SliceOf, least: bigint, most: bigint): Promise<bigint>
  /** Returns what was not spent. */
  release(of: SliceOf, amount: bigint): Promise<void>
}

const DAY_MS = 86_400_000

/** @param now milliseconds since 1970 */
export function dayOf(now: number): number {
  return Math.floor(now / DAY_MS)
}

/** How long a slice is kept after the last call that spent of it. */
const IDLE_MS = 5_000
/** A first slice, in holds like the one that asks for it. */
const FIRST_HOLDS = 64n
/** Each further slice, in the one before it. */
const GROWTH = 3n

export class Slices {
  readonly #source: SliceSource
  readonly #clock: Clock
  readonly #log: Log
  readonly #purses = new Map<string, SharedPurse>()
  #day = 0
  #closed = false

  constructor(source: SliceSource, clock: Clock, log: Log) {
    this.#source = source
    this.#clock = clock
    this.#log = log
  }

  /** What one more call may spend. */
  allowance(of: Omit<SliceOf, 'day'>, perCall: bigint | undefined): Allowance {
    return new CallAllowance((day) => this.#purse({ ...of, day }), perCall, this.#clock)
  }

  /** Returns what is not spent. Holds without an outcome count as spent. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#purses.values(), (purse) => purse.close()))
  }

  #purse(of: SliceOf): SharedPurse {
    if (of.day > this.#day) this.#forget(of.day)
    const key = `${of.day} ${of.asset} ${of.scale} ${of.origin}`
    const known = this.#purses.get(key)
    if (known !== undefined) return known
    const purse = new SharedPurse(of, this.#source, this.#clock, this.#log)
    if (this.#closed) void purse.close()
    this.#purses.set(key, purse)
    return purse
  }

  /** Holds do not last for days: what an older one has left goes back. */
  #forget(day: number): void {
    this.#day = day
    for (const [key, purse] of this.#purses) {
      if (purse.of.day >= day - 1) continue
      this.#purses.delete(key)
      void purse.close()
    }
  }
}

class SharedPurse implements Purse {
  readonly of: SliceOf
  readonly #source: SliceSource
  readonly #clock: Clock
  readonly #log: Log
  readonly #listeners = new Set<() => void>()
  /** Set aside and not returned. */
  #granted = 0n
  /** Of it, held or spent. */
  #out = 0n
  /** The last slice. */
  #slice = 0n
  #calls = 0
  /** The source has nothing for a unit of this price or more. */
  #nothingFor: bigint | undefined
  #reserving: Promise<void> | undefined
  #idle: CancelTimer | undefined
  #starved = false
  #closed = false

  constructor(of: SliceOf, source: SliceSource, clock: Clock, log: Log) {
    this.of = of
    this.#source = source
    this.#clock = clock
    this.#log = log
  }

  take(price: bigint, units: number): number {
    if (this.#closed) return 0
    const free = this.#granted - this.#out
    const wanted = units === 1 ? price : BigInt(units) * price
    const taken = wanted <= free ? units : Number(free / price)
    if (taken > 0) this.#out += taken === units ? wanted : BigInt(taken) * price
    if (2n * (this.#granted - this.#out) <= this.#slice) this.#reserve(price, wanted)
    if (taken === 0) this.#starved = true
    return taken
  }

  giveBack(amount: bigint): void {
    this.#out -= amount
    this.#tell()
  }

  spentFor(price: bigint): boolean {
    if (this.#closed) return true
    return this.#nothingFor !== undefined && price >= this.#nothingFor && this.#granted - this.#out < price
  }

  /** A call begins: what was not there before may be there now. */
  join(listener: () => void): void {
    this.#calls += 1
    this.#nothingFor = undefined
    this.#idle?.()
    this.#idle = undefined
    this.#listeners.add(listener)
  }

  leave(listener: () => void): void {
    this.#listeners.delete(listener)
    this.#calls -= 1
    if (this.#calls > 0 || this.#closed) return
    this.#idle = this.#clock.after(IDLE_MS, () => {
      this.#idle = undefined
      void this.#release()
    })
  }

  async close(): Promise<void> {
    this.#idle?.()
    this.#closed = true
    await this.#reserving
    await this.#release()
  }

  #reserve(price: bigint, wanted: bigint): void {
    if (this.#reserving !== undefined || (this.#nothingFor !== undefined && price >= this.#nothingFor)) return
    const most = this.#slice > 0n ? GROWTH * this.#slice : FIRST_HOLDS * wanted
    this.#reserving = this.#source
      .reserve(this.of, price, most)
      .then(
        (got) => {
          this.#granted += got
          if (got > 0n) this.#slice = got
          else this.#nothingFor = price
        },
        (error: unknown) => {
          this.#log.error('the budget cannot be written down, so that nothing more is paid', { error: String(error) })
          this.#nothingFor = 0n
        },
      )
      .finally(() => {
        this.#reserving = undefined
        this.#tell()
      })
  }

  /** Never rejects: what cannot be returned stays spent. */
  async #release(): Promise<void> {
    const unused = this.#granted - this.#out
    if (unused <= 0n) return
    this.#granted -= unused
    try {
      await this.#source.release(this.of, unused)
    } catch (error) {
      this.#log.warn('what was not spent could not be returned to the budget', { error: String(error) })
    }
  }

  /** In a turn of its own, because whoever gives back has not finished what it is doing. */
  #tell(): void {
    if (!this.#starved) return
    this.#starved = false
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener()
    })
  }
}

class CallAllowance implements Allowance {
  readonly perCall: bigint | undefined
  readonly #purseOf: (day: number) => SharedPurse
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  #day = 0
  /** Joined with the first payment, so that a call that pays nothing needs no end. */
  #purse: SharedPurse | undefined

  constructor(purseOf: (day: number) => SharedPurse, perCall: bigint | undefined, clock: Clock) {
    this.perCall = perCall
    this.#clock = clock
    this.#purseOf = purseOf
  }

  readonly #onMore = (): void => {
    for (const listener of this.#listeners) listener()
  }

  purse(): Purse {
    const day = dayOf(this.#clock.now())
    // A clock that steps back does not open yesterday's budget again.
    if (this.#purse !== undefined && day <= this.#day) return this.#purse
    this.end()
    this.#day = day
    this.#purse = this.#purseOf(day)
    this.#purse.join(this.#onMore)
    return this.#purse
  }

  spentFor(price: bigint): boolean {
    return this.#purse?.spentFor(price) === true
  }

  onMore(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  end(): void {
    this.#purse?.leave(this.#onMore)
    this.#purse = undefined
  }
}
