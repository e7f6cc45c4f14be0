/**
 * Answers whose head leaves before they are made, because the upstream is called with the first payment: which type the
 * request asks for, and how a failure looks in a body of that type.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { essenceOf, type Produced } from '../produced.js'
import { sourceOf, type Content } from '../source.js'

const EVENTS = 'text/event-stream'
const JSON_TYPE = 'application/json'
const JSON_REQUEST = /^application\/(?:[\w.+-]+\+)?json\b/i
/** One type, and no range of them. */
const ONE_TYPE = /^[\w.+-]+\/[\w.+-]+$/

/** What the answer to a request will be, as APIs in the form of OpenAI's have it: events when it says `stream: true`. */
export function promisedType({ accept = '', ...headers }: IncomingHttpHeaders, body: Uint8Array | undefined): string {
  const json = body !== undefined && JSON_REQUEST.test(headers['content-type'] ?? '')
  if (json && saysStream(body)) return EVENTS
  if (ONE_TYPE.test(accept)) return accept.toLowerCase()
  return json ? JSON_TYPE : 'application/octet-stream'
}

function saysStream(body: Uint8Array): boolean {
  const said = parse(new TextDecoder().decode(body))
  return isRecord(said) && said['stream'] === true
}

/**
 * An answer that is of the type that was said; a failure then costs nothing. In another type than events and JSON nobody
 * could tell a failure from what was asked for: there the body breaks off.
 */
export async function asPromised(type: string, produced: Produced): Promise<Produced> {
  const { status, content } = produced
  const failed = status < 200 || status > 299
  if (!failed && (type !== EVENTS || essenceOf(produced.headers) === EVENTS)) return produced
  if (type !== EVENTS && type !== JSON_TYPE) return produced
  const headers = { 'content-type': type }
  if (!failed) {
    if (content !== undefined) sourceOf(content).cancel()
    const error = { message: 'the upstream does not stream this: ask without "stream"', code: 'not-streamed' }
    return { status: 502, headers, content: bodyOf(type, error) }
  }
  return { status, headers, content: bodyOf(type, errorOf(status, content && (await textOf(content)))) }
}

function bodyOf(type: string, error: object): string {
  const text = JSON.stringify({ error })
  return type === EVENTS ? `data: ${text}\n\n` : text
}

/** As OpenAI's API says it; problem documents have `detail`. */
function errorOf(status: number, text = ''): object {
  const said = parse(text)
  if (isRecord(said) && isRecord(said['error'])) return { status, ...said['error'] }
  if (isRecord(said) && 'detail' in said) return { status, message: said['detail'], code: said['code'] }
  return { status, message: text === '' ? `the upstream answered with the status ${status}` : text }
}

async function textOf(content: Content): Promise<string> {
  const source = sourceOf(content)
  const decoder = new TextDecoder()
  let text = ''
  for (let part = await source.next(); part !== undefined; part = await source.next()) {
    text += decoder.decode(part, { stream: true })
  }
  return text
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
