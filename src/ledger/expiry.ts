/**
 * What expires, ordered by when: a binary heap whose items know their place, so that what ends early leaves at once
 * and nothing is kept for its expiry's sake. Steady traffic with equal hold times enters and leaves in O(1).
 */

/** Something that waits in one {@link ExpiryQueue}. */
export interface Expiring {
  readonly expiresAt: number
  /** Its place in the queue; the queue's own. */
  place: number
}

export class ExpiryQueue<T extends Expiring> {
  readonly #heap: T[] = []

  get size(): number {
    return this.#heap.length
  }

  /** The next to expire. */
  first(): T | undefined {
    return this.#heap[0]
  }

  add(item: T): void {
    this.#heap.push(item)
    this.#rise(item, this.#heap.length - 1)
  }

  /** Takes out an item that is in the queue. */
  remove(item: T): void {
    const last = this.#heap.pop()
    if (last === undefined || last === item) return
    this.#rise(last, item.place)
    this.#sink(last, last.place)
  }

  #rise(item: T, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#heap[above]
      if (parent === undefined || parent.expiresAt <= item.expiresAt) break
      this.#put(parent, place)
      place = above
    }
    this.#put(item, place)
  }

  #sink(item: T, from: number): void {
    let place = from
    for (;;) {
      let below = 2 * place + 1
      let child = this.#heap[below]
      const right = this.#heap[below + 1]
      if (child !== undefined && right !== undefined && right.expiresAt < child.expiresAt) {
        child = right
        below += 1
      }
      if (child === undefined || child.expiresAt >= item.expiresAt) break
      this.#put(child, place)
      place = below
    }
    this.#put(item, place)
  }

  #put(item: T, place: number): void {
    this.#heap[place] = item
    item.place = place
  }
}
