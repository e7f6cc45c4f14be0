/** A queue whose `shift` costs no copying. */
export class Fifo<T> {
  #items: T[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  at(index: number): T | undefined {
    return this.#items[this.#head + index]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head++]
    if (this.#head === this.#items.length || this.#head >= COMPACT_AT) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  remove(item: T): void {
    if (item === this.first) this.shift()
    else {
      const index = this.#items.indexOf(item, this.#head)
      if (index >= 0) this.#items.splice(index, 1)
    }
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }
}

/** Items that were taken are let go at the latest after so many. */
const COMPACT_AT = 1024
