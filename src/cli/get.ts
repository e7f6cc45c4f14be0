/** `sluice get URL`: buys a response while it streams. Content to standard output, everything else to standard error. */
import { payingFetch, type Offer, type PaidResponse } from '../fetch/index.js'
import type { BareMeaning } from '../http/headers.js'
import type { Holder } from '../link/index.js'
import { buyerBook, type BuyerBook } from './book.js'
import { openHolder } from './buyer-link.js'
import { CliError, EXIT } from './errors.js'
import { LiveLine } from './live-line.js'
import { openLog, type LogLevel } from './log.js'
import { formatMoney, parseMoney, toBaseUnits, type Asset } from '../money/index.js'
import { openScreen, type Screen } from './screen.js'
import { watchStop, type StopSignal } from './stop-signal.js'

export interface GetOptions {
  readonly maxSpend?: string
  readonly maxPrice?: string
  /** Units, not money. */
  readonly window?: number
  readonly letters?: number
  readonly ledger?: string
  readonly bare: BareMeaning
  readonly logLevel: LogLevel
}

/** How long the outcomes of the last holds are waited for; what is still open then is reported as such. */
const SETTLE_TIMEOUT_MS = 5_000

/**
 * Resolves with the exit code. `report` takes the buyer's book instead of a summary on standard error: it is how a
 * process that started this one compares books.
 */
export async function get(url: string, options: GetOptions, report?: (book: BuyerBook) => void): Promise<number> {
  if (options.maxSpend === undefined) {
    const message = 'nothing is bought without a budget: add --max-spend 2000 (base units) or --max-spend "0.01 USD"'
    throw new CliError('CLI_BUDGET', message)
  }
  if (!/^https?:/.test(url) || !URL.canParse(url)) {
    throw new CliError('CLI_USAGE', `"${url}" is no http:// or https:// URL`)
  }
  const stop = watchStop()
  // Whoever reads our output may leave: that ends the purchase, too.
  process.stdout.on('error', () => stop.stop())
  const purchase = new Purchase(url, options, stop)
  try {
    await purchase.run(report ?? ((book) => summarize(book)))
    return EXIT.ok
  } finally {
    stop.release()
    await purchase.close()
  }
}

class Purchase {
  readonly #url: string
  readonly #options: GetOptions
  readonly #stop: StopSignal
  readonly #leave = new AbortController()
  #offer: Offer | undefined
  #holder: Holder | undefined

  constructor(url: string, options: GetOptions, stop: StopSignal) {
    this.#url = url
    this.#options = options
    this.#stop = stop
  }

  async run(report: (book: BuyerBook) => void): Promise<void> {
    const screen = await openScreen(process.stdout, process.stderr)
    const response = await this.#request()
    if (response === undefined) return
    if (!response.ok) {
      await response.body?.cancel()
      const why = response.payment.end === 'budget' ? ': the price is above --max-spend' : ''
      throw new CliError('CLI_STATUS', `the seller answered ${response.status} ${response.statusText}${why}`)
    }
    try {
      await this.#read(response, screen)
    } finally {
      if (response.payment.price > 0n) report(await this.#settle(response))
    }
  }

  async close(): Promise<void> {
    await this.#holder?.close()
  }

  /** `undefined` when it was interrupted. */
  async #request(): Promise<PaidResponse | undefined> {
    const { maxSpend = '0', maxPrice, window, letters, bare } = this.#options
    const spend = parseMoney(maxSpend)
    const highest = maxPrice === undefined ? undefined : parseMoney(maxPrice)
    const log = await openLog(this.#options.logLevel)
    const onStop = (): void => this.#leave.abort()
    this.#stop.signal.addEventListener('abort', onStop, { once: true })
    if (this.#stop.signal.aborted) onStop()
    try {
      return await payingFetch(this.#url, {
        signal: this.#leave.signal,
        bare,
        budget: (offer) => {
          const most = toBaseUnits(spend, assetOf(offer))
          const wanted = letters === undefined ? most : BigInt(letters) * offer.price
          return wanted < most ? wanted : most
        },
        ...(highest !== undefined && { maxPrice: (offer) => toBaseUnits(highest, assetOf(offer)) }),
        ...(window !== undefined && { window: (offer) => BigInt(window) * offer.price }),
        link: (offer) => {
          this.#offer = offer
          this.#holder = openHolder(offer, this.#options.ledger, log)
          return this.#holder
        },
      })
    } catch (error) {
      if (this.#stop.signal.aborted) return undefined
      throw error
    } finally {
      this.#stop.signal.removeEventListener('abort', onStop)
    }
  }

  async #read({ body, payment }: PaidResponse, screen: Screen): Promise<void> {
    if (body === null) return
    // What is captured still arrives; a seller that dawdles over it is left.
    const onStop = (): void => {
      payment.stop()
      setTimeout(() => this.#leave.abort(), SETTLE_TIMEOUT_MS).unref()
    }
    this.#stop.signal.addEventListener('abort', onStop, { once: true })
    if (this.#stop.signal.aborted) onStop()
    const live = new LiveLine(screen, payment, {
      asset: this.#asset(),
      unit: this.#unit(),
      balance: async () => this.#holder?.balance(),
    })
    live.start()
    try {
      const content: AsyncIterable<Uint8Array> = body
      for await (const bytes of content) await screen.write(bytes)
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error
    } finally {
      this.#stop.signal.removeEventListener('abort', onStop)
      live.stop()
      screen.end()
    }
  }

  async #settle(response: PaidResponse): Promise<BuyerBook> {
    await within(SETTLE_TIMEOUT_MS, response.payment.settled())
    const balance = await within(SETTLE_TIMEOUT_MS, this.#holder?.balance())
    return buyerBook(response, {
      account: this.#holder?.info.account ?? '',
      asset: this.#asset(),
      unit: this.#unit(),
      balance: balance === undefined ? undefined : String(balance),
    })
  }

  #asset(): Asset {
    return this.#offer === undefined ? { code: '', scale: 0 } : assetOf(this.#offer)
  }

  #unit(): string {
    return this.#offer?.unit ?? 'unit'
  }
}

/** The asset that prices are in; sellers of 2017 do not say, so that only base units can be written. */
function assetOf({ terms }: Offer): Asset {
  return terms === undefined ? { code: 'base units', scale: 0 } : { code: terms.asset, scale: terms.scale }
}

/** The promise's value, or `undefined` after that time or when it failed. */
async function within<T>(ms: number, promise: Promise<T> | undefined): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
  }
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
