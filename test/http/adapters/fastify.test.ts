/** The adapter for Fastify, held to the suite for adapters. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fastify, { type FastifyReply, type onSendHookHandler } from 'fastify'
import { paid } from 'sluice/http/fastify'
import { openSeller } from 'sluice/http/seller'
import { MemoryStore } from 'sluice/store'
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
    const fieldsOf = new Map(routes.map(({ path, fields = {} }) => [path, fields]))
    app.addHook('onRequest', async (request, reply) => {
      reply.headers(fieldsOf.get(request.routeOptions.url ?? '') ?? {})
    })
    for (const { path, terms, answer } of routes) {
      const hooks = terms === undefined ? {} : paid(seller, terms)
      app.route({
        method: ['GET', 'OPTIONS'],
        url: path,
        ...hooks,
        handler: (_request, reply) => send(reply, answer()),
      })
    }
    await app.ready()
    return app.server
  },
})

test('a route that lost its preHandler hook gives nothing away', async () => {
  const seller = await openSeller({ store: new MemoryStore({ warn: () => undefined }) })
  const app = fastify()
  const { onSend } = paid(seller, { price: 1n })
  app.get('/', { onSend }, () => 'for nothing')
  app.get('/missing', { onSend }, (_request, reply) => reply.code(404).send('no such page'))
  try {
    const response = await app.inject('/')
    assert.equal(response.statusCode, 500)
    assert.ok(!response.body.includes('for nothing'))
    assert.equal((await app.inject('/missing')).body, 'no such page')
  } finally {
    await app.close()
    await seller.close()
  }
})

test('a Response is sold with its own status and fields, among those of the reply', async () => {
  const seller = await openSeller({ store: new MemoryStore({ warn: () => undefined }) })
  const app = fastify()
  app.get('/', paid(seller, { price: 0n }), (_request, reply) => {
    const headers = { 'Content-Type': 'text/css', 'X-Of': 'the response', 'Set-Cookie': 'a=1' }
    return reply.header('X-Set', 'by the reply').send(new Response('body', { status: 203, headers }))
  })
  try {
    const { statusCode, headers, body } = await app.inject('/')
    const { 'content-type': type, 'x-of': of, 'x-set': set, 'set-cookie': cookie } = headers
    assert.deepEqual([statusCode, body, type], [203, 'body', 'text/css'])
    assert.deepEqual([of, set, cookie], ['the response', 'by the reply', ['a=1']])
  } finally {
    await app.close()
    await seller.close()
  }
})
