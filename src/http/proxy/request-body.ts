/** The body of a buyer's request, bounded: as a stream, or whole where it has to wait for a payment. */
import type { IncomingMessage } from 'node:http'
import { concat } from '../../bytes/index.js'
import { ShopError } from '../errors.js'

export class RequestBody {
  readonly #request: IncomingMessage
  readonly #bytesMax: number
  #overrun: boolean

  constructor(request: IncomingMessage, bytesMax: number) {
    this.#request = request
    this.#bytesMax = bytesMax
    this.#overrun = Number(request.headers['content-length'] ?? 0) > bytesMax
  }

  /** It is longer than it may be, as far as one can know yet. */
  get overrun(): boolean {
    return this.#overrun
  }

  /** RFC 9112 section 6.3: a request has a body when it says how long. */
  get present(): boolean {
    const { headers } = this.#request
    return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  }

  /** Bytes that it has at most. */
  get lengthMost(): number {
    const length = this.#request.headers['content-length']
    return this.present && length === undefined ? this.#bytesMax : Number(length ?? 0)
  }

  /** @throws {ShopError} `SHOP_CONTENT` beyond the bound; what the connection throws */
  async *stream(): AsyncGenerator<Uint8Array> {
    let length = 0
    // Whoever sends too much is answered, so the connection stays.
    for await (const part of this.#request.iterator({ destroyOnReturn: false })) {
      const bytes = part as Uint8Array
      length += bytes.length
      this.#overrun ||= length > this.#bytesMax
      if (this.#overrun) throw new ShopError('SHOP_CONTENT', `a request has more than ${this.#bytesMax} bytes`)
      yield bytes
    }
  }

  /** @throws as `stream` does */
  async whole(): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const part of this.stream()) parts.push(part)
    return concat(...parts)
  }
}
