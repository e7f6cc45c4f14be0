/** What the options of several commands have in common: their readers, and texts of their help. */
import { InvalidArgumentError, Option } from 'commander'
import { LOG_LEVELS, type LogLevel } from './log.js'

/** More than this no timer waits. */
const SECONDS_MOST = 2_147_483

export const MONEY = `
Amounts are base units (2000) or units of the asset (0.000002, "0.000002 USD").`

export function logLevel(level: LogLevel): Option {
  return new Option('--log-level <level>', 'log to standard error').choices(LOG_LEVELS).default(level)
}

export function count(text: string): number {
  return wholeNumber(text, 1, Number.MAX_SAFE_INTEGER)
}

/** Gathers what an option says each time. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}

export function seconds(text: string): number {
  const value = Number(text)
  if (/^[0-9]+(\.[0-9]+)?$/.test(text) && value > 0 && value <= SECONDS_MOST) return value
  throw new InvalidArgumentError('It must be a number of seconds above 0.')
}

export function port(text: string): number {
  return wholeNumber(text, 0, 65_535)
}

export function scale(text: string): number {
  return wholeNumber(text, 0, 18)
}

/** A destination tag of the XRP Ledger. */
export function tag(text: string): number {
  return wholeNumber(text, 0, 0xffff_ffff)
}

function wholeNumber(text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`)
}

/** Adds to what the process will exit with. */
export function finish(code: number): void {
  process.exitCode = code
}
