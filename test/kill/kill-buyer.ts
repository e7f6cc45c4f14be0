/**
 * Kill -9 of the buyer, round after round with the same account and record, while the shop goes on: at moments drawn at
 * random, at steps of a payment, standing still, and while it finds out what became of its last life. Throws at the first
 * thing that is not as it must be.
 */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import type { Recovered } from 'sluice/link'
import { Chance } from '../market/chance.js'
import { BLOCK_IDS, Market, PRICE, WINDOW } from '../market/market.js'
import type { Book } from '../market/shop-process.js'
import type { KillOptions } from './kill-shop.js'

/** Money in base units. */
export interface KillBuyerFigures {
  readonly rounds: number
  readonly kills: number
  readonly seed: number
  readonly letters: number
  readonly captured: bigint
  /** Captures that a buyer was told of before it died. */
  readonly told: number
  /** Captures that a buyer learned of only from its record, in its next life. */
  readonly learned: number
  /** Lives whose captures the next life counted by its record, each to the base unit. */
  readonly counted: number
  readonly window: number
  readonly exposureMax: bigint
  /** The most that one kill cost: captured and never read. */
  readonly lostMax: bigint
  readonly secondsAll: number
}

/** With how often a buyer comes to them in a round at most. */
const STEPS: readonly (readonly [step: string, nthMax: number])[] = [
  ['send', 900],
  ['fulfill', 900],
  ['told', 900],
  ['read', 20],
]

const PROBES = 2
const PROBE_MS_MAX = 50
const LETTERS_BEFORE_MAX = 500
const DELAY_MS_MAX = 60
const RECOVERY_MS_MAX = 150
const TRAP_MS_MAX = 1_500
const REST_MS_MAX = 10_000

export async function killBuyer({ rounds, seed, onRound = () => {} }: KillOptions): Promise<KillBuyerFigures> {
  const chance = new Chance(seed)
  const market = await Market.open()
  const started = performance.now()
  const price = BigInt(PRICE)
  const figures = { exposure: 0n, lost: 0n, kills: 0, learned: 0, counted: 0 }
  /** As they were when the present life began. */
  let books = { captured: 0n, read: 0, written: 0, told: 0 }
  /** Holds of the last life that were captured, where its record must know exactly these. */
  let countable: bigint | undefined
  let untold = 0

  const expose = (book: Book): void => {
    const exposure = book.captured - books.captured + book.held - BigInt(market.read - books.read) * price
    assert.ok(exposure <= BigInt(WINDOW), `${exposure} at risk, the window is ${WINDOW}`)
    if (exposure > figures.exposure) figures.exposure = exposure
  }

  /** The buyer dies, after it stood still a few times at any moment of its work; says how. */
  const killRunning = async (round: number): Promise<string> => {
    await market.buyer.ask('untilRead', chance.whole(1, LETTERS_BEFORE_MAX))
    for (let probes = 0; probes < PROBES; probes++) {
      await pause(chance.next() * PROBE_MS_MAX)
      market.buyer.freeze()
      expose(await market.stillBook())
      if (round % 3 === 0 && probes === PROBES - 1) {
        await market.buyer.kill()
        return 'standing still'
      }
      market.buyer.thaw()
    }
    if (round % 3 === 1) {
      const delayMs = chance.next() * DELAY_MS_MAX
      await pause(delayMs)
      await market.buyer.kill()
      return `after ${Math.round(delayMs)} ms`
    }
    const [step, nthMax] = STEPS[chance.whole(0, STEPS.length - 1)] ?? ['send', 1]
    const nth = chance.whole(1, nthMax)
    // Its answer may come too late.
    market.buyer.ask('arm', { step, nth }).catch(() => {})
    const late = pause(TRAP_MS_MAX, 'late', { ref: false })
    if ((await Promise.race([market.buyer.ended, late])) === 'late') await market.buyer.kill()
    return `at ${step} ${nth}`
  }

  /** The shop sees that its customer has gone, and gives back what it did not take. */
  const atRest = async (): Promise<Book> => {
    const latest = performance.now() + REST_MS_MAX
    for (;;) {
      const book = await market.stillBook()
      if (book.held === 0n && book.streams === 0) return book
      assert.ok(performance.now() < latest, `${book.held} is still held of a buyer that is gone`)
    }
  }

  /** A new life finds out about the last one. */
  const recover = async (): Promise<void> => {
    market.startBuyer({ keepsRecord: true })
    const recovered: Recovered | undefined = await market.buyer.ask('recover')
    const { captured, forgotten } = recovered ?? { captured: 0, forgotten: 0 }
    assert.equal(forgotten, 0)
    assert.ok(captured >= untold, `${untold} captures were not told, and only ${captured} are known by the record`)
    figures.learned += untold
    if (countable === undefined) return
    assert.equal(BigInt(captured) * price, countable, 'the record counts what the book says')
    figures.counted++
  }

  try {
    market.startShop()
    await market.shop.ask('recovered')
    for (let round = 1; round <= rounds; round++) {
      if (round % 5 === 0) {
        // Killed while it recovers, it will ask again.
        market.startBuyer({ keepsRecord: true })
        market.buyer.ask('recover').catch(() => {})
        await pause(chance.next() * RECOVERY_MS_MAX)
        await market.buyer.kill()
        figures.kills++
      }
      await recover()
      await market.buyer.ask('buy')
      const what = await killRunning(round)
      assert.equal(await market.buyer.ended, 'SIGKILL', market.buyer.output)
      figures.kills++
      expose(await market.shop.ask('book'))
      const book = await atRest()
      const captured = book.captured - books.captured
      const letters = BigInt(market.written - books.written)
      const read = BigInt(market.read - books.read)
      assert.ok(letters * price <= captured, `${letters} letters written for ${captured} captured, killed ${what}`)
      assert.ok(read <= letters, `${read} letters read of ${letters}, killed ${what}`)
      const told = market.told(books.told)
      assert.equal(await market.shop.ask('uncaptured', told), 0, `captures that were told are not in the book, ${what}`)
      const lost = captured - read * price
      assert.ok(lost >= 0n && lost <= BigInt(WINDOW), `${lost} lost, killed ${what}`)
      if (lost > figures.lost) figures.lost = lost
      untold = Number(captured / price) - told.length / 16
      countable = captured / price <= BigInt(BLOCK_IDS) ? captured : undefined
      books = {
        captured: book.captured,
        read: market.read,
        written: market.written,
        told: books.told + told.length / 16,
      }
      onRound(round, `killed ${what}`)
    }
    await recover()
    const buyer = await market.buyer.ask('pause')
    assert.deepEqual([buyer.balance, buyer.held, buyer.inDoubt], [-books.captured, 0n, 0n])
    await market.shop.ask('close')
    assert.equal(await market.shop.ended, 0, market.shop.output)
    const view = await market.readBooks()
    assert.deepEqual([view?.fulfilledOut, view?.heldOut, view?.live], [books.captured, 0n, 0])
    return {
      rounds,
      kills: figures.kills,
      seed,
      letters: books.read,
      captured: books.captured,
      told: books.told,
      learned: figures.learned,
      counted: figures.counted,
      window: WINDOW,
      exposureMax: figures.exposure,
      lostMax: figures.lost,
      secondsAll: Math.round((performance.now() - started) / 100) / 10,
    }
  } finally {
    await market.close()
  }
}
