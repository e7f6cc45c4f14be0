/**
 * What a wallet's budgets allow, from what was set aside before: pure. Amounts in different scales of one asset are
 * compared at the finer one, so that a seller does not get a second budget by naming another scale.
 */
import { MoneyError, parseMoney, toBaseUnits } from '../money/index.js'
import type { SliceOf } from './slices.js'
import { WalletError } from './wallet-errors.js'
import type { Money, WalletBudget } from './wallet-types.js'

/** Money set aside for one origin on one day; what was not spent of it was taken off again. */
export interface Taken extends SliceOf {
  readonly amount: bigint
}

/** Budgets by asset code; what is not listed is not spent. */
export type WalletBudgets = Readonly<Record<string, WalletBudget>>

/** Days that are remembered beside the latest: a hold of yesterday may come back. */
const DAYS_KEPT = 1

/** A slice is at most this part of the budget, beside what it must be: what a crash takes from the rest of the day. */
const SLICES_IN_BUDGET = 16n

/** @throws {WalletError} `WALLET_BUDGET`: not a budget, or amounts that cannot be read */
export function checkBudgets(budgets: WalletBudgets): void {
  if (typeof budgets !== 'object' || budgets === null) throw notABudget('it is missing')
  for (const [asset, { perCall = 0n, perOrigin, perDay }] of Object.entries(budgets)) {
    // The scale is not known yet; the finest one reads whatever any other would.
    for (const money of [perCall, perOrigin, perDay]) amountOf(money, asset, SCALE_MAX)
  }
}

const SCALE_MAX = 255

/** @throws {WalletError} `WALLET_BUDGET` when there is none in this asset */
export function budgetIn(budgets: WalletBudgets, asset: string): WalletBudget {
  const budget = Object.hasOwn(budgets, asset) ? budgets[asset] : undefined
  if (budget !== undefined) return budget
  throw new WalletError('WALLET_BUDGET', `the wallet has no budget in ${asset}: nothing was paid`)
}

/** In base units. @throws {WalletError} `WALLET_BUDGET` */
export function amountOf(money: Money, asset: string, scale: number): bigint {
  if (typeof money === 'bigint' && money >= 0n) return money
  if (typeof money !== 'string') throw notABudget(`an amount of ${asset} is neither a bigint from 0n nor a text`)
  try {
    return toBaseUnits(parseMoney(money), { code: asset, scale })
  } catch (error) {
    if (error instanceof MoneyError) throw notABudget(error.message, error)
    throw error
  }
}

function notABudget(why: string, cause?: unknown): WalletError {
  const example = "openWallet(dir, { budget: { USD: { perOrigin: '0.10', perDay: '1' } } })"
  return new WalletError('WALLET_BUDGET', `the wallet needs budgets, such as ${example}: ${why}`, { cause })
}

/** The list without the days that nothing can come back from any more. */
export function remembered(all: readonly Taken[]): readonly Taken[] {
  const latest = latestOf(all)
  return all.filter(({ day }) => day >= latest - DAYS_KEPT)
}

function latestOf(all: readonly Taken[]): number {
  return all.reduce((latest, { day }) => Math.max(latest, day), 0)
}

/**
 * How much of `most` may be set aside: `0n` unless it is `least`.
 * @throws {WalletError} `WALLET_BUDGET` for a day that is not remembered, because the clock was set back: it may be spent
 */
export function grantSlice(
  all: readonly Taken[],
  of: SliceOf,
  budget: WalletBudget,
  least: bigint,
  most: bigint,
): bigint {
  const { day, asset, origin, scale } = of
  const behind = latestOf(all) - day
  if (behind > DAYS_KEPT) {
    const message = `the clock is ${behind} days behind what the wallet has seen: set it right`
    throw new WalletError('WALLET_BUDGET', `${message}, or if it is right remove the wallet's folder "budget"`)
  }
  const today = all.filter((taken) => taken.day === day && taken.asset === asset)
  const finest = Math.max(scale, ...today.map((taken) => taken.scale))
  const perOrigin = finer(amountOf(budget.perOrigin, asset, scale), scale, finest)
  const perDay = finer(amountOf(budget.perDay, asset, scale), scale, finest)
  const sum = (among: readonly Taken[]): bigint =>
    among.reduce((total, taken) => total + finer(taken.amount, taken.scale, finest), 0n)
  const left = min(perDay - sum(today), perOrigin - sum(today.filter((taken) => taken.origin === origin)))
  const room = left / finer(1n, scale, finest)
  if (room < least) return 0n
  const share = min(perOrigin, perDay) / finer(SLICES_IN_BUDGET, scale, finest)
  const slice = min(most, share)
  return min(room, slice < least ? least : slice)
}

/** The list with `amount` more set aside; less when it is negative. What it has of a day stays, be it nothing. */
export function withTaken(all: readonly Taken[], of: SliceOf, amount: bigint): Taken[] {
  const { day, asset, scale, origin } = of
  const isIt = (taken: Taken): boolean =>
    taken.day === day && taken.asset === asset && taken.scale === scale && taken.origin === origin
  const before = all.find(isIt)?.amount ?? 0n
  const after = before + amount
  const rest = all.filter((taken) => !isIt(taken))
  return [...rest, { day, asset, scale, origin, amount: after > 0n ? after : 0n }]
}

function finer(amount: bigint, scale: number, finest: number): bigint {
  return amount * 10n ** BigInt(finest - scale)
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
