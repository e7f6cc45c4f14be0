/** STREAM (RFC-29, ilp-protocol-stream 2.7) over a hosted ledger: our plugins, the published ones, and one of each. */
import assert from 'node:assert/strict'
import { before, describe, it, type TestContext } from 'node:test'
import type { LedgerPluginV2 } from 'sluice/plugin'
import { HostPlugin } from 'sluice/plugin'
import { hostOptions, LogLines } from '../plugin/v2-pair.js'
import {
  freePort,
  installV2Peers,
  type Maker,
  type MoneyStream,
  pluginClass,
  streamModule,
  unrefTimers,
  Wire,
} from './v2-peers.js'

const MAKERS: readonly Maker[] = ['ours', 'theirs']
const TOTAL = '1000000'

before(installV2Peers)

interface Meeting {
  /** The two ends of one stream. */
  readonly near: MoneyStream
  readonly far: MoneyStream
}

/** A STREAM server on the host's side, a client on the holder's, and a stream between them. */
async function meet(t: TestContext, host: LedgerPluginV2, holder: LedgerPluginV2): Promise<Meeting> {
  const { createServer, createConnection } = streamModule()
  const server = await createServer({ plugin: host, serverSecret: Buffer.alloc(32, 1) })
  const arrived = new Promise<MoneyStream>((resolve) => {
    server.on('connection', (connection) => {
      connection.on('stream', (stream) => {
        stream.setReceiveMax(TOTAL)
        resolve(stream)
      })
    })
  })
  const client = await createConnection({ plugin: holder, ...server.generateAddressAndSecret() })
  t.after(async () => {
    // The published host leaves a timer of 30 s behind when it cannot tell a holder that it closes.
    const restore = unrefTimers()
    // Both reject when they cannot tell the other side.
    await client.destroy().catch(() => undefined)
    await holder.disconnect()
    await server.close().catch(async () => host.disconnect())
    restore()
  })
  const near = client.createStream()
  near.setReceiveMax(TOTAL)
  // The first money makes the stream known on the other side.
  await near.sendTotal('1')
  return { near, far: await arrived }
}

for (const server of MAKERS) {
  for (const client of MAKERS) {
    describe(`STREAM: ${client} holder, ${server} host`, () => {
      it('exchanges 1,000,000 units in both directions', async (t) => {
        const port = await freePort()
        const host = new (pluginClass(server, 'ilp-plugin-mini-accounts'))({
          port,
          debugHostIldcpInfo: { clientAddress: 'test.accounts', assetCode: 'USD', assetScale: 9 },
        })
        const holder = new (pluginClass(client, 'ilp-plugin-btp'))({ server: `btp+ws://:token@localhost:${port}` })
        const { near, far } = await meet(t, host, holder)
        await near.sendTotal(TOTAL)
        await far.sendTotal(TOTAL)
        assert.deepEqual([near.totalSent, far.totalReceived], [TOTAL, TOTAL])
        assert.deepEqual([far.totalSent, near.totalReceived], [TOTAL, TOTAL])
      })
    })
  }
}

describe('STREAM over an account with a limit', () => {
  it('moves the balance, and a connection that is cut costs the sender nothing that the receiver does not have', async (t) => {
    const host = new HostPlugin(
      hostOptions({ accounts: { alice: { token: 'token', maxBalance: TOTAL } } }),
      new LogLines().services,
    )
    await host.connect()
    const wire = await Wire.to(Number(host.port))
    t.after(() => wire.close())
    const holder = new (pluginClass('ours', 'ilp-plugin-btp'))(
      { server: `btp+ws://alice:token@127.0.0.1:${wire.port}` },
      new LogLines().services,
    )
    const { near, far } = await meet(t, host, holder)
    const step = 1_000
    // What is lost fails the stream that it belonged to: so does STREAM take a rejection of its plugin.
    await assert.rejects(async () => {
      for (let total = step; ; total += step) {
        const sending = near.sendTotal(String(total), { timeout: 20_000 })
        if (total === 50 * step) wire.cut()
        await sending
      }
    })
    const [sent, received] = [BigInt(near.totalSent), BigInt(far.totalReceived)]
    assert.ok(sent >= 49_000n && sent <= 50_000n, String(sent))
    assert.ok(received >= sent && received <= sent + BigInt(step), `${received} of ${sent}`)
    assert.equal(BigInt(await host.balanceOf('alice')), -received)
  })
})
