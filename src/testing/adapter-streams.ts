/** Cases: what streams is produced as it is paid, and stops when its buyer goes. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { it } from 'node:test'
import { CountedSource, endless, PRICE, withMarket } from './adapter-market.js'
import type { AdapterAnswer, AdapterRoute, AdapterSubject } from './adapter-subject.js'

/** Units that the buyer has at risk, where it is not one. */
const WINDOW = 10

export function streamCases(subject: AdapterSubject): void {
  void it('at window 1 a unit reaches the buyer before the next is produced', async () => {
    const source = new CountedSource(['one;', 'two;', 'three;'])
    await withMarket(subject, [sold(source)], async (market) => {
      const bought = await market.buy('/stream', { window: PRICE })
      const reader = readerOf(bought.response)
      for (const [read, unit] of ['one;', 'two;', 'three;'].entries()) {
        assert.equal(await reader.read(), unit)
        assert.equal(source.taken, read + 1)
      }
      assert.equal(await reader.read(), undefined)
      await source.over
      await market.assertBooks(bought)
      assert.deepEqual([bought.response.payment.end, bought.response.payment.units], ['source', 3])
    })
  })

  void it('no more is produced than the budget pays for, and the source is stopped', async () => {
    const source = new CountedSource(endless('unit;'))
    await withMarket(subject, [sold(source)], async (market) => {
      const bought = await market.buy('/stream', { budget: 3n * PRICE })
      assert.equal(await bought.response.text(), 'unit;unit;unit;')
      await source.over
      assert.ok(source.taken <= 4, `${source.taken} units were produced for 3`)
      assert.equal(bought.response.payment.end, 'budget')
      await market.assertBooks(bought)
    })
  })

  void it('a reader that reads nothing: the window’s units are produced, and one chunk more', async () => {
    const source = new CountedSource(endless('x'.repeat(1000)))
    await withMarket(subject, [sold(source)], async (market) => {
      const bought = await market.buy('/stream', { window: BigInt(WINDOW) * PRICE })
      const reader = readerOf(bought.response)
      const read = ((await reader.read()) ?? '').length / 1000
      await market.quiet()
      assert.ok(source.taken <= read + WINDOW + 1, `${source.taken} produced, ${read} read`)
      assert.ok(source.taken > read, `${source.taken} produced, ${read} read: paid ahead`)
      assert.ok(bought.response.payment.exposure <= BigInt(WINDOW) * PRICE)
      await reader.cancel()
      await source.over
      await market.assertBooks(bought)
    })
  })

  const ways: readonly [name: string, leave: (socket: Socket) => void][] = [
    ['FIN', (socket) => socket.end()],
    ['RST', (socket) => socket.resetAndDestroy()],
  ]
  for (const [name, leave] of ways) {
    void it(`a buyer that leaves by ${name}: the source stops, its holds return`, async () => {
      const source = new CountedSource(['one;', 'two;', 'three;'], 'waits')
      await withMarket(subject, [sold(source)], async (market) => {
        const bought = await market.buy('/stream', { window: BigInt(WINDOW) * PRICE })
        const reader = readerOf(bought.response)
        let read = ''
        while (read !== 'one;two;three;') read += await reader.read()
        await market.quiet()
        assert.ok(bought.response.payment.held > 0n, 'holds wait')
        leave(bought.socket)
        await assert.rejects(reader.read())
        await source.over
        await market.assertBooks(bought)
        assert.deepEqual([bought.response.payment.spent, market.seller.till.streams], [3n * PRICE, 0])
      })
    })
  }

  void it('a source that fails after its first byte: what is paid is delivered, then the body breaks off', async () => {
    const source = new CountedSource(['one;', 'two;'], 'fails')
    await withMarket(subject, [sold(source)], async (market) => {
      const bought = await market.buy('/stream')
      const reader = readerOf(bought.response)
      let read = ''
      await assert.rejects(
        async () => {
          for (let unit = await reader.read(); unit !== undefined; unit = await reader.read()) read += unit
        },
        { code: 'FETCH_INTERRUPTED' },
      )
      await market.assertBooks(bought)
      const { units, unitsRead, spent } = bought.response.payment
      assert.deepEqual([read, units, unitsRead, spent], ['one;two;', 2, 2, 2n * PRICE])
    })
  })

  void it('start "payment": the handler runs with the first hold', async () => {
    let calls = 0
    const terms = { price: PRICE, start: 'payment', contentType: 'text/html' } as const
    const answer = (): AdapterAnswer => {
      calls++
      return { kind: 'stream', chunks: new CountedSource(['one;', 'two;']) }
    }
    await withMarket(subject, [{ path: '/late', terms, answer }], async (market) => {
      const bought = await market.buy('/late')
      await market.quiet()
      assert.deepEqual([calls, bought.response.headers.get('content-type')], [0, 'text/html'])
      assert.equal(await bought.response.text(), 'one;two;')
      await market.assertBooks(bought)
      assert.deepEqual([calls, bought.response.payment.units], [1, 2])
    })
  })

  void it('start "payment": an answer that is no success costs nothing, and one that fails breaks the body off', async () => {
    const terms = { price: PRICE, start: 'payment', contentType: 'text/plain' } as const
    const missing: AdapterRoute = {
      path: '/missing',
      terms,
      answer: () => ({ kind: 'text', status: 404, text: 'no such page' }),
    }
    const broken: AdapterRoute = {
      path: '/broken',
      terms: { ...terms, contentType: 'text/csv' },
      answer: () => {
        throw new Error('the handler is broken')
      },
    }
    await withMarket(subject, [missing, broken], async (market) => {
      const free = await market.buy('/missing')
      assert.equal(await free.response.text(), 'no such page')
      await market.assertBooks(free)
      const none = await market.buy('/broken')
      await assert.rejects(none.response.text(), { code: 'FETCH_INTERRUPTED' })
      await market.assertBooks(none)
      assert.deepEqual([free.response.payment.spent, none.response.payment.spent], [0n, 0n])
    })
  })

  void it('a hundred chunks, several a hold, arrive whole', async () => {
    const texts = Array.from({ length: 100 }, (_, at) => `${at}:${'y'.repeat((at * 977) % 3000)};`)
    await withMarket(subject, [sold(new CountedSource(texts))], async (market) => {
      const bought = await market.buy('/stream', { window: 64n * PRICE, unitsPerHoldMax: texts.length / 10 })
      assert.equal(await bought.response.text(), texts.join(''))
      await market.assertBooks(bought)
      assert.equal(bought.response.payment.units, 100)
    })
  })
}

function sold(source: CountedSource): AdapterRoute {
  return { path: '/stream', terms: { price: PRICE }, answer: () => ({ kind: 'stream', chunks: source }) }
}

interface TextReader {
  /** `undefined` at the end. */
  read(): Promise<string | undefined>
  cancel(): Promise<void>
}

function readerOf({ body }: Response): TextReader {
  assert.ok(body)
  const reader = (body as ReadableStream<Uint8Array>).getReader()
  return {
    async read() {
      const step = await reader.read()
      return step.done ? undefined : new TextDecoder().decode(step.value)
    },
    cancel: () => reader.cancel(),
  }
}
