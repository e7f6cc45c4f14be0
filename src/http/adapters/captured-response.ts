/**
 * What a handler writes to its `ServerResponse`, caught before it leaves: the head when it is known, the body as a source
 * that is read as it is paid. To the handler it is the response that it knows: `write` returns false until more is wanted,
 * then `drain` follows; `close` comes when nobody wants more. As is usual for middleware, methods of the response are
 * replaced; who writes the reply uses {@link CapturedResponse.output}, which has those that stood there before.
 *
 * Leaves out trailers, which a body that is sold by the unit has no end for.
 */
import type { ServerResponse } from 'node:http'
import { EMPTY } from '../../bytes/index.js'
import { ShopError } from '../errors.js'
import { Fifo } from '../fifo.js'
import { fieldsFromNode, type NodeBody } from '../node-reply.js'
import type { Produced } from '../paid.js'
import type { Source } from '../source.js'

/** What a handler may write ahead though `write` returned false, and one chunk more. Beyond, its response fails. */
export const CAPTURED_BYTES_MAX = 1_048_576

type Written = (error?: Error) => void

export class CapturedResponse implements Source {
  /** Resolves with the first byte, `flushHeaders` or the end. Rejects if the handler fails, or the buyer goes, before. */
  readonly produced: Promise<Produced>
  /** Writes to the buyer. */
  readonly output: NodeBody
  readonly #response: ServerResponse
  readonly #chunks = new Fifo<Uint8Array>()
  #bytes = 0
  /** Callbacks of writes, called when more is wanted. */
  #written: Written[] = []
  #wanted: { resolve(bytes: Uint8Array | undefined): void; reject(error: unknown): void } | undefined
  #needsDrain = false
  /** Something was written to the buyer. */
  #begun = false
  #headWritten = false
  #headKnown = false
  #ended = false
  #closed = false
  #failure: { readonly error: unknown } | undefined
  #resolve: (produced: Produced) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  readonly #emit: (event: string, ...args: unknown[]) => boolean

  /** Begins at once, and lasts for the life of the response. */
  constructor(response: ServerResponse) {
    this.#response = response
    this.produced = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever asked may have stopped to wait for it.
    this.produced.catch(() => {})
    this.#emit = response.emit.bind(response)
    this.output = this.#replaceMethods()
  }

