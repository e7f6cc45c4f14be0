/** One purchase of `sluice get`: the request, the account that pays, the reading at its pace, and the book at the end. */
import { FetchError, payingFetch, type Offer, type PaidResponse, type PaymentReport } from '../fetch/index.js'
import type { BareMeaning } from '../http/headers.js'
import type { Log } from '../log/index.js'
import { formatMoney, parseMoney, toBaseUnits, type Asset } from '../money/index.js'
import { buyerBook, type BuyerBook } from './book.js'
import { payQuestion, type Asker } from './confirm.js'
import type { Destination } from './destination.js'
import { CliError } from './errors.js'
import { LiveLine } from './live-line.js'
import type { LogLevel } from './log.js'
import { Pace, unitsPerSecond } from './pace.js'
import { Payer } from './payer.js'
import type { WebRequest } from './request.js'
import type { StopSignal } from './stop-signal.js'
import { isOverXrp, XRP_TIMES, type XrpLedgerOptions } from './xrp-ledger.js'

export interface PurchaseOptions extends XrpLedgerOptions {
  readonly maxSpend?: string
  readonly maxPrice?: string
  /** Units, or money with an asset. */
  readonly window?: string
  readonly rate?: string
  readonly letters?: number
  readonly bare: BareMeaning
  /** Seconds for everything. */
  readonly maxTime?: number
  readonly logLevel: LogLevel
}

/** What a purchase is given by its command. */
export interface PurchaseContext {
  readonly request: WebRequest
  readonly options: PurchaseOptions
  readonly stop: StopSignal
  /** Whom to ask before paying; `undefined` where nobody is. */
  readonly asker: Asker | undefined
  readonly fetch: (request: Request) => Promise<Response>
  readonly log: Log
}

/** How long the outcomes of the last holds are waited for; what is still open then is reported as such. */
const SETTLE_TIMEOUT_MS = 5_000
/** Units at risk, where neither seller nor user asks for fewer. */
const WINDOW_UNITS = 100n

export class Purchase {
  readonly #request: WebRequest
  readonly #options: PurchaseOptions
  readonly #stop: StopSignal
  readonly #asker: Asker | undefined
  readonly #fetch: PurchaseContext['fetch']
  readonly #payer: Payer
  readonly #leave = new AbortController()
  #offer: Offer | undefined
  #timer: NodeJS.Timeout | undefined
  #late = false

  constructor({ request, options, stop, asker, fetch, log }: PurchaseContext) {
    this.#request = request
    this.#options = options
    this.#stop = stop
    this.#asker = asker
    this.#fetch = fetch
    const ask = options.maxSpend === undefined ? 'always' : 'first'
    this.#payer = new Payer({ ledger: options, confirm: async (offer) => this.#mayBegin(offer), ask, log })
  }

