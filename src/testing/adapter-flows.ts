/** Cases: the ways to pay besides the stream, what a price costs to ask, and what is told to whoever cannot pay. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { it } from 'node:test'
import { parsePayTerms } from '../http/index.js'
import type { Seller } from '../http/seller.js'
import { CountedSource, PRICE, withMarket } from './adapter-market.js'
import { payOffer, payUnit } from './adapter-payer.js'
import type { AdapterAnswer, AdapterRoute, AdapterSubject } from './adapter-subject.js'

const TOKEN = { 'Pay-Token': 'A'.repeat(43) }

export function flowCases(subject: AdapterSubject): void {
  void it('optional: the whole body comes unpaid, and a gift is captured', async () => {
    const sources = [new CountedSource(['one;', 'two;']), new CountedSource(['one;'], 'waits')] as const
    let asked = 0
    const gift: AdapterRoute = {
      path: '/gift',
      terms: { price: PRICE, optional: true },
      answer: () => ({ kind: 'stream', chunks: sources[asked++ === 0 ? 0 : 1] }),
    }
    await withMarket(subject, [gift], async ({ ask, holder, seller }) => {
      assert.equal(await text(await ask('/gift')), 'one;two;')
      const response = await ask('/gift')
      response.on('error', () => {})
      await new Promise((resolve) => response.once('data', resolve))
      assert.equal(await payUnit(holder, String(response.headers['pay'])), 'fulfilled')
      response.destroy()
      await sources[1].over
      assert.equal(await holder.balance(), -PRICE)
      assert.equal(heldAt(seller), 0n)
    })
  })

  void it('prepaid: 402, payment, 200; the handler runs after the debit, and never without', async () => {
    const balances: (bigint | undefined)[] = []
    let seen: Seller | undefined
    const request: AdapterRoute = {
      path: '/request',
      terms: { price: PRICE, unit: 'request' },
      answer: () => {
        balances.push(seen?.ledger.accounts().find(({ account }) => account.startsWith('token:'))?.balance)
        return { kind: 'text', text: 'an answer' }
      },
    }
    await withMarket(subject, [request], async ({ ask, holder, seller }) => {
      seen = seller
      const offer = await ask('/request', { headers: TOKEN })
      assert.deepEqual([offer.statusCode, offer.headers['pay-balance']], [402, '0'])
      offer.resume()
      assert.equal(await payUnit(holder, String(offer.headers['pay'])), 'fulfilled')
      const paid = await ask('/request', { headers: TOKEN })
      assert.deepEqual([paid.statusCode, await text(paid), paid.headers['pay-balance']], [200, 'an answer', '0'])
      const again = await ask('/request', { headers: TOKEN })
      assert.equal(again.statusCode, 402)
      again.resume()
      assert.deepEqual(balances, [0n])
      assert.equal(await holder.balance(), -PRICE)
    })
  })

  void it('prepaid: what the handler cannot answer is given back', async () => {
    const request: AdapterRoute = {
      path: '/request',
      terms: { price: PRICE, unit: 'request' },
      answer: () => ({ kind: 'text', status: 404, text: 'no such thing' }),
    }
    await withMarket(subject, [request], async ({ ask, holder }) => {
      const offer = await ask('/request', { headers: TOKEN })
      offer.resume()
      await payUnit(holder, String(offer.headers['pay']))
      const missing = await ask('/request', { headers: TOKEN })
      assert.deepEqual([missing.statusCode, missing.headers['pay-balance']], [404, String(PRICE)])
      assert.equal(await text(missing), 'no such thing')
    })
  })

  void it('once: 402 with a condition; the handler runs for the same request with the fulfillment', async () => {
    const heard: string[] = []
    const thing: AdapterRoute = {
      path: '/thing',
      terms: { price: PRICE, flow: 'once' },
      answer: () => {
        heard.push('asked')
        return { kind: 'text', text: 'a thing' }
      },
    }
    await withMarket(subject, [thing], async ({ ask, holder }) => {
      const offer = await ask('/thing')
      assert.equal(offer.statusCode, 402)
      offer.resume()
      const paid = { 'Pay-Fulfillment': await payOffer(holder, String(offer.headers['pay'])) }
      assert.deepEqual(heard, [])
      const bought = await ask('/thing', { headers: paid })
      assert.deepEqual([bought.statusCode, await text(bought), heard.length], [200, 'a thing', 1])
      const other = await ask('/thing?other', { headers: paid })
      assert.equal(other.statusCode, 402)
      other.resume()
      assert.deepEqual([heard.length, await holder.balance()], [1, -PRICE])
    })
  })

  void it('OPTIONS tells the price, and the handler does not run', async () => {
    const answer = (): AdapterAnswer => assert.fail('the handler ran')
    const routes: AdapterRoute[] = [
      { path: '/stream', terms: { price: PRICE }, answer },
      { path: '/request', terms: { price: PRICE, unit: 'request' }, answer },
    ]
    await withMarket(subject, routes, async ({ ask, seller }) => {
      for (const { path, terms } of routes) {
        const response = await ask(path, { method: 'OPTIONS' })
        const { price, unit } = parsePayTerms(String(response.headers['pay-terms']))
        assert.deepEqual([response.statusCode, price, unit], [204, PRICE, terms?.unit ?? 'chunk'])
        response.resume()
      }
      assert.equal(seller.till.streams, 0)
    })
  })

  void it('who cannot pay is told so: a page for browsers, text for curl, a problem document for programs', async () => {
    const routes: AdapterRoute[] = [
      { path: '/stream', terms: { price: PRICE }, answer: () => assert.fail('the handler ran') },
      { path: '/request', terms: { price: PRICE, unit: 'request' }, answer: () => assert.fail('the handler ran') },
    ]
    const browser = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8', 'Sec-Fetch-Mode': 'navigate' }
    await withMarket(subject, routes, async ({ ask }) => {
      const told = async (path: string, headers: Record<string, string>): Promise<[string | undefined, string]> => {
        const response = await ask(path, { headers })
        assert.equal(response.statusCode, 402)
        return [response.headers['content-type'], await text(response)]
      }
      for (const { path } of routes) {
        const [type, page] = await told(path, browser)
        assert.equal(type, 'text/html; charset=utf-8')
        assert.match(page, /<h1>402 Payment Required<\/h1>/)
      }
      const [type, line] = await told('/request', { Accept: '*/*', 'User-Agent': 'curl/8.5.0' })
      assert.equal(type, 'text/plain; charset=utf-8')
      assert.match(line, /^402 Payment Required\n/)
      const [document, body] = await told('/request', { Accept: '*/*' })
      assert.equal(document, 'application/problem+json')
      assert.equal((JSON.parse(body) as { status: number }).status, 402)
    })
  })
}

function heldAt({ ledger }: Seller): bigint {
  return ledger.accounts().reduce((sum, { heldOut }) => sum + heldOut, 0n)
}
