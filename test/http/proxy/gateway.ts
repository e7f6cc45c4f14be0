/** A gateway on a port, the seller behind it, and buyers whose sockets the test holds. */
import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { type PaidResponse, payingFetch, type PayingFetchOptions } from 'sluice/fetch'
import type { PaidTerms } from 'sluice/http'
import { createProxy, type ProxyOptions } from 'sluice/http/proxy'
import { openSeller, type Seller, type SellerOptions } from 'sluice/http/seller'
import { holderAt } from 'sluice/link/ws'
import { MemoryStore } from 'sluice/store'
import { serve } from '../buyer.js'
import { type Answering, FakeUpstream } from './fake-upstream.js'

export const PRICE = 5n
const FUNDS = 1_000_000n

export interface Asking {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

export interface Bought {
  readonly response: PaidResponse
  readonly socket: Socket
}

export interface Gateway {
  readonly port: number
  readonly seller: Seller
  readonly upstream: FakeUpstream
  readonly ask: (path: string, asking?: Asking) => Promise<IncomingMessage>
  /** A buyer of this name; each has an account of its own. */
  readonly buy: (path: string, asking?: Asking, paying?: Partial<PayingFetchOptions>, name?: string) => Promise<Bought>
  /** Nothing is held, and no stream is open. */
  readonly assertQuiet: () => void
}

export interface GatewayOptions {
  readonly answering?: Answering
  readonly terms?: Partial<PaidTerms>
  readonly proxy?: Partial<ProxyOptions> | ((url: string) => Partial<ProxyOptions>)
  readonly seller?: Partial<SellerOptions>
}

export async function openGateway(t: TestContext, options: GatewayOptions = {}): Promise<Gateway> {
  const upstream = new FakeUpstream(options.answering)
  const url = await upstream.open()
  const store = new MemoryStore({ warn: () => undefined })
  const seller = await openSeller({ store, credit: FUNDS, ...options.seller })
  const more = typeof options.proxy === 'function' ? options.proxy(url) : options.proxy
  const listener = createProxy(
    seller,
    { price: PRICE, unit: 'token', ...options.terms },
    { upstream: `${url}/v1`, ...more },
  )
  const { port, server, close } = await serve(listener)
  seller.attach(server)
  const holders = new Map<string, ReturnType<typeof holderAt>>()
  t.after(async () => {
    for (const holder of holders.values()) await holder.close()
    await seller.close()
    await close()
    await upstream.close()
  })

  const ask: Gateway['ask'] = (path, { method = 'GET', headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, resolve)
        .on('error', reject)
        .end(body)
    })

  return {
    port,
    seller,
    upstream,
    ask,
    async buy(path, asking, paying = {}, name = 'buyer') {
      const holder = holders.get(name) ?? holderAt(`btp+ws://:secret-of-${name}@127.0.0.1:${port}/btp`)
      holders.set(name, holder)
      let socket: Socket | undefined
      const fetch = async (): Promise<Response> => {
        const incoming = await ask(path, asking)
        socket = incoming.socket
        return responseOf(incoming)
      }
      const response = await payingFetch(`http://127.0.0.1:${port}${path}`, {
        link: holder,
        budget: FUNDS,
        ...paying,
        fetch,
      })
      assert.ok(socket)
      return { response, socket }
    },
    assertQuiet() {
      assert.equal(seller.till.streams, 0)
      for (const { heldOut } of seller.ledger.accounts()) assert.equal(heldOut, 0n)
    },
  }
}

function responseOf(incoming: IncomingMessage): Response {
  const { statusCode: status = 0, rawHeaders } = incoming
  const headers = new Headers()
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  const empty = status === 204 || status === 304
  return new Response(empty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>), { status, headers })
}

export const chatRequest = (tokens: number, more: { stream?: boolean; padding?: number } = {}): Asking => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'fake', messages: [], max_tokens: tokens, stream: true, ...more }),
})

export async function problemOf(response: IncomingMessage): Promise<{ status: number | undefined; code: unknown }> {
  const { code } = JSON.parse(await text(response)) as { code: unknown }
  return { status: response.statusCode, code }
}
