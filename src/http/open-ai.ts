/**
 * The unit of an LLM gateway: answers in the forms of OpenAI's chat completions, streamed as server-sent events or whole
 * as JSON, sold by the token. Streams in the form of OpenAI's responses and of Anthropic's messages are counted, too.
 */
import { concat } from '../bytes/index.js'
import { PIECE_BYTES_MAX } from './cutting.js'
import { ShopError } from './errors.js'
import type { Pieces, Source } from './source.js'
import { sseEvent, tokens, type Unit } from './units.js'

/** The rule of thumb for text whose tokens nobody has counted. */
const BYTES_PER_TOKEN = 4

/**
 * A stream: each event that brings text, a tool call or reasoning costs what `count` says of it, one token unless said
 * otherwise, which is what most such servers send; an event that states the tokens so far (`usage`) costs as many as are
 * new. The events that name a role, tell the usage or say `[DONE]` are free, and so are errors.
 *
 * A JSON answer is read whole with the first payment and costs the tokens that its `usage` states; they are spread
 * evenly over its bytes, so that every window can buy it. Without `usage`: one token for 4 bytes.
 */
export function chatTokens(count: (text: string) => number = () => 1): Unit {
  return {
    name: 'token',
    cut(source) {
      let pieces: Pieces | undefined
      const begin = async (): Promise<Uint8Array | undefined> => {
        const head: Uint8Array[] = []
        let first: number | undefined
        while (first === undefined) {
          const bytes = await source.next()
          if (bytes === undefined) break
          head.push(bytes)
          // Servers send blank lines for as long as they think.
          first = bytes.find((byte) => byte > SPACE)
        }
        const whole = startingWith(head, source)
        const json = first === OBJECT || first === ARRAY
        pieces = json ? jsonPieces(whole) : tokens(deltaCounter(count), sseEvent).cut(whole)
        return pieces.next()
      }
      return {
        next: () => (pieces ? pieces.next() : begin()),
        cancel: () => source.cancel(),
        get weight() {
          return pieces?.weight ?? 1
        },
      }
    },
  }
}

/** One token for each event that brings something; see {@link chatTokens}. */
export const openAiTokens: Unit = chatTokens()

const SPACE = 0x20
const OBJECT = 0x7b
const ARRAY = 0x5b

function startingWith(head: Uint8Array[], source: Source): Source {
  return { next: () => head.shift() ?? source.next(), cancel: () => source.cancel() }
}

/** Tokens of one event after the other. */
function deltaCounter(count: (text: string) => number): (event: string) => number {
  let soFar = 0
  return (event) => {
    const data = [...event.matchAll(/^data: ?(.*)$/gm)].map(([, line = '']) => line).join('\n')
    if (data === '') return isFields(event) ? 0 : event.length / BYTES_PER_TOKEN
    if (data.trim() === '[DONE]') return 0
    const parsed = parse(data)
    // What cannot be read is sold rather than given away.
    if (parsed === undefined) return 1
    const text = broughtBy(parsed)
    if (text === undefined) return 1
    if (text === '') return 0
    const stated = statedTokens(parsed)
    const more = stated === undefined ? count(text) : Math.max(0, stated - soFar)
    soFar += more
    return more
  }
}

/** Lines of server-sent events, and nothing else. */
function isFields(event: string): boolean {
  return event.split(/[\r\n]+/).every((line) => /^(?:$|:|(?:event|id|retry):)/.test(line))
}

/** What an event brings to whoever reads; `undefined` when it is of no known form. */
function broughtBy(event: Readonly<Record<string, unknown>>): string | undefined {
  const { choices, delta, type } = event
  if (Array.isArray(choices)) {
    return choices
      .map((choice: unknown) => (isRecord(choice) ? textIn(choice['delta']) + textIn(choice['text']) : ''))
      .join('')
  }
  if (delta !== undefined) return textIn(delta)
  return typeof type === 'string' || 'error' in event || 'usage' in event ? '' : undefined
}

/** Fields that say what a text is, and are none. */
const ABOUT = new Set(['id', 'index', 'role', 'stop_reason', 'stop_sequence', 'type'])

function textIn(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map(textIn).join('')
  if (!isRecord(value)) return ''
  return Object.entries(value)
    .map(([name, part]) => (ABOUT.has(name) ? '' : textIn(part)))
    .join('')
}

/** A whole answer, in as many pieces as it has tokens. */
function jsonPieces(source: Source): Pieces {
  let bytes: Uint8Array | undefined
  let weight = 0
  let sold = 0
  let at = 0
  const next = (): Uint8Array | undefined => {
    if (bytes === undefined || at === bytes.length) return undefined
    const start = at
    at = weight === 0 ? bytes.length : Math.floor((bytes.length * ++sold) / weight)
    return bytes.subarray(start, at)
  }
  const read = async (): Promise<Uint8Array | undefined> => {
    const parts: Uint8Array[] = []
    let length = 0
    for (let part = await source.next(); part !== undefined; part = await source.next()) {
      length += part.length
      if (length > PIECE_BYTES_MAX)
        throw new ShopError('SHOP_UNIT', 'the JSON answer is too big to be sold by the token')
      parts.push(part)
    }
    bytes = concat(...parts)
    weight = Math.min(tokensOf(bytes), bytes.length)
    return next()
  }
  return {
    next: () => (bytes === undefined ? read() : next()),
    cancel: () => source.cancel(),
    get weight() {
      return weight === 0 ? 0 : 1
    },
  }
}

function tokensOf(answer: Uint8Array): number {
  const parsed = parse(new TextDecoder().decode(answer))
  const stated = parsed && statedTokens(parsed)
  if (stated !== undefined) return stated
  if (isRecord(parsed?.['error'])) return 0
  return Math.ceil(answer.length / BYTES_PER_TOKEN)
}

/** Of chat completions, of responses and messages, and of embeddings. */
function statedTokens({ usage }: Readonly<Record<string, unknown>>): number | undefined {
  if (!isRecord(usage)) return undefined
  const stated = usage['completion_tokens'] ?? usage['output_tokens'] ?? usage['total_tokens']
  return typeof stated === 'number' && Number.isSafeInteger(stated) && stated >= 0 ? stated : undefined
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
