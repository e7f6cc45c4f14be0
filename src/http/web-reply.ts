/**
 * Between the Fetch standard and a shop: a `Request` as a flow reads it, a reply as a `Response`, and a body that streams
 * as a `ReadableStream`.
 */
import { systemClock } from '../clock/index.js'
import { corsHeaders, EXPOSE, EXPOSED } from './cors.js'
import {
  OF_THE_BODY,
  type Reply,
  type ReplyHeaders,
  type ResponseEvents,
  type ShopRequest,
  type StreamingAnswer,
} from './exchange.js'
import { isShared, withNames } from './field-list.js'

export function requestFromWeb(request: Request): ShopRequest {
  const { pathname, search, protocol } = new URL(request.url)
  return {
    method: request.method,
    url: `${pathname}${search}`,
    header: (name) => request.headers.get(name) ?? undefined,
    secure: protocol === 'https:',
  }
}

/** The whole reply; its body streams as it is paid, from now on. `headers`: what a framework has set before. */
export function replyToWeb(request: Request, reply: Reply, headers: Headers = new Headers()): Response {
  const { status } = reply
  for (const name of OF_THE_BODY) headers.delete(name)
  webHeaders(reply.headers, headers)
  if (request.headers.has('origin')) {
    const cors = corsHeaders(request.method === 'OPTIONS' && status === 204)
    for (const [name, value] of Object.entries(cors)) if (!headers.has(name)) headers.set(name, value)
    headers.set(EXPOSE, withNames(headers.get(EXPOSE) ?? '', EXPOSED))
  }
  if (!('stream' in reply)) {
    const empty = request.method === 'HEAD' || reply.body.length === 0
    return new Response(empty ? null : reply.body.slice(), { status, headers })
  }
  if (request.method !== 'HEAD') return new Response(webBody(reply), { status, headers })
  reply.cancel()
  return new Response(null, { status, headers })
}

/** `headers` with these fields in place of those of the same names, or added to them where several hands make a list. */
export function webHeaders(fields: ReplyHeaders, headers: Headers = new Headers()): Headers {
  for (const [name, value] of Object.entries(fields)) {
    if (isShared(name)) {
      headers.set(name, withNames(headers.get(name) ?? '', String(value)))
      continue
    }
    headers.delete(name)
    for (const one of typeof value === 'string' ? [value] : value) headers.append(name, one)
  }
  return headers
}

/** Bytes that wait for their reader before the writer hears that there are enough, as in a Node socket. */
const BUFFERED_BYTES = 16_384

/** Begins at once, because it can be paid for as soon as its headers are seen. */
export function webBody(reply: Pick<StreamingAnswer, 'stream'>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let events: ResponseEvents | undefined
  let failed = false
  /** Its reader left, and what the stream still has to say would throw. */
  let left = false
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start(controller) {
        events = reply.stream({
          write(bytes) {
            if (left) return false
            controller.enqueue(owned(bytes))
            return (controller.desiredSize ?? 0) > 0
          },
          end: () => {
            if (!left) controller.close()
          },
          fail: () => {
            // What was paid for leaves first.
            failed = true
            breakOff(controller)
          },
        })
      },
      pull(controller) {
        if (failed) breakOff(controller)
        else events?.drained()
      },
      cancel: () => {
        left = true
        events?.closed()
      },
    },
    { highWaterMark: BUFFERED_BYTES, size: ({ byteLength }) => byteLength },
  )
}

/** Once all was read; a turn later, because whoever reads may drop what it has not sent when it hears of the failure. */
function breakOff(controller: ReadableStreamDefaultController): void {
  if (controller.desiredSize !== BUFFERED_BYTES) return
  systemClock.after(0, () => controller.error(new Error('the stream broke off: what came is not the whole')))
}

function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    : bytes.slice()
}
