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

/** How much of `most` may be set aside: `0n` unless it is `least`. */
export function grantSlice(
  all: readonly Taken[],
  of: SliceOf,
  budget: WalletBudget,
  least: bigint,
  most: bigint,
): bigint {
  const { day, asset, origin, scale } = of
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

/** The list with `amount` more set aside; less when it is negative. */
export function withTaken(all: readonly Taken[], of: SliceOf, amount: bigint): Taken[] {
  const { day, asset, scale, origin } = of
  const isIt = (taken: Taken): boolean =>
    taken.day === day && taken.asset === asset && taken.scale === scale && taken.origin === origin
  const before = all.find(isIt)?.amount ?? 0n
  const after = before + amount
  const rest = all.filter((taken) => !isIt(taken))
  return after > 0n ? [...rest, { day, asset, scale, origin, amount: after }] : rest
}

function finer(amount: bigint, scale: number, finest: number): bigint {
  return amount * 10n ** BigInt(finest - scale)
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
