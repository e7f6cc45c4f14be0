/** Cases: which answers are sold and which pass free, and what their headers say. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { it } from 'node:test'
import { parsePayTerms } from '../http/index.js'
import { CountedSource, PRICE, withMarket } from './adapter-market.js'
import type { AdapterRoute, AdapterSubject } from './adapter-subject.js'

/** Long enough for middleware that compresses. */
const LONG_TEXT = 'a unit of text, sold as it is. '.repeat(100)

export function answerCases(subject: AdapterSubject): void {
  void it('a whole text is sold as one body, without length and tag', async () => {
    const page: AdapterRoute = {
      path: '/page',
      terms: { price: PRICE },
      answer: () => ({ kind: 'text', text: 'a page' }),
    }
    await withMarket(subject, [page], async ({ buy, assertBooks }) => {
      const bought = await buy('/page')
      const { headers, status } = bought.response
      assert.equal(await bought.response.text(), 'a page')
      assert.equal(status, 200)
      assert.match(headers.get('content-type') ?? '', /^text\/plain/)
      assert.deepEqual([headers.get('content-length'), headers.get('etag')], [null, null])
      assert.equal(headers.get('cache-control'), 'no-store, no-transform')
      await assertBooks(bought)
      assert.equal(bought.response.payment.spent, PRICE)
    })
  })

  void it('an object is sold as its JSON', async () => {
    const value = { letters: ['A', 'B'], price: 1 }
    const data: AdapterRoute = { path: '/data', terms: { price: PRICE }, answer: () => ({ kind: 'json', value }) }
    await withMarket(subject, [data], async ({ buy, assertBooks }) => {
      const bought = await buy('/data')
      assert.match(bought.response.headers.get('content-type') ?? '', /^application\/json/)
      assert.deepEqual(JSON.parse(await bought.response.text()), value)
      await assertBooks(bought)
      assert.equal(bought.response.payment.spent, PRICE)
    })
  })

  void it('nothing of a body comes without payment', async () => {
    const source = new CountedSource(['one', 'two'])
    const story: AdapterRoute = {
      path: '/story',
      terms: { price: PRICE },
      answer: () => ({ kind: 'stream', chunks: source }),
    }
    await withMarket(subject, [story], async ({ ask, quiet, seller }) => {
      const response = await ask('/story')
      let bytes = 0
      response.on('data', (part: Uint8Array) => (bytes += part.length)).on('error', () => {})
      await quiet()
      assert.deepEqual([response.statusCode, bytes, seller.till.streams], [200, 0, 1])
      response.destroy()
      await source.over
      assert.ok(source.taken <= 1, `${source.taken} chunks were taken from the source`)
    })
  })

  void it('HEAD: the headers, and no sale; the source is stopped', async () => {
    const source = new CountedSource(['one', 'two'], 'waits')
    const story: AdapterRoute = {
      path: '/story',
      terms: { price: PRICE },
      answer: () => ({ kind: 'stream', chunks: source }),
    }
    await withMarket(subject, [story], async ({ ask, seller }) => {
      const response = await ask('/story', { method: 'HEAD' })
      assert.equal(parsePayTerms(String(response.headers['pay-terms'])).price, PRICE)
      assert.deepEqual([response.statusCode, await text(response), seller.till.streams], [200, '', 0])
      await source.over
    })
  })

  void it('a price may be a function of the request', async () => {
    const terms = {
      price: ({ url, header }: { url: string; header: (name: string) => string | undefined }) =>
        BigInt(new URL(url, 'http://localhost').searchParams.get('price') ?? 0) * BigInt(header('x-times') ?? 1),
    }
    const page: AdapterRoute = { path: '/page', terms, answer: () => ({ kind: 'text', text: 'a page' }) }
    await withMarket(subject, [page], async ({ buy, ask }) => {
      const { response } = await buy('/page?price=7', { headers: { 'X-Times': '3' } })
      assert.equal(await response.text(), 'a page')
      await response.payment.settled()
      assert.equal(response.payment.spent, 21n)
      const free = await ask('/page?price=0')
      assert.equal(free.headers['pay'], undefined)
      assert.equal(await text(free), 'a page')
    })
  })

  void it('a price that cannot be told: 500, and the handler does not run', async () => {
    const price = (): never => {
      throw new Error('no price')
    }
    const page: AdapterRoute = { path: '/page', terms: { price }, answer: () => assert.fail('the handler ran') }
    await withMarket(subject, [page], async ({ ask }) => {
      const response = await ask('/page')
      assert.deepEqual([response.statusCode, response.headers['pay']], [500, undefined])
      response.resume()
    })
  })

  void it('an answer that is no success passes free', async () => {
    const missing: AdapterRoute = {
      path: '/missing',
      terms: { price: PRICE },
      answer: () => ({ kind: 'text', status: 404, text: 'no such page' }),
    }
    await withMarket(subject, [missing], async ({ ask }) => {
      const response = await ask('/missing')
      assert.deepEqual([response.statusCode, response.headers['pay']], [404, undefined])
      assert.equal(await text(response), 'no such page')
    })
  })

  void it('a handler that throws: the framework’s own answer, free, and the server lives on', async () => {
    const broken: AdapterRoute = {
      path: '/broken',
      terms: { price: PRICE },
      answer: () => {
        throw new Error('the handler is broken')
      },
    }
    const page: AdapterRoute = { path: '/page', answer: () => ({ kind: 'text', text: 'a page' }) }
    await withMarket(subject, [broken, page], async ({ ask, seller }) => {
      const response = await ask('/broken')
      assert.deepEqual([response.statusCode, response.headers['pay'], seller.till.streams], [500, undefined, 0])
      response.resume()
      assert.equal(await text(await ask('/page')), 'a page')
    })
  })

  void it('without its ledger a route is a 503, and the handler does not run', async () => {
    const page: AdapterRoute = {
      path: '/page',
      terms: { price: PRICE },
      answer: () => assert.fail('the handler ran'),
    }
    await withMarket(subject, [page], async ({ ask, seller }) => {
      await seller.close()
      const response = await ask('/page')
      assert.equal(response.statusCode, 503)
      assert.match(String(response.headers['content-type']), /^application\/problem\+json/)
      assert.equal((JSON.parse(await text(response)) as { status: number }).status, 503)
    })
  })

  void it('a page of another origin may read how to pay', async () => {
    const page: AdapterRoute = {
      path: '/page',
      terms: { price: PRICE },
      answer: () => ({ kind: 'text', text: 'a page' }),
    }
    await withMarket(subject, [page], async ({ ask }) => {
      const response = await ask('/page', { headers: { Origin: 'https://elsewhere.example' } })
      assert.match(response.headers['access-control-expose-headers'] ?? '', /\bPay\b.*\bPay-Terms\b/)
      assert.ok(response.headers['access-control-allow-origin'])
      response.destroy()
    })
  })

  void it('what middleware for CORS has said stays, its lists longer by what is needed to pay', async () => {
    const page: AdapterRoute = {
      path: '/page',
      fields: {
        'Access-Control-Allow-Origin': 'https://elsewhere.example',
        'Access-Control-Expose-Headers': 'X-Mine',
        Vary: 'Origin',
      },
      terms: { price: PRICE },
      answer: () => ({ kind: 'text', text: 'a page' }),
    }
    await withMarket(subject, [page], async ({ buy }) => {
      const { response } = await buy('/page', { headers: { Origin: 'https://elsewhere.example' } })
      const { headers } = response
      assert.equal(headers.get('access-control-allow-origin'), 'https://elsewhere.example')
      const exposed = listOf(headers.get('access-control-expose-headers'))
      for (const name of ['X-Mine', 'Pay', 'Pay-Balance', 'Pay-Terms']) assert.ok(exposed.includes(name), name)
      for (const name of ['Accept', 'Origin']) assert.ok(listOf(headers.get('vary')).includes(name), name)
      assert.equal(await response.text(), 'a page')
    })
  })

  void it('what is sold is not compressed on its way', async () => {
    const routes: AdapterRoute[] = [
      { path: '/sold', terms: { price: PRICE }, answer: () => ({ kind: 'text', text: LONG_TEXT }) },
      { path: '/free', answer: () => ({ kind: 'text', text: LONG_TEXT }) },
    ]
    await withMarket(subject, routes, async ({ ask, buy }) => {
      const headers = { 'Accept-Encoding': 'gzip' }
      const { response } = await buy('/sold', { headers })
      assert.equal(response.headers.get('content-encoding'), null)
      assert.equal(await response.text(), LONG_TEXT)
      if (subject.compresses !== true) return
      const free = await ask('/free', { headers })
      assert.equal(free.headers['content-encoding'], 'gzip', 'a route that is not sold is compressed')
      free.resume()
    })
  })
}

function listOf(field: string | null): string[] {
  return (field ?? '').split(',').map((name) => name.trim())
}
