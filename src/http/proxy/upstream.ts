/**
 * The API behind a gateway, called by `fetch`: one call for each request, aborted when the buyer goes. What it answers
 * flows as it is read. What it refuses passes without this gateway's secrets; what it says of this gateway's own account
 * does not pass.
 */
import type { Clock } from '../../clock/index.js'
import type { Log } from '../../log/index.js'
import { ShopError } from '../errors.js'
import { problem, type Answer } from '../exchange.js'
import type { Produced } from '../produced.js'
import { sourceOf, type Content, type Source } from '../source.js'
import { answerFields, requestFields, type ForwardedRequest } from './fields.js'

export interface UpstreamOptions {
  /** Where it is, such as `https://api.example/v1`: the path of each request is put behind. */
  readonly upstream: string | URL
  /** Fields of every request to it, such as `Authorization`. They are never logged and never handed on. */
  readonly headers?: Readonly<Record<string, string>>
  /** Buyers have accounts at the upstream: their `Authorization` is handed on. Default false. */
  readonly forwardAuthorization?: boolean
  readonly fetch?: typeof globalThis.fetch
  /** The wait for the head of its answer; then the buyer gets a 504. Default 300 000. */
  readonly answerTimeoutMs?: number
  /** Calls at once whose answers nobody has begun to pay for; for one more the buyer gets a 503. Default 32. */
  readonly unpaidCallsMax?: number
}

export interface UpstreamCall {
  readonly method: string
  readonly target: URL
  readonly fields: ForwardedRequest['fields']
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined
  /** Aborted when the answer is over for the buyer. */
  readonly gone: AbortController
}

export interface Upstream {
  /** Where a request goes; `undefined` when it would leave what is behind the gateway. */
  target(url: string): URL | undefined
  /** The path below the upstream's own. */
  pathOf(target: URL): string
  /** Never rejects. */
  call(call: UpstreamCall): Promise<Produced>
}

const ANSWER_TIMEOUT_MS = 300_000
const UNPAID_CALLS = 32
/** More of an error's text is cut off. */
export const UPSTREAM_ERROR_BYTES_MAX = 65_536
/** What refuses this gateway, not the buyer. */
const OF_OUR_ACCOUNT = new Set([401, 402, 407])
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** Shorter values, such as `1`, are no secrets, and stand in any text. */
const SECRET_CHARS_MIN = 8

