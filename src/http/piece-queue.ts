/**
 * The pieces that a meter has pulled and not delivered, in order, and how far they are sold. A piece is sold whole: it
 * weighs some units, and leaves when captures have paid for all of them. Units belong to the queue, not to holds: captures
 * pay from the front.
 */
import { Fifo } from './fifo.js'

export class PieceQueue {
  readonly #pieces = new Fifo<Uint8Array>()
  readonly #weights = new Fifo<number>()
  #units = 0
  #bytes = 0
  /** Units of the first piece that captures have paid for. */
  #paid = 0
  #sold = 0
  #soldBytes = 0
  /** Where the next sale begins: the index of a piece, and how many of its units are sold. */
  #at = 0
  #into = 0

  get length(): number {
    return this.#pieces.length
  }

  /** Units that captures under way pay for. */
  get sold(): number {
    return this.#sold
  }

  /** Bytes of the pieces that captures pay for, even in part. */
  get soldBytes(): number {
    return this.#soldBytes
  }

  /** Units that nobody pays for yet. */
  get unsold(): number {
    return this.#units - this.#paid - this.#sold
  }

  get unsoldBytes(): number {
    return this.#bytes - this.#soldBytes
  }

  push(piece: Uint8Array, weight: number): void {
    this.#pieces.push(piece)
    this.#weights.push(weight)
    this.#units += weight
    this.#bytes += piece.length
  }

  /** The most of the next `units` that end where a piece ends; 0 when they are all of one piece that weighs more. */
  fit(units: number): number {
    let fitting = 0
    let left = (this.#weights.at(this.#at) ?? 0) - this.#into
    for (let at = this.#at; fitting + left <= units;) {
      fitting += left
      if (fitting === units || ++at >= this.#weights.length) break
      left = this.#weights.at(at) ?? 0
    }
    return fitting
  }

  /** A capture pays for the next units, of which there must be so many. */
  sell(units: number): void {
    this.#sold += units
    this.#advance(units)
  }

  /** A capture under way has paid for its units. */
  pay(units: number): void {
    this.#sold -= units
    this.#paid += units
  }

  /** A capture under way has failed: those that follow now pay for the units from the front. */
  unsell(units: number): void {
    this.#sold -= units
    this.#at = 0
    this.#into = 0
    this.#soldBytes = 0
    this.#advance(this.#paid + this.#sold)
  }

  /** The first piece, once it is paid for. */
  take(): Uint8Array | undefined {
    const weight = this.#weights.first
    if (weight === undefined || weight > this.#paid) return undefined
    const piece = this.#pieces.shift()
    if (piece === undefined) return undefined
    this.#weights.shift()
    this.#paid -= weight
    this.#units -= weight
    this.#bytes -= piece.length
    if (this.#at > 0) {
      this.#at--
      this.#soldBytes -= piece.length
    }
    return piece
  }

  clear(): void {
    this.#pieces.clear()
    this.#weights.clear()
  }

  #advance(units: number): void {
    for (let left = units; left > 0;) {
      const rest = (this.#weights.at(this.#at) ?? left) - this.#into
      if (this.#into === 0) this.#soldBytes += this.#pieces.at(this.#at)?.length ?? 0
      if (left < rest) {
        this.#into += left
        return
      }
      left -= rest
      this.#at++
      this.#into = 0
    }
  }
}
