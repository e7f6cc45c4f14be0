/**
 * One short stream, bought through two proxies that can cut its connections, and what must hold whatever happens to it
 * (exactly what was delivered is paid): units read ≤ units captured; captured − read ≤ W; no unit is written without a
 * capture on disk; every hold returns.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Clock, systemClock } from 'sluice/clock'
import { type PaidResponse, payingFetch } from 'sluice/fetch'
import { createShop, letter, nodeListener, type StreamSummary, Till } from 'sluice/http'
import type { Holder } from 'sluice/link'
import { HostedLedger } from 'sluice/link/hosted'
import { holderAt } from 'sluice/link/ws'
import { hashToken } from 'sluice/session'
import { MemoryStore } from 'sluice/store'
import { type Cut, CuttingProxy, type Traffic } from './cutting-proxy.js'

/** Letters of one to four bytes. */
export const LETTERS = Array.from('Süße Ströme 信🖋!')
const TEXT = LETTERS.join('')
export const PRICE = 3n
export const WINDOW = 4n * PRICE
/** Waits between attempts to connect are this many times shorter, so that thousands of cuts take seconds. */
const HASTE = 50
const SETTLE_TURNS_MAX = 2_000

const hasty: Clock = {
  now: () => systemClock.now(),
  after: (delayMs, fire, keepAlive) =>
    systemClock.after(keepAlive === true ? delayMs / HASTE : delayMs, fire, keepAlive),
}

/** Reads a body to its end, or leaves it; `take` gets what was read. */
export type ReadBody = (body: ReadableStream<Uint8Array>, take: (bytes: Uint8Array) => void) => Promise<void>

/** What happens to one purchase. */
export interface Conditions {
  readonly cut?: CutAt
  /** A proxy before the shop passes the response on in blocks of so many bytes. */
  readonly blockBytes?: number
  /** Default: as fast as it comes. */
  readonly read?: ReadBody
  readonly deliveryTimeoutMs?: number
}

/** Which connection is cut, and where. */
export interface CutAt extends Cut {
  readonly connection: 'http' | 'btp'
}

export interface Bought {
  /** Whole letters that the application read. */
  readonly read: number
  readonly captured: bigint
  readonly end: string
  readonly http: readonly Traffic[]
  readonly btp: readonly Traffic[]
}

/** The shop, and its books. */
export class ShortStreams {
  readonly #book: HostedLedger
  readonly #till: Till
  readonly #server: Server
  readonly #ends: StreamSummary[] = []
  #accounts = 0

  private constructor(book: HostedLedger, till: Till, server: Server) {
    this.#book = book
    this.#till = till
    this.#server = server
  }

  static async open(): Promise<ShortStreams> {
    const book = new HostedLedger({
      store: new MemoryStore({ warn: () => undefined }),
      prefix: 'example.exact.',
      assetCode: 'USD',
      assetScale: 9,
      newAccount: { creditLimit: 1000n, balanceMax: 0n },
      listen: { port: 0, authenticate: ({ token }) => hashToken(token) },
    })
    await book.open()
    const till = new Till({ link: book.host })
    till.open()
    const server = createServer()
    const streams = new ShortStreams(book, till, server)
    const onStreamEnd = (end: StreamSummary): void => void streams.#ends.push(end)
    const shop = createShop({ till, price: PRICE, window: WINDOW, unit: letter, content: () => LETTERS, onStreamEnd })
    server.on('request', nodeListener(shop))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return streams
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    await this.#till.close()
    await this.#book.close()
  }

  /** Buys the stream on an account of its own. Throws when a rule of the market is broken. */
  async buy(conditions: Conditions = {}): Promise<Bought> {
    const { cut, blockBytes = 0 } = conditions
    const { port } = this.#server.address() as AddressInfo
    const http = await CuttingProxy.open(port)
    const btp = await CuttingProxy.open(this.#book.port ?? 0)
    const token = `a token of account ${this.#accounts++}`
    const account = hashToken(token)
    const link = holderAt(`btp+ws://:${token}@127.0.0.1:${btp.port}/`, { clock: hasty })
    http.blockBytes = blockBytes
    if (cut !== undefined) (cut.connection === 'http' ? http : btp).cut = cut
    try {
      const { text, end, payment } = await buyText(`http://127.0.0.1:${http.port}/`, link, conditions)
      const what = `${JSON.stringify(conditions)}: ${end}`
      assert.ok(TEXT.startsWith(text), `${what}: read "${text}"`)
      // The cut may go through the last letter.
      const read = LETTERS.findLastIndex((_, at) => text.startsWith(LETTERS.slice(0, at + 1).join(''))) + 1
      await payment?.settled()
      await this.#rest(account)
      const view = this.#book.ledger.account(account)
      const captured = view?.fulfilledOut ?? 0n
      assert.equal(view?.heldOut ?? 0n, 0n, `${what}: holds are left`)
      assert.equal(payment?.spent ?? 0n, captured, `${what}: the books differ`)
      assert.deepEqual([payment?.held ?? 0n, payment?.inDoubt ?? 0n], [0n, 0n], what)
      assert.ok(BigInt(read) * PRICE <= captured, `${what}: ${read} letters read for ${captured}`)
      assert.ok(captured - BigInt(read) * PRICE <= WINDOW, `${what}: ${captured} paid for ${read} letters`)
      return { read, captured, end, http: http.connections, btp: btp.connections }
    } finally {
      await link.close()
      await http.close()
      await btp.close()
    }
  }

  /** Each stream wrote what was captured for it, no more. */
  checkStreams(): number {
    assert.equal(this.#till.streams, 0, 'streams are left open')
    for (const { totals, clientId } of this.#ends) {
      const units = Number(totals.amount / PRICE)
      const bytes = Buffer.byteLength(LETTERS.slice(0, units).join(''))
      assert.equal(
        totals.endOffset,
        bytes,
        `stream ${clientId} delivered ${totals.endOffset} bytes for ${units} letters`,
      )
    }
    this.#book.ledger.check()
    return this.#ends.length
  }

  /** The host hears of the end of a response a few turns after the buyer. */
  async #rest(account: string): Promise<void> {
    for (let turns = 0; turns < SETTLE_TURNS_MAX; turns++) {
      if ((this.#book.ledger.account(account)?.heldOut ?? 0n) === 0n) return
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

const readAll: ReadBody = async (body, take) => {
  for await (const bytes of body as AsyncIterable<Uint8Array>) take(bytes)
}

/** Reads up to where it breaks, or the reader leaves. */
async function buyText(
  url: string,
  link: Holder,
  { read = readAll, deliveryTimeoutMs = 30_000 }: Conditions,
): Promise<{ text: string; end: string; payment?: PaidResponse['payment'] }> {
  const pieces: Uint8Array[] = []
  let response: PaidResponse | undefined
  let end = 'whole'
  try {
    response = await payingFetch(url, { link, budget: 1000n, window: WINDOW, deliveryTimeoutMs })
    if (response.body !== null) await read(response.body, (bytes) => pieces.push(bytes))
    if (response.payment.end === 'cancelled') end = 'left'
  } catch (error) {
    end = error instanceof Error && 'code' in error ? String(error.code) : 'unreachable'
  }
  // What is left of a letter that was cut is dropped.
  const text = new TextDecoder('utf-8').decode(Buffer.concat(pieces), { stream: true })
  return { text, end, ...(response && { payment: response.payment }) }
}
