/** Cases of RFC-24 draft 1: connection management, its events, and the services. */
import assert from 'node:assert/strict'
import { format } from 'node:util'
import { it } from 'node:test'
import type { LedgerPluginV2, PluginServices } from '../plugin/index.js'
import { connectBoth, pairCases, rejectionOf, rejectsAs, until, within } from './plugin-suite.js'
import { type PluginV2Subject, speech } from './plugin-v2-subject.js'

/** Far longer than a plugin that heeds it needs, far shorter than one that does not. */
const TIMEOUT_MS = 300

export function connectionCases(subject: PluginV2Subject): void {
  const { fresh, connected } = pairCases(async () => subject.create(undefined))

  fresh('LedgerPlugin#connect: resolves when connected; options are optional', async (first, second) => {
    const results = await within(Promise.all([first.connect(), second.connect()]), 'connect()')
    assert.deepEqual(results, [undefined, undefined])
    for (const plugin of [first, second]) assert.equal(plugin.isConnected(), true)
  })

  fresh('LedgerPlugin#connect: concurrent and later calls share one connection', async (first, second) => {
    const events = eventsOf(second)
    const calls = [first.connect(), second.connect(), second.connect(), second.connect({ timeout: 4000 })]
    await within(Promise.all(calls), 'connect() several times')
    await within(second.connect(), 'connect() when connected')
    assert.deepEqual(events, ['connect'])
  })

  fresh('LedgerPlugin#connect: after disconnect it connects again', async (first, second) => {
    const events = eventsOf(second)
    await connectBoth(first, second)
    await within(second.disconnect(), 'disconnect()')
    await within(second.connect(), 'connect() again')
    assert.equal(second.isConnected(), true)
    assert.deepEqual(events, ['connect', 'disconnect', 'connect'])
  })

  for (const timeout of [0, undefined, null, Infinity, 4000]) {
    fresh(`ConnectOptions#timeout: ${timeout} lets a peer that is there connect`, async (first, second) => {
      await within(
        Promise.all([first.connect({ timeout } as never), second.connect({ timeout } as never)]),
        'connect()',
      )
      assert.equal(second.isConnected(), true)
    })
  }

  fresh('ConnectOptions#timeout: rejects with TypeError if it is no number', async (first) => {
    for (const timeout of ['300', {}, true]) {
      await rejectsAs('TypeError', first.connect({ timeout } as never), `connect({ timeout: ${typeof timeout} })`)
    }
  })

  fresh('LedgerPlugin#isConnected: is false before connect and after disconnect', async (first, second) => {
    assert.deepEqual([first.isConnected(), second.isConnected()], [false, false])
    await connectBoth(first, second)
    assert.deepEqual([first.isConnected(), second.isConnected()], [true, true])
    await within(second.disconnect(), 'disconnect()')
    assert.equal(second.isConnected(), false)
  })

  fresh('LedgerPlugin#disconnect: resolves before connect, and twice', async (first, second) => {
    for (const plugin of [first, second]) {
      assert.equal(await within(plugin.disconnect(), 'disconnect() before connect()'), undefined)
    }
    await connectBoth(first, second)
    await within(second.disconnect(), 'disconnect()')
    await within(second.disconnect(), 'disconnect() again')
  })

  fresh('Event connect: emitted by both, connected, before connect resolves', async (first, second) => {
    const seen: string[] = []
    const all = [first, second].map(async (plugin, i) => {
      plugin.on('connect', () => seen.push(`event ${i} ${plugin.isConnected()}`))
      await plugin.connect()
      seen.push(`resolved ${i}`)
    })
    await within(Promise.all(all), 'connect()')
    for (const i of [0, 1]) {
      assert.deepEqual(
        seen.filter((what) => what.includes(` ${i}`)),
        [`event ${i} true`, `resolved ${i}`],
      )
    }
  })

  connected('Event disconnect: emitted when the connection has been terminated', async (_, second) => {
    const events = eventsOf(second)
    await within(second.disconnect(), 'disconnect()')
    await until(() => events.length > 0, 'the event disconnect')
    assert.deepEqual(events, ['disconnect'])
  })

  connected('Event disconnect: emitted when the connection was lost', async (first, second) => {
    const events = eventsOf(second)
    await within(first.disconnect(), 'disconnect() of the peer')
    await until(() => events.includes('disconnect'), 'the event disconnect')
    assert.equal(second.isConnected(), false)
  })

  optionalCases(subject)
  serviceCases(subject)
}

function optionalCases({ refused, unreachable }: PluginV2Subject): void {
  if (refused !== undefined) {
    const { fresh } = pairCases(refused)
    fresh('LedgerPlugin#connect: rejects with NotAcceptedError if credentials are rejected', async (first, second) => {
      const listening = first.connect()
      listening.catch(() => undefined)
      await rejectsAs('NotAcceptedError', second.connect(), 'connect() with wrong credentials')
      assert.equal(second.isConnected(), false)
    })
  }
  if (unreachable === undefined) return
  const alone = (name: string, run: (plugin: LedgerPluginV2) => Promise<void>): void => {
    void it(name, async () => {
      const plugin = unreachable()
      try {
        await run(plugin)
      } finally {
        await within(plugin.disconnect(), 'disconnect()')
      }
    })
  }
  alone('ConnectOptions#timeout: gives up when it has passed', async (plugin) => {
    await rejectionOf(plugin.connect({ timeout: TIMEOUT_MS }), `connect({ timeout: ${TIMEOUT_MS} }) without a peer`)
    assert.equal(plugin.isConnected(), false)
  })
  alone('LedgerPlugin#disconnect: resolves during connect, which rejects', async (plugin) => {
    const connecting = plugin.connect({ timeout: Infinity })
    const rejected = rejectionOf(connecting, 'connect() that was disconnected')
    rejected.catch(() => undefined)
    await within(plugin.disconnect(), 'disconnect() during connect()')
    await rejected
  })
}

function serviceCases(subject: PluginV2Subject): void {
  const { secrets, create } = subject
  if (secrets === undefined) return
  const lines: string[] = []
  const write = (message: string, ...params: unknown[]): void => {
    lines.push(format(message, ...params))
  }
  const log = { debug: write, info: write, warn: write, error: write }
  const { connected } = pairCases(async () => create({ log } satisfies PluginServices))
  connected('PluginServices#log: no credentials in it', async (first, second) => {
    const { request, response } = speech(subject)
    first.registerDataHandler(async (data) => response(data))
    await within(second.sendData(request(0, Buffer.from('logged'))), 'sendData()')
    await within(second.disconnect(), 'disconnect()')
    const text = lines.join('\n')
    for (const secret of secrets) {
      for (const form of [secret, Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex')]) {
        assert.ok(!text.includes(form), 'a log line has a credential')
      }
    }
  })
}

/** The names of the events of a connection, as they come. */
function eventsOf(plugin: LedgerPluginV2): string[] {
  const events: string[] = []
  plugin.on('connect', () => events.push('connect'))
  plugin.on('disconnect', () => events.push('disconnect'))
  return events
}
