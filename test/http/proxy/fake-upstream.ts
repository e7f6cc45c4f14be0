/** An API behind a gateway: it streams chat completions, keeps what it was asked, and sees its callers go. */
import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

export interface UpstreamCall {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** What it wrote of an answer, whether or not anybody read it. */
  written: string
  /** Resolves when its connection to the caller is over, or the answer is complete. */
  readonly over: Promise<unknown>
}

export type Answering = (call: UpstreamCall, response: ServerResponse) => void | Promise<void>

export class FakeUpstream {
  readonly calls: UpstreamCall[] = []
  readonly #server: Server
  #came: () => void = () => {}

  constructor(answering: Answering = chat) {
    this.#server = createServer((request, response) => {
      void this.#serve(answering, request, response)
    })
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  /** The next call, or one that has come. */
  async call(number: number): Promise<UpstreamCall> {
    for (;;) {
      const call = this.calls[number]
      if (call) return call
      await new Promise<void>((resolve) => (this.#came = resolve))
    }
  }

  async #serve(answering: Answering, request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {})
    const over = new Promise((resolve) => response.once('close', resolve))
    let body = ''
    try {
      for await (const part of request) body += String(part)
    } catch {
      return
    }
    const { method = '', url = '', headers } = request
    const call: UpstreamCall = { method, url, headers, body, written: '', over }
    this.calls.push(call)
    this.#came()
    await answering(call, response)
  }
}

/** Writes as fast as it is read; gives up when the caller has gone. */
export async function writeTo(call: UpstreamCall, response: ServerResponse, text: string): Promise<void> {
  if (response.destroyed) return
  call.written += text
  if (response.write(text)) return
  await Promise.race([once(response, 'drain'), call.over])
}

export function event(data: object | '[DONE]'): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
}

export const delta = (content: string): string => event({ choices: [{ index: 0, delta: { content } }] })

export interface ChatRequest {
  readonly max_tokens: number
  readonly stream?: boolean
  /** Characters that each token has more. */
  readonly padding?: number
}

/** `POST /v1/chat/completions`: as many tokens as `max_tokens` says. */
async function chat(call: UpstreamCall, response: ServerResponse): Promise<void> {
  const { max_tokens: tokens, stream, padding = 0 } = JSON.parse(call.body) as ChatRequest
  if (stream !== true) {
    const text = JSON.stringify({
      choices: [{ message: { role: 'assistant', content: 'word '.repeat(tokens) } }],
      usage: { prompt_tokens: 3, completion_tokens: tokens, total_tokens: tokens + 3 },
    })
    response.setHeader('Content-Type', 'application/json').end(text)
    call.written = text
    return
  }
  response.setHeader('Content-Type', 'text/event-stream').setHeader('X-Call', String(call.headers['x-number']))
  await writeTo(call, response, event({ choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] }))
  for (let token = 0; token < tokens && !response.destroyed; token++) {
    await writeTo(call, response, delta(`word${token}${' '.repeat(padding)} `))
    // The pace of a model, as far as a test needs one: others get their turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const last = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
  await writeTo(call, response, `${event(last)}${event({ choices: [], usage: { completion_tokens: tokens } })}`)
  await writeTo(call, response, event('[DONE]'))
  response.end()
}

/** Tokens in the text of a stream. */
export function tokensIn(text: string): number {
  return text.split('"content":"word').length - 1
}
