/**
 * What must not cost money between the versions: answers that are lost, Prepares whose extension is damaged or forged,
 * conditions that follow from packets.
 */
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import test, { type TestContext } from 'node:test'
import { encodeFrame, octetEntry, parseTransferId } from 'sluice/btp'
import { concat, toBase64url, utf8 } from 'sluice/bytes'
import { conditionOf, decodePacket, encodePacket, pskFulfiller } from 'sluice/ilp'
import type { HoldOutcome, Link } from 'sluice/link'
import { Reader, Writer } from 'sluice/oer'
import { asLink, asVersion1, type LedgerPluginV1, type LedgerPluginV2 } from 'sluice/plugin'
import { FakeClock } from 'sluice/testing'
import { CLIENT, next, PREFIX, secret, SERVER, transfer } from './trustline.js'
import { peers, turn } from './v2-pair.js'

const info = { prefix: PREFIX, account: SERVER, peer: CLIENT, assetCode: 'XRP', assetScale: 9, connectors: [] }
const NOTHING = new Uint8Array(0)

function named(name: string): Error {
  return Object.assign(new Error('no'), { name })
}

/** As ilp-plugin-btp, and the framework of 2017, tell that the peer sent an error. */
const TOLD = new Error(JSON.stringify({ code: 'F00', name: 'NotAcceptedError', triggeredAt: new Date(0), data: '' }))
const REFUSED: readonly Error[] = [named('NotAcceptedError'), named('InsufficientBalanceError'), TOLD]
const LOST: readonly Error[] = [
  new Error('1234 timed out'),
  new Error(JSON.stringify({ code: 'T00', name: 'UnreachableError' })),
  new Error('null'),
  new TypeError('socket is undefined'),
  named('UnreachableError'),
]

/** What becomes of a hold that expires after 10 s, as it is told. */
function sending(link: Link, clock: FakeClock): string[] {
  const told: string[] = []
  const hold = { amount: 1n, condition: randomBytes(32), expiresAt: clock.now() + 10_000, packet: NOTHING }
  link.send(hold, { onOutcome: (outcome: HoldOutcome) => told.push(outcome.status) })
  return told
}

/** A plugin that is connected, and cannot do anything else. */
function connected(methods: Partial<LedgerPluginV1 & LedgerPluginV2>): EventEmitter {
  const nothing = async (): Promise<void> => undefined
  const register = (): void => undefined
  return Object.assign(new EventEmitter(), {
    connect: nothing,
    disconnect: nothing,
    isConnected: () => true,
    registerDataHandler: register,
    deregisterDataHandler: register,
    registerRequestHandler: register,
    deregisterRequestHandler: register,
    ...methods,
  })
}

test('a packet whose answer may be lost is in doubt until it expires, whatever its plugin throws', async () => {
  for (const [errors, expected] of [
    [REFUSED, ['rejected']],
    [LOST, ['inDoubt', 'expired']],
  ] as const) {
    for (const error of errors) {
      const clock = new FakeClock()
      const plugin = connected({ sendData: async () => Promise.reject(error) }) as unknown as LedgerPluginV2
      const link = asLink(plugin, { info, clock })
      await link.open()
      const told = sending(link, clock)
      await turn()
      clock.advance(15_000)
      assert.deepEqual(told, expected, String(error))
    }
  }
})

test('so is a transfer, and the end that its plugin tells later counts', async () => {
  for (const [errors, expected] of [
    [REFUSED, ['refused']],
    [LOST, ['inDoubt', 'fulfilled']],
  ] as const) {
    for (const error of errors) {
      const clock = new FakeClock()
      let id = ''
      const plugin = connected({
        sendTransfer: async (sent) => {
          id = sent.id
          return Promise.reject(error)
        },
        getInfo: () => ({ prefix: PREFIX, currencyCode: 'XRP', currencyScale: 9, connectors: [] }),
        getAccount: () => CLIENT,
      })
      const link = asLink(plugin as unknown as LedgerPluginV1, { clock })
      await link.open()
      const told = sending(link, clock)
      await turn()
      plugin.emit('outgoing_fulfill', { id }, secret().fulfillment)
      clock.advance(15_000)
      assert.deepEqual(told, expected, String(error))
    }
  }
})

/** A version 1 program whose peer knows no more than that a Prepare's data are a whole packet. */
async function facingBare(t: TestContext) {
  const { listener, client } = await peers(t)
  const ours = asVersion1(listener, { info })
  await ours.connect()
  return { ours, bare: client }
}

const SHARED = randomBytes(32)
const fulfill = pskFulfiller(SHARED)

