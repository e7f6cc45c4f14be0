/** What happened, as text that is made only when somebody wants to read it. */

interface Line {
  readonly at: number
  readonly text: () => string
}

const LINES_MAX = 50_000

export class Trace {
  readonly #now: () => number
  #lines: Line[] = []

  constructor(now: () => number) {
    this.#now = now
  }

  add(text: () => string): void {
    this.#lines.push({ at: this.#now(), text })
    if (this.#lines.length > 2 * LINES_MAX) this.#lines = this.#lines.slice(-LINES_MAX)
  }

  last(lines: number): string[] {
    return this.#lines.slice(-lines).map(show)
  }

  /** All that is known of what has these words in it. */
  about(words: string): string[] {
    return this.#lines.map(show).filter((line) => line.includes(words))
  }
}

function show({ at, text }: Line): string {
  return `${at.toFixed(1).padStart(10)} ms  ${text()}`
}
