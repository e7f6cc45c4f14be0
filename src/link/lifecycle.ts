/**
 * Something that takes time to open and to close, one after the other, in whatever order it is asked for: openings that
 * overlap are one, closing gives up an opening that is under way, and what was closed can be opened again.
 */
import type { CancelTimer, Clock } from '../clock/index.js'
import { LinkError } from './errors.js'

export interface LifecycleOptions {
  readonly clock: Clock
  /** `givenUp` rejects when nobody waits any more: whatever may take for ever is raced with it. */
  readonly start: (givenUp: Promise<never>) => Promise<void>
  /** After `start` ended, however it did, or without one. */
  readonly stop: () => Promise<void>
}

/** One time of being open, or of becoming so. */
interface Run {
  /** Told to whoever opens. */
  readonly opened: Promise<void>
  /** Ends when nothing more is opened. */
  readonly work: Promise<void>
  readonly giveUp: (error: Error) => void
}

export class Lifecycle {
  readonly #options: LifecycleOptions
  #run: Run | undefined
  #closing: Promise<void> | undefined

  constructor(options: LifecycleOptions) {
    this.#options = options
  }

  /** Opened, or being opened, and not closed since. */
  get wanted(): boolean {
    return this.#run !== undefined
  }

  /** A failed attempt leaves nothing behind. @throws {LinkError} `LINK_CLOSED`, `LINK_TIMEOUT`; what `start` throws */
  open(timeoutMs = Infinity): Promise<void> {
    this.#run ??= this.#begin(timeoutMs)
    return this.#run.opened
  }

  /** Twice is fine. */
  close(): Promise<void> {
    const run = this.#run
    this.#run = undefined
    run?.giveUp(closedEarly())
    const closing = (this.#closing ?? Promise.resolve())
      .then(async () => {
        await run?.work.catch(() => undefined)
        await this.#options.stop()
      })
      .finally(() => {
        if (this.#closing === closing) this.#closing = undefined
      })
    this.#closing = closing
    return closing
  }

  #begin(timeoutMs: number): Run {
    let giveUp: (error: Error) => void = () => undefined
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = reject
    })
    let cancel: CancelTimer | undefined
    if (timeoutMs !== Infinity) {
      const late = new LinkError('LINK_TIMEOUT', `not open within ${timeoutMs} ms`)
      // Somebody waits: the process must not end before it has heard.
      cancel = this.#options.clock.after(timeoutMs, () => giveUp(late), true)
    }
    const work = (this.#closing ?? Promise.resolve()).then(async () => this.#options.start(givenUp))
    const opened = Promise.race([givenUp, work])
      .finally(() => cancel?.())
      .catch(async (error: unknown) => {
        if (this.#run?.opened === opened) await this.close()
        throw error
      })
    return { opened, work, giveUp }
  }
}

function closedEarly(): LinkError {
  return new LinkError('LINK_CLOSED', 'closed before it was open')
}
