/**
 * Plugins of version 2, ours and the published ones, in every pair: one peer (ilp-plugin-btp), many accounts
 * (ilp-plugin-mini-accounts). The pairs of published ones prove that the tests measure us and not themselves.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { before, describe, it, type TestContext } from 'node:test'
import type { LedgerPluginV2 } from 'sluice/plugin'
import { fulfill, prepare, reject } from '../plugin/v2-pair.js'
import { freePort, installV2Peers, type Maker, pluginClass } from './v2-peers.js'

const MAKERS: readonly Maker[] = ['ours', 'theirs']
const ACCOUNTS_PREFIX = 'test.accounts.'

before(installV2Peers)

async function btpPair(
  t: TestContext,
  server: Maker,
  client: Maker,
): Promise<Record<'listener' | 'dialer', LedgerPluginV2>> {
  const port = await freePort()
  const listener = new (pluginClass(server, 'ilp-plugin-btp'))({ listener: { port, secret: 'secret' } })
  t.after(async () => listener.disconnect())
  const waiting = listener.connect()
  const dialer = new (pluginClass(client, 'ilp-plugin-btp'))({
    server: `btp+ws://name:secret@localhost:${port}`,
    reconnectInterval: 10,
  })
  t.after(async () => dialer.disconnect())
  await Promise.all([waiting, dialer.connect()])
  return { listener, dialer }
}

for (const server of MAKERS) {
  for (const client of MAKERS) {
    describe(`ilp-plugin-btp: ${client} dial ${server}`, () => {
      it('exchanges data in both directions, many at once', async (t) => {
        const { listener, dialer } = await btpPair(t, server, client)
        for (const plugin of [listener, dialer]) {
          plugin.registerDataHandler(async (data) => Buffer.concat([Buffer.of(1), data]))
        }
        for (const plugin of [listener, dialer]) {
          const sent = Array.from({ length: 200 }, (_, i) => Buffer.alloc(i * 100, i))
          const answers = await Promise.all(sent.map(async (data) => plugin.sendData(data)))
          for (const [i, answer] of answers.entries())
            assert.deepEqual(answer, Buffer.concat([Buffer.of(1), Buffer.alloc(i * 100, i)]))
        }
        assert.equal(listener.isConnected(), true)
        assert.equal(dialer.isConnected(), true)
      })

      it('tells an error of a handler, and of none', async (t) => {
        const { listener, dialer } = await btpPair(t, server, client)
        await assert.rejects(dialer.sendData(Buffer.of(1)))
        listener.registerDataHandler(async () => Promise.reject(new Error('failed')))
        await assert.rejects(dialer.sendData(Buffer.of(1)))
        listener.deregisterDataHandler()
        listener.registerDataHandler(async (data) => data)
        assert.deepEqual(await dialer.sendData(Buffer.of(1)), Buffer.of(1))
      })
    })

    describe(`ilp-plugin-mini-accounts: ${client} holder, ${server} host`, () => {
      async function accounts(t: TestContext) {
        const port = await freePort()
        const host = new (pluginClass(server, 'ilp-plugin-mini-accounts'))({
          port,
          debugHostIldcpInfo: { clientAddress: 'test.accounts', assetCode: 'USD', assetScale: 9 },
          _store: memoryStore(),
        })
        t.after(async () => host.disconnect())
        await host.connect()
        const holders = ['alice', 'bob'].map((name) => {
          const plugin = new (pluginClass(client, 'ilp-plugin-btp'))({
            server: `btp+ws://${name}:token-${name}@localhost:${port}`,
          })
          t.after(async () => plugin.disconnect())
          return plugin
        })
        for (const holder of holders) await holder.connect()
        const [alice, bob] = holders
        assert.ok(alice && bob)
        return { host, alice, bob }
      }

      it('carries packets of holders to the host, and the other way to the holder that is named', async (t) => {
        const { host, alice, bob } = await accounts(t)
        const at = (account: string) => ({ destination: `${ACCOUNTS_PREFIX}${account}.x` })
        host.registerDataHandler(async (data) => (data.at(-1) === 1 ? fulfill(1) : reject('F02')))
        alice.registerDataHandler(async () => reject('F99'))
        bob.registerDataHandler(async () => fulfill(3))
        assert.deepEqual(await alice.sendData(prepare(1, at('host'))), fulfill(1))
        assert.deepEqual(await bob.sendData(prepare(2, at('host'))), reject('F02'))
        assert.deepEqual(await host.sendData(prepare(3, at('bob'))), fulfill(3))
        assert.deepEqual(await host.sendData(prepare(4, at('alice'))), reject('F99'))
      })

      it('answers with an error when an answer is wrong', async (t) => {
        const { host, bob } = await accounts(t)
        bob.registerDataHandler(async () => fulfill(9))
        const answer = await host.sendData(prepare(3, { destination: `${ACCOUNTS_PREFIX}bob` }))
        assert.equal(answer[0], 14)
        assert.match(answer.toString('latin1'), /F05/)
      })
    })
  }
}

describe('server and listener in one plugin, with published peers', () => {
  /** Two that dial each other; `ways` says which of them are given to the second. */
  async function mutual(t: TestContext, theirWays: readonly ('server' | 'listener')[]) {
    const [ourPort, theirPort] = [await freePort(), await freePort()]
    const make = (maker: Maker, own: number, other: number, ways: readonly string[]): LedgerPluginV2 => {
      const made = new (pluginClass(maker, 'ilp-plugin-btp'))({
        ...(ways.includes('server') && { server: `btp+ws://:secret@localhost:${other}` }),
        ...(ways.includes('listener') && { listener: { port: own, secret: 'secret' } }),
        reconnectInterval: 10,
      })
      t.after(async () => made.disconnect())
      made.registerDataHandler(async (data) => Buffer.concat([Buffer.of(1), data]))
      return made
    }
    const ours = make('ours', ourPort, theirPort, ['server', 'listener'])
    const theirs = make('theirs', theirPort, ourPort, theirWays)
    await Promise.all([ours.connect(), theirs.connect()])
    return { ours, theirs }
  }

  for (const ways of [['server'], ['listener'], ['server', 'listener']] as const) {
    it(`ours has both, theirs has ${ways.join(' and ')}`, async (t) => {
      const { ours, theirs } = await mutual(t, ways)
      for (let round = 0; round < 20; round++) {
        assert.deepEqual(await theirs.sendData(Buffer.of(round)), Buffer.of(1, round))
        assert.deepEqual(await ours.sendData(Buffer.of(round)), Buffer.of(1, round))
      }
    })
  }
})

describe('reconnection, with published peers', () => {
  it('our client finds a listener that comes back', async (t) => {
    const { listener, dialer } = await btpPair(t, 'theirs', 'ours')
    listener.registerDataHandler(async (data) => data)
    const lost = once(dialer as unknown as EventEmitter, 'disconnect')
    await listener.disconnect()
    await lost
    await assert.rejects(dialer.sendData(Buffer.of(1)), { name: 'UnreachableError' })
  })

  it('our listener takes a client that comes back', async (t) => {
    const { listener, dialer } = await btpPair(t, 'ours', 'theirs')
    listener.registerDataHandler(async (data) => data)
    const lost = once(listener as unknown as EventEmitter, 'disconnect')
    const back = once(listener as unknown as EventEmitter, 'connect')
    const { _ws: reconnector } = dialer as unknown as { _ws: { _instance: { terminate(): void } } }
    reconnector._instance.terminate()
    await lost
    await back
    assert.deepEqual(await dialer.sendData(Buffer.of(2)), Buffer.of(2))
  })
})

function memoryStore() {
  const values = new Map<string, string>()
  return {
    get: async (key: string) => values.get(key),
    put: async (key: string, value: string) => void values.set(key, value),
    del: async (key: string) => void values.delete(key),
  }
}
