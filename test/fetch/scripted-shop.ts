/**
 * A shop that does what a test says: it answers a `fetch` with a streaming response and takes the holds that come over
 * its end of a link pair. It keeps its own count of what it has handed over, so that tests can compare.
 */
import { toBase64url } from 'sluice/bytes'
import { accountFulfiller, pskFulfiller, decodePacketOf } from 'sluice/ilp'
import type { IncomingHold, Link } from 'sluice/link'

export interface ShopScript {
  readonly price?: bigint
  /** Says `Pay-Terms`. Default true. */
  readonly terms?: boolean
  readonly unit?: string
  readonly bytesPerUnit?: number
  /** Captures state end offsets. Default: as `terms`. */
  readonly offsets?: boolean
  /** Units in all; then the response ends. */
  readonly units?: number
  readonly method?: 'psk' | 'hmac-account'
  readonly window?: bigint
  /** Instead of serving each hold at once. */
  readonly onHold?: (hold: IncomingHold) => void
  readonly headers?: Record<string, string>
}

export interface ScriptedShop {
  readonly fetch: (request: Request) => Promise<Response>
  readonly address: string
  readonly requests: Request[]
  readonly holds: IncomingHold[]
  readonly paymentIds: string[]
  /** Streams named by `sluice.cancel`. */
  readonly cancels: string[]
  /** True after the buyer left the response. */
  readonly left: boolean
  /** Units handed over. */
  readonly sold: number
  readonly fulfillmentOf: (hold: IncomingHold) => Uint8Array
  /** Captures, then writes the units, as a shop does. */
  readonly serve: (hold: IncomingHold) => void
  readonly capture: (hold: IncomingHold, endOffset?: number) => void
  readonly write: (units: number) => void
  readonly end: () => void
  readonly break: (error: Error) => void
}

const SECRET = new Uint8Array(32).fill(7)

export function scriptedShop(link: Link, script: ShopScript = {}): ScriptedShop {
  const { price = 1n, terms = true, unit = 'letter', bytesPerUnit = 1, units = Infinity, method = 'psk' } = script
  const offsets = script.offsets ?? terms
  const address = `${link.info.account}.stream1`
  const ofPacket = pskFulfiller(SECRET)
  const ofAccount = accountFulfiller(SECRET)
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let ended = false
  let written = 0
  let delivered = 0

  const shop = {
    address,
    requests: [] as Request[],
    holds: [] as IncomingHold[],
    paymentIds: [] as string[],
    cancels: [] as string[],
    left: false,
    sold: 0,
    async fetch(request: Request): Promise<Response> {
      shop.requests.push(request)
      const body = new ReadableStream<Uint8Array>({
        start(own) {
          controller = own
          request.signal.addEventListener('abort', () => shop.break(new Error('aborted')))
        },
        cancel() {
          ended = true
          shop.left = true
        },
      })
      const named = method === 'psk' ? 'interledger-psk ' : ''
      const headers = new Headers({ Pay: `${named}${price} ${address} ${toBase64url(SECRET)}` })
      if (terms) {
        const window = script.window ?? 100n * price
        headers.set('Pay-Terms', `unit=${unit}, price="${price}", asset="USD", scale=9, window="${window}"`)
      }
      for (const [name, value] of Object.entries(script.headers ?? {})) headers.set(name, value)
      return new Response(body, { headers })
    },
    fulfillmentOf(hold: IncomingHold): Uint8Array {
      return method === 'psk' ? ofPacket(hold.packet) : ofAccount(decodePacketOf(1, hold.packet).account)
    },
    serve(hold: IncomingHold): void {
      const wanted = Number(hold.amount / price)
      const left = units - shop.sold
      if (left < wanted) return hold.reject({ code: 'F99', data: new TextEncoder().encode(reason('ended', left)) })
      shop.sold += wanted
      written += wanted * bytesPerUnit
      const endOffset = written
      hold.fulfill(shop.fulfillmentOf(hold), offsets ? offsetData(endOffset) : new Uint8Array(0), () => {
        shop.write(wanted)
        delivered += wanted
        if (delivered === units) shop.end()
      })
    },
    capture(hold: IncomingHold, endOffset?: number): void {
      const data = endOffset === undefined ? new Uint8Array(0) : offsetData(endOffset)
      hold.fulfill(shop.fulfillmentOf(hold), data, () => {})
    },
    write(count: number): void {
      if (!ended) controller?.enqueue(new Uint8Array(count * bytesPerUnit).fill(0x41))
    },
    end(): void {
      if (!ended) controller?.close()
      ended = true
    },
    break(error: Error): void {
      if (!ended) controller?.error(error)
      ended = true
    },
  }

  link.onHold((hold) => {
    shop.holds.push(hold)
    const { account } = decodePacketOf(1, hold.packet)
    shop.paymentIds.push(account.slice(address.length + 1))
    if (script.onHold) script.onHold(hold)
    else shop.serve(hold)
  })
  link.onRequest('sluice.cancel', async (entries) => {
    shop.cancels.push(new TextDecoder().decode(entries[0]?.data))
    for (const hold of shop.holds) hold.reject({ code: 'F99', data: new TextEncoder().encode(reason('cancelled', 0)) })
    return []
  })
  return shop
}

function reason(why: string, units: number): string {
  return JSON.stringify({ why, units })
}

export function offsetData(endOffset: number): Uint8Array {
  const data = new Uint8Array(8)
  new DataView(data.buffer).setBigUint64(0, BigInt(endOffset))
  return data
}
