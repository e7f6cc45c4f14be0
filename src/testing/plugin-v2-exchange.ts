/** Cases of RFC-24 draft 1: sending and receiving, data and money. */
import assert from 'node:assert/strict'
import { DATA_BYTES_MAX } from '../ilp/index.js'
import type { LedgerPluginV2 } from '../plugin/index.js'
import { pairCases, rejectionOf, within } from './plugin-suite.js'
import { type PluginV2Subject, speech } from './plugin-v2-subject.js'

/** Requests at once, answered last first. */
const MANY = 50

export function exchangeCases(subject: PluginV2Subject): void {
  const { fresh, connected } = pairCases(async () => subject.create(undefined))
  const { request, response, read, refuses } = speech(subject)

  const ask = async (from: LedgerPluginV2, to: 0 | 1, data: Buffer): Promise<Buffer> =>
    within(from.sendData(request(to, data)), 'sendData()')
  /** The peer answers with an error: by rejection, or as a packet. */
  const isRefused = async (from: LedgerPluginV2, to: 0 | 1): Promise<string> => {
    const sent = from.sendData(request(to, Buffer.from(String(Math.random()))))
    const answered = await within(
      sent.then(
        (answer) => ({ answer }),
        (error: unknown) => ({ error }),
      ),
      'sendData() to a peer that fails',
    )
    if ('answer' in answered) {
      assert.ok(refuses(answered.answer), 'sendData() must reject')
      return answered.answer.toString('latin1')
    }
    assert.ok(answered.error instanceof Error, 'sendData() must reject with an Error')
    return `${answered.error.message} ${JSON.stringify(answered.error)}`
  }

  connected('LedgerPlugin#sendData: a Buffer there and a Buffer back, both ways', async (first, second) => {
    for (const [from, to, i] of [
      [second, first, 0],
      [first, second, 1],
    ] as const) {
      const got: unknown[] = []
      to.registerDataHandler(async (data) => {
        got.push(data)
        return response(data)
      })
      const sent = request(i, Buffer.from([0, 255, i]))
      const answer = await within(from.sendData(sent), 'sendData()')
      assert.ok(Buffer.isBuffer(answer), 'the answer is a Buffer')
      assert.ok(Buffer.isBuffer(got[0]), 'the handler gets a Buffer')
      assert.deepEqual(got, [sent])
      assert.deepEqual(read(answer), Buffer.from([0, 255, i]))
    }
  })

  connected('LedgerPlugin#sendData: carries as much as an ILP packet does', async (first, second) => {
    first.registerDataHandler(async (data) => response(data))
    const large = Buffer.from(Uint8Array.from({ length: DATA_BYTES_MAX }, (_, i) => i & 255))
    assert.deepEqual(read(await ask(second, 0, large)), large)
  })

  connected('LedgerPlugin#sendData: many at once get their own answers', async (first, second) => {
    const waiting: (() => void)[] = []
    first.registerDataHandler(async (data) => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve)
        if (waiting.length === MANY) for (const go of waiting.reverse()) go()
      })
      return response(data)
    })
    const texts = Array.from({ length: MANY }, (_, n) => `request ${n}`)
    const answers = await Promise.all(texts.map(async (text) => ask(second, 0, Buffer.from(text))))
    assert.deepEqual(
      answers.map((answer) => read(answer).toString()),
      texts,
    )
  })

  fresh('LedgerPlugin#sendData: rejects when not connected', async (_, second) => {
    await rejectionOf(second.sendData(request(0, Buffer.from('early'))), 'sendData() before connect()')
  })

  connected('LedgerPlugin#sendData: rejects at once when the connection is lost', async (first, second) => {
    let arrived = (): void => undefined
    const arriving = new Promise<void>((resolve) => (arrived = resolve))
    first.registerDataHandler(async () => {
      arrived()
      return new Promise<Buffer>(() => undefined)
    })
    const sent = rejectionOf(second.sendData(request(0, Buffer.from('lost'))), 'sendData() whose peer goes')
    sent.catch(() => undefined)
    await within(arriving, 'the data handler')
    await within(first.disconnect(), 'disconnect() of the peer')
    await sent
  })

  connected(
    'LedgerPlugin#registerDataHandler: what it throws reaches the peer, without its text',
    async (first, second) => {
      for (const failing of [
        async () => Promise.reject(new Error('swordfish')),
        () => {
          throw new TypeError('swordfish')
        },
      ]) {
        first.registerDataHandler(failing)
        assert.doesNotMatch(await isRefused(second, 0), /swordfish/)
        first.deregisterDataHandler()
      }
    },
  )

  connected('LedgerPlugin#registerDataHandler: without one the peer gets an error', async (first, second) => {
    await isRefused(second, 0)
    await isRefused(first, 1)
  })

  fresh('LedgerPlugin#registerDataHandler: a second one throws DataHandlerAlreadyRegisteredError', async (first) => {
    assert.equal(first.registerDataHandler(echo), undefined)
    assert.throws(() => first.registerDataHandler(echo), { name: 'DataHandlerAlreadyRegisteredError' })
    first.deregisterDataHandler()
    first.registerDataHandler(echo)
  })

  connected('LedgerPlugin#deregisterDataHandler: as if there had never been one', async (first, second) => {
    assert.equal(first.deregisterDataHandler(), undefined)
    first.registerDataHandler(async () => Promise.reject(new Error('the old handler')))
    first.deregisterDataHandler()
    first.deregisterDataHandler()
    await isRefused(second, 0)
    first.registerDataHandler(async (data) => response(data))
    assert.equal(read(await ask(second, 0, Buffer.from('the new one'))).toString(), 'the new one')
  })

  moneyCases(subject)
}

