/**
 * HTTP as the simulated buyer and shop see it: a request and its answer, whose body takes time, meets back-pressure and
 * breaks when a side crashes. What is written counts as told to the outside at once.
 */
import { type Reply, type ReplyHeaders, type ResponseEvents, type ShopHandler, webHeaders } from 'sluice/http'
import type { Network } from './network.js'
import type { Life, Timeline } from './timeline.js'

export interface ExchangeOptions {
  readonly timeline: Timeline
  readonly network: Network
  /** The shop, while it runs. */
  readonly shop: () => { readonly life: Life; readonly handler: ShopHandler } | undefined
  /** The buyer's life. */
  readonly buyer: Life
  /** An offer has come; hears of the bytes that the host writes from now on. */
  readonly onOffer: (headers: ReplyHeaders) => (bytes: number) => void
  /** When the connection breaks by itself. */
  readonly breakAfterMs: number
}

/** Bytes under way, and not pulled by the buyer, beyond which the shop's socket is full. */
const BUFFER_BYTES_MAX = 12

/** One request, as `fetch` makes it. */
export function exchange(options: ExchangeOptions): Promise<Response> {
  const { timeline, network, buyer } = options
  return new Promise((resolve, reject) => {
    const unreachable = (): void => reject(new TypeError('fetch failed'))
    timeline.after(network.latency(), buyer, () => {
      const shop = options.shop()
      if (shop === undefined) return unreachable()
      const later = (then: () => void): void => void timeline.after(network.latency(), buyer, then)
      Promise.resolve(shop.handler({ method: 'GET', url: '/', header: () => undefined })).then(
        (reply) => answer(reply, shop.life),
        unreachable,
      )
      const answer = (reply: Reply, life: Life): void => {
        if (!life.alive || !buyer.alive) return later(unreachable)
        const { status } = reply
        const headers = webHeaders(reply.headers)
        if (!('stream' in reply)) {
          const body = reply.body.slice()
          return later(() => resolve(new Response(body, { status, headers })))
        }
        const body = new Body(options, life, options.onOffer(reply.headers))
        body.begin(reply.stream)
        later(() => resolve(new Response(body.readable, { status, headers })))
      }
    })
  })
}

class Body {
  readonly readable: ReadableStream<Uint8Array>
  readonly #options: ExchangeOptions
  readonly #host: Life
  readonly #onWritten: (bytes: number) => void
  #events: ResponseEvents | undefined
  #buffered = 0
  #full = false
  #arrived: (Uint8Array | 'end' | 'broken')[] = []
  #wanted: ((part: Uint8Array | 'end' | 'broken') => void) | undefined
  #lastArrival = 0
  #over = false

  constructor(options: ExchangeOptions, host: Life, onWritten: (bytes: number) => void) {
    this.#options = options
    this.#host = host
    this.#onWritten = onWritten
    const source = {
      pull: async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
        const part = await this.#next()
        if (part === 'end') controller.close()
        else if (part === 'broken') controller.error(new TypeError('terminated'))
        else controller.enqueue(part)
      },
      cancel: () => this.#leave(),
    }
    this.readable = new ReadableStream(source, { highWaterMark: 0 })
    host.onEnd(() => this.#break())
    options.buyer.onEnd(() => this.#leave())
    options.timeline.after(options.breakAfterMs, undefined, () => {
      this.#break()
      this.#tellClosed()
    })
  }

  begin(stream: (sink: Parameters<Extract<Reply, { stream: unknown }>['stream']>[0]) => ResponseEvents): void {
    this.#events = stream({
      write: (bytes) => {
        if (!this.#host.alive) return true
        this.#onWritten(bytes.length)
        this.#buffered += bytes.length
        this.#fly(bytes.slice())
        this.#full = this.#buffered > BUFFER_BYTES_MAX
        return !this.#full
      },
      end: () => this.#fly('end'),
      fail: () => this.#fly('broken'),
    })
  }

  #fly(part: Uint8Array | 'end' | 'broken'): void {
    const { timeline, network, buyer } = this.#options
    if (this.#over || !this.#host.alive) return
    this.#lastArrival = Math.max(this.#lastArrival, timeline.now + network.latency())
    timeline.after(this.#lastArrival - timeline.now, buyer, () => this.#arrive(part))
  }

  #arrive(part: Uint8Array | 'end' | 'broken'): void {
    if (this.#over) return
    if (typeof part === 'string') this.#over = true
    if (typeof part === 'string') this.#tellClosed()
    const wanted = this.#wanted
    this.#wanted = undefined
    if (wanted === undefined) this.#arrived.push(part)
    else wanted(part)
  }

  #next(): Promise<Uint8Array | 'end' | 'broken'> {
    const part = this.#arrived.shift()
    if (part !== undefined) {
      this.#pulled(part)
      return Promise.resolve(part)
    }
    return new Promise((resolve) => {
      this.#wanted = (late) => {
        this.#pulled(late)
        resolve(late)
      }
    })
  }

  #pulled(part: Uint8Array | 'end' | 'broken'): void {
    if (typeof part === 'string') return
    this.#buffered -= part.length
    if (!this.#full || this.#buffered > BUFFER_BYTES_MAX) return
    this.#full = false
    const { timeline, network } = this.#options
    timeline.after(network.latency(), this.#host, () => this.#events?.drained())
  }

  /** The buyer sees the body break off. */
  #break(): void {
    const { timeline, network, buyer } = this.#options
    timeline.after(network.latency(), buyer, () => this.#arrive('broken'))
  }

  /** The shop sees its client gone. */
  #leave(): void {
    this.#over = true
    this.#tellClosed()
  }

  #tellClosed(): void {
    const { timeline, network } = this.#options
    timeline.after(network.latency(), this.#host, () => this.#events?.closed())
  }
}
