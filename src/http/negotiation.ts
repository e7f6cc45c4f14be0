/**
 * Errors and 402s in the form that whoever asks can use: a page for browsers, text for curl, and for programs the problem
 * document (RFC 9457) that they are. A page has no scripts and loads nothing.
 */
import { fromUtf8, utf8 } from '../bytes/index.js'
import { formatMoney, type Asset } from '../money/index.js'
import { problem, type Answer, type Reply, type ShopRequest } from './exchange.js'
import type { Quote } from './price.js'

/** A browser that opens the address itself, and cannot pay: what it asks for would never come. */
function isNavigation(request: ShopRequest): boolean {
  if (request.method !== 'GET') return false
  return request.header('sec-fetch-mode') === 'navigate' || wantsPage(request)
}

/** What an answer depends on, of a request. */
export const VARY = 'Accept, User-Agent'

/**
 * A client that shows a stream to nobody who could pay for it: a browser, a tool for people such as curl, or a program that
 * asks for the explanation by its type. All others get the stream, because a client that pays looks like any other.
 */
export function wantsExplanation(request: ShopRequest): boolean {
  if (request.method === 'HEAD') return false
  return isNavigation(request) || isTool(request) || /application\/problem\+json/i.test(request.header('accept') ?? '')
}

/** What those see who cannot pay. */
export function payPage({ price, unit }: Quote, asset: Asset, headers: Readonly<Record<string, string>>): Answer {
  const { step = 1, name } = unit
  const what = step === 1 ? `one ${name}` : `${step} × ${name}`
  const detail =
    `This is sold while it streams: ${formatMoney(price, asset)} for ${what}. Browsers and curl cannot pay for it; ` +
    'a client that pays can, such as: sluice get URL --max-spend AMOUNT'
  return problem(402, 'payment-required', detail, { headers })
}

/** The reply as it is, or a problem document in another form. */
export function negotiated(request: ShopRequest, reply: Reply): Reply {
  if ('stream' in reply || reply.status < 400 || reply.headers['Content-Type'] !== 'application/problem+json')
    return reply
  const page = request.header('sec-fetch-mode') === 'navigate' || wantsPage(request)
  if (!page && !wantsText(request)) return reply
  const { title, detail } = readProblem(reply.body)
  const headers = { ...reply.headers, Vary: VARY }
  if (!page) {
    return {
      ...reply,
      headers: { ...headers, 'Content-Type': 'text/plain; charset=utf-8' },
      body: utf8(`${reply.status} ${title}\n${detail}\n`),
    }
  }
  return {
    ...reply,
    headers: {
      ...headers,
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'X-Content-Type-Options': 'nosniff',
    },
    body: utf8(htmlOf(`${reply.status} ${title}`, detail)),
  }
}

function wantsPage(request: ShopRequest): boolean {
  return /(^|,)\s*(text\/html|application\/xhtml\+xml)\s*(;|,|$)/i.test(request.header('accept') ?? '')
}

function wantsText(request: ShopRequest): boolean {
  const accept = request.header('accept') ?? ''
  if (/(^|,)\s*text\/plain\s*(;|,|$)/i.test(accept)) return !/json/i.test(accept)
  return isTool(request)
}

/** Programs and curl both accept anything, and only curl has a person before it. */
function isTool(request: ShopRequest): boolean {
  const accept = request.header('accept') ?? '*/*'
  // HTTPie asks for JSON first where it sends some.
  return accept.includes('*/*') && /^(curl|wget|httpie)\//i.test(request.header('user-agent') ?? '')
}

function readProblem(body: Uint8Array): { readonly title: string; readonly detail: string } {
  const document: unknown = JSON.parse(fromUtf8(body))
  if (typeof document !== 'object' || document === null) return { title: '', detail: '' }
  const title = 'title' in document ? String(document.title) : ''
  return { title, detail: 'detail' in document ? String(document.detail) : '' }
}

function htmlOf(title: string, detail: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;overflow-wrap:anywhere}</style>
<h1>${escaped(title)}</h1>
<p>${escaped(detail)}</p>
</html>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
