/** The streaming shop over a hosted ledger: no letter before its capture is on disk; crashes and failures of that disk. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import {
  createShop,
  decodeTotals,
  encodeCancel,
  letter,
  Till,
  type Sink,
  type StreamingAnswer,
  type StreamSummary,
} from 'sluice/http'
import type { Holder } from 'sluice/link'
import { settle, World } from '../link/world.js'
import { brief, Payer } from './buyer.js'
import { FakeSink } from './stage.js'

async function openShop(t: TestContext, world = new World()) {
  await world.host.open()
  const { clock, host } = world
  const till = new Till({ link: host, clock })
  till.open()
  const ends: StreamSummary[] = []
  const content = (): string => 'ABCDEFGHIJ'.repeat(10)
  const shop = createShop({ till, price: 1n, unit: letter, content, clock, onStreamEnd: (end) => ends.push(end) })
  const holder = world.holder()
  t.after(() => {
    world.store.release()
    return world.close(holder)
  })
  await holder.open()
  const begin = async (sink: Sink): Promise<StreamingAnswer> => {
    const reply = await shop({ method: 'GET', url: '/', header: () => undefined })
    if (!('stream' in reply)) throw new Error('no stream')
    reply.stream(sink)
    return reply
  }
  const payerOf = (reply: StreamingAnswer, link: Holder = holder): Payer =>
    new Payer(link, reply.headers['Pay'], 'psk', () => clock.now())
  return { world, till, ends, holder, begin, payerOf }
}

test('a letter leaves when its capture is on disk, not before', async (t) => {
  const { world, begin, payerOf } = await openShop(t)
  const sink = new FakeSink()
  const payer = payerOf(await begin(sink))
  assert.equal(brief(await payer.send()), 'fulfilled')
  await settle()
  assert.equal(sink.text, 'A')
  world.store.hold()
  const outcomes = [payer.send(), payer.send()]
  await settle()
  assert.equal(sink.text, 'A')
  world.store.release()
  assert.deepEqual((await Promise.all(outcomes)).map(brief), ['fulfilled', 'fulfilled'])
  await settle()
  assert.equal(sink.text, 'ABC')
})

test('a disk that fails: no letter for what it may not hold, the response breaks off, nothing hangs', async (t) => {
  const { world, begin, payerOf, till, ends, holder } = await openShop(t)
  const sink = new FakeSink()
  const payer = payerOf(await begin(sink))
  await payer.send()
  await settle()
  world.store.broken = true
  holder.send(payer.hold(), { onOutcome: () => undefined })
  await settle()
  assert.deepEqual([sink.text, sink.state, ends[0]?.why], ['A', 'failed', 'unavailable'])
  await till.close()
  assert.equal(world.failures.length, 1)
})

test('a disk that fails while the till closes: closing ends all the same', async (t) => {
  const { world, begin, payerOf, till, holder } = await openShop(t)
  const sink = new FakeSink()
  const payer = payerOf(await begin(sink))
  world.store.hold()
  holder.send(payer.hold(), { onOutcome: () => undefined })
  await settle()
  const closed = till.close()
  await settle()
  assert.equal(sink.state, 'open')
  world.store.broken = true
  world.store.release()
  await closed
  assert.deepEqual([sink.text, sink.state], ['', 'failed'])
})

test('a till that closes delivers what is captured, and ends its streams as incomplete', async (t) => {
  const { world, begin, payerOf, till, holder } = await openShop(t)
  const sink = new FakeSink()
  const payer = payerOf(await begin(sink))
  world.store.hold()
  const paid = payer.send()
  await settle()
  const closed = till.close()
  world.store.release()
  await closed
  assert.equal(brief(await paid), 'fulfilled')
  assert.deepEqual([sink.text, sink.state], ['A', 'failed'])
  assert.equal(brief(await payer.send()), 'rejected T01')
  assert.equal(await holder.balance(), -1n)
})

test('a crash: letters told are captured, holds of streams that are gone return', async (t) => {
  const first = await openShop(t)
  const sink = new FakeSink()
  const reply = await first.begin(sink)
  const payer = first.payerOf(reply)
  for (let count = 0; count < 3; count++) await payer.send()
  // A hold that waits on the disk, uncaptured, because the reader is full.
  sink.full = true
  await payer.send()
  await settle()
  const waiting = payer.send()
  await settle()
  assert.equal(first.world.ledger.account('client')?.heldOut, 1n)

  const second = await openShop(t, first.world.crash())
  await settle()
  const account = second.world.ledger.account('client')
  assert.deepEqual([account?.balance, account?.heldOut], [-4n, 0n])
  assert.equal(sink.text, 'ABCD')
  assert.equal(brief(await second.payerOf(reply).send()), 'rejected F06')
  void waiting
})

test('two holders buy from one till, and neither can cancel the other’s stream', async (t) => {
  const { world, begin, payerOf, holder } = await openShop(t)
  const other = world.holder({ username: 'bob' })
  t.after(() => other.close())
  await other.open()
  const sinks = [new FakeSink(), new FakeSink()]
  const [one, two] = [payerOf(await begin(sinks[0] as FakeSink)), payerOf(await begin(sinks[1] as FakeSink), other)]
  await one.send()
  await two.send(two.hold({ units: 2 }))
  await settle()
  assert.deepEqual(
    sinks.map(({ text }) => text),
    ['A', 'AB'],
  )
  assert.deepEqual([await holder.balance(), await other.balance()], [-1n, -2n])

  await assert.rejects(other.request([encodeCancel(one.address)]))
  await one.send()
  await settle()
  assert.equal(sinks[0]?.text, 'AB')
  const totals = { captures: 2, amount: 2n, endOffset: 2 }
  assert.deepEqual(decodeTotals(await holder.request([encodeCancel(one.address)])), totals)
  await assert.rejects(other.request([encodeCancel(one.address)]))
  assert.deepEqual([sinks[0]?.state, sinks[1]?.state], ['ended', 'open'])
})
