/** What the command line refuses by itself, and the exit code that each kind of failure has. */
import { SluiceError } from '../errors/index.js'

/**
 * Codes:
 * `CLI_BUDGET` nothing is bought without a budget: add `--max-spend`;
 * `CLI_BUYER` the demonstration's buyer ended without a report;
 * `CLI_DECLINED` you were asked whether to pay, and said no;
 * `CLI_INCOMPLETE` the budget was spent before the end, and not because `--letters` asked for a part;
 * `CLI_LEDGER` the seller names no ledger that may be believed: name it with `--ledger`;
 * `CLI_LEDGER_REFUSED` the ledger refuses what an operator asks; the message has its code and reason;
 * `CLI_LIMITS` the wallet's standing limits cannot be read: nothing is paid;
 * `CLI_NO_LEDGER` the directory holds no ledger: name another one with `--dir`;
 * `CLI_PRICE` one payment is more than `--max-spend`: nothing was paid;
 * `CLI_PROTOCOL` the URL is neither http:// nor https://;
 * `CLI_READ` a file of data or headers cannot be read;
 * `CLI_SECRET` the file of a secret cannot be read, is empty, or others can read it;
 * `CLI_STATUS` the seller answered with an HTTP error, which `--fail` does not take for success;
 * `CLI_TIMEOUT` it took longer than `--max-time`;
 * `CLI_UNSAFE` the command would open the ledger to strangers: add `--token`;
 * `CLI_URL` the URL cannot be read;
 * `CLI_USAGE` an option has a value that it cannot have;
 * `CLI_WRITE` the output cannot be written;
 * `CLI_XRP` the XRP Ledger needs the package `xrpl`: install it.
 */
export class CliError extends SluiceError {}

/** Exit codes, as `sluice --help` lists them: curl's for what curl does, others from 110 for money. */
export const EXIT = {
  ok: 0,
  failure: 1,
  protocol: 1,
  usage: 2,
  url: 3,
  resolve: 6,
  connect: 7,
  partial: 18,
  status: 22,
  write: 23,
  read: 26,
  timeout: 28,
  tls: 35,
  redirects: 47,
  noAnswer: 52,
  receive: 56,
  certificate: 60,
  price: 110,
  refused: 111,
  ledger: 112,
  undelivered: 113,
  declined: 114,
} as const

const CODES: Readonly<Record<string, number>> = {
  CLI_BUDGET: EXIT.usage,
  CLI_DECLINED: EXIT.declined,
  CLI_INCOMPLETE: EXIT.partial,
  CLI_LEDGER: EXIT.usage,
  CLI_LEDGER_REFUSED: EXIT.refused,
  CLI_LIMITS: EXIT.read,
  CLI_NO_LEDGER: EXIT.usage,
  CLI_PRICE: EXIT.price,
  CLI_PROTOCOL: EXIT.protocol,
  CLI_READ: EXIT.read,
  CLI_SECRET: EXIT.read,
  CLI_STATUS: EXIT.status,
  CLI_TIMEOUT: EXIT.timeout,
  CLI_UNSAFE: EXIT.usage,
  CLI_URL: EXIT.url,
  CLI_USAGE: EXIT.usage,
  CLI_WRITE: EXIT.write,
  BTP_URI: EXIT.usage,
  SETTLEMENT_FUNDS: EXIT.refused,
  SETTLEMENT_OPTION: EXIT.usage,
  SETTLEMENT_RATE: EXIT.refused,
  SETTLEMENT_REFUSED: EXIT.refused,
  SETTLEMENT_TERMS: EXIT.refused,
  SETTLEMENT_UNPROVEN: EXIT.undelivered,
  XRP_SERVER: EXIT.ledger,
  MONEY_ASSET: EXIT.usage,
  MONEY_SCALE: EXIT.usage,
  MONEY_SYNTAX: EXIT.usage,
  SHOP_OPTIONS: EXIT.usage,
  SHOP_PRICE: EXIT.usage,
  FETCH_OPTIONS: EXIT.usage,
  FETCH_WINDOW: EXIT.usage,
  FETCH_PRICE: EXIT.price,
  FETCH_HEADERS: EXIT.refused,
  FETCH_REFUSED: EXIT.refused,
  FETCH_TERMS: EXIT.refused,
  FETCH_UNCOUNTABLE: EXIT.refused,
  FETCH_WRONG_LEDGER: EXIT.refused,
  FETCH_RECEIPT: EXIT.refused,
  FETCH_OFFSETS: EXIT.undelivered,
  FETCH_STILL_UNPAID: EXIT.undelivered,
  FETCH_UNDELIVERED: EXIT.undelivered,
  FETCH_INTERRUPTED: EXIT.partial,
  FETCH_LINK: EXIT.ledger,
  WALLET_ACCOUNT: EXIT.refused,
  WALLET_DECLINED: EXIT.declined,
  WALLET_KEY: EXIT.refused,
}

/** Of Node's networking, below the bare TypeError with which its `fetch` fails. */
const NETWORK: readonly (readonly [RegExp, number])[] = [
  [/^(ENOTFOUND|EAI_\w+)$/, EXIT.resolve],
  [/^(ETIMEDOUT|UND_ERR_\w*TIMEOUT)$/, EXIT.timeout],
  [/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ENETDOWN)$/, EXIT.connect],
  [/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/, EXIT.certificate],
  [/^(EPROTO|ERR_(SSL|TLS)_\w+)$/, EXIT.tls],
  [/^(UND_ERR_SOCKET|ECONNRESET|HPE_\w+)$/, EXIT.noAnswer],
]

/** The exit code of a failure. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof SluiceError) return CODES[error.code] ?? EXIT.failure
  if (error instanceof TypeError && error.message === 'terminated') return EXIT.partial
  if (!(error instanceof TypeError && error.message === 'fetch failed')) return EXIT.failure
  const { cause } = error
  if (!(cause instanceof Error)) return EXIT.receive
  if (cause.message === 'redirect count exceeded') return EXIT.redirects
  const code = 'code' in cause ? String(cause.code) : ''
  return (
    NETWORK.find(([pattern]) => pattern.test(code))?.[1] ?? (cause.message === 'bad port' ? EXIT.connect : EXIT.receive)
  )
}

/** One line for a person: the code, and what to do. */
export function describeError(error: unknown): string {
  if (error instanceof SluiceError) return `${error.code}: ${error.message}`
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && cause.message !== '' ? `${error.message}: ${cause.message}` : error.message
}
