/**
 * After a restart of a holder: asks its host what became of every id that earlier runs may have used, until all is known.
 * Nothing is resent; an id that the host does not know is buried there.
 */
import { findEntry } from '../btp/index.js'
import { EMPTY } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import type { Session } from '../session/index.js'
import { LinkError } from './errors.js'
import { decodeAnswers, encodeQuestions, INQUIRY, type Question } from './inquiry.js'
import { ask } from './messages.js'
import { type Block, blockIds, type HolderRecord } from './record.js'

/** What a restart found out. */
export interface Recovered {
  /**
   * Holds of earlier runs that the host knows as captured, and ids that it says it may have forgotten. After a long absence
   * it may have forgotten captured ones without knowing: `spent` is exact all the same.
   */
  readonly captured: number
  readonly forgotten: number
  /** By how much the balance is lower than it was recorded last: what was spent since, whether or not it was known. */
  readonly spent: bigint
}

export interface RecoveryOptions {
  readonly record: HolderRecord
  readonly clock: Clock
  readonly log: Log
  readonly session: () => Session | undefined
  /** Our balance, less what this run has changed. */
  readonly balance: () => Promise<bigint>
  readonly inquiryMax: number
  readonly onRecovered: (recovered: Recovered) => void
}

/** Between two questions about holds that are still in place. */
const ASK_AGAIN_MS = 1_000

export class Recovery {
  readonly #options: RecoveryOptions
  readonly #balanceBefore: bigint
  /** Ids whose end is not known, by block. */
  readonly #open: { readonly block: Block; readonly ids: Uint8Array[] }[]
  #captured = 0
  #forgotten = 0
  #running = false
  #closed = false

  constructor(blocks: readonly Block[], options: RecoveryOptions) {
    this.#options = options
    this.#balanceBefore = options.record.balance
    this.#open = blocks.map((block) => ({ block, ids: blockIds(block) }))
  }

  /** The most that earlier runs may have spent without our knowing. */
  get inDoubt(): bigint {
    return this.#open.reduce((sum, { block }) => sum + block.budget, 0n)
  }

  close(): void {
    this.#closed = true
  }

  /** Goes on, over a new connection. */
  resume(): void {
    if (this.#running || this.#open.length === 0) return
    this.#running = true
    this.#run()
      .catch((error: unknown) => {
        this.#options.log.warn('holds of an earlier run are not resolved yet', { error: String(error) })
      })
      .finally(() => {
        this.#running = false
        this.#again()
      })
  }

  /** As long as something is not known and there is a connection. Without one, the next connection calls. */
  #again(): void {
    if (this.#open.length === 0 || this.#closed || this.#options.session() === undefined) return
    this.#options.clock.after(ASK_AGAIN_MS, () => {
      if (!this.#closed) this.resume()
    })
  }

  async #run(): Promise<void> {
    for (const one of this.#open.slice()) {
      await this.#askAll(one.block, one.ids)
      if (one.ids.length > 0) continue
      // Before it is taken away: without a connection it is reported over the next one.
      if (this.#open.length === 1) await this.#report()
      this.#open.splice(this.#open.indexOf(one), 1)
      this.#options.record.closeBlock(one.block)
    }
  }

  /** Leaves in `ids` those that are still prepared, or that no answer has come to before it throws. */
  async #askAll(block: Block, ids: Uint8Array[]): Promise<void> {
    const { clock, inquiryMax, session } = this.#options
    let prepared = 0
    while (ids.length > prepared) {
      const asked: Question[] = ids
        .slice(prepared, prepared + inquiryMax)
        .map((id) => ({ id, expiresAt: block.expiresAt }))
      let answers
      try {
        const entries = await ask(session(), encodeQuestions(asked))
        answers = decodeAnswers(findEntry(entries, INQUIRY)?.data ?? EMPTY)
      } catch (error) {
        const refused =
          error instanceof LinkError && error.code === 'LINK_REFUSED' && error.peerName !== 'UnreachableError'
        // A host of 2017 cannot say. Once all has expired, its balance tells what was spent.
        if (!refused || clock.now() < block.expiresAt) throw error
        this.#forgotten += ids.length
        ids.length = 0
        return
      }
      if (answers.length === 0 || answers.length > asked.length) {
        throw new LinkError('LINK_PEER', `the peer's answer to ${INQUIRY} does not fit the question`)
      }
      const still: Uint8Array[] = []
      for (const [i, { id }] of asked.slice(0, answers.length).entries()) {
        const state = answers[i]?.state
        if (state === 'prepared') still.push(id)
        else if (state === 'fulfilled') this.#captured += 1
        else if (state === 'forgotten') this.#forgotten += 1
      }
      ids.splice(prepared, answers.length, ...still)
      prepared += still.length
    }
  }

  async #report(): Promise<void> {
    const spent = this.#balanceBefore - (await this.#options.balance())
    this.#options.onRecovered({ captured: this.#captured, forgotten: this.#forgotten, spent })
  }
}