function moneyCases(subject: PluginV2Subject): void {
  const { fresh, connected } = pairCases(async () => subject.create(undefined))

  fresh('LedgerPlugin#registerMoneyHandler: a second one throws MoneyHandlerAlreadyRegisteredError', async (first) => {
    assert.equal(first.registerMoneyHandler(accept), undefined)
    assert.throws(() => first.registerMoneyHandler(accept), { name: 'MoneyHandlerAlreadyRegisteredError' })
    first.deregisterMoneyHandler()
    first.registerMoneyHandler(accept)
  })

  fresh('LedgerPlugin#deregisterMoneyHandler: does nothing if there is none', async (first) => {
    assert.equal(first.deregisterMoneyHandler(), undefined)
    first.deregisterMoneyHandler()
  })

  if (subject.withoutMoney === true) return

  connected('LedgerPlugin#sendMoney: the amount reaches the money handler, both ways', async (first, second) => {
    for (const [from, to] of [
      [second, first],
      [first, second],
    ] as const) {
      const got: unknown[] = []
      to.registerMoneyHandler(async (amount) => got.push(amount))
      for (const amount of ['1', '1000000']) {
        assert.equal(await within(from.sendMoney(amount), 'sendMoney()'), undefined)
      }
      assert.deepEqual(got, ['1', '1000000'])
    }
  })

  connected('LedgerPlugin#registerMoneyHandler: without one the peer gets an error', async (first, second) => {
    await rejectionOf(second.sendMoney('1'), 'sendMoney() to a peer without a handler')
    await rejectionOf(first.sendMoney('1'), 'sendMoney() to a peer without a handler')
  })

  connected('LedgerPlugin#registerMoneyHandler: it may throw, and the next amount arrives', async (first, second) => {
    const got: unknown[] = []
    first.registerMoneyHandler(async (amount) => {
      got.push(amount)
      if (amount === '1') throw new Error('not this one')
    })
    // Rejected, or accepted before the handler was asked: a plugin with a book has it in there.
    await within(second.sendMoney('1').catch(accept), 'sendMoney() to a handler that throws')
    await within(second.sendMoney('2'), 'sendMoney()')
    assert.deepEqual(got, ['1', '2'])
  })

  connected('LedgerPlugin#deregisterMoneyHandler: as if there had never been one', async (first, second) => {
    first.registerMoneyHandler(accept)
    first.deregisterMoneyHandler()
    await rejectionOf(second.sendMoney('1'), 'sendMoney() to a peer that took its handler away')
  })
}

async function echo(data: Buffer): Promise<Buffer> {
  return data
}

async function accept(): Promise<void> {
  // Every amount is welcome.
}
