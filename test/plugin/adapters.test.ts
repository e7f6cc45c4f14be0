/** Plugins of either version as ones of the other: our suites over them, and what foreign programs send and get. */
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { toBase64url } from 'sluice/bytes'
import { decodeIldcpResponse, decodePacketOf, encodeIldcpRequest, encodePacket } from 'sluice/ilp'
import { asVersion1, asVersion2, BtpPlugin, HostedLedgerPlugin } from 'sluice/plugin'
import { testPluginV1, testPluginV2 } from 'sluice/testing'
import {
  CLIENT,
  freePort,
  hostOptions,
  next,
  PREFIX,
  prepared,
  secret,
  SERVER,
  transfer,
  trustline,
} from './trustline.js'
import { LogLines, peers } from './v2-pair.js'

const SECRET = 'a secret of the suite'
const host = '127.0.0.1'
const quiet = new LogLines().services
const info = { prefix: PREFIX, account: SERVER, peer: CLIENT, assetCode: 'XRP', assetScale: 9, connectors: [] }

function dialing(port: number, token = SECRET): BtpPlugin {
  return new BtpPlugin({ server: `btp+ws://${host}:${port}`, btpToken: token }, quiet)
}

async function adapted(token = SECRET) {
  const port = await freePort()
  const listener = new BtpPlugin({ listener: { port, host, secret: SECRET } }, quiet)
  return { plugins: [asVersion1(listener, { info }), asVersion1(dialing(port, token))] as const }
}

testPluginV1({
  name: 'BtpPlugin as version 1',
  create: adapted,
  unreachable: () => asVersion1(dialing(1)),
})

async function transfersAsPackets() {
  const port = await freePort()
  const hosting = new HostedLedgerPlugin(hostOptions({ listener: { port } }))
  const holder = new HostedLedgerPlugin({ server: `btp+ws://:@localhost:${port}/` })
  return { plugins: [asVersion2(hosting), asVersion2(holder)] as const }
}

testPluginV2({
  name: 'HostedLedgerPlugin as version 2',
  create: transfersAsPackets,
  addresses: [`${SERVER}.goods`, `${CLIENT}.goods`],
  unreachable: () => asVersion2(new HostedLedgerPlugin({ server: 'btp+ws://:@localhost:1/' })),
  withoutMoney: true,
})

const DATA = Uint8Array.of(0, 1, 2, 255)
const EXPIRES_MS = 20_000

/** A Prepare that `proof` fulfills. */
function prepare(
  executionCondition: string,
  fields: { destination: string; data: Uint8Array; amount?: bigint },
): Buffer {
  const condition = Buffer.from(executionCondition, 'base64url')
  const expiresAt = Date.now() + EXPIRES_MS
  return Buffer.from(encodePacket({ type: 12, amount: 10n, expiresAt, executionCondition: condition, ...fields }))
}

/** A version 1 program at a listener, whose peer is a program for version 2 that knows nothing of us. */
async function withForeigner(t: TestContext, foreignPeer: boolean) {
  const { listener, client } = await peers(t)
  const ours = asVersion1(listener, { info, foreignPeer })
  await ours.connect()
  return { ours, foreigner: client }
}

test('a Prepare of a foreign program is a transfer with a forwarded payment, and is answered by a Fulfill', async (t) => {
  const { ours, foreigner } = await withForeigner(t, true)
  const { fulfillment, executionCondition } = secret()
  const destination = `${SERVER}.goods`
  const sent = foreigner.sendData(prepare(executionCondition, { destination, data: DATA }))
  const [received] = await next(ours, 'incoming_prepare')
  assert.equal(received.amount, '10')
  assert.equal(received.ilp, toBase64url(encodePacket({ type: 10, account: destination, data: DATA })))
  const ilp = toBase64url(encodePacket({ type: 9, data: DATA }))
  await ours.fulfillCondition(received.id, fulfillment, ilp)
  const answer = decodePacketOf(13, await sent)
  assert.deepEqual([toBase64url(answer.fulfillment), answer.data], [fulfillment, Buffer.from(DATA)])
  assert.equal(await ours.getBalance(), '10')
})

test('a whole packet of version 1 in a Prepare comes out as it was', async (t) => {
  const { ours, foreigner } = await withForeigner(t, true)
  const destination = `${SERVER}.goods`
  const whole = encodePacket({ type: 1, amount: 7n, account: destination, data: DATA })
  const sent = foreigner.sendData(prepare(secret().executionCondition, { destination, data: whole }))
  const [received] = await next(ours, 'incoming_prepare')
  assert.equal(received.ilp, toBase64url(whole))
  await ours.rejectIncomingTransfer(received.id, { code: 'F06', message: 'not ours' })
  const { code, message } = decodePacketOf(14, await sent)
  assert.deepEqual([code, message], ['F06', 'not ours'])
})

