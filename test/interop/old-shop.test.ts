/**
 * Our holder and the shop of 2017, where they differ: messages that it does not know, lost connections that it does not
 * notice, units that it cannot locate in the body.
 */
import assert from 'node:assert/strict'
import { createHash, createHmac, randomBytes } from 'node:crypto'
import { before, test } from 'node:test'
import { octetEntry } from 'sluice/btp'
import { payingFetch } from 'sluice/fetch'
import { encodePacket } from 'sluice/ilp'
import { Holder, type HoldOutcome } from 'sluice/link'
import type { Dial, Transport } from 'sluice/session'
import { dialWebSocket } from 'sluice/session/ws'
import { ownPrograms } from '../seeds/programs.js'
import { Stall } from '../seeds/stall.js'
import { installOldPeers, oldModules } from './old-peers.js'
import { Party, paymentSecret, shopPort, trustlinePrefix } from './party.js'

before(installOldPeers)

/** A holder whose connection the test can break. */
function breakable(port: number): { holder: Holder; breakConnection: () => void } {
  const dial = dialWebSocket(`ws://localhost:${port}/`)
  let last: Transport | undefined
  const remembering: Dial = async (signal) => (last = await dial(signal))
  const holder = new Holder({ dial: remembering, username: '', token: '' })
  return { holder, breakConnection: () => last?.terminate() }
}

let payments = 0

/** Sends one hold for what the shop does with it (`hmac` captures, `ignore` leaves it); all outcomes, the last one final. */
function send(holder: Holder, mode: 'hmac' | 'ignore', holdMs = 30_000): Promise<readonly HoldOutcome['status'][]> {
  const destination = `${trustlinePrefix}server.${mode}.${++payments}`
  const fulfillment = createHmac('sha256', paymentSecret).update(destination).digest()
  const hold = {
    amount: 5n,
    condition: createHash('sha256').update(fulfillment).digest(),
    expiresAt: Date.now() + holdMs,
    packet: encodePacket({ type: 1, amount: 5n, account: destination, data: new Uint8Array() }),
    id: randomBytes(16),
  }
  const heard: HoldOutcome['status'][] = []
  return new Promise((resolve) => {
    holder.send(hold, {
      onOutcome: ({ status }) => {
        heard.push(status)
        if (status !== 'inDoubt') resolve(heard)
      },
    })
  })
}

test('a message that the old shop does not know fails alone', async () => {
  const shop = await Party.shop(oldModules)
  const { holder } = breakable(await shop.process.port(shopPort))
  await holder.open()
  try {
    await assert.rejects(holder.request([octetEntry('sluice.cancel', new Uint8Array(4))]))
    await assert.rejects(holder.request([octetEntry('sluice.transfers', new Uint8Array(16))]))
    assert.deepEqual(await send(holder, 'hmac'), ['fulfilled'])
    assert.equal(await holder.balance(), -5n)
    assert.equal(holder.held, 0n)
  } finally {
    await holder.close()
    await shop.stop()
  }
})

test('a hold in flight when the connection breaks counts as spent until the old shop says that it expired', async () => {
  const shop = await Party.shop(oldModules)
  const { holder, breakConnection } = breakable(await shop.process.port(shopPort))
  await holder.open()
  try {
    const lapsing = send(holder, 'ignore', 3000)
    assert.deepEqual(await send(holder, 'hmac'), ['fulfilled'])
    const reopened = new Promise<void>((resolve) => {
      holder.onState((state) => state === 'open' && resolve())
    })
    breakConnection()
    await reopened
    assert.equal(holder.inDoubt, 5n)
    assert.deepEqual(await lapsing, ['inDoubt', 'expired'])
    assert.equal(holder.held, 0n)
    assert.equal(await holder.balance(), -5n)
  } finally {
    await holder.close()
    await shop.stop()
  }
})

test('our buyer reads letters from a streaming shop of 2017 that states no offsets', async () => {
  const [, streaming] = ownPrograms()
  assert.ok(streaming)
  const stall = await Stall.open(streaming, oldModules)
  const { holder } = breakable(stall.port('ledger'))
  try {
    const response = await payingFetch(`http://localhost:${stall.port('http')}/`, { link: holder, budget: 100n })
    const text = await response.text()
    assert.match(text, /^[A-Z]{100}$/)
    assert.equal(await holder.balance(), -100n)
    assert.deepEqual(stall.shop.faults, [])
  } finally {
    await holder.close()
    await stall.close()
  }
})
