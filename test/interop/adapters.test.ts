/**
 * Applications over links of the other version: the letter shop of the streaming tutorial, written for version 1, over
 * BTP 2.0 plugins; and STREAM, written for version 2, over a hosted ledger of version 1.
 */
import assert from 'node:assert/strict'
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { before, test, type TestContext } from 'node:test'
import { conditionOf, encodePacket, pskFulfiller } from 'sluice/ilp'
import { asVersion1, asVersion2, BtpPlugin, HostedLedgerPlugin, type PluginV1 } from 'sluice/plugin'
import { hostOptions, PREFIX } from '../plugin/trustline.js'
import { freePort, installV2Peers, type MoneyStream, streamModule, unrefTimers } from './v2-peers.js'

const TOTAL = '1000000'
const LETTERS = 50

before(installV2Peers)

function info(account: string, peer: string) {
  return {
    prefix: PREFIX,
    account: PREFIX + account,
    peer: PREFIX + peer,
    assetCode: 'XRP',
    assetScale: 9,
    connectors: [],
  }
}

/** The tutorial's shop: a letter for each payment whose condition follows from the packet. Gives its port. */
async function openLetterShop(t: TestContext, plugin: PluginV1): Promise<number> {
  const clients = new Map<string, { secret: Buffer; write: (letter: string) => void }>()
  plugin.on('incoming_prepare', (transfer) => {
    const packet = Buffer.from(transfer.ilp ?? '', 'base64url')
    const [client = ''] = packet.toString('latin1').split(`${plugin.getAccount()}.`)[1]?.split('.') ?? []
    const known = clients.get(client)
    assert.ok(known)
    const generator = createHmac('sha256', known.secret).update('ilp_psk_condition').digest()
    const fulfillment = createHmac('sha256', generator).update(packet).digest('base64url')
    plugin
      .fulfillCondition(transfer.id, fulfillment)
      .then(() => known.write('L'))
      .catch((error: unknown) => assert.fail(String(error)))
  })
  const server = createServer((_, response) => {
    const client = randomBytes(8).toString('base64url')
    const secret = randomBytes(32)
    clients.set(client, { secret, write: (letter) => response.write(letter) })
    const pay = ['interledger-psk', 1, `${plugin.getAccount()}.${client}`, secret.toString('base64url')].join(' ')
    response.writeHead(200, { Pay: pay })
    response.flushHeaders()
  }).listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The tutorial's client: pays for letters, and reads them. */
async function buyLetters(plugin: PluginV1, port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`)
  const [, amount = '', address = '', secret = ''] = response.headers.get('pay')?.split(' ') ?? []
  const fulfill = pskFulfiller(Buffer.from(secret, 'base64url'))
  let left = LETTERS
  const paid = new Promise<void>((resolve) => {
    plugin.on('outgoing_fulfill', () => {
      left -= 1
      if (left === 0) resolve()
    })
  })
  for (let id = 0; id < LETTERS; id++) {
    const packet = encodePacket({
      type: 1,
      amount: BigInt(amount),
      account: `${address}.${id}`,
      data: new Uint8Array(0),
    })
    await plugin.sendTransfer({
      id: randomUUID(),
      to: `${address}.${id}`,
      amount,
      executionCondition: Buffer.from(conditionOf(fulfill(packet))).toString('base64url'),
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
      ilp: Buffer.from(packet).toString('base64url'),
    })
  }
  let letters = ''
  assert.ok(response.body)
  for await (const chunk of response.body) {
    letters += Buffer.from(chunk).toString()
    if (letters.length >= LETTERS) break
  }
  await paid
  return letters
}

test('the letter shop, a version 1 program, sells over BTP 2.0', async (t) => {
  const port = await freePort()
  const shop = asVersion1(new BtpPlugin({ listener: { port, secret: 'token', host: '127.0.0.1' } }), {
    info: info('server', 'client'),
  })
  const client = asVersion1(new BtpPlugin({ server: `btp+ws://:token@127.0.0.1:${port}` }), {
    info: info('client', 'server'),
  })
  t.after(async () => Promise.all([client.disconnect(), shop.disconnect()]))
  await Promise.all([shop.connect(), client.connect()])
  assert.equal(await buyLetters(client, await openLetterShop(t, shop)), 'L'.repeat(LETTERS))
  assert.equal(await shop.getBalance(), String(LETTERS))
  assert.equal(await client.getBalance(), String(-LETTERS))
})

test('STREAM, a version 2 program, pays over a hosted ledger of version 1', async (t) => {
  const { createServer: createStreamServer, createConnection } = streamModule()
  const hosted = new HostedLedgerPlugin(hostOptions())
  const host = asVersion2(hosted)
  await host.connect()
  const holder = asVersion2(new HostedLedgerPlugin({ server: `btp+ws://:@localhost:${hosted.port}/` }))
  const server = await createStreamServer({ plugin: host, serverSecret: Buffer.alloc(32, 1) })
  const arrived = new Promise<MoneyStream>((resolve) => {
    server.on('connection', (connection) => {
      connection.on('stream', (stream) => {
        stream.setReceiveMax(TOTAL)
        resolve(stream)
      })
    })
  })
  const connection = await createConnection({ plugin: holder, ...server.generateAddressAndSecret() })
  t.after(async () => {
    const restore = unrefTimers()
    await connection.destroy().catch(() => undefined)
    await holder.disconnect()
    await server.close().catch(() => undefined)
    await host.disconnect()
    restore()
  })
  const stream = connection.createStream()
  await stream.sendTotal(TOTAL)
  assert.equal((await arrived).totalReceived, TOTAL)
  assert.equal(await hosted.getBalance(), TOTAL)
})