test('a program that knows nothing of our ids gets the whole packet as the data of a Prepare', async (t) => {
  const { ours, foreigner } = await withForeigner(t, false)
  const { fulfillment, executionCondition } = secret()
  const whole = encodePacket({ type: 1, amount: 10n, account: `${CLIENT}.goods`, data: DATA })
  const got: Buffer[] = []
  foreigner.registerDataHandler(async (data) => {
    got.push(data)
    return Buffer.from(encodePacket({ type: 13, fulfillment: Buffer.from(fulfillment, 'base64url'), data: DATA }))
  })
  for (const custom of [undefined, { note: 'kept behind the last field' }]) {
    const ended = next(ours, 'outgoing_fulfill')
    const extra = custom === undefined ? {} : { custom }
    await ours.sendTransfer(transfer(executionCondition, { to: CLIENT, ilp: toBase64url(whole), ...extra }))
    await ended
  }
  for (const bytes of got) {
    const { destination, data, amount } = decodePacketOf(12, bytes)
    assert.deepEqual([destination, data, amount], [`${CLIENT}.goods`, Buffer.from(whole), 10n])
  }
  assert.equal(got.length, 2)
})

test('a foreign program gets destination and data; a wrong fulfillment of its is none', async (t) => {
  const { ours, foreigner } = await withForeigner(t, true)
  const { fulfillment, executionCondition } = secret()
  const account = `${CLIENT}.goods`
  const ilp = toBase64url(encodePacket({ type: 1, amount: 7n, account, data: DATA }))
  const got: Uint8Array[] = []
  for (const preimage of [Buffer.alloc(32), Buffer.from(fulfillment, 'base64url')]) {
    foreigner.registerDataHandler(async (data) => {
      got.push(data)
      return Buffer.from(encodePacket({ type: 13, fulfillment: preimage, data: DATA }))
    })
    const right = preimage.some((byte) => byte !== 0)
    const ended = next(ours, right ? 'outgoing_fulfill' : 'outgoing_reject')
    await ours.sendTransfer(transfer(executionCondition, { to: CLIENT, ilp }))
    await ended
    assert.equal(await ours.getBalance(), right ? '-10' : '0')
    foreigner.deregisterDataHandler()
  }
  for (const bytes of got) {
    const { destination, data, amount } = decodePacketOf(12, bytes)
    assert.deepEqual([destination, data, amount], [account, Buffer.from(DATA), 10n])
  }
})

test('a Prepare through a plugin of version 1 is a transfer with a forwarded payment, and moves its money', async (t) => {
  const { host: hosting, holder } = await trustline(t)
  const program = asVersion2(holder)
  await program.connect()
  const { fulfillment, executionCondition } = secret()
  const destination = 'example.elsewhere.far.away'
  const sent = program.sendData(prepare(executionCondition, { destination, data: DATA }))
  const [received] = await next(hosting, 'incoming_prepare')
  assert.equal(received.ilp, toBase64url(encodePacket({ type: 10, account: destination, data: DATA })))
  await hosting.fulfillCondition(received.id, fulfillment)
  assert.equal(toBase64url(decodePacketOf(13, await sent).fulfillment), fulfillment)
  assert.equal(await hosting.getBalance(), '10')
})

test('a payment of version 1 reaches a program of version 2 whole, and its answer is the end of the transfer', async (t) => {
  const { host: hosting, holder } = await trustline(t)
  const program = asVersion2(hosting)
  await program.connect()
  const { fulfillment, executionCondition } = secret()
  const whole = encodePacket({ type: 1, amount: 7n, account: `${SERVER}.goods`, data: DATA })
  const got: Uint8Array[] = []
  program.registerDataHandler(async (data) => {
    got.push(decodePacketOf(12, data).data)
    return Buffer.from(encodePacket({ type: 13, fulfillment: Buffer.from(fulfillment, 'base64url'), data: DATA }))
  })
  const ended = next(holder, 'outgoing_fulfill')
  await holder.sendTransfer(transfer(executionCondition, { ilp: toBase64url(whole) }))
  const [, proof, ilp] = await ended
  assert.deepEqual([proof, ilp], [fulfillment, toBase64url(encodePacket({ type: 9, data: DATA }))])
  assert.deepEqual(got, [Buffer.from(whole)])
  program.deregisterDataHandler()
  const refused = next(holder, 'outgoing_reject')
  await prepared(holder, hosting, transfer(secret().executionCondition, { ilp: toBase64url(whole) }))
  assert.equal((await refused)[1].code, 'T01')
})

test('a program of version 2 asks who it is, and no money goes over version 1', async (t) => {
  const { holder } = await trustline(t)
  const program = asVersion2(holder)
  await program.connect()
  const request = Buffer.from(encodeIldcpRequest({ expiresAt: Date.now() + EXPIRES_MS, data: new Uint8Array() }))
  const answer = decodeIldcpResponse(await program.sendData(request))
  assert.deepEqual(answer, { clientAddress: CLIENT, assetCode: 'XRP', assetScale: 9 })
  await assert.rejects(program.sendMoney('1'), { name: 'NotAcceptedError' })
})
