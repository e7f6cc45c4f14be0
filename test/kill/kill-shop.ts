/**
 * Kill -9 of the shop, round after round on the same books, while a buyer buys: at moments drawn at random, and at steps
 * between the pull of a letter and its writing. Throws at the first thing that is not as it must be.
 */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { Chance } from '../market/chance.js'
import { Market, PRICE, WINDOW } from '../market/market.js'
import type { Book } from '../market/shop-process.js'
import type { TrapPlan } from '../market/trap.js'

export interface KillOptions {
  readonly rounds: number
  readonly seed: number
  readonly onRound?: (round: number, what: string) => void
}

/** Money in base units. */
export interface KillShopFigures {
  readonly rounds: number
  readonly kills: number
  readonly seed: number
  readonly letters: number
  readonly captured: bigint
  /** Captures that the buyer was told of, and that are in the book. */
  readonly told: number
  readonly window: number
  /** The highest exposure seen from outside: captured and held in the host's book, less the letters read. */
  readonly exposureMax: bigint
  /** The most that one kill cost: captured and never read. */
  readonly lostMax: bigint
  /** Holds whose outcome the buyer learned by asking. */
  readonly doubtsResolved: number
  readonly secondsAll: number
}

/** Steps of a running shop, with how often it comes to them in a round at most. */
const STEPS: readonly (readonly [step: string, nthMax: number])[] = [
  ['pull', 1000],
  ['append', 12],
  ['appended', 12],
  ['write', 12],
  ['written', 12],
  ['snapshot', 2],
  ['snapshotted', 2],
]
/** Steps of a shop that starts on the books of one that was killed. */
const STARTING_STEPS = ['opening', 'recovered', 'login']

const PROBES = 2
const PROBE_MS_MAX = 50
const LETTERS_BEFORE_MAX = 500
const DELAY_MS_MAX = 60
const TRAP_MS_MAX = 3_000
const UNITS_PER_HOLD_MAX = 2

export async function killShop({ rounds, seed, onRound = () => {} }: KillOptions): Promise<KillShopFigures> {
  const chance = new Chance(seed)
  const market = await Market.open()
  const started = performance.now()
  const price = BigInt(PRICE)
  const most = { exposure: 0n, lost: 0n }
  let kills = 0
  let books = { captured: 0n, read: 0, written: 0, told: 0 }

  /** What the host has or may take, less what was read since the round began. */
  const expose = (book: Book): void => {
    const exposure = book.captured - books.captured + book.held - BigInt(market.read - books.read) * price
    assert.ok(exposure <= BigInt(WINDOW), `${exposure} at risk, the window is ${WINDOW}`)
    if (exposure > most.exposure) most.exposure = exposure
  }

  /** The buyer stands still at any moment of its work, while the shop finishes what reached it. */
  const probe = async (): Promise<void> => {
    await pause(chance.next() * PROBE_MS_MAX)
    market.buyer.freeze()
    expose(await market.stillBook())
    market.buyer.thaw()
  }

  const dies = async (): Promise<void> => {
    const late = pause(TRAP_MS_MAX, 'late', { ref: false })
    if ((await Promise.race([market.shop.ended, late])) === 'late') await market.shop.kill()
    assert.equal(await market.shop.ended, 'SIGKILL', market.shop.output)
    kills++
  }

  /** Ends the running shop; says how. */
  const killRunning = async (round: number): Promise<string> => {
    await market.buyer.ask('untilRead', chance.whole(1, LETTERS_BEFORE_MAX))
    for (let probes = 0; probes < PROBES; probes++) await probe()
    const [step, nthMax] = STEPS[chance.whole(0, STEPS.length - 1)] ?? ['pull', 1]
    if (round % 2 === 0) {
      const delayMs = chance.next() * DELAY_MS_MAX
      await pause(delayMs)
      await market.shop.kill()
      await dies()
      return `after ${Math.round(delayMs)} ms`
    }
    const plan: TrapPlan = { step, nth: chance.whole(1, nthMax) }
    // Its answer may come too late.
    market.shop.ask('arm', plan).catch(() => {})
    await dies()
    return `at ${step} ${plan.nth}`
  }

  /** Starts it again, in some rounds to be killed once more before it serves. */
  const restart = async (round: number): Promise<string> => {
    if (round % 4 !== 3) {
      market.startShop()
      return ''
    }
    const step = STARTING_STEPS[chance.whole(0, STARTING_STEPS.length - 1)] ?? 'opening'
    market.startShop({ step, nth: 1 })
    await dies()
    market.startShop()
    return `, and at ${step}`
  }

  try {
    market.startShop()
    await market.shop.ask('recovered')
    market.startBuyer({ unitsPerHoldMax: UNITS_PER_HOLD_MAX })
    let doubtsResolved = 0
    for (let round = 1; round <= rounds; round++) {
      await market.buyer.ask('buy')
      let what = await killRunning(round)
      // Before there is a shop again, which sells more at once. What is read meanwhile was written before.
      const letters = BigInt(market.written - books.written)
      const read = market.read - books.read
      what += await restart(round)
      const recovered = await market.shop.ask('recovered')
      assert.ok(letters * price <= recovered.captured - books.captured, `${letters} letters written, ${what}`)
      assert.ok(read <= letters, `more letters read than written, ${what}`)
      expose(recovered)
      const told = market.told(books.told)
      assert.equal(await market.shop.ask('uncaptured', told), 0, `captures that were told are not in the book, ${what}`)

      await market.buyer.ask('untilRead', 1)
      const buyer = await market.buyer.ask('pause')
      const book = await market.stillBook()
      assert.deepEqual([book.held, book.streams], [0n, 0], `nothing is left open, ${what}`)
      assert.deepEqual([buyer.held, buyer.inDoubt], [0n, 0n], `nothing is left in doubt, ${what}`)
      assert.equal(buyer.captured, book.captured, `the books differ, ${what}`)
      assert.deepEqual([buyer.balance, book.balance], [-book.captured, -book.captured])
      assert.ok(buyer.exposureMax <= BigInt(WINDOW), `by its own count it risked ${buyer.exposureMax}`)
      doubtsResolved = buyer.doubtsResolved
      const lost = book.captured - books.captured - BigInt(market.read - books.read) * price
      assert.ok(lost >= 0n && lost <= BigInt(WINDOW), `${lost} lost, ${what}`)
      if (lost > most.lost) most.lost = lost
      books = {
        captured: book.captured,
        read: market.read,
        written: market.written,
        told: books.told + told.length / 16 + market.told(books.told + told.length / 16).length / 16,
      }
      onRound(round, `killed ${what}`)
    }
    await market.shop.ask('close')
    assert.equal(await market.shop.ended, 0, market.shop.output)
    const view = await market.readBooks()
    assert.deepEqual([view?.fulfilledOut, view?.heldOut, view?.live], [books.captured, 0n, 0])
    return {
      rounds,
      kills,
      seed,
      letters: books.read,
      captured: books.captured,
      told: books.told,
      window: WINDOW,
      exposureMax: most.exposure,
      lostMax: most.lost,
      doubtsResolved,
      secondsAll: Math.round((performance.now() - started) / 100) / 10,
    }
  } finally {
    await market.close()
  }
}
