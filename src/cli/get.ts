/**
 * `sluice get URL`: asks as curl does, and buys the response while it streams. Content to standard output or a file,
 * everything else to standard error.
 */
import type { PaidResponse } from '../fetch/index.js'
import { formatMoney } from '../money/index.js'
import type { BuyerBook } from './book.js'
import { terminalAsker } from './confirm.js'
import { fileOf, headerLines, headOf, openDestination, type OutputOptions } from './destination.js'
import { CliError, EXIT, exitCodeOf } from './errors.js'
import { openLog } from './log.js'
import { Purchase, type PurchaseOptions } from './purchase.js'
import { prepareRequest, type RequestOptions, type WebRequest } from './request.js'
import { watchStop, type StopSignal } from './stop-signal.js'
import { facts } from './table.js'
import { seeTerms, termsFacts, termsJson } from './terms.js'
import { isOverXrp } from './xrp-ledger.js'

export interface GetOptions extends RequestOptions, OutputOptions, PurchaseOptions {
  readonly fail?: boolean
  readonly showError?: boolean
  readonly verbose?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

/**
 * Resolves with the exit code. `report` takes the buyer's book instead of a summary on standard error: it is how a
 * process that started this one compares books.
 */
export async function get(address: string, options: GetOptions, report?: (book: BuyerBook) => void): Promise<number> {
  try {
    const request = await prepareRequest(address, options)
    isOverXrp(options)
    if (options.dryRun === true) return await dryRun(request, options)
    const stop = watchStop()
    try {
      return await buy(request, options, stop, report ?? reporter(options))
    } finally {
      stop.release()
    }
  } catch (error) {
    if (options.silent === true && options.showError !== true) return exitCodeOf(error)
    throw error
  }
}

async function buy(
  request: WebRequest,
  options: GetOptions,
  stop: StopSignal,
  report: (book: BuyerBook) => void,
): Promise<number> {
  const file = fileOf(options, request.url)
  // Data from standard input leave nobody there to ask.
  const asker = options.data?.includes('@-') === true ? undefined : terminalAsker(process.stdin, process.stderr)
  const fetch = options.verbose === true ? verboseFetch : (asked: Request) => globalThis.fetch(asked)
  const purchase = new Purchase({ request, options, stop, asker, fetch, log: await openLog(options.logLevel) })
  try {
    const response = await purchase.ask()
    if (response === undefined) return EXIT.ok
    await checkStatus(response, purchase, options)
    let fault: Error | undefined
    try {
      await deliver(response, purchase, file, options, stop)
    } finally {
      if (response.payment.price > 0n) {
        const { book, receiptFault } = await purchase.settle(response, options.json === true)
        report(book)
        fault = receiptFault
      }
    }
    purchase.checkComplete(response)
    if (fault !== undefined) throw fault
    return EXIT.ok
  } finally {
    await purchase.close()
  }
}

/** @throws {CliError} `CLI_STATUS`, `CLI_PRICE` */
async function checkStatus(response: PaidResponse, purchase: Purchase, { fail }: GetOptions): Promise<void> {
  const { status, statusText, payment } = response
  const unaffordable = status === 402 && payment.end === 'budget'
  if (!unaffordable && !(fail === true && status >= 400)) return
  await response.body?.cancel()
  if (unaffordable) throw purchase.unaffordable(response)
  throw new CliError('CLI_STATUS', `the seller answered ${status} ${statusText}`.trimEnd())
}

async function deliver(
  response: PaidResponse,
  purchase: Purchase,
  file: string | undefined,
  options: GetOptions,
  stop: StopSignal,
): Promise<void> {
  // Whoever reads our output may leave: that ends the purchase, too.
  const destination = await openDestination(file, options, () => stop.stop())
  try {
    if (options.include === true || options.head === true) await destination.write(headOf(response))
    await purchase.read(response, destination)
  } finally {
    await destination.close()
  }
}

/** Shows the terms. Only GET and HEAD are asked as they are: anything else might do something. */
async function dryRun(request: WebRequest, { bare, json, verbose }: GetOptions): Promise<number> {
  const { url, headers, redirect } = request
  const safe = /^(GET|HEAD)$/.test(request.method)
  const asked = new Request(url, { method: safe ? request.method : 'OPTIONS', headers, redirect })
  const response = await (verbose === true ? verboseFetch(asked) : fetch(asked))
  const seen = seeTerms(response, bare)
  await response.body?.cancel()
  if (json === true) process.stdout.write(`${JSON.stringify(termsJson(seen), undefined, 2)}\n`)
  else process.stdout.write(`${facts([['status', String(seen.status)], ...termsFacts(seen)]).join('\n')}\n`)
  return seen.faults.length > 0 ? EXIT.refused : EXIT.ok
}

async function verboseFetch(request: Request): Promise<Response> {
  const { host, pathname, search } = new URL(request.url)
  tell('>', [`${request.method} ${pathname}${search} HTTP/1.1`, `host: ${host}`, ...headerLines(request.headers), ''])
  const response = await fetch(request)
  tell('<', [`HTTP/1.1 ${response.status} ${response.statusText}`.trimEnd(), ...headerLines(response.headers), ''])
  return response
}

function tell(mark: string, lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `${mark} ${line}`.trimEnd() + '\n').join(''))
}

/** How the book is told. JSON takes standard output where the content does not. */
function reporter({ json, silent, output, remoteName }: GetOptions): (book: BuyerBook) => void {
  if (json === true) {
    const toFile = (output !== undefined && output !== '-') || remoteName === true
    return (book) => (toFile ? process.stdout : process.stderr).write(`${JSON.stringify(book, undefined, 2)}\n`)
  }
  return silent === true ? () => {} : summarize
}

const ENDS: Readonly<Record<string, string>> = {
  source: 'complete',
  budget: 'the budget is spent',
  cancelled: 'stopped',
  failed: 'broken off',
}

function summarize(book: BuyerBook): void {
  const { asset, units, unitsRead, unit } = book
  const open = BigInt(book.held) + BigInt(book.inDoubt)
  const parts = [
    `${units} ${unit}${units === 1 ? '' : 's'} for ${formatMoney(BigInt(book.spent), asset)}`,
    ...(unitsRead < units ? [`${units - unitsRead} of them not received`] : []),
    ...(open > 0n ? [`${formatMoney(open, asset)} still held or in doubt`] : []),
    ...(book.balance === undefined ? [] : [`balance ${formatMoney(BigInt(book.balance), asset)}`]),
    ENDS[book.end ?? 'failed'] ?? 'ended',
  ]
  process.stderr.write(`\nsluice: ${parts.join(' · ')}\n`)
}
