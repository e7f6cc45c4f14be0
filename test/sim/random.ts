/** Everything that a simulated run leaves to chance, from one seed (sfc32, after Chris Doty-Humphrey's PractRand). */

export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number) {
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 2 ** 32) >>> 0
    this.#c = 0x9e3779b9
    for (let i = 0; i < 15; i++) this.#next()
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  /** 0 ≤ x < 1. */
  readonly unit = (): number => this.#next() / 2 ** 32

  readonly bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => this.#next() & 0xff)

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.unit() < probability
  }

  pick<T>(things: readonly T[]): T | undefined {
    return things[Math.floor(this.unit() * things.length)]
  }
}
