/** `--rate`: at most so many units, or so much money, a second. Buying follows reading, so reading is what is slowed. */
import { parseMoney, toBaseUnits, type Asset } from '../money/index.js'
import { CliError } from './errors.js'

const SECONDS = { s: 1, m: 60, h: 3600 } as const
const WRITTEN = /^(.+?) ?\/ ?(s|m|h)$/

/** Units a second: `100/s` are units, `0.01 USD/m` is money. Above 0. @throws {CliError} `CLI_USAGE`; {MoneyError} */
export function unitsPerSecond(text: string, price: bigint, asset: Asset): number {
  const [, amount = '', per] = WRITTEN.exec(text.trim()) ?? []
  const seconds = per === 's' || per === 'm' || per === 'h' ? SECONDS[per] : undefined
  if (seconds === undefined) throw badRate(text)
  const money = parseMoney(amount)
  if (money.asset === undefined && money.fraction !== undefined) throw badRate(text)
  const units =
    money.asset === undefined ? Number(money.whole) : Number((toBaseUnits(money, asset) * 1000n) / price) / 1000
  if (!(units > 0)) throw badRate(text)
  return units / seconds
}

function badRate(text: string): CliError {
  return new CliError(
    'CLI_USAGE',
    `"${text}" is no rate: write units (100/s, 3/m) or money (0.01 USD/s), above the price`,
  )
}

/** Says how long to wait before more is read. What was not used is not saved up. */
export class Pace {
  readonly #unitsPerSecond: number
  #units = 0
  #due: number

  /** @param now milliseconds of a monotonic clock */
  constructor(perSecond: number, now: number) {
    this.#unitsPerSecond = perSecond
    this.#due = now
  }

  /** Milliseconds until so many units in all may have been read. */
  waitMs(units: number, now: number): number {
    this.#due = Math.max(this.#due, now) + ((units - this.#units) * 1000) / this.#unitsPerSecond
    this.#units = units
    return this.#due - now
  }
}
