/** The adapter for Koa, held to the suite for adapters. */
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import Koa, { type Context, type Middleware } from 'koa'
import { paid } from 'sluice/http/koa'
import { type AdapterAnswer, testAdapter } from 'sluice/testing'

function send(ctx: Context, answer: AdapterAnswer): void {
  switch (answer.kind) {
    case 'text':
      ctx.status = answer.status ?? 200
      ctx.body = answer.text
      ctx.set('ETag', '"text"')
      return
    case 'json':
      ctx.body = answer.value
      return
    case 'stream':
      ctx.type = 'text'
      ctx.body = Readable.from(answer.chunks, { highWaterMark: 0 })
  }
}

/** By the rule of koa-compress; for texts only. */
const compressing: Middleware = async (ctx, next) => {
  await next()
  if (ctx.get('Accept-Encoding') !== 'gzip' || /\bno-transform\b/.test(ctx.response.get('Cache-Control'))) return
  ctx.body = gzipSync(ctx.body as string)
  ctx.set('Content-Encoding', 'gzip')
}

testAdapter({
  name: 'Koa',
  compresses: true,
  serve: (seller, routes) => {
    const app = new Koa()
    app.silent = true
    app.use(compressing)
    for (const { path, fields = {}, terms, answer } of routes) {
      const handler = async (ctx: Context): Promise<void> => send(ctx, answer())
      // By Koa's own types, it is what `app.use` takes.
      const sold: Middleware | undefined = terms && paid(seller, terms)
      app.use(async (ctx, next) => {
        if (ctx.path === path) ctx.set({ ...fields })
        if (ctx.path !== path) await next()
        else if (sold === undefined) await handler(ctx)
        else await sold(ctx, () => handler(ctx))
      })
    }
    const callback = app.callback()
    return createServer((request, response) => void callback(request, response))
  },
})
