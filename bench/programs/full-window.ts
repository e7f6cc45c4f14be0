/** Keeps a number of payments in flight: whenever one ends the next is sent. */
import type { PayerCalls } from '../protocol.js'
import type { PayerMeter } from './meters.js'

export class FullWindow implements Omit<PayerCalls, 'books'> {
  readonly #meter: PayerMeter
  readonly #send: (sentAt: number) => void
  #window = 0
  #inFlight = 0
  #onEmpty: (() => void) | undefined

  /** `send` makes one payment; how it ends is told by `paid` or `failed`, never before `send` has returned. */
  constructor(meter: PayerMeter, send: (sentAt: number) => void) {
    this.#meter = meter
    this.#send = send
  }

  paid(sentAt: number): void {
    this.#meter.paid(sentAt)
    this.#ended()
  }

  /** Nothing takes its place, so that a contender that refuses everything does not spin. */
  failed(why: string): void {
    this.#meter.fail(why)
    this.#window = 0
    this.#ended()
  }

  readonly start = async ({ window }: { window: number }): Promise<void> => {
    this.#window = window
    this.#fill()
  }

  readonly mark = async () => this.#meter.mark()

  readonly stop = async (): Promise<void> => {
    this.#window = 0
    if (this.#inFlight === 0) return
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve
    })
  }

  #ended(): void {
    this.#inFlight -= 1
    this.#fill()
    if (this.#inFlight === 0) this.#onEmpty?.()
  }

  #fill(): void {
    while (this.#inFlight < this.#window) {
      this.#inFlight += 1
      this.#send(performance.now())
    }
  }
}
