/**
 * Gives each hold that a holder sends its id. With a record, ids come from a block that is durable before the first of its
 * frames leaves; a hold for which no block has room waits for the next block, and those behind it wait too.
 */
import type { Log } from '../log/index.js'
import { btpFailure, type BtpFailure } from '../session/index.js'
import type { HolderRecord } from './record.js'
import type { Hold, HoldObserver } from './types.js'

export interface OutboxOptions {
  readonly record: HolderRecord | undefined
  readonly randomBytes: (length: number) => Uint8Array
  readonly log: Log
  /** Sends, or refuses; calls `end` when nothing can come of the hold any more. */
  readonly send: (id: Uint8Array, hold: Hold, observer: HoldObserver, end: () => void) => void
  readonly refuse: (observer: HoldObserver, id: Uint8Array, failure: BtpFailure) => void
  /** Our balance, as we know it. */
  readonly balance: () => bigint
}

interface Waiting {
  readonly hold: Hold
  readonly observer: HoldObserver
}

const nothing = (): void => undefined
const NO_ID = new Uint8Array(16)

export class Outbox {
  readonly #options: OutboxOptions
  readonly #waiting: Waiting[] = []
  #pumping = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Holds that wait for a block. */
  get size(): number {
    return this.#waiting.length
  }

  put(hold: Hold, observer: HoldObserver): void {
    const { record, randomBytes, send } = this.#options
    if (hold.id !== undefined) return send(hold.id, hold, observer, nothing)
    if (record === undefined) return send(randomBytes(16), hold, observer, nothing)
    if (this.#waiting.length === 0 && this.#sendFrom(record, hold, observer)) {
      if (record.isRunningLow) this.#reserveAhead(record, hold)
      return
    }
    this.#waiting.push({ hold, observer })
    void this.#pump(record)
  }

  #sendFrom(record: HolderRecord, hold: Hold, observer: HoldObserver): boolean {
    const ticket = record.take(hold.amount, hold.expiresAt)
    if (ticket === undefined) return false
    this.#options.send(ticket.id, hold, observer, ticket.end)
    return true
  }

  #reserveAhead(record: HolderRecord, { amount, expiresAt }: Hold): void {
    record.reserve(amount, expiresAt, this.#options.balance()).catch((error: unknown) => {
      this.#options.log.warn('no block of ids could be reserved ahead', { error: String(error) })
    })
  }

  /** Never rejects. */
  async #pump(record: HolderRecord): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const { hold, observer } = first
      if (this.#sendFrom(record, hold, observer)) {
        this.#waiting.shift()
        continue
      }
      try {
        await record.reserve(hold.amount, hold.expiresAt, this.#options.balance())
      } catch (error) {
        this.#waiting.shift()
        const message = error instanceof Error ? error.message : 'no id could be reserved'
        this.#options.refuse(observer, NO_ID, btpFailure('UnreachableError', message))
      }
    }
    this.#pumping = false
  }
}
