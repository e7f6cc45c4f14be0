/**
 * Prices as people write them: `10` (base units), `0.001 USD`, `0.01 USD per 1k tokens`, `5 USD per GB`. Exact by the
 * asset's scale: what is no whole number of base units for one unit becomes one for a step of it, never a rounded one.
 */
import { parseMoney, type Asset } from '../money/index.js'
import { SluiceError } from '../errors/index.js'
import { ShopError } from './errors.js'
import { stepped, unitNamed, type Unit, type UnitName } from './units.js'

/** Base units of the ledger's asset for one unit, or a text; 0 is free. */
export type Price = bigint | string

/** What is asked for: `price` base units for each piece that `unit` cuts. */
export interface Quote {
  readonly price: bigint
  readonly unit: Unit
}

const PRICE = /^(.*?)(?:\s+per\s+(?:([0-9]{1,12})\s?([kKMG])?\s?)?([A-Za-z-]+))?$/
const THOUSANDS = { k: 1000n, K: 1000n, M: 1_000_000n, G: 1_000_000_000n } as const
/** Names of `Pay-Terms`, and what people write for them; how many of them a word means. */
const WORDS: Readonly<Record<string, readonly [unit: UnitName, count: bigint]>> = {
  letter: ['letter', 1n],
  chunk: ['chunk', 1n],
  line: ['line', 1n],
  row: ['line', 1n],
  event: ['sse-event', 1n],
  'sse-event': ['sse-event', 1n],
  token: ['token', 1n],
  request: ['request', 1n],
  second: ['second', 1n],
  minute: ['second', 60n],
  hour: ['second', 3600n],
  byte: ['byte', 1n],
  kB: ['byte', 1000n],
  KB: ['byte', 1000n],
  MB: ['byte', 1_000_000n],
  GB: ['byte', 1_000_000_000n],
  KiB: ['byte', 1n << 10n],
  MiB: ['byte', 1n << 20n],
  GiB: ['byte', 1n << 30n],
}
/** The most pieces that are sold as one. */
const STEP_MAX = 1_000_000n
/** Single bytes are sold by about so many, where the price allows: a hold for each would cost more than it pays. */
const BYTES_AT_ONCE = 1024n

/** @throws {ShopError} `SHOP_PRICE` for a price that cannot be read, or cannot be asked for exactly */
export function readPrice(price: Price, unit: Unit | undefined, asset: Asset): Quote {
  if (typeof price === 'bigint') return checked(price, unit ?? unitNamed('chunk'))
  if (typeof price !== 'string') throw badPrice(String(price), 'write base units as a bigint, or a text')
  const [, money = '', digits = '1', thousands, word] = PRICE.exec(price.trim()) ?? []
  const [name, count] = word === undefined ? ([unit?.name, 1n] as const) : meaningOf(price, word)
  if (unit !== undefined && name !== unit.name) throw badPrice(price, `what is sold here is the ${unit.name}`)
  const sold = unit ?? unitNamed(word === undefined ? 'chunk' : meaningOf(price, word)[0])
  const factor = thousands === undefined ? 1n : THOUSANDS[thousands as keyof typeof THOUSANDS]
  // Without "per" the price is for one piece, whatever its step.
  const step = word === undefined ? 1n : BigInt(sold.step ?? 1)
  const per = BigInt(digits) * factor * count
  if (per === 0n) throw badPrice(price, 'it is for nothing')
  const [amount, scaled] = fractionOf(price, money, asset)
  const numerator = amount * step
  const denominator = per * scaled
  if (numerator === 0n) return { price: 0n, unit: sold }
  const common = gcd(numerator, denominator)
  const times = denominator / common
  if (times > STEP_MAX || (times > 1n && sold.name === 'request')) {
    throw badPrice(price, `${asset.code} with ${asset.scale} decimal places is too coarse for it`)
  }
  const more =
    sold.name === 'byte' && step === 1n && word !== undefined && times < BYTES_AT_ONCE ? BYTES_AT_ONCE / times : 1n
  return checked((numerator / common) * more, stepped(sold, Number(times * more)))
}

/** The amount in base units, as a fraction. */
function fractionOf(price: string, text: string, asset: Asset): readonly [numerator: bigint, denominator: bigint] {
  try {
    const { whole, fraction, asset: code } = parseMoney(text)
    if (code !== undefined && code.toUpperCase() !== asset.code.toUpperCase()) {
      throw badPrice(price, `this ledger counts in ${asset.code}`)
    }
    const decimals = fraction === undefined && code === undefined ? asset.scale : (fraction?.length ?? 0)
    const digits = BigInt(whole + (fraction ?? ''))
    const missing = asset.scale - decimals
    return missing >= 0 ? [digits * 10n ** BigInt(missing), 1n] : [digits, 10n ** BigInt(-missing)]
  } catch (error) {
    if (error instanceof ShopError || !(error instanceof SluiceError)) throw error
    throw badPrice(price, error.message)
  }
}

function meaningOf(price: string, word: string): readonly [unit: UnitName, count: bigint] {
  const singular = word.endsWith('s') ? word.slice(0, -1) : word
  const meaning = Object.hasOwn(WORDS, singular) ? WORDS[singular] : undefined
  if (meaning === undefined) throw badPrice(price, `there is no unit "${word}"`)
  return meaning
}

function checked(price: bigint, unit: Unit): Quote {
  if (price < 0n || price >= 1n << 63n) throw badPrice(String(price), 'it must be from 0 to 2^63 - 1 base units')
  return { price, unit }
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b)
}

function badPrice(price: string, why: string): ShopError {
  return new ShopError('SHOP_PRICE', `the price "${price}" cannot be asked for: ${why}; write "0.01 USD per 1k tokens"`)
}
