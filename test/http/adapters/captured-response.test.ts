/** What a handler of node:http sees of a response that is sold, and what becomes of what it does wrong. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test, type TestContext } from 'node:test'
import { payingFetch, type PaidResponse, type PayingFetchOptions } from 'sluice/fetch'
import { CAPTURED_BYTES_MAX, type SaleEnd } from 'sluice/http'
import { paid } from 'sluice/http/node'
import { openSeller } from 'sluice/http/seller'
import { holderAt } from 'sluice/link/ws'
import { MemoryStore } from 'sluice/store'

interface Shop {
  readonly buy: (options?: Partial<PayingFetchOptions>) => Promise<PaidResponse>
  readonly url: string
  /** The next sale that ends. */
  readonly ended: () => Promise<SaleEnd>
}

async function open(
  t: TestContext,
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<Shop> {
  let tell: (end: SaleEnd) => void = () => {}
  const seller = await openSeller({
    store: new MemoryStore({ warn: () => undefined }),
    credit: 1000n,
    on: { ended: (_sale, end) => tell(end) },
  })
  const server = createServer(paid(seller, { price: 1n }, listener))
  seller.attach(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const holder = holderAt(`btp+ws://:secret@127.0.0.1:${port}/btp`)
  await holder.open()
  t.after(async () => {
    await holder.close()
    await seller.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const url = `http://127.0.0.1:${port}/`
  return {
    url,
    buy: (options = {}) => payingFetch(url, { link: holder, budget: 100n, ...options }),
    ended: () => new Promise((resolve) => (tell = resolve)),
  }
}

test('the response answers as one whose bytes have left', async (t) => {
  const seen: unknown[] = []
  const { buy } = await open(t, async (_request, response) => {
    seen.push(response.headersSent)
    response.setHeader('X-First', '1')
    response.writeHead(203, 'Fine', ['X-Second', '2', 'X-Third', '3'])
    seen.push(response.headersSent)
    assert.throws(() => response.writeHead(200), /once/)
    seen.push(response.write(''), response.write('61', 'hex'), response.writableNeedDrain)
    await once(response, 'drain')
    await new Promise((resolve) => response.write(Buffer.from('b'), resolve))
    assert.throws(() => response.write(1), TypeError)
    response.end('c', () => seen.push('finish'))
    seen.push(response.writableEnded)
    response.end('too late')
    await once(response, 'close')
    seen.push('close')
  })
  const response = await buy({ window: 1n })
  assert.equal(response.status, 203)
  assert.deepEqual(
    ['x-first', 'x-second', 'x-third'].map((name) => response.headers.get(name)),
    ['1', '2', '3'],
  )
  assert.equal(await response.text(), 'abc')
  await response.payment.settled()
  assert.equal(response.payment.spent, 3n)
  assert.deepEqual(seen, [false, true, true, false, true, true, 'finish', 'close'])
})

test('a handler that ignores write() === false fails, and what was paid is delivered', async (t) => {
  const refused: unknown[] = []
  const { buy, ended } = await open(t, (_request, response) => {
    const megabyte = Buffer.alloc(CAPTURED_BYTES_MAX, 'x')
    for (let count = 0; count < 3; count++) response.write(megabyte)
    response.write('y', (error) => refused.push(error))
  })
  const end = ended()
  const response = await buy()
  await assert.rejects(response.arrayBuffer(), { code: 'FETCH_INTERRUPTED' })
  const { why, error } = await end
  assert.deepEqual([why, (error as { code: string }).code], ['failed', 'SHOP_OVERRUN'])
  assert.equal(response.payment.units, 1)
  assert.ok(refused[0] instanceof Error)
})

test('a body larger than that may be written at once', async (t) => {
  const { buy } = await open(t, (_request, response) => response.end(Buffer.alloc(3 * CAPTURED_BYTES_MAX)))
  const response = await buy()
  assert.equal((await response.arrayBuffer()).byteLength, 3 * CAPTURED_BYTES_MAX)
})

test('a handler that destroys its response: before the first byte no answer, afterwards one that breaks off', async (t) => {
  let before = true
  const { buy, url } = await open(t, async (_request, response) => {
    if (before) return response.destroy()
    response.write('a')
    await once(response, 'drain')
    return response.destroy()
  })
  await assert.rejects(fetch(url))
  before = false
  const response = await buy()
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  assert.equal(Buffer.from((await reader.read()).value ?? []).toString(), 'a')
  await assert.rejects(reader.read(), { code: 'FETCH_INTERRUPTED' })
  await response.payment.settled()
  assert.equal(response.payment.spent, 1n)
})

test('a handler that rejects: before the first byte a 500, afterwards a body that breaks off', async (t) => {
  let before = true
  const { buy, url } = await open(t, async (_request, response) => {
    if (before) throw new Error('failed')
    response.write('a')
    await once(response, 'drain')
    throw new Error('failed')
  })
  const problem = await fetch(url)
  assert.deepEqual([problem.status, ((await problem.json()) as { code: string }).code], [500, 'internal'])
  before = false
  const response = await buy()
  await assert.rejects(response.text(), { code: 'FETCH_INTERRUPTED' })
  assert.deepEqual([response.payment.units, response.payment.unitsRead], [1, 1])
})

test('stream.pipeline writes as it is paid, and destroys its source when the buyer has had enough', async (t) => {
  let failure: Promise<unknown> = Promise.resolve()
  const source = Readable.from(
    (function* () {
      for (;;) yield 'unit;'
    })(),
    { highWaterMark: 1 },
  )
  const { buy } = await open(t, (_request, response) => {
    failure = pipeline(source, response).catch((error: unknown) => error)
  })
  const response = await buy({ budget: 3n })
  assert.equal(await response.text(), 'unit;unit;unit;')
  assert.equal(((await failure) as { code: string }).code, 'ERR_STREAM_PREMATURE_CLOSE')
  assert.ok(source.destroyed)
})
