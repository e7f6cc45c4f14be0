/** The adapter for Hono, held to the suite for adapters. */
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { compress } from 'hono/compress'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { paid } from 'sluice/http/hono'
import { type AdapterAnswer, testAdapter } from 'sluice/testing'
import { streamOf } from './web-stream.js'

function send(c: Context, answer: AdapterAnswer): Response {
  switch (answer.kind) {
    case 'text':
      return c.text(answer.text, (answer.status ?? 200) as ContentfulStatusCode, { ETag: '"text"' })
    case 'json':
      return c.json(answer.value)
    case 'stream':
      c.header('Content-Type', 'text/plain')
      return c.body(streamOf(answer.chunks))
  }
}

testAdapter({
  name: 'Hono',
  compresses: true,
  serve: (seller, routes) => {
    const app = new Hono()
    app.use(compress())
    app.onError((_error, c) => c.text('failed', 500))
    for (const { path, fields = {}, terms, answer } of routes) {
      app.use(path, async (c, next) => {
        for (const [name, value] of Object.entries(fields)) c.res.headers.set(name, value)
        await next()
      })
      if (terms === undefined) app.get(path, (c) => send(c, answer()))
      else app.on(['GET', 'OPTIONS'], path, paid(seller, terms), (c) => send(c, answer()))
    }
    return createAdaptorServer({ fetch: app.fetch }) as Server
  },
})
