/** What the command line refuses by itself, and the exit code that each kind of failure has. */
import { SluiceError } from '../errors/index.js'

/**
 * Codes:
 * `CLI_BUDGET` nothing is bought without a budget: add `--max-spend`;
 * `CLI_LEDGER` the seller names no ledger that may be believed: name it with `--ledger`;
 * `CLI_USAGE` an option has a value that it cannot have;
 * `CLI_UNSAFE` the command would open the ledger to strangers: add `--token`;
 * `CLI_BUYER` the demonstration's buyer ended without a report;
 * `CLI_LEDGER_REFUSED` the ledger refuses what an operator asks; the message has its code and reason;
 * `CLI_NO_LEDGER` the directory holds no ledger: name another one with `--dir`;
 * `CLI_STATUS` the seller answered with an HTTP error.
 */
export class CliError extends SluiceError {}

/** Exit codes, as `sluice --help` lists them. */
export const EXIT = { ok: 0, failure: 1, usage: 2, refused: 3, broken: 4 } as const

const CODES: Readonly<Record<string, number>> = {
  CLI_BUDGET: EXIT.usage,
  CLI_LEDGER: EXIT.usage,
  CLI_USAGE: EXIT.usage,
  CLI_UNSAFE: EXIT.usage,
  CLI_LEDGER_REFUSED: EXIT.refused,
  CLI_NO_LEDGER: EXIT.usage,
  CLI_STATUS: EXIT.refused,
  BTP_URI: EXIT.usage,
  MONEY_ASSET: EXIT.usage,
  MONEY_SCALE: EXIT.usage,
  MONEY_SYNTAX: EXIT.usage,
  FETCH_OPTIONS: EXIT.usage,
  FETCH_WINDOW: EXIT.usage,
  FETCH_HEADERS: EXIT.refused,
  FETCH_OFFSETS: EXIT.refused,
  FETCH_PRICE: EXIT.refused,
  FETCH_RECEIPT: EXIT.refused,
  FETCH_REFUSED: EXIT.refused,
  FETCH_STILL_UNPAID: EXIT.refused,
  FETCH_UNCOUNTABLE: EXIT.refused,
  FETCH_UNDELIVERED: EXIT.refused,
  FETCH_WRONG_LEDGER: EXIT.refused,
  FETCH_INTERRUPTED: EXIT.broken,
  FETCH_LINK: EXIT.broken,
}

/** The exit code of a failure. Node's `fetch` fails with a bare TypeError when nobody answers. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof SluiceError) return CODES[error.code] ?? EXIT.failure
  return error instanceof TypeError && error.message === 'fetch failed' ? EXIT.broken : EXIT.failure
}

/** One line for a person: the code, and what to do. */
export function describeError(error: unknown): string {
  if (error instanceof SluiceError) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? `${error.message}: ${cause.message}` : error.message
}
