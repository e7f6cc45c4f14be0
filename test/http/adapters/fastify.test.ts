/** The adapter for Fastify, held to the suite for adapters. */
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import fastify, { type FastifyReply, type onSendHookHandler } from 'fastify'
import { paid } from 'sluice/http/fastify'
import { type AdapterAnswer, testAdapter } from 'sluice/testing'

function send(reply: FastifyReply, answer: AdapterAnswer): unknown {
  switch (answer.kind) {
    case 'text':
      return reply
        .code(answer.status ?? 200)
        .type('text/plain')
        .header('ETag', '"text"')
        .send(answer.text)
    case 'json':
      return reply.send(answer.value)
    case 'stream':
      return reply.type('text/plain').send(Readable.from(answer.chunks, { highWaterMark: 0 }))
  }
}

/** Where `@fastify/compress` puts its hook: after those of the route. For texts only. */
const compressing: onSendHookHandler = (request, reply, payload, done) => {
  if (request.headers['accept-encoding'] !== 'gzip') return done(null, payload)
  void reply.header('Content-Encoding', 'gzip')
  done(null, gzipSync(payload as string))
}

testAdapter({
  name: 'Fastify',
  compresses: true,
  serve: async (seller, routes) => {
    const app = fastify()
    app.addHook('onRoute', (route) => {
      route.onSend = [route.onSend ?? [], compressing].flat()
    })
    for (const { path, terms, answer } of routes) {
      const options = terms === undefined ? {} : paid(seller, terms)
      app.get(path, options, (_request, reply) => send(reply, answer()))
    }
    await app.ready()
    return app.server
  },
})