/** A payment whose condition follows from its bytes, as a Prepare with `more` behind its last field. */
function prepareWith(n: number, more: Uint8Array, account = `${SERVER}.client.${n}`) {
  const packet = encodePacket({ type: 1, amount: 10n, account, data: NOTHING })
  const prepare = encodePacket({
    type: 12,
    amount: 10n,
    expiresAt: Date.now() + 20_000,
    executionCondition: conditionOf(fulfill(packet)),
    destination: account,
    data: packet,
  })
  const reader = new Reader(prepare)
  const writer = new Writer()
  writer.uint8(reader.uint8())
  writer.varOctets(concat(reader.varOctets(), more))
  return { packet, bytes: Buffer.from(writer.take()) }
}

function extension(entries: Parameters<typeof octetEntry>[]): Uint8Array {
  const frame = encodeFrame(
    { type: 6, requestId: 0, entries: entries.map(([name, data]) => octetEntry(name, data)) },
    2,
  )
  return concat(Uint8Array.of(0), frame)
}

const ID = 'sluice.transfer'

test('whatever stands behind its last field, a Prepare is paid once, by the condition of its packet', async (t) => {
  const { ours, bare } = await facingBare(t)
  ours.on('incoming_prepare', (received) => {
    // As a shop of 2017 does: the fulfillment follows from the packet that it was given.
    const fulfillment = fulfill(Buffer.from(received.ilp ?? '', 'base64url'))
    ours.fulfillCondition(received.id, toBase64url(fulfillment)).catch((error: unknown) => assert.fail(String(error)))
  })
  const id = randomBytes(16)
  const good = extension([
    [ID, id],
    ['custom', utf8('{"a":1}')],
  ])
  const extensions: readonly Uint8Array[] = [
    NOTHING,
    Uint8Array.of(0),
    Uint8Array.of(255, 255, 255),
    randomBytes(100),
    good.subarray(0, -5),
    good,
    concat(extension([[ID, randomBytes(16)]]), randomBytes(9)),
    extension([[ID, id.subarray(1)]]),
    extension([[ID, NOTHING]]),
    extension([]),
    extension([['custom', utf8('{}')]]),
    ...['{', '"text"', 'null', '[1]', '{"__proto__":{"id":"x"}}', ''].map((custom) =>
      extension([
        [ID, randomBytes(16)],
        ['custom', utf8(custom)],
      ]),
    ),
  ]
  for (const [n, more] of extensions.entries()) {
    const { packet, bytes } = prepareWith(n, more)
    const answer = decodePacket(await bare.sendData(bytes))
    assert.ok(answer.type === 13, `${n}: ${JSON.stringify(answer)}`)
    assert.deepEqual(Buffer.from(answer.fulfillment), Buffer.from(fulfill(packet)))
  }
  assert.equal(await ours.getBalance(), String(10 * extensions.length))
})

test('a peer that takes the id of a transfer that is known changes nothing for it', async (t) => {
  const { ours, bare } = await facingBare(t)
  const [id, { fulfillment, executionCondition }] = [randomUUID(), secret()]
  const forged = extension([[ID, parseTransferId(id)]])
  const offered: string[] = []
  ours.on('incoming_prepare', ({ id: offer }) => offered.push(offer))
  const rejected = async (n: number): Promise<void> => {
    const answer = decodePacket(await bare.sendData(prepareWith(n, forged).bytes))
    assert.equal(answer.type === 14 && answer.code, 'F00')
  }
  // While ours is under way, and when it has ended.
  bare.registerDataHandler(async () => {
    await rejected(1)
    return Buffer.from(encodePacket({ type: 13, fulfillment: Buffer.from(fulfillment, 'base64url'), data: NOTHING }))
  })
  const ended = next(ours, 'outgoing_fulfill')
  await ours.sendTransfer(transfer(executionCondition, { id, to: CLIENT }))
  await ended
  await rejected(2)
  assert.equal(await ours.getFulfillment(id), fulfillment)
  assert.equal(await ours.getBalance(), '-10')
  assert.deepEqual(offered, [])
  // The same for one of its own that was paid.
  const again = extension([[ID, randomBytes(16)]])
  const first = bare.sendData(prepareWith(3, again).bytes)
  const [received] = await next(ours, 'incoming_prepare')
  await ours.fulfillCondition(received.id, toBase64url(fulfill(prepareWith(3, again).packet)))
  assert.equal(decodePacket(await first).type, 13)
  const second = decodePacket(await bare.sendData(prepareWith(4, again).bytes))
  assert.equal(second.type === 14 && second.code, 'F00')
  assert.equal(await ours.getBalance(), '0')
})
