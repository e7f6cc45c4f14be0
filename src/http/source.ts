/**
 * Where a stream's bytes come from: an iterable, an async iterable, a web stream or a Node stream, behind one pull interface
 * that needs no promise where the bytes are at hand. Nothing is read before the first `next()`.
 */
import { utf8 } from '../bytes/index.js'
import { ShopError } from './errors.js'

/** Text is sent as UTF-8. */
export type Chunk = Uint8Array | string

/** Pull source. */
export interface Source {
  /** The next bytes, never empty; `undefined` at the end. Called again only after its promise settled. May throw. */
  next(): Uint8Array | undefined | Promise<Uint8Array | undefined>
  /** No more will be read: stops the producer. Called at most once; never throws. */
  cancel(): void
}

/** A source of pieces that are sold whole. */
export interface Pieces extends Source {
  /** Units of the piece that `next` gave last, 0 included. Absent: one each. */
  readonly weight?: number
}

/** The part of a web `ReadableStream` that is used. */
interface WebStream {
  getReader(): {
    read(): Promise<{ done: boolean; value?: unknown }>
    cancel(): Promise<void>
  }
}

/** What can be sold; text or bytes as such are one chunk. A Node `Readable` is an async iterable. */
export type Content = Source | WebStream | AsyncIterable<Chunk> | Iterable<Chunk> | Chunk

export function sourceOf(content: Content): Source {
  if (typeof content === 'string' || content instanceof Uint8Array) return syncSource([content])
  if (typeof content === 'object') {
    if ('next' in content && 'cancel' in content) return content
    if ('getReader' in content) return webSource(content)
    if (Symbol.asyncIterator in content) return asyncSource(content)
  }
  return syncSource(content)
}

function syncSource(content: Iterable<Chunk>): Source {
  let iterator: Iterator<Chunk> | undefined
  return {
    next() {
      iterator ??= content[Symbol.iterator]()
      for (;;) {
        const step = iterator.next()
        if (step.done === true) return undefined
        const bytes = bytesOf(step.value)
        if (bytes.length > 0) return bytes
      }
    },
    cancel() {
      try {
        iterator?.return?.()
      } catch {
        // The producer's own clean-up failed; there is nobody left to tell.
      }
    },
  }
}

/** What a Node `Readable` has beside its iterator. */
interface NodeStream {
  on(event: 'error', listener: () => void): unknown
  destroy(): unknown
}

function asyncSource(content: AsyncIterable<Chunk> & Partial<NodeStream>): Source {
  let iterator: AsyncIterator<Chunk> | undefined
  // A stream may fail before it is read, and nobody listening would end the process; whoever reads it hears of it.
  content.on?.('error', () => {})
  return {
    async next() {
      iterator ??= content[Symbol.asyncIterator]()
      for (;;) {
        const step = await iterator.next()
        if (step.done === true) return undefined
        const bytes = bytesOf(step.value)
        if (bytes.length > 0) return bytes
      }
    },
    cancel() {
      // A Node stream's iterator waits for its pending read before it returns; destroying ends that read.
      content.destroy?.()
      ignoreFailure(async () => iterator?.return?.())
    },
  }
}

function webSource(content: WebStream): Source {
  let reader: ReturnType<WebStream['getReader']> | undefined
  return {
    async next() {
      reader ??= content.getReader()
      for (;;) {
        const step = await reader.read()
        if (step.done) return undefined
        const bytes = bytesOf(step.value)
        if (bytes.length > 0) return bytes
      }
    },
    cancel() {
      ignoreFailure(async () => (reader ?? content.getReader()).cancel())
    },
  }
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === 'string') return utf8(chunk)
  throw new ShopError('SHOP_CONTENT', 'content to sell must be made of Uint8Arrays or strings')
}

function ignoreFailure(work: () => Promise<unknown>): void {
  work().catch(() => {
    // The producer's own clean-up failed; there is nobody left to tell.
  })
}
