/**
 * A shop and a buyer as two processes over one set of books, and what an outsider sees of them: the letters that the shop
 * wrote and the buyer's application read, the captures that the buyer was told of, the host's book.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type AccountView, Ledger } from 'sluice/ledger'
import { LevelStore } from 'sluice/store/level'
import type { BuyerCalls, BuyerSetup } from './buyer-process.js'
import { Child } from './child.js'
import { keptPort } from './ports.js'
import type { Book, ShopCalls, ShopSetup } from './shop-process.js'
import { idsIn, tallied } from './tally.js'
import type { TrapPlan } from './trap.js'

/** Base units of a letter, and of the window. */
export const PRICE = 3
export const WINDOW = 100 * PRICE

/** Ids of one block of the buyer's record. */
export const BLOCK_IDS = 2048

const ACCOUNT = 'client'
const TOKEN = 'a secret of two processes'
/** Long enough for what was captured meanwhile to be told. */
const REST_MS = 120
const STILL_MS = 4
const STILL_TIMES = 3
const STILL_TRIES_MAX = 1000
const SHOP = fileURLToPath(new URL('shop-process.js', import.meta.url))
const BUYER = fileURLToPath(new URL('buyer-process.js', import.meta.url))

export interface BuyerKind {
  readonly unitsPerHoldMax?: number
  readonly keepsRecord?: boolean
  /** A step to die at. */
  readonly trap?: TrapPlan
}

export class Market {
  readonly #directory: string
  readonly #httpPort: number
  readonly #btpPort: number
  #shop: Child<ShopCalls> | undefined
  #buyer: Child<BuyerCalls> | undefined

  private constructor(directory: string, httpPort: number, btpPort: number) {
    this.#directory = directory
    this.#httpPort = httpPort
    this.#btpPort = btpPort
  }

  static async open(): Promise<Market> {
    return new Market(await mkdtemp(join(tmpdir(), 'sluice-market-')), await keptPort(), await keptPort())
  }

  get shop(): Child<ShopCalls> {
    if (this.#shop === undefined) throw new Error('start the shop first')
    return this.#shop
  }

  get buyer(): Child<BuyerCalls> {
    if (this.#buyer === undefined) throw new Error('start the buyer first')
    return this.#buyer
  }

  /** On the same books and ports each time. */
  startShop(trap?: TrapPlan): void {
    const setup: ShopSetup = {
      directory: this.#path('books'),
      httpPort: this.#httpPort,
      btpPort: this.#btpPort,
      account: ACCOUNT,
      token: TOKEN,
      price: PRICE,
      window: WINDOW,
      written: this.#path('written'),
      ...(trap === undefined ? {} : { trap }),
    }
    this.#shop = new Child(SHOP, { args: [JSON.stringify(setup)] })
  }

  /** With the same account and record each time. */
  startBuyer({ unitsPerHoldMax = 1, keepsRecord = false, trap }: BuyerKind = {}): void {
    const setup: BuyerSetup = {
      url: `http://127.0.0.1:${this.#httpPort}/`,
      ledger: `ws://127.0.0.1:${this.#btpPort}/`,
      token: TOKEN,
      window: WINDOW,
      unitsPerHoldMax,
      restMs: REST_MS,
      read: this.#path('read'),
      told: this.#path('told'),
      blockIds: BLOCK_IDS,
      ...(keepsRecord ? { record: this.#path('record') } : {}),
      ...(trap === undefined ? {} : { trap }),
    }
    this.#buyer = new Child(BUYER, { args: [JSON.stringify(setup)] })
  }

  /** Letters that the shop has begun to write, of all its lives. */
  get written(): number {
    return tallied(this.#path('written'))
  }

  /** Letters that the buyer's application has read, of all its lives. */
  get read(): number {
    return tallied(this.#path('read'))
  }

  /** Ids of the holds that the buyer was told were captured, without the first `from`. */
  told(from = 0): Uint8Array {
    return idsIn(this.#path('told'), from)
  }

  /** The shop's book once it does not change any more, with what the buyer has sent so far in it. */
  async stillBook(): Promise<Book> {
    let last = await this.shop.ask('book')
    let same = 0
    for (let tries = 0; tries < STILL_TRIES_MAX; tries++) {
      await pause(STILL_MS)
      const next = await this.shop.ask('book')
      same = next.captured === last.captured && next.held === last.held ? same + 1 : 0
      if (same === STILL_TIMES) return next
      last = next
    }
    throw new Error(`the book does not come to rest: ${last.held} held`)
  }

  /** Reads the books as they are on disk, without a clock, so that nothing changes. The shop must have ended. */
  async readBooks(): Promise<AccountView | undefined> {
    const clock = { now: () => 0, after: () => () => {} }
    const ledger = new Ledger({ store: new LevelStore(this.#path('books')), clock })
    await ledger.open()
    try {
      ledger.check()
      return ledger.account(ACCOUNT)
    } finally {
      await ledger.close()
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#buyer?.kill(), this.#shop?.kill()])
    await rm(this.#directory, { recursive: true, force: true })
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }
}
