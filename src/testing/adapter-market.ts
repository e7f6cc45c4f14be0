/**
 * Where the suite for adapters buys: a seller whose ledger is at a path of the server under test, a buyer with an account
 * there, and a source that counts what is taken from it.
 */
import assert from 'node:assert/strict'
import { type Agent, type IncomingMessage, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { type PaidResponse, payingFetch, type PayingFetchOptions } from '../fetch/index.js'
import { openSeller, type Seller } from '../http/seller.js'
import type { Holder } from '../link/index.js'
import { holderAt } from '../link/ws.js'
import { MemoryStore } from '../store/index.js'
import type { AdapterRoute, AdapterSubject } from './adapter-subject.js'

/** Base units for one unit, wherever a case does not say otherwise. */
export const PRICE = 5n
const FUNDS = 1_000_000n
const BUDGET = 100_000n
/** Answers of the host after which all that was under way has arrived. */
const ROUNDS = 20

export interface Market {
  readonly port: number
  readonly seller: Seller
  readonly holder: Holder
  /** Buys over node:http, on a connection of its own unless `agent` says otherwise. */
  readonly buy: (path: string, options?: Partial<PayingFetchOptions> & Asking) => Promise<Bought>
  /** Asks without paying. */
  readonly ask: (path: string, options?: Asking) => Promise<IncomingMessage>
  /** Waits until nothing moves by itself any more. */
  readonly quiet: () => Promise<void>
  /** The host's book, the buyer's figures and what was read agree; nothing is held. */
  readonly assertBooks: (bought: Bought) => Promise<void>
}

export interface Asking {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly agent?: Agent
}

export interface Bought {
  readonly response: PaidResponse
  readonly socket: Socket
}

export async function withMarket(
  subject: AdapterSubject,
  routes: readonly AdapterRoute[],
  use: (market: Market) => Promise<void>,
): Promise<void> {
  const seller = await openSeller({ store: new MemoryStore({ warn: () => {} }), credit: FUNDS })
  let server: Server
  try {
    server = await subject.serve(seller, routes)
  } catch (error) {
    await seller.close()
    throw error
  }
  seller.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const holder = holderAt(`btp+ws://:a-secret-of-the-buyer@127.0.0.1:${port}/btp`)
  try {
    await holder.open()
    await use(marketOf(seller, holder, port))
  } finally {
    await holder.close()
    await seller.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

function marketOf(seller: Seller, holder: Holder, port: number): Market {
  const ask: Market['ask'] = (path, { method = 'GET', headers = {}, agent } = {}) =>
    new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, method, headers, agent: agent ?? false }
      httpRequest(options, resolve).on('error', reject).end()
    })
  return {
    port,
    seller,
    holder,
    ask,
    async buy(path, { method, headers, agent, ...options } = {}) {
      const asking = { ...(method && { method }), ...(headers && { headers }), ...(agent && { agent }) }
      let socket: Socket | undefined
      const fetch = async (): Promise<Response> => {
        const incoming = await ask(path, asking)
        socket = incoming.socket
        return responseOf(incoming)
      }
      const url = `http://127.0.0.1:${port}${path}`
      const response = await payingFetch(url, { link: holder, budget: BUDGET, ...options, fetch })
      assert.ok(socket)
      return { response, socket }
    },
    async quiet() {
      for (let round = 0; round < ROUNDS; round++) {
        await holder.balance()
        await turn()
      }
    },
    async assertBooks({ response: { payment } }) {
      await payment.settled()
      assert.equal(-(await holder.balance()), payment.spent, 'the host has captured what the buyer counts')
      for (const { heldOut } of seller.ledger.accounts()) assert.equal(heldOut, 0n, 'no hold is left')
    },
  }
}

function responseOf(incoming: IncomingMessage): Response {
  const headers = new Headers()
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at] ?? '', incoming.rawHeaders[at + 1] ?? '')
  }
  const status = incoming.statusCode ?? 0
  const empty = status === 204 || status === 304
  return new Response(empty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>), { status, headers })
}

/** Yields these texts one by one, counts them, and tells when nobody wants more. */
export class CountedSource implements AsyncIterableIterator<Uint8Array> {
  /** How many were taken. */
  taken = 0
  /** Resolves when it is exhausted or stopped. */
  readonly over: Promise<void>
  readonly #texts: Iterator<string>
  readonly #end: 'ends' | 'waits' | 'fails'
  #finish: () => void = () => {}
  #wake: (() => void) | undefined

  /** After the last text it ends, yields no more until it is stopped, or fails. */
  constructor(texts: Iterable<string>, end: 'ends' | 'waits' | 'fails' = 'ends') {
    this.#texts = texts[Symbol.iterator]()
    this.#end = end
    this.over = new Promise((resolve) => (this.#finish = resolve))
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const step = this.#texts.next()
    if (step.done !== true) {
      this.taken++
      return { done: false, value: new TextEncoder().encode(step.value) }
    }
    if (this.#end === 'fails') {
      this.#finish()
      throw new Error('the source failed')
    }
    if (this.#end === 'waits') await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.return()
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#finish()
    this.#wake?.()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

export function* endless(text: string): Generator<string> {
  for (;;) yield text
}
