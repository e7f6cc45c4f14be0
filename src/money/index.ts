/**
 * Money as people write it, by the scale of an asset and never in floating point: `1500` is base units, `0.0015 USD`
 * and `0.0015` are whole units of the asset. Browser-safe.
 */
import { SluiceError } from '../errors/index.js'

/**
 * `MONEY_SYNTAX` a text is no amount · `MONEY_ASSET` it is in another asset ·
 * `MONEY_SCALE` it has more decimal places than the asset.
 */
export class MoneyError extends SluiceError {}

/** An amount as it was written: its meaning is known with the asset's scale. */
export interface WrittenMoney {
  readonly whole: string
  /** Digits after the point; `undefined` without a point. */
  readonly fraction: string | undefined
  readonly asset: string | undefined
}

export interface Asset {
  readonly code: string
  /** Decimal places of a base unit. */
  readonly scale: number
}

const WRITTEN = /^(0|[1-9][0-9]{0,19})(?:\.([0-9]{1,255}))?(?: ?([A-Za-z][A-Za-z0-9]{0,11}))?$/

/** @throws {MoneyError} `MONEY_SYNTAX` */
export function parseMoney(text: string): WrittenMoney {
  const match = WRITTEN.exec(text.trim())
  if (match?.[1] === undefined) {
    throw new MoneyError(
      'MONEY_SYNTAX',
      `"${text}" is no amount: write base units (2000), or units of the asset (0.002 USD)`,
    )
  }
  return { whole: match[1], fraction: match[2], asset: match[3] }
}

/** Base units. @throws {MoneyError} `MONEY_ASSET`, `MONEY_SCALE` */
export function toBaseUnits(money: WrittenMoney, asset: Asset): bigint {
  const { whole, fraction = '' } = money
  if (money.fraction === undefined && money.asset === undefined) return BigInt(whole)
  if (money.asset !== undefined && money.asset.toUpperCase() !== asset.code.toUpperCase()) {
    throw new MoneyError('MONEY_ASSET', `the amount must be in ${asset.code}, not ${money.asset}`)
  }
  const digits = fraction.replace(/0+$/, '')
  if (digits.length > asset.scale) {
    throw new MoneyError('MONEY_SCALE', `${asset.code} has ${asset.scale} decimal places here, not ${digits.length}`)
  }
  return BigInt(whole + digits.padEnd(asset.scale, '0'))
}

/** Such as `-0.0000015 USD`: exact, without trailing zeros. */
export function formatMoney(amount: bigint, asset: Asset): string {
  return `${formatAmount(amount, asset.scale)} ${asset.code}`
}

/** The same without the asset. */
export function formatAmount(amount: bigint, scale: number): string {
  const sign = amount < 0n ? '-' : ''
  const digits = (amount < 0n ? -amount : amount).toString().padStart(scale + 1, '0')
  const point = digits.length - scale
  const fraction = digits.slice(point).replace(/0+$/, '')
  return `${sign}${digits.slice(0, point)}${fraction === '' ? '' : `.${fraction}`}`
}
