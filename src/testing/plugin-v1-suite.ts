/**
 * What every plugin for version 1 of the Ledger Plugin Interface (RFC-4 draft 8; the `ilp` of draft 9) must do, as cases
 * of node:test, each named after the section that it checks. Run it on your own pair:
 *
 *     testPluginV1({ name: 'my plugin', create: async () => ({ plugins: [a, b] }) })
 *
 * Left out: transfers without a condition.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Message } from '../plugin/index.js'
import { connectBoth, pairCases, rejectionOf, rejectsAs, until, within } from './plugin-suite.js'
import { next, type PluginV1Subject } from './plugin-v1-subject.js'
import { endCases, transferCases } from './plugin-v1-transfers.js'

export type { PluginV1Subject } from './plugin-v1-subject.js'

/** Far longer than a plugin that heeds it needs, far shorter than one that does not. */
const TIMEOUT_MS = 300

/** Defines the suite. */
export function testPluginV1(subject: PluginV1Subject): void {
  void describe(`Ledger Plugin Interface version 1: ${subject.name}`, () => {
    connectionCases(subject)
    informationCases(subject)
    transferCases(subject)
    endCases(subject)
    requestCases(subject)
  })
}

function connectionCases({ create, wrongOptions, refused, unreachable }: PluginV1Subject): void {
  const { fresh, connected } = pairCases(create)

  if (wrongOptions !== undefined) {
    void it('new LedgerPlugin: throws InvalidFieldsError for incorrect opts', () => {
      assert.throws(wrongOptions, { name: 'InvalidFieldsError' })
    })
  }

  fresh('LedgerPlugin#connect: resolves to null when connected', async (first, second) => {
    const results = await within(Promise.all([first.connect(), second.connect()]), 'connect()')
    assert.deepEqual(results, [null, null])
    assert.deepEqual([first.isConnected(), second.isConnected()], [true, true])
  })

  fresh('LedgerPlugin#connect: rejects with TypeError if timeout is no number', async (first) => {
    await rejectsAs('TypeError', first.connect({ timeout: '300' as never }), 'connect({ timeout: text })')
  })

  fresh('LedgerPlugin#isConnected: is false before connect and after disconnect', async (first, second) => {
    assert.deepEqual([first.isConnected(), second.isConnected()], [false, false])
    await connectBoth(first, second)
    assert.equal(await within(second.disconnect(), 'disconnect()'), null)
    assert.equal(second.isConnected(), false)
  })

  fresh('Event connect, Event disconnect: once each', async (first, second) => {
    const events: string[] = []
    for (const name of ['connect', 'disconnect']) second.on(name, () => events.push(name))
    await connectBoth(first, second)
    await until(() => events.length > 0, 'the event connect')
    await within(second.disconnect(), 'disconnect()')
    await within(second.disconnect(), 'disconnect() again')
    await until(() => events.length > 1, 'the event disconnect')
    assert.deepEqual(events, ['connect', 'disconnect'])
  })

  connected('Event disconnect: emitted when the connection was lost', async (first, second) => {
    await Promise.all([next(second, 'disconnect'), within(first.disconnect(), 'disconnect() of the peer')])
    assert.equal(second.isConnected(), false)
  })

  if (refused !== undefined) {
    const name = 'LedgerPlugin#connect: rejects with NotAcceptedError if credentials are refused'
    pairCases(refused).fresh(name, async (first, second) => {
      await within(first.connect(), 'connect() of the first')
      await rejectsAs('NotAcceptedError', second.connect(), 'connect() with wrong credentials')
    })
  }
  if (unreachable === undefined) return
  void it('LedgerPlugin#connect: gives up when the timeout has passed', async () => {
    const plugin = unreachable()
    const wait = { timeout: TIMEOUT_MS }
    try {
      await rejectionOf(plugin.connect(wait), `connect({ timeout: ${TIMEOUT_MS} }) without a peer`)
    } finally {
      await within(plugin.disconnect(), 'disconnect()')
    }
  })
  void it('LedgerPlugin#disconnect: resolves during connect, which rejects', async () => {
    const plugin = unreachable()
    const rejected = rejectionOf(plugin.connect({ timeout: Infinity }), 'connect() that was disconnected')
    rejected.catch(() => undefined)
    await within(plugin.disconnect(), 'disconnect() during connect()')
    await rejected
  })
}

