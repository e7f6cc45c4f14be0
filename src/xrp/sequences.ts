/**
 * Which sequence numbers the account's next transactions get. Pure. The ledger applies them without gaps, so a number
 * whose transaction can never apply blocks all that follow: it is given back, and goes to the next transaction first.
 */

export class Sequences {
  #next: number
  /** Given back, below `#next`. */
  readonly #free = new Set<number>()

  /** @param next the account's next sequence number */
  constructor(next: number) {
    this.#next = next
  }

  /** The lowest number that is free. */
  take(): number {
    const lowest = this.lowestFree
    if (lowest === undefined) return this.#next++
    this.#free.delete(lowest)
    return lowest
  }

  /** The number's transaction can never apply. */
  release(sequence: number): void {
    if (sequence >= this.#next) return
    this.#free.add(sequence)
    while (this.#free.delete(this.#next - 1)) this.#next -= 1
  }

  /** A validated transaction used it, whoever made it. */
  used(sequence: number): void {
    for (const free of this.#free) if (free <= sequence) this.#free.delete(free)
    this.#next = Math.max(this.#next, sequence + 1)
  }

  /**
   * What the server says is the account's next number. Numbers from there up to the last of ours that no transaction of
   * ours has are gaps.
   */
  sync(next: number, open: ReadonlySet<number>): void {
    for (const free of this.#free) if (free < next) this.#free.delete(free)
    this.#next = Math.max(next, ...[...open].map((sequence) => sequence + 1))
    this.#free.clear()
    for (let sequence = next; sequence < this.#next; sequence++) if (!open.has(sequence)) this.#free.add(sequence)
  }

  /** A number that nobody uses, below numbers that are in use: those must wait for it. */
  get lowestFree(): number | undefined {
    return this.#free.size === 0 ? undefined : Math.min(...this.#free)
  }

  /** The number after the last one that is in use. */
  get next(): number {
    return this.#next
  }
}
