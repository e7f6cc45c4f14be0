/** Payment ids at a till: none is taken twice, in any order, and those in reach are taken. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { accountFulfiller, conditionOf, encodePacket } from 'sluice/ilp'
import { Till } from 'sluice/http'
import type { IncomingHold, Receiver } from 'sluice/link'

/** A till with one stream, and a hand that puts holds into it: `true` when the stream took one. */
function counter(): (paymentId: string) => boolean {
  let give: (hold: IncomingHold) => void = () => {}
  const link: Receiver = {
    state: 'open',
    info: {
      prefix: 'example.x.',
      account: 'example.x.server',
      peer: 'example.x.client',
      assetCode: 'USD',
      assetScale: 0,
      connectors: [],
    },
    onHold: (handler) => (give = handler ?? give),
    onRequest: () => {},
    onState: () => () => {},
  }
  const till = new Till({ link, clock: { now: () => 0, after: () => () => {} } })
  till.open()
  let taken = 0
  const secret = new Uint8Array(32)
  const fulfill = accountFulfiller(secret)
  const { clientId, address } = till.newClient()
  const totals = { captures: 0, amount: 0n, endOffset: 0 }
  till.addStream(clientId, {
    price: 1n,
    fulfillmentFor: (_packet, destination) => fulfill(destination),
    take: () => taken++,
    stop: () => Promise.resolve(totals),
    sold: () => ({ payTerms: '', unit: 'letter', price: 1n, units: 0, totals }),
  })
  return (paymentId) => {
    const before = taken
    const account = `${address}.${paymentId}`
    give({
      account: 'client',
      id: new Uint8Array(16),
      amount: 1n,
      condition: conditionOf(fulfill(account)),
      expiresAt: 30_000,
      packet: encodePacket({ type: 1, amount: 1n, account, data: new Uint8Array(0) }),
      custom: undefined,
      onEnded: undefined,
      fulfill: () => {},
      reject: () => {},
    })
    return taken > before
  }
}

test('no payment id is taken twice; a new one is, unless it lies far behind', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: -40, max: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: -5000, max: 5000 }) },
    { weight: 1, arbitrary: fc.constantFrom(4095, 4096, 4097, -4095, -4096, -4097) },
  )
  fc.assert(
    fc.property(fc.nat(10_000), fc.array(step, { maxLength: 80 }), (start, steps) => {
      const pay = counter()
      const used = new Set<number>()
      let highest = -1
      let at = start
      for (const change of [0, ...steps]) {
        at = Math.max(0, at + change)
        const expected = !used.has(at) && at > highest - 4096
        assert.equal(pay(String(at)), expected, `id ${at} after ${highest}`)
        if (!expected) continue
        used.add(at)
        highest = Math.max(highest, at)
      }
    }),
    { numRuns: 60 },
  )
})

test('ids that are no counters are taken once each, so many of them', () => {
  const pay = counter()
  assert.deepEqual(
    [pay('a'), pay('a'), pay('007'), pay('007'), pay('7'), pay('7')],
    [true, false, true, false, true, false],
  )
  for (let count = 2; count < 1024; count++) assert.ok(pay(`n${count}`))
  assert.equal(pay('one-more'), false)
  assert.ok(pay('8'))
})
