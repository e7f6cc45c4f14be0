/**
 * Two transports joined in memory, in order and without loss. When a message arrives is decided by `schedule`, so that a
 * simulator can delay it; what is scheduled first must be run first.
 */
import type { Transport } from '../session/index.js'

export type Schedule = (deliver: () => void) => void

/** One end. It keeps what was sent, for tests to look at. */
export class MemoryTransport implements Transport {
  onMessage: (message: Uint8Array) => void = () => undefined
  onPong: () => void = () => undefined
  onClosed: (reason: string) => void = () => undefined
  /** Set by tests: what a peer that does not read has not taken. */
  bufferedBytes = 0
  /** False: a peer that is gone without a word. */
  answersPings = true
  /** What was handed over, oldest first. */
  readonly sent: Uint8Array[] = []
  /** How this end was closed by its own user, if it was. */
  closedWith: { readonly code: number | undefined; readonly reason: string } | undefined
  peer: MemoryTransport | undefined

  readonly #schedule: Schedule
  #open = true
  #told = false

  constructor(schedule: Schedule) {
    this.#schedule = schedule
  }

  send(message: Uint8Array, onSent?: () => void): void {
    if (!this.#open) return
    // A copy, as a network makes: nobody may count on the peer seeing later changes.
    const copy = message.slice()
    this.sent.push(copy)
    const { peer } = this
    this.#schedule(() => {
      if (peer !== undefined && peer.#open) peer.onMessage(copy)
      onSent?.()
    })
  }

  close(code?: number, reason = ''): void {
    this.#shut(code, reason, `closed: ${reason}`)
  }

  terminate(): void {
    this.#shut(undefined, 'terminated', 'terminated')
  }

  ping(): void {
    const { peer } = this
    this.#schedule(() => {
      if (peer === undefined || !peer.#open || !peer.answersPings) return
      this.#schedule(() => {
        if (this.#open) this.onPong()
      })
    })
  }

  #shut(code: number | undefined, reason: string, told: string): void {
    if (!this.#open) return
    this.#open = false
    this.closedWith = { code, reason }
    const { peer } = this
    this.#schedule(() => {
      if (peer !== undefined) peer.#tell(told)
      this.#tell(told)
    })
  }

  #tell(reason: string): void {
    if (this.#told) return
    this.#told = true
    this.#open = false
    this.onClosed(reason)
  }
}

/** A connected pair. By default messages arrive in microtasks. */
export function transportPair(schedule: Schedule = queueMicrotask): [MemoryTransport, MemoryTransport] {
  const [a, b] = [new MemoryTransport(schedule), new MemoryTransport(schedule)]
  a.peer = b
  b.peer = a
  return [a, b]
}
