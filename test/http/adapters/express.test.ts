/** The adapter for Express, held to the suite for adapters. */
import { createServer } from 'node:http'
import express, { type RequestHandler, type Response } from 'express'
import { paid } from 'sluice/http/express'
import { type AdapterAnswer, testAdapter } from 'sluice/testing'
import { compressing } from './gzip.js'
import { writeAll } from './write-all.js'

async function send(response: Response, answer: AdapterAnswer): Promise<void> {
  switch (answer.kind) {
    case 'text':
      response
        .status(answer.status ?? 200)
        .type('text')
        .send(answer.text)
      return
    case 'json':
      response.json(answer.value)
      return
    case 'stream':
      response.type('text')
      return writeAll(response, answer.chunks)
  }
}

testAdapter({
  name: 'Express',
  compresses: true,
  serve: (seller, routes) => {
    const app = express()
    // Its own error pages, without the stack on standard error.
    app.set('env', 'test')
    app.use((request, response, next) => {
      compressing(request, response)
      next()
    })
    for (const { path, fields = {}, terms, answer } of routes) {
      const handler: RequestHandler = (_request, response) => send(response, answer())
      app.use(path, (_request, response, next) => {
        response.set(fields)
        next()
      })
      const sold = terms === undefined ? [] : [paid(seller, terms)]
      app.get(path, ...sold, handler)
      if (terms !== undefined) app.options(path, ...sold)
    }
    return createServer(app)
  },
})
