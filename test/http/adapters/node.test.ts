/** The adapter for node:http, held to the suite for adapters. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { paid } from 'sluice/http/node'
import { type AdapterAnswer, testAdapter } from 'sluice/testing'
import { compressing } from './gzip.js'
import { writeAll } from './write-all.js'

async function send(response: ServerResponse, answer: AdapterAnswer): Promise<void> {
  switch (answer.kind) {
    case 'text':
      response.setHeader('Content-Length', Buffer.byteLength(answer.text))
      response.writeHead(answer.status ?? 200, { 'Content-Type': 'text/plain', ETag: '"text"' })
      response.end(answer.text)
      return
    case 'json':
      response.setHeader('Content-Type', 'application/json')
      response.end(JSON.stringify(answer.value))
      return
    case 'stream':
      response.setHeader('Content-Type', 'text/plain')
      return writeAll(response, answer.chunks)
  }
}

testAdapter({
  name: 'node:http',
  compresses: true,
  serve: (seller, routes) => {
    const listeners = new Map(
      routes.map(({ path, fields = {}, terms, answer }) => {
        const listener = async (_request: IncomingMessage, response: ServerResponse) => send(response, answer())
        return [path, { fields, listener: terms === undefined ? listener : paid(seller, terms, listener) }]
      }),
    )
    return createServer((request, response) => {
      compressing(request, response)
      const [path = ''] = (request.url ?? '').split('?')
      const route = listeners.get(path)
      for (const [name, value] of Object.entries(route?.fields ?? {})) response.setHeader(name, value)
      route?.listener(request, response)
    })
  },
})
