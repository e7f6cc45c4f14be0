/** What the handler of a paid route answers, before it is sold or passes free. */
import { EMPTY } from '../bytes/index.js'
import type { Log } from '../log/index.js'
import { ShopError } from './errors.js'
import type { Reply, ReplyHeaders } from './exchange.js'
import { pump } from './free-stream.js'
import { sourceOf, type Content, type Pieces } from './source.js'
import type { Unit } from './units.js'

/** What the handler of a route answers. */
export interface Produced {
  readonly status: number
  readonly headers: ReplyHeaders
  /** Bytes as they are, not compressed; read only as it is paid. */
  readonly content: Content | undefined
}

export function isSuccess({ status }: Produced): boolean {
  return status >= 200 && status < 300
}

export function isSold(produced: Produced): produced is Produced & { readonly content: Content } {
  return isSuccess(produced) && produced.content !== undefined
}

/** What would be sold to whoever asked by GET, with the terms and without a stream. */
export function headReply({ status, headers, content }: Produced, terms: ReplyHeaders): Reply {
  if (content !== undefined) sourceOf(content).cancel()
  return { status, headers: { ...soldHeaders(headers), ...terms }, body: EMPTY }
}

/**
 * Produces when somebody pays for it, and cuts that into `unit`. An answer that is no success costs nothing: it passes if
 * it is of the type that was said, and otherwise the body breaks off.
 */
export function laterPieces(unit: Unit, contentType: string, produce: () => Promise<Produced>): Pieces {
  let pieces: Pieces | undefined
  let cancelled = false
  const begin = async (): Promise<Uint8Array | undefined> => {
    const produced = await produce()
    if (produced.content === undefined) throw new ShopError('SHOP_CONTENT', `an answer without content was paid for`)
    const source = sourceOf(produced.content)
    const sold = isSold(produced)
    if (isEncoded(produced.headers) || (!sold && essenceOf(produced.headers) !== essence(contentType))) {
      source.cancel()
      const what = sold ? 'is compressed' : `has the status ${produced.status}`
      throw new ShopError('SHOP_CONTENT', `what was paid for ${what}`)
    }
    pieces = sold ? unit.cut(source) : { next: () => source.next(), cancel: () => source.cancel(), weight: 0 }
    if (!cancelled) return pieces.next()
    pieces.cancel()
    return undefined
  }
  return {
    next: () => (pieces ? pieces.next() : begin()),
    cancel: () => {
      cancelled = true
      pieces?.cancel()
    },
    get weight() {
      return pieces?.weight ?? 1
    },
  }
}

export function freeReply({ status, headers, content }: Produced, log: Log): Reply {
  if (content === undefined) return { status, headers, body: EMPTY }
  const source = sourceOf(content)
  return {
    status,
    headers,
    stream: (sink) => pump(source, sink, (error) => log.error('free content failed', { error: String(error) })),
    cancel: () => source.cancel(),
  }
}

/** Fields that are not true of a body that is sold by the unit, or that the seller says itself. */
const DROPPED = new Set([
  'content-length',
  'etag',
  'cache-control',
  'content-encoding',
  'transfer-encoding',
  'connection',
])

export function soldHeaders(headers: ReplyHeaders): ReplyHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !DROPPED.has(name.toLowerCase())))
}

export function isEncoded(headers: ReplyHeaders): boolean {
  const encoding = fieldOf(headers, 'content-encoding')
  return encoding !== undefined && String(encoding).toLowerCase() !== 'identity'
}

/** The media type without its parameters, in lower case. */
export function essenceOf(headers: ReplyHeaders): string {
  return essence(String(fieldOf(headers, 'content-type') ?? ''))
}

function essence(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
}

function fieldOf(headers: ReplyHeaders, lowerCase: string): string | readonly string[] | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === lowerCase)?.[1]
}