  /** The response, whose body has not been read; `undefined` when it was interrupted. */
  async ask(): Promise<PaidResponse | undefined> {
    const { maxTime, maxPrice, bare } = this.#options
    const highest = maxPrice === undefined ? undefined : parseMoney(maxPrice)
    if (this.#options.maxSpend !== undefined) parseMoney(this.#options.maxSpend)
    if (maxTime !== undefined) {
      this.#timer = setTimeout(() => {
        this.#late = true
        this.#leave.abort()
      }, maxTime * 1000)
    }
    const onStop = (): void => this.#leave.abort()
    this.#stop.signal.addEventListener('abort', onStop, { once: true })
    if (this.#stop.signal.aborted) onStop()
    const { url, method, headers, body, redirect } = this.#request
    try {
      return await payingFetch(url, {
        method,
        headers,
        body: body ?? null,
        redirect,
        signal: this.#leave.signal,
        bare,
        fetch: this.#fetch,
        budget: (offer) => this.#budget(offer),
        ...(highest !== undefined && { maxPrice: (offer) => toBaseUnits(highest, assetOf(offer)) }),
        ...((this.#options.window ?? this.#options.rate) !== undefined && { window: (offer) => this.#window(offer) }),
        wallet: this.#payer.source,
        ...(isOverXrp(this.#options) && XRP_TIMES),
      })
    } catch (error) {
      if (this.#late) throw this.#tooLate()
      if (this.#stop.signal.aborted) return undefined
      throw error instanceof FetchError && error.cause instanceof CliError ? error.cause : error
    } finally {
      this.#stop.signal.removeEventListener('abort', onStop)
    }
  }

  /** Hands the body on as it is paid. */
  async read(response: PaidResponse, destination: Destination): Promise<void> {
    const { body, payment } = response
    if (body === null) return
    // What is captured still arrives; a seller that dawdles over it is left.
    const onStop = (): void => {
      payment.stop()
      setTimeout(() => this.#leave.abort(), SETTLE_TIMEOUT_MS).unref()
    }
    this.#stop.signal.addEventListener('abort', onStop, { once: true })
    if (this.#stop.signal.aborted) onStop()
    const live = new LiveLine(destination.screen, payment, {
      asset: this.#asset(),
      unit: this.#unit(),
      balance: async () => this.#payer.link?.balance(),
    })
    live.start()
    const pace = this.#pace()
    try {
      const content: AsyncIterable<Uint8Array> = body
      for await (const bytes of content) {
        await destination.write(bytes)
        const waitMs = pace?.waitMs(payment.unitsRead, performance.now()) ?? 0
        if (waitMs > 0) await sleep(waitMs, this.#stop.signal)
      }
    } catch (error) {
      if (this.#late) throw this.#tooLate()
      if (!this.#stop.signal.aborted) throw error
    } finally {
      this.#stop.signal.removeEventListener('abort', onStop)
      live.stop()
    }
  }

  /** What was paid, as far as it is known; with the seller's receipt, or why there is no good one. */
  async settle(
    response: PaidResponse,
    withReceipt: boolean,
  ): Promise<{ book: BuyerBook; receiptFault: Error | undefined }> {
    const { payment } = response
    await within(SETTLE_TIMEOUT_MS, payment.settled())
    const balance = await within(SETTLE_TIMEOUT_MS, this.#payer.link?.balance())
    let receiptFault: Error | undefined
    const asked = withReceipt ? payment.receipt() : undefined
    asked?.catch((error: unknown) => {
      receiptFault = error instanceof Error ? error : new Error(String(error))
    })
    const receipt = await within(SETTLE_TIMEOUT_MS, asked)
    const book = buyerBook(response, {
      account: this.#payer.link?.info.account ?? '',
      asset: this.#asset(),
      unit: this.#unit(),
      balance: balance === undefined ? undefined : String(balance),
      ...(receipt && { receipt: receipt.text }),
    })
    return { book, receiptFault }
  }

  /** A script must not take a part for the whole: only `--letters` asks for one. @throws {CliError} `CLI_INCOMPLETE` */
  checkComplete({ payment }: PaidResponse): void {
    const { letters } = this.#options
    if (payment.end !== 'budget' || (letters !== undefined && payment.units >= letters)) return
    const message = `${this.#whyNoMore(payment)}; if a part is all you want, say how much with --letters`
    throw new CliError('CLI_INCOMPLETE', message)
  }

  /** One price is more than may be spent. */
  unaffordable({ payment }: PaidResponse): CliError {
    const price = formatMoney(payment.price, this.#asset())
    return new CliError('CLI_PRICE', `the price is ${price}: ${this.#whyNoMore(payment)}`)
  }

  /** Which budget allows nothing more. */
  #whyNoMore({ spent, held, inDoubt, price }: PaymentReport): string {
    const left = this.#offer === undefined ? 0n : this.#budget(this.#offer) - spent - held - inDoubt
    if (left >= price) return 'the standing limits of your wallet allow no more today (sluice budget)'
    return this.#options.maxSpend === undefined ? 'you agreed to no more' : '--max-spend allows no more'
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#payer.close()
  }

  /** @throws {CliError} `CLI_BUDGET`; {MoneyError} */
  #budget(offer: Offer): bigint {
    this.#offer = offer
    const { maxSpend, letters } = this.#options
    const wanted = letters === undefined ? undefined : BigInt(letters) * offer.price
    if (maxSpend === undefined) {
      if (this.#asker !== undefined) return wanted ?? windowOf(offer)
      const price = `${formatMoney(offer.price, assetOf(offer))} per ${offer.unit}`
      const how = 'add --max-spend 2000 (base units) or --max-spend "0.01 USD"'
      throw new CliError('CLI_BUDGET', `the seller asks for ${price}, and nothing is bought without a budget: ${how}`)
    }
    const most = toBaseUnits(parseMoney(maxSpend), assetOf(offer))
    return wanted !== undefined && wanted < most ? wanted : most
  }

  #window(offer: Offer): bigint {
    const { window, rate } = this.#options
    const asset = assetOf(offer)
    let most = windowOf(offer)
    if (window !== undefined)
      most = /^[0-9]+$/.test(window) ? BigInt(window) * offer.price : toBaseUnits(parseMoney(window), asset)
    if (rate === undefined) return most
    // One second's worth, so that nothing is paid much sooner than the rate allows.
    const second = BigInt(Math.max(1, Math.floor(unitsPerSecond(rate, offer.price, asset)))) * offer.price
    return second < most ? second : most
  }

  #pace(): Pace | undefined {
    const { rate } = this.#options
    if (rate === undefined || this.#offer === undefined) return undefined
    return new Pace(unitsPerSecond(rate, this.#offer.price, assetOf(this.#offer)), performance.now())
  }

  /** Without anybody to ask, `--max-spend` is the word. */
  async #mayBegin(offer: Offer): Promise<boolean> {
    if (this.#asker === undefined) return true
    return this.#asker.ask(payQuestion(offer, assetOf(offer), this.#budget(offer)))
  }

  #tooLate(): CliError {
    return new CliError('CLI_TIMEOUT', `it was not done within ${this.#options.maxTime} s`)
  }

  #asset(): Asset {
    return this.#offer === undefined ? { code: '', scale: 0 } : assetOf(this.#offer)
  }

  #unit(): string {
    return this.#offer?.unit ?? 'unit'
  }
}

/** The asset that prices are in; sellers of 2017 do not say, so that only base units can be written. */
function assetOf({ terms }: Pick<Offer, 'terms'>): Asset {
  return terms === undefined ? { code: 'base units', scale: 0 } : { code: terms.asset, scale: terms.scale }
}

/** What the seller asks to have at risk, within bounds. */
function windowOf({ price, terms }: Offer): bigint {
  const bound = WINDOW_UNITS * price
  if (terms === undefined || terms.window > bound) return bound
  return terms.window < price ? price : terms.window
}

/** Waits, or until the signal. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
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
