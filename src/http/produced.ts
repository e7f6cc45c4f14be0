/** What the handler of a paid route answers, before it is sold or passes free. */
import { EMPTY } from '../bytes/index.js'
import type { Log } from '../log/index.js'
import { ShopError } from './errors.js'
import type { Reply, ReplyHeaders } from './exchange.js'
import { pump } from './free-stream.js'
import { sourceOf, type Content, type Source } from './source.js'

/** What the handler of a route answers. */
export interface Produced {
  readonly status: number
  readonly headers: ReplyHeaders
  /** Bytes as they are, not compressed; read only as it is paid. */
  readonly content: Content | undefined
}

export function isSold(produced: Produced): produced is Produced & { readonly content: Content } {
  return produced.status >= 200 && produced.status < 300 && produced.content !== undefined
}

/** Produces when somebody pays for it. */
export function laterProduced(contentType: string | undefined, produce: () => Promise<Produced>): Produced {
  let source: Source | undefined
  let cancelled = false
  const begin = async (): Promise<Uint8Array | undefined> => {
    const produced = await produce()
    if (produced.content === undefined) throw new ShopError('SHOP_CONTENT', `an answer without content was paid for`)
    source = sourceOf(produced.content)
    if (cancelled) source.cancel()
    if (!isSold(produced)) throw new ShopError('SHOP_CONTENT', `an answer of status ${produced.status} was paid for`)
    return cancelled ? undefined : source.next()
  }
  const content: Source = {
    next: () => (source ? source.next() : begin()),
    cancel: () => {
      cancelled = true
      source?.cancel()
    },
  }
  return { status: 200, headers: { ...(contentType !== undefined && { 'Content-Type': contentType }) }, content }
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

export function isEventStream(headers: ReplyHeaders): boolean {
  return /^text\/event-stream\b/i.test(String(fieldOf(headers, 'content-type')))
}

function fieldOf(headers: ReplyHeaders, lowerCase: string): string | readonly string[] | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === lowerCase)?.[1]
}
