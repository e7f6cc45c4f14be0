/** Cases: several requests on one connection, one after the other and at once. */
import assert from 'node:assert/strict'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { it } from 'node:test'
import type { Link } from '../link/index.js'
import { CountedSource, PRICE, withMarket } from './adapter-market.js'
import { payUnit } from './adapter-payer.js'
import type { AdapterRoute, AdapterSubject } from './adapter-subject.js'

export function connectionCases(subject: AdapterSubject): void {
  void it('keep-alive: two paid answers and a free one on one connection', async () => {
    const routes: AdapterRoute[] = [
      {
        path: '/stream',
        terms: { price: PRICE },
        answer: () => ({ kind: 'stream', chunks: new CountedSource(['one;', 'two;']) }),
      },
      { path: '/page', answer: () => ({ kind: 'text', text: 'a page' }) },
    ]
    await withMarket(subject, routes, async ({ buy, ask }) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      try {
        const sockets = new Set<unknown>()
        for (let count = 0; count < 2; count++) {
          const { response, socket } = await buy('/stream', { agent })
          assert.equal(await response.text(), 'one;two;')
          sockets.add(socket)
        }
        const free = await ask('/page', { agent })
        sockets.add(free.socket)
        assert.equal(await text(free), 'a page')
        assert.equal(sockets.size, 1)
      } finally {
        agent.destroy()
      }
    })
  })

  void it('pipelining: a stream opens when the answers before it are complete', async () => {
    let calls = 0
    const stream = (): CountedSource => {
      calls++
      return new CountedSource(['one;', 'two;'])
    }
    const routes: AdapterRoute[] = [
      { path: '/stream', terms: { price: PRICE }, answer: () => ({ kind: 'stream', chunks: stream() }) },
      { path: '/page', answer: () => ({ kind: 'text', text: 'a free page' }) },
    ]
    await withMarket(subject, routes, async ({ port, holder, seller, quiet }) => {
      const client = new PipelinedClient(port)
      try {
        client.send('/stream', '/page', '/stream')
        await client.until((received) => received.includes('\r\n\r\n'))
        await quiet()
        assert.deepEqual([calls, seller.till.streams], [1, 1])
        await payUntilRejected(holder, client.received)
        await client.until((received) => received.split(/^Pay: /im).length === 3)
        assert.deepEqual([calls, seller.till.streams], [2, 1])
        const [first = '', page = '', second = ''] = client.received.split('HTTP/1.1 200 OK\r\n').slice(1)
        assert.ok(first.indexOf('one;') < first.indexOf('two;') && first.includes('one;'))
        assert.match(page, /a free page/)
        await payUntilRejected(holder, second)
        await client.until((received) => received.split('two;').length === 3)
      } finally {
        client.close()
      }
    })
  })
}

/** Sends requests at once on one connection, and keeps what comes back. */
class PipelinedClient {
  received = ''
  readonly #socket
  #wake: () => void = () => {}

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1')
    this.#socket.on('data', (bytes) => {
      this.received += bytes.toString('latin1')
      this.#wake()
    })
    this.#socket.on('close', () => this.#wake())
  }

  send(...paths: string[]): void {
    this.#socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`).join(''))
  }

  async until(done: (received: string) => boolean): Promise<void> {
    while (!done(this.received)) {
      assert.ok(!this.#socket.destroyed, 'the connection is open')
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Pays unit by unit as the `Pay` header says, until the stream has ended. */
async function payUntilRejected(link: Link, head: string): Promise<void> {
  const pay = /^Pay: (.*)\r$/im.exec(head)?.[1] ?? ''
  for (let paymentId = 0; ; paymentId++) {
    const status = await payUnit(link, pay, paymentId)
    if (status !== 'fulfilled') return assert.equal(status, 'rejected')
  }
}
