/** What handlers answer with in frameworks, as content to sell. */
import type { ReplyHeaders } from '../exchange.js'
import type { Produced } from '../paid.js'
import type { Content } from '../source.js'

/** Text, bytes, a Node or web stream, a `Blob`, the body of a `Response`; nothing; all else is sold as its JSON. */
export function contentOf(body: unknown): Content | undefined {
  if (body === undefined || body === null || body === '') return undefined
  if (typeof body === 'string' || body instanceof Uint8Array) return [body]
  if (body instanceof Response) return body.body ?? undefined
  if (body instanceof Blob) return body.stream()
  if (typeof body === 'object' && ('getReader' in body || Symbol.asyncIterator in body)) return body as Content
  return [JSON.stringify(body)]
}

export function producedFrom({ status, headers, body }: Response): Produced {
  return { status, headers: fieldsOf(headers), content: body ?? undefined }
}

export function fieldsOf(headers: Headers): ReplyHeaders {
  const cookies = headers.getSetCookie()
  return { ...Object.fromEntries(headers), ...(cookies.length > 0 && { 'set-cookie': cookies }) }
}
