/**
 * The destination tag of each account: whose money a payment to the host is. Drawn at random, so that a mistyped one
 * is nobody's; kept for ever, so that none is given twice.
 */
import { isIndex } from './ledger-messages.js'
import { SettlementError } from './settlement-errors.js'
import type { SettlementNotes } from './settlement-notes.js'

const KEY = 'tag/'
const DRAWS_MAX = 100

export interface TagsOptions {
  readonly notes: SettlementNotes
  readonly randomBytes: (length: number) => Uint8Array
  readonly settlementTagsMax: number
}

export class Tags {
  readonly #options: TagsOptions
  readonly #accounts = new Map<number, string>()
  readonly #tags = new Map<string, number>()

  constructor(options: TagsOptions) {
    this.#options = options
  }

  restore(): void {
    this.#accounts.clear()
    this.#tags.clear()
    for (const [key, value] of this.#options.notes.list(KEY)) {
      const tag = Number(key)
      if (isIndex(tag) && typeof value['account'] === 'string') this.#add(tag, value['account'])
    }
  }

  accountOf(tag: number): string | undefined {
    return this.#accounts.get(tag)
  }

  /** The account's own, from now on. Tell nobody before it is saved. @throws {SettlementError} `SETTLEMENT_REFUSED` */
  tagOf(account: string): number {
    const known = this.#tags.get(account)
    if (known !== undefined) return known
    const { notes, randomBytes, settlementTagsMax } = this.#options
    if (this.#tags.size >= settlementTagsMax) {
      throw new SettlementError(
        'SETTLEMENT_REFUSED',
        `no more than ${settlementTagsMax} accounts get a destination tag`,
      )
    }
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const tag = new DataView(randomBytes(4).slice().buffer).getUint32(0)
      if (tag === 0 || this.#accounts.has(tag)) continue
      notes.put(`${KEY}${tag}`, { account })
      this.#add(tag, account)
      return tag
    }
    throw new SettlementError('SETTLEMENT_REFUSED', 'no destination tag is free')
  }

  #add(tag: number, account: string): void {
    this.#accounts.set(tag, account)
    this.#tags.set(account, tag)
  }
}