function informationCases({ create }: PluginV1Subject): void {
  const { fresh, connected } = pairCases(create)

  connected('LedgerPlugin#getInfo: a fresh LedgerInfo', async (first, second) => {
    for (const plugin of [first, second]) {
      const info = plugin.getInfo()
      const before = structuredClone(info)
      assert.match(info.prefix, /^[A-Za-z0-9._~-]+\.$/)
      assert.equal(typeof info.currencyCode, 'string')
      assert.ok(Number.isInteger(info.currencyScale), 'currencyScale is a whole number')
      assert.ok(Array.isArray(info.connectors), 'connectors is an array')
      info.connectors.push('example.changed')
      info.prefix = 'example.changed.'
      assert.deepEqual(plugin.getInfo(), before)
    }
    assert.equal(first.getInfo().prefix, second.getInfo().prefix)
  })

  connected('LedgerPlugin#getAccount: an address of the ledger', async (first, second) => {
    const accounts = [first, second].map((plugin) => plugin.getAccount())
    for (const account of accounts) assert.ok(account.startsWith(first.getInfo().prefix), account)
    assert.notEqual(accounts[0], accounts[1])
  })

  connected('LedgerPlugin#getBalance: a decimal string', async (first, second) => {
    for (const plugin of [first, second]) assert.match(await within(plugin.getBalance(), 'getBalance()'), /^-?\d+$/)
  })

  fresh('LedgerPlugin#getInfo, #getAccount, #getBalance: fail when not connected', async (_, second) => {
    assert.throws(() => second.getInfo())
    assert.throws(() => second.getAccount())
    await rejectionOf(second.getBalance(), 'getBalance() before connect()')
  })
}

function requestCases({ create }: PluginV1Subject): void {
  const { fresh, connected } = pairCases(create)
  const ilp = Buffer.from([6, 1, 0]).toString('base64url')

  connected('LedgerPlugin#sendRequest: a Message there and a Message back', async (first, second) => {
    const requests: Message[] = []
    first.registerRequestHandler(async (message) => {
      requests.push(message)
      return { to: second.getAccount(), ilp, custom: { answer: 42 } }
    })
    const sent = { to: first.getAccount(), ilp, custom: { question: [1, 'two'] } }
    const answer = await within(second.sendRequest(sent), 'sendRequest()')
    const [got] = requests
    assert.deepEqual([got?.to, got?.from, got?.ilp, got?.custom], [sent.to, second.getAccount(), ilp, sent.custom])
    assert.deepEqual([answer.ilp, answer.custom], [ilp, { answer: 42 }])
    assert.equal(answer.to, second.getAccount())
  })

  connected('Event incoming_request and its like: all four are told', async (first, second) => {
    first.registerRequestHandler(async () => ({ to: second.getAccount(), custom: { n: 2 } }))
    const [[asked], [got], [answered], [response]] = await Promise.all([
      next(second, 'outgoing_request'),
      next(first, 'incoming_request'),
      next(first, 'outgoing_response'),
      next(second, 'incoming_response'),
      within(second.sendRequest({ to: first.getAccount(), custom: { n: 1 } }), 'sendRequest()'),
    ])
    assert.deepEqual(
      [asked, got, answered, response].map(({ custom }) => custom),
      [{ n: 1 }, { n: 1 }, { n: 2 }, { n: 2 }],
    )
  })

  connected(
    'LedgerPlugin#sendRequest: rejects with InvalidFieldsError without to, ilp and custom',
    async (first, second) => {
      for (const message of [{ to: first.getAccount() }, { custom: {} }, { to: 'elsewhere.at.all', custom: {} }]) {
        await rejectsAs('InvalidFieldsError', second.sendRequest(message as Message), JSON.stringify(message))
      }
    },
  )

  connected('LedgerPlugin#sendRequest: rejects without a handler there, and when it fails', async (first, second) => {
    const request = { to: first.getAccount(), custom: {} }
    await rejectionOf(second.sendRequest(request), 'sendRequest() to nobody')
    first.registerRequestHandler(async () => Promise.reject(new Error('the handler failed')))
    await rejectionOf(second.sendRequest(request), 'sendRequest() to a handler that fails')
    first.deregisterRequestHandler()
    await rejectionOf(second.sendRequest(request), 'sendRequest() to a handler that was taken away')
  })

  fresh(
    'LedgerPlugin#registerRequestHandler: a second one throws RequestHandlerAlreadyRegisteredError',
    async (first) => {
      const handler = async (message: Message): Promise<Message> => message
      assert.equal(first.deregisterRequestHandler(), null)
      assert.equal(first.registerRequestHandler(handler), null)
      assert.throws(() => first.registerRequestHandler(handler), { name: 'RequestHandlerAlreadyRegisteredError' })
      first.deregisterRequestHandler()
      first.registerRequestHandler(handler)
    },
  )
}