/** @throws {ShopError} `SHOP_OPTIONS` */
export function upstreamAt(options: UpstreamOptions, { clock, log }: { clock: Clock; log: Log }): Upstream {
  const { headers: own = {}, forwardAuthorization: authorization = false } = options
  const { answerTimeoutMs = ANSWER_TIMEOUT_MS, unpaidCallsMax = UNPAID_CALLS } = options
  const base = baseOf(options.upstream)
  const basePath = base.pathname.replace(/\/+$/, '')
  checkFields(own)
  const secrets = Object.values(own).flatMap(secretsIn)
  let unpaid = 0

  const call = async ({ method, target, fields, body, gone }: UpstreamCall): Promise<Produced> => {
    if (unpaid >= unpaidCallsMax) {
      return whole(busy('too many answers wait to be paid for: try again'))
    }
    unpaid++
    let waiting = true
    const taken = (): void => {
      if (waiting) unpaid--
      waiting = false
    }
    let late = false
    const cancelTimer = clock.after(answerTimeoutMs, () => {
      late = true
      gone.abort()
    })
    try {
      const response = await (options.fetch ?? fetch)(target, {
        method,
        headers: requestFields({ fields, own, authorization }),
        redirect: 'manual',
        signal: gone.signal,
        ...(body !== undefined && { body: body as NonNullable<RequestInit['body']>, duplex: 'half' }),
      })
      const { status } = response
      const ok = status >= 200 && status < 300
      if (OF_OUR_ACCOUNT.has(status) && !authorization) {
        taken()
        await response.body?.cancel()
        log.error('the upstream refuses our account', { status })
        return whole(problem(502, 'upstream-account', 'the shop cannot use what it sells: tell its operator'))
      }
      if (!ok) taken()
      return {
        status,
        headers: { ...answerFields(response.headers, secrets), ...location(response, target) },
        content: ok ? paidFor(method === 'HEAD' ? [] : response.body, taken) : await errorText(response),
      }
    } catch (error) {
      taken()
      if (!gone.signal.aborted || late) log.error('the upstream did not answer', { error: reasonOf(error), late })
      return late
        ? whole(problem(504, 'upstream-timeout', 'what is sold here takes too long to answer: try again later'))
        : whole(problem(502, 'upstream', 'what is sold here cannot be reached: try again later'))
    } finally {
      cancelTimer()
    }
  }

  const location = ({ status, headers }: Response, target: URL): Record<string, string> => {
    const said = headers.get('location')
    if (said === null || secrets.some((secret) => said.includes(secret))) return {}
    if (!REDIRECTS.has(status) && status !== 201) return {}
    const to = URL.canParse(said, target.href) ? new URL(said, target) : undefined
    const inside = to?.origin === base.origin && isBelow(to.pathname)
    return { location: to && inside ? `${pathOf(to)}${to.search}${to.hash}` : said }
  }

  const errorText = async (response: Response): Promise<Content | undefined> => {
    if (response.body === null) return undefined
    const text = await textOf(response.body)
    return [secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text)]
  }

  const isBelow = (path: string): boolean => path === basePath || path.startsWith(`${basePath}/`)
  const pathOf = ({ pathname }: URL): string => pathname.slice(basePath.length) || '/'

  return {
    target(url) {
      const path = url.startsWith('/') ? url : absolutePath(url)
      // The host is ours whatever the path says; dots in it are resolved here, so that nobody climbs out.
      if (path === undefined || !URL.canParse(`${base.origin}${basePath}${path}`)) return undefined
      const target = new URL(`${base.origin}${basePath}${path}`)
      return isBelow(target.pathname) ? target : undefined
    },
    pathOf,
    call,
  }
}

/** There is no room for more who have not paid yet. */
export function busy(detail: string): Answer {
  return problem(503, 'busy', detail, { headers: { 'Retry-After': '5' } })
}

function baseOf(upstream: string | URL): URL {
  const base = URL.canParse(String(upstream)) ? new URL(upstream) : undefined
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw new ShopError('SHOP_OPTIONS', 'the upstream must be an http or https URL')
  }
  if (base.username !== '' || base.password !== '' || base.search !== '' || base.hash !== '') {
    throw new ShopError('SHOP_OPTIONS', "the upstream's URL must have no user, query or fragment: use headers")
  }
  return base
}

/** Platforms print the value of a field that they refuse; this does not. */
function checkFields(own: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(own)) {
    try {
      new Headers([[name, value]])
    } catch {
      throw new ShopError('SHOP_OPTIONS', `the header ${JSON.stringify(name)} for the upstream cannot be sent`)
    }
  }
}

/** A field's value, and the credentials in it without their scheme. */
function secretsIn(value: string): string[] {
  const text = value.trim()
  const credentials = /^\S+\s+(\S.*)$/.exec(text)?.[1]
  return [text, ...(credentials === undefined ? [] : [credentials])].filter(({ length }) => length >= SECRET_CHARS_MIN)
}

/** Of a request in absolute form (RFC 9112 section 3.2.2). */
function absolutePath(url: string): string | undefined {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return undefined
  const { pathname, search } = new URL(url)
  return `${pathname}${search}`
}

/** Tells when it is first read, or will not be. */
function paidFor(content: Content | null, taken: () => void): Source | undefined {
  if (content === null) {
    taken()
    return undefined
  }
  const source = sourceOf(content)
  return {
    next() {
      taken()
      return source.next()
    },
    cancel() {
      taken()
      source.cancel()
    },
  }
}

async function textOf(body: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  for await (const part of body) {
    length += part.length
    text += decoder.decode(part, { stream: true })
    if (length > UPSTREAM_ERROR_BYTES_MAX) break
  }
  return text
}

function whole({ status, headers, body }: Answer): Produced {
  return { status, headers, content: body }
}

/** `fetch` says what went wrong in the cause of its error. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error ? cause.message : String(error)
}