  /** The handler is about to run. Where the head has left already, what it says of that is no mistake, and ignored. */
  handlerRuns(): void {
    if (!this.#begun) return
    const response = this.#response
    const ignore = (): ServerResponse => response
    Object.assign(response, {
      setHeader: ignore,
      appendHeader: ignore,
      removeHeader: ignore,
      writeHead: (status: number) => Object.assign(response, { statusCode: status }),
    })
  }

  /** The handler failed: before its first byte there is no answer, afterwards the body breaks off where it stands. */
  fail(error: unknown): void {
    if (this.#ended || this.#closed) return
    this.#failure ??= { error }
    this.#reject(error)
    this.#wanted?.reject(error)
    this.#wanted = undefined
  }

  next(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const bytes = this.#chunks.shift()
    if (bytes !== undefined) {
      this.#bytes -= bytes.length
      return bytes
    }
    if (this.#failure !== undefined) throw this.#failure.error
    if (this.#ended || this.#closed) return undefined
    const more = new Promise<Uint8Array | undefined>((resolve, reject) => {
      this.#wanted = { resolve, reject }
    })
    for (const written of this.#written.splice(0)) written()
    if (this.#needsDrain) {
      this.#needsDrain = false
      this.#emit('drain')
    }
    return more
  }

  cancel(): void {
    // Of a handler that is done nothing is to be stopped; it sees how the response itself ends.
    if (this.#ended) this.#chunks.clear()
    else this.#close()
  }

  #replaceMethods(): NodeBody {
    const response = this.#response
    const before = {
      writeHead: response.writeHead.bind(response),
      flushHeaders: response.flushHeaders.bind(response),
      write: response.write.bind(response),
      end: response.end.bind(response),
      destroy: response.destroy.bind(response),
    }
    /** The methods that stood there before write the head, when they need it, by `writeHead`. */
    const begin = (): typeof before => {
      this.#begun = true
      response.writeHead = before.writeHead
      return before
    }
    const drained: (() => void)[] = []
    const closed: (() => void)[] = []
    let outputEnded = false
    Object.assign(response, {
      writeHead: (status: number, ...more: unknown[]) => this.#writeHead(status, more),
      flushHeaders: () => this.#head(true),
      write: (...args: unknown[]) => this.#write(args),
      end: (...args: unknown[]) => this.#end(args),
      destroy: (error?: Error) => {
        if (this.#headKnown) this.fail(error ?? new Error('the handler destroyed its response'))
        else before.destroy(error)
        return response
      },
      emit: (event: string, ...args: unknown[]) => {
        switch (event) {
          case 'drain':
            // Of the socket; the handler's own follows when more is wanted.
            for (const listener of drained) listener()
            return true
          case 'close':
            for (const listener of closed) listener()
            return this.#close()
          default:
            return this.#emit(event, ...args)
        }
      },
    })
    Object.defineProperties(response, {
      headersSent: { configurable: true, get: () => this.#headWritten || this.#headKnown || this.#begun },
      writableEnded: { configurable: true, get: () => this.#ended },
      writableNeedDrain: { configurable: true, get: () => this.#needsDrain },
    })
    return {
      get destroyed() {
        return response.destroyed
      },
      get writableEnded() {
        return outputEnded
      },
      flushHeaders: () => begin().flushHeaders(),
      write: (bytes, flushed) => (flushed ? begin().write(bytes, flushed) : begin().write(bytes)),
      end: (bytes) => {
        outputEnded = true
        if (bytes) begin().end(bytes)
        else begin().end()
      },
      destroy: () => before.destroy(),
      on: (event, listener) => (event === 'drain' ? drained : closed).push(listener),
    }
  }

  /** `writeHead(status, [statusMessage], [headers])` of node:http. */
  #writeHead(status: number, more: readonly unknown[]): ServerResponse {
    if (this.#headWritten || this.#headKnown) throw new Error('the head of a response is written once')
    const response = this.#response
    const headers = more.find((value) => typeof value === 'object' && value !== null)
    if (typeof more[0] === 'string') response.statusMessage = more[0]
    response.statusCode = status
    for (const [name, value] of fieldsOf(headers)) response.setHeader(name, value)
    this.#headWritten = true
    return response
  }

  #head(withBody: boolean): void {
    if (this.#headKnown) return
    this.#headKnown = true
    const { statusCode: status } = this.#response
    const headers = fieldsFromNode(this.#response.getHeaders())
    this.#resolve({ status, headers, content: withBody ? this : undefined })
  }

  #write(args: readonly unknown[]): boolean {
    const { bytes, done } = argumentsOf(args)
    if (this.#ended || this.#closed) {
      if (done) queueMicrotask(() => done(new Error('written after the end of the response')))
      return false
    }
    if (bytes.length > 0) this.#take(bytes)
    if (done) this.#written.push(done)
    this.#head(true)
    return bytes.length === 0 && !this.#needsDrain
  }

  #take(bytes: Uint8Array): void {
    if (this.#wanted) {
      this.#wanted.resolve(bytes)
      this.#wanted = undefined
    } else if (this.#bytes < CAPTURED_BYTES_MAX) {
      this.#chunks.push(bytes)
      this.#bytes += bytes.length
    } else {
      const message =
        `the handler wrote ${this.#bytes} bytes ahead of what is paid: ` +
        'when write() returns false wait for "drain", or use stream.pipeline'
      return this.fail(new ShopError('SHOP_OVERRUN', message))
    }
    this.#needsDrain = true
  }

  #end(args: readonly unknown[]): ServerResponse {
    const { bytes, done } = argumentsOf(args)
    if (this.#ended || this.#closed) return this.#response
    if (bytes.length > 0) this.#take(bytes)
    this.#ended = true
    if (done) this.#response.once('finish', done)
    this.#head(bytes.length > 0)
    this.#wanted?.resolve(undefined)
    this.#wanted = undefined
    for (const written of this.#written.splice(0)) written()
    return this.#response
  }

  /** Nobody wants more: the handler, unless it is done, sees what it sees when a client goes. */
  #close(): boolean {
    if (this.#closed) return true
    this.#closed = true
    this.#reject(new Error('the response was closed before its handler answered'))
    this.#chunks.clear()
    this.#wanted?.resolve(undefined)
    this.#wanted = undefined
    for (const written of this.#written.splice(0)) written(new Error('the response was closed'))
    return this.#emit('close')
  }
}

function argumentsOf(args: readonly unknown[]): { bytes: Uint8Array; done: Written | undefined } {
  const [chunk, encoding] = args
  const done = args.find((value): value is Written => typeof value === 'function')
  if (chunk === undefined || chunk === null || chunk === done) return { bytes: EMPTY, done }
  if (chunk instanceof Uint8Array) return { bytes: chunk, done }
  if (typeof chunk !== 'string') throw new TypeError('a response takes strings, Buffers and Uint8Arrays')
  return { bytes: Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'), done }
}

/** An object, an array of pairs, or one of names and values in turn. */
function fieldsOf(headers: unknown): [name: string, value: string | string[]][] {
  if (!Array.isArray(headers)) return fieldsOf(Object.entries(headers ?? {}).filter(([, value]) => value !== undefined))
  const flat: unknown[] = Array.isArray(headers[0]) ? headers.flat() : headers
  return Array.from({ length: flat.length / 2 }, (_, at) => [String(flat[2 * at]), valueOf(flat[2 * at + 1])])
}

function valueOf(value: unknown): string | string[] {
  return Array.isArray(value) ? value.map(String) : String(value)
}
