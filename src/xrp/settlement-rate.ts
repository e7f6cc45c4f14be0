/**
 * Exchange between drops of XRP and base units of a trustline's asset: a fraction, never floating point. What is rounded
 * is rounded against whoever asks, so that no way to and fro ends with more than it began with. Pure.
 */
import { type Asset, formatAmount, MoneyError, parseMoney } from '../money/index.js'
import { SettlementError } from './settlement-errors.js'

/** So many base units for so many drops; both above zero. */
export interface XrpRate {
  readonly units: bigint
  readonly drops: bigint
}

/** Decimal places of a drop. */
const XRP_SCALE = 6
const PER_XRP = / per XRP$/

/**
 * The value of one XRP, such as `0.52 USD per XRP`; it may have more decimal places than the asset. Without a text the
 * asset must be XRP itself, at whatever scale. @throws {SettlementError} `SETTLEMENT_RATE`
 */
export function parseRate(text: string | undefined, asset: Asset): XrpRate {
  if (text === undefined) {
    if (asset.code !== 'XRP') throw bad(`say what one XRP is worth: rate, such as "0.52 ${asset.code} per XRP"`)
    return inLowestTerms({ units: 10n ** BigInt(asset.scale), drops: 10n ** BigInt(XRP_SCALE) })
  }
  const { whole, fraction = '', asset: code } = parse(text.trim().replace(PER_XRP, ''))
  if (code?.toUpperCase() !== asset.code.toUpperCase()) throw bad(`the rate must be in ${asset.code}: ${text}`)
  const units = BigInt(whole + fraction) * 10n ** BigInt(asset.scale)
  if (units === 0n) throw bad('a rate is above zero')
  return inLowestTerms({ units, drops: 10n ** BigInt(XRP_SCALE + fraction.length) })
}

/** What a deposit is credited with: never more than it is worth. */
export function creditOf(drops: bigint, { units, drops: per }: XrpRate): bigint {
  return (drops * units) / per
}

/** What a withdrawal of so many units pays out: never more than they are worth. */
export function payoutOf(units: bigint, { units: per, drops }: XrpRate): bigint {
  return (units * drops) / per
}

/** What must be deposited to be credited with at least so many units. */
export function depositFor(units: bigint, { units: per, drops }: XrpRate): bigint {
  return ceiling(units * drops, per)
}

/** What a payout of so many drops takes off the balance: at most the units that {@link payoutOf} made them of. */
export function chargeOf(drops: bigint, { units, drops: per }: XrpRate): bigint {
  return ceiling(drops * units, per)
}

export function isSameRate(one: XrpRate, other: XrpRate): boolean {
  return one.units * other.drops === other.units * one.drops
}

/** For people: what a million drops are worth, to the base unit and, if it is none, rounded down. */
export function formatRate(rate: XrpRate, asset: Asset): string {
  return `${formatAmount(creditOf(1_000_000n, rate), asset.scale)} ${asset.code} per XRP`
}

function parse(text: string): ReturnType<typeof parseMoney> {
  try {
    return parseMoney(text)
  } catch (error) {
    if (!(error instanceof MoneyError)) throw error
    throw bad(`"${text}" is no rate: write the value of one XRP, such as "0.52 USD per XRP"`)
  }
}

function inLowestTerms({ units, drops }: XrpRate): XrpRate {
  let [a, b] = [units, drops]
  while (b > 0n) [a, b] = [b, a % b]
  return { units: units / a, drops: drops / a }
}

function ceiling(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by
}

function bad(message: string): SettlementError {
  return new SettlementError('SETTLEMENT_RATE', message)
}
