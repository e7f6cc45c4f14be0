/**
 * Which header fields a gateway hands on: the end-to-end ones (RFC 9110 section 7.6.1), less those that are between the
 * buyer and this shop, or between this shop and its upstream. Trailers are not handed on.
 */
import type { ReplyHeaders } from '../exchange.js'

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** Said anew for the upstream; or claims of a stranger about who asks, which an upstream may believe of this gateway. */
const OF_THE_REQUEST = new Set([
  ...HOP_BY_HOP,
  'accept-encoding',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
])

/** Not true of a body that `fetch` has decoded and that is cut anew, or said of the upstream's own origin. */
const OF_THE_ANSWER = new Set([...HOP_BY_HOP, 'alt-svc', 'content-encoding', 'content-length', 'location'])

/** Money is between this shop and its buyer: an upstream may have a shop of its own. */
const MONEY = /^pay(?:-|$)/

export interface ForwardedRequest {
  /** By lower-case name. */
  readonly fields: Readonly<Record<string, readonly string[] | undefined>>
  /** The gateway's own, which go before the buyer's. */
  readonly own: Readonly<Record<string, string>>
  /** The buyer's `Authorization` is for the upstream. */
  readonly authorization: boolean
}

/** For the upstream. Offsets count decoded bytes: nothing is to be compressed. */
export function requestFields({ fields, own, authorization }: ForwardedRequest): Headers {
  const headers = new Headers()
  const named = listed(fields['connection']?.join(','))
  for (const [name, values] of Object.entries(fields)) {
    if (OF_THE_REQUEST.has(name) || named.has(name) || MONEY.test(name)) continue
    if (name === 'authorization' && !authorization) continue
    // Node joins cookies by what separates them (RFC 9110 section 5.6.1 does not hold for them).
    headers.set(name, values?.join(name === 'cookie' ? '; ' : ', ') ?? '')
  }
  headers.set('accept-encoding', 'identity')
  headers.set('via', '1.1 sluice')
  for (const [name, value] of Object.entries(own)) headers.set(name, value)
  return headers
}

/** For the buyer: all but fields in which one of `secrets` stands. `Location` is the caller's. */
export function answerFields(headers: Headers, secrets: readonly string[]): ReplyHeaders {
  const named = listed(headers.get('connection') ?? undefined)
  const kept = [...headers].filter(
    ([name, value]) =>
      name !== 'set-cookie' &&
      !OF_THE_ANSWER.has(name) &&
      !named.has(name) &&
      !MONEY.test(name) &&
      !secrets.some((secret) => value.includes(secret)),
  )
  const cookies = headers.getSetCookie()
  return { ...Object.fromEntries(kept), ...(cookies.length > 0 && { 'set-cookie': cookies }) }
}

function listed(connection = ''): ReadonlySet<string> {
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
}
