/** The adapter for fetch-style handlers, held to the suite for adapters, on the server of `@hono/node-server`. */
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { paid } from 'sluice/http/fetch'
import { type AdapterAnswer, testAdapter } from 'sluice/testing'
import { streamOf } from './web-stream.js'

type Handler = (request: Request, server: unknown) => Response | Promise<Response>

function responseTo(answer: AdapterAnswer, fields: Readonly<Record<string, string>>): Response {
  const response = bareResponseTo(answer)
  for (const [name, value] of Object.entries(fields)) response.headers.set(name, value)
  return response
}

function bareResponseTo(answer: AdapterAnswer): Response {
  switch (answer.kind) {
    case 'text':
      return new Response(answer.text, {
        status: answer.status ?? 200,
        headers: { 'Content-Type': 'text/plain', ETag: '"text"' },
      })
    case 'json':
      return Response.json(answer.value)
    case 'stream':
      return new Response(streamOf(answer.chunks), { headers: { 'Content-Type': 'text/plain' } })
  }
}

testAdapter({
  name: 'fetch-style handlers',
  serve: (seller, routes) => {
    const handlers = new Map(
      routes.map(({ path, fields = {}, terms, answer }): [string, Handler] => {
        const handler: Handler = () => responseTo(answer(), fields)
        return [path, terms === undefined ? handler : paid(seller, terms, handler)]
      }),
    )
    const fetch: Handler = (request, server) => {
      const handler = handlers.get(new URL(request.url).pathname)
      return handler?.(request, server) ?? new Response(null, { status: 404 })
    }
    return createAdaptorServer({ fetch }) as Server
  },
})
