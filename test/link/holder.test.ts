/** The holder's side: what it knows of its holds, above all after a connection was lost. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeFrame, encodeFrame, findEntry, type Frame, jsonEntry, octetEntry } from 'sluice/btp'
import { EMPTY, fromUtf8, utf8 } from 'sluice/bytes'
import { type Holder, type IncomingHold, LinkError, type Settled } from 'sluice/link'
import { type FakeClock, transportPair } from 'sluice/testing'
import { Heard, holdOf, pass, secret, settle, World } from './world.js'

/** Opens a holder to a host that does with holds what `serve` says. */
async function opened(serve?: (hold: IncomingHold) => void, world = new World()) {
  const holder = world.holder()
  await holder.open()
  world.host.onHold(serve)
  return { world, holder }
}

function capture(n: number, data: Uint8Array = EMPTY): (hold: IncomingHold) => void {
  return (hold) => hold.fulfill(secret(n), data, () => undefined)
}

test('opens to the ledger that it asked for, once for all who ask at once', async () => {
  const world = new World()
  const holder = world.holder({ prefix: 'example.shop' })
  assert.throws(() => holder.info, { code: 'LINK_NOT_OPEN' })
  await Promise.all([holder.open(), holder.open(), holder.open()])
  assert.equal(world.network.lines.length, 1)
  assert.deepEqual(holder.info, {
    prefix: 'example.shop.',
    account: 'example.shop.client',
    peer: 'example.shop.server',
    assetCode: 'USD',
    assetScale: 9,
    connectors: [],
  })
  const other = world.holder({ prefix: 'example.other.' })
  await assert.rejects(other.open(), { code: 'LINK_PREFIX' })
  assert.equal(other.state, 'closed')
  await other.close()
  await assert.rejects(other.open(), { code: 'LINK_PREFIX' })
  await world.close(holder, other)
})

test('what is sent before the link is open, or after it was closed, is refused', async () => {
  const world = new World()
  const holder = world.holder()
  const [before, after] = [new Heard(), new Heard()]
  holder.send(holdOf(world, 1), before)
  assert.deepEqual(before.log, [])
  await settle()
  await holder.open()
  await holder.close()
  holder.send(holdOf(world, 2), after)
  await settle()
  assert.deepEqual([before.log, after.log], [['refused'], ['refused']])
  await assert.rejects(holder.balance(), { code: 'LINK_NOT_OPEN' })
  await world.close(holder)
})

test('a link can be closed, and opened again: what was in flight is asked for', async () => {
  let held: IncomingHold | undefined
  const { world, holder } = await opened((hold) => {
    held = hold
  })
  const heard = new Heard()
  holder.send(holdOf(world, 1, 3n), heard)
  await settle()
  await Promise.all([holder.close(), holder.close()])
  assert.deepEqual([heard.log, holder.inDoubt], [['prepared', 'inDoubt'], 3n])
  await holder.open()
  await settle()
  assert.deepEqual([holder.held, holder.inDoubt], [3n, 0n])
  held?.reject({ code: 'F99' })
  await settle()
  assert.deepEqual(heard.log, ['prepared', 'inDoubt', 'rejected'])
  await world.close(holder)
})

test('a capture tells the fulfillment and its data; the balance is the host’s', async () => {
  const { world, holder } = await opened(capture(1, utf8('1234')))
  const heard = new Heard()
  holder.send(holdOf(world, 1, 7n), heard)
  assert.equal(holder.held, 7n)
  await settle()
  assert.deepEqual(heard.log, ['prepared', 'fulfilled'])
  assert.ok(heard.outcome?.status === 'fulfilled')
  assert.equal(fromUtf8(heard.outcome.data), '1234')
  assert.deepEqual([holder.held, await holder.balance()], [0n, -7n])
  await world.close(holder)
})

test('a rejection carries its reason whole, the message too', async () => {
  const { world, holder } = await opened((hold) => {
    hold.reject({ code: 'F99', message: 'sold out', forwardedBy: ['example.a'], data: utf8('{"left":0}') })
  })
  const heard = new Heard()
  holder.send(holdOf(world, 1), heard)
  await settle()
  assert.ok(heard.outcome?.status === 'rejected')
  const { code, name, message, triggeredBy, forwardedBy, triggeredAt, data } = heard.outcome.reason
  assert.deepEqual(
    [code, name, message, triggeredBy, forwardedBy, triggeredAt],
    ['F99', 'Application Error', 'sold out', 'example.shop.server', ['example.a'], world.clock.now()],
  )
  assert.deepEqual(JSON.parse(fromUtf8(data)), { message: 'sold out', left: 0 })
  await world.close(holder)
})

test('a reason whose fields do not fit is told all the same', async () => {
  const { world, holder } = await opened((hold) => {
    hold.reject({ code: 'TOO LONG', name: 'ä', triggeredBy: 'not an address', message: 'why', triggeredAt: Number.NaN })
  })
  const heard = new Heard()
  holder.send(holdOf(world, 1), heard)
  await settle()
  assert.ok(heard.outcome?.status === 'rejected')
  assert.deepEqual([heard.outcome.reason.code, heard.outcome.reason.message], ['F00', 'why'])
  await world.close(holder)
})

test('expiry is the host’s to tell', async () => {
  const { world, holder } = await opened(() => undefined)
  const heard = new Heard()
  holder.send(holdOf(world, 1, 1n, 3_000), heard)
  await settle()
  world.clock.advance(3_000)
  await settle()
  assert.deepEqual(heard.log, ['prepared', 'expired'])
  assert.ok(heard.outcome?.status === 'expired')
  assert.deepEqual([heard.outcome.reason.code, heard.outcome.reason.triggeredBy], ['R00', 'example.shop.server'])
  await world.close(holder)
})

test('a lost connection puts holds in doubt at once; the next one tells what became of each', async () => {
  const held = new Map<number, IncomingHold>()
  const { world, holder } = await opened((hold) => held.set(hold.packet[2] ?? 0, hold))
  const heard = [1, 2, 3, 4].map((n) => {
    const one = new Heard()
    holder.send(holdOf(world, n, BigInt(n)), one)
    return one
  })
  await settle()
  world.network.reachable = false
  world.network.cut()
  await settle()
  assert.deepEqual(
    heard.map(({ log }) => log.at(-1)),
    ['inDoubt', 'inDoubt', 'inDoubt', 'inDoubt'],
  )
  assert.deepEqual([holder.inDoubt, holder.state], [10n, 'connecting'])
  held.get(1)?.fulfill(secret(1), utf8('x'), () => undefined)
  held.get(2)?.reject({ code: 'F06' })
  await settle()
  world.network.reachable = true
  world.clock.advance(100)
  await settle()
  assert.equal(holder.state, 'open')
  assert.deepEqual(heard[0]?.log, ['prepared', 'inDoubt', 'fulfilled'])
  assert.deepEqual(heard[1]?.log, ['prepared', 'inDoubt', 'rejected'])
  assert.deepEqual(
    [heard[2]?.log, heard[3]?.log],
    [
      ['prepared', 'inDoubt'],
      ['prepared', 'inDoubt'],
    ],
  )
  assert.deepEqual([holder.inDoubt, holder.held], [0n, 7n])
  // What is still in place is captured or expires as ever, and is told over the new connection.
  held.get(3)?.fulfill(secret(3), EMPTY, () => undefined)
  await settle()
  await pass(world.clock, 30_000)
  assert.deepEqual([heard[2]?.log.at(-1), heard[3]?.log.at(-1)], ['fulfilled', 'expired'])
  assert.deepEqual([await holder.balance(), holder.held], [-4n, 0n])
  await world.close(holder)
})

test('an outcome that went into a connection that is gone without a word is told over the one that asks', async () => {
  let held: IncomingHold | undefined
  const { world, holder } = await opened((hold) => {
    held = hold
  })
  const heard = new Heard()
  holder.send(holdOf(world, 1), heard)
  await settle()
  // The holder's end is dead; the host has not noticed.
  const [line] = world.network.lines
  assert.ok(line !== undefined)
  const notice = line.host.onClosed
  line.host.onClosed = () => undefined
  world.network.cut()
  await settle()
  await pass(world.clock, 1)
  assert.equal(world.network.lines.length, 2)
  held?.fulfill(secret(1), EMPTY, () => undefined)
  await settle()
  assert.deepEqual(heard.log, ['prepared', 'inDoubt', 'fulfilled'])
  notice('at last')
  await world.close(holder)
})

test('a prepare that never arrived is refused for good: it is buried, so that it cannot arrive late', async () => {
  const { world, holder } = await opened(capture(1))
  const heard = new Heard()
  world.network.hold()
  const hold = holdOf(world, 1, 5n)
  holder.send(hold, heard)
  const sent = world.network.lines[0]?.holder.sent.at(-1)
  assert.ok(sent !== undefined)
  world.network.cut()
  await settle()
  await pass(world.clock, 1)
  assert.deepEqual(heard.log, ['inDoubt', 'refused'])
  // The frame turns up over the new connection.
  world.network.lines.at(-1)?.holder.send(sent)
  await settle()
  assert.deepEqual([await holder.balance(), world.ledger.account('client')?.heldOut], [0n, 0n])
  await world.close(holder)
})

test('more holds in doubt than one question takes are asked in turn', async () => {
  const world = new World({ limits: { inquiryMax: 3 } })
  const holder = world.holder({ limits: { inquiryMax: 5 } })
  await holder.open()
  world.host.onHold((hold) => hold.fulfill(secret(hold.packet[2] ?? 0), EMPTY, () => undefined))
  const heard = Array.from({ length: 12 }, () => new Heard())
  world.network.hold()
  heard.forEach((one, n) => holder.send(holdOf(world, n), one))
  world.network.cut()
  await settle()
  await pass(world.clock, 1)
  assert.ok(heard.every(({ log }) => log.join() === 'inDoubt,refused'))
  assert.equal(holder.inDoubt, 0n)
  await world.close(holder)
})

test('an unanswered prepare is in doubt, and asked for on the same connection', async () => {
  const { world, holder } = await opened(() => undefined)
  const heard = new Heard()
  world.store.hold()
  holder.send(holdOf(world, 1), heard)
  await settle()
  world.clock.advance(5_000)
  await settle()
  assert.deepEqual(heard.log, ['inDoubt'])
  world.store.release()
  await settle()
  assert.deepEqual([heard.log, holder.inDoubt], [['inDoubt', 'prepared'], 0n])
  await world.close(holder)
})

test('the holder’s own clock frees nothing: past the expiry it asks', async () => {
  const { world, holder } = await opened(() => undefined)
  const heard = new Heard()
  holder.send(holdOf(world, 1, 4n, 10_000), heard)
  await settle()
  world.store.hold()
  world.clock.advance(15_000)
  await settle()
  assert.deepEqual([heard.log, holder.held, holder.inDoubt], [['prepared', 'inDoubt'], 4n, 4n])
  world.store.release()
  await settle()
  assert.deepEqual([heard.log.at(-1), holder.held], ['expired', 0n])
  await world.close(holder)
})

test('pending requests fail at once when the connection goes', async () => {
  const { world, holder } = await opened()
  world.host.onRequest('slow', () => new Promise(() => undefined))
  const asked = holder.request([octetEntry('slow')])
  const checked = assert.rejects(asked, (error) => error instanceof LinkError && error.code === 'LINK_CLOSED')
  await settle()
  world.network.cut()
  await checked
  await world.close(holder)
})

test('holds in flight are bounded', async () => {
  const world = new World()
  const holder = world.holder({ limits: { holdsInFlightMax: 2 } })
  await holder.open()
  world.host.onHold(() => undefined)
  const heard = [1, 2, 3, 2].map((n) => {
    const one = new Heard()
    holder.send(holdOf(world, n), one)
    return one
  })
  await settle()
  assert.deepEqual(
    heard.map(({ log }) => log.join()),
    ['prepared', 'prepared', 'refused', 'refused'],
  )
  await world.close(holder)
})

test('an observer or a handler that throws harms nobody', async () => {
  const { world, holder } = await opened(capture(1))
  const heard = new Heard()
  holder.send(holdOf(world, 1), {
    onPrepared() {
      throw new Error('bug')
    },
    onOutcome(outcome) {
      heard.onOutcome(outcome)
      throw new Error('bug')
    },
  })
  await settle()
  assert.deepEqual(heard.log, ['fulfilled'])
  assert.equal(holder.state, 'open')
  await world.close(holder)
})

// ── holds from the host ──────────────────────────────────────────────────────────────────────────────────────────────

/** A holder that has received one hold of 9 from its host. */
async function received(): Promise<{ world: World; holder: Holder; hold: IncomingHold; host: Heard; told: Settled[] }> {
  const { world, holder } = await opened()
  const holds: IncomingHold[] = []
  holder.onHold((hold) => holds.push(hold))
  const host = new Heard()
  world.host.link('client').send(holdOf(world, 1, 9n), host)
  await settle()
  const [hold] = holds
  assert.ok(hold !== undefined)
  return { world, holder, hold, host, told: [] }
}

test('a capture by the holder is done when the host has answered, after its commit', async () => {
  const { world, holder, hold, host, told } = await received()
  world.store.hold()
  hold.fulfill(secret(1), utf8('data'), (settled) => told.push(settled))
  await settle()
  assert.deepEqual([told, host.log], [[], ['prepared']])
  world.store.release()
  await settle()
  assert.deepEqual([told, host.log], [[{ ok: true }], ['prepared', 'fulfilled']])
  assert.ok(host.outcome?.status === 'fulfilled' && fromUtf8(host.outcome.data) === 'data')
  assert.equal(await holder.balance(), 9n)
  await world.close(holder)
})

test('a capture whose answer was lost is sent again over the next connection, and counts once', async () => {
  const { world, holder, hold, host, told } = await received()
  world.store.hold()
  hold.fulfill(secret(1), EMPTY, (settled) => told.push(settled))
  await settle()
  world.network.cut()
  world.store.release()
  await settle()
  await pass(world.clock, 1)
  assert.deepEqual(told, [{ ok: true }])
  assert.deepEqual([host.log, await holder.balance()], [['prepared', 'fulfilled'], 9n])
  await world.close(holder)
})

test('a capture after the host’s expiry fails, and the handler hears of the end', async () => {
  const { world, holder, hold, host, told } = await received()
  const ended: string[] = []
  hold.onEnded = (why) => ended.push(why)
  world.clock.step(30_000)
  hold.fulfill(secret(1), EMPTY, (settled) => told.push(settled))
  await settle()
  assert.ok(told.length === 1 && told[0]?.ok === false && told[0].name === 'AlreadyRolledBackError')
  assert.deepEqual([ended, host.log], [['expired'], ['prepared', 'expired']])
  assert.equal(await holder.balance(), 0n)
  await world.close(holder)
})

test('a wrong fulfillment is not even sent; the right one may follow', async () => {
  const { world, holder, hold, told } = await received()
  hold.fulfill(secret(2), EMPTY, (settled) => told.push(settled))
  await settle()
  hold.fulfill(secret(1), EMPTY, (settled) => told.push(settled))
  hold.reject({ code: 'F00' }, (settled) => told.push(settled))
  await settle()
  assert.deepEqual(
    told.map((settled) => (settled.ok ? 'ok' : settled.name)),
    ['InvalidFulfillmentError', 'AlreadyRolledBackError', 'ok'],
  )
  await world.close(holder)
})

test('a rejection by the holder frees the host’s hold', async () => {
  const { world, holder, hold, host, told } = await received()
  hold.reject({ code: 'F07', message: 'no' }, (settled) => told.push(settled))
  await settle()
  assert.deepEqual([told, host.log], [[{ ok: true }], ['prepared', 'rejected']])
  assert.ok(host.outcome?.status === 'rejected' && host.outcome.reason.message === 'no')
  assert.equal(world.ledger.account('client')?.heldIn, 0n)
  await world.close(holder)
})

test('without a handler the holder rejects what it is sent', async () => {
  const { world, holder } = await opened()
  const heard = new Heard()
  world.host.link('client').send(holdOf(world, 1), heard)
  await settle()
  assert.ok(heard.outcome?.status === 'rejected' && heard.outcome.reason.code === 'T01')
  await world.close(holder)
})

// ── hosts of 2017, and hosts that lie ────────────────────────────────────────────────────────────────────────────────

/** A host that answers as the 2017 program does, and otherwise does what the test says. */
class OldHost {
  readonly frames: Frame[] = []
  balance = 0n
  readonly #ends: { send(message: Uint8Array): void; terminate(): void }[] = []
  #requestId = 1_000

  readonly dial = async () => {
    const [ours, theirs] = transportPair()
    ours.onMessage = (message) => this.#receive(decodeFrame(message, 1))
    this.#ends.push(ours)
    return theirs
  }

  #receive(frame: Frame): void {
    this.frames.push(frame)
    const { requestId } = frame
    if (frame.type === 3) return this.#send({ type: 1, requestId, entries: [] })
    if (frame.type !== 6) return
    switch (frame.entries[0]?.name) {
      case 'auth':
        return this.#send({ type: 1, requestId, entries: [] })
      case 'info': {
        const info = { prefix: 'example.old.', currencyScale: 6, currencyCode: 'XRP', connectors: [] }
        return this.#send({ type: 1, requestId, entries: [jsonEntry('info', info)] })
      }
      case 'balance': {
        const data = new Uint8Array(8)
        new DataView(data.buffer).setBigInt64(0, -this.balance)
        return this.#send({ type: 1, requestId, entries: [octetEntry('balance', data)] })
      }
      default: {
        const error = { code: 'F00', name: 'TypeError', triggeredAt: 0, data: EMPTY, entries: [] }
        return this.#send({ type: 2, requestId, ...error })
      }
    }
  }

  #send(frame: Frame): void {
    this.#ends.at(-1)?.send(encodeFrame(frame, 1))
  }

  fulfill(transferId: Uint8Array, fulfillment: Uint8Array): void {
    this.#send({ type: 4, requestId: this.#requestId++, transferId, fulfillment, entries: [] })
  }

  reject(transferId: Uint8Array): void {
    this.#send({ type: 5, requestId: this.#requestId++, transferId, entries: [] })
  }

  answer(): string | undefined {
    const frame = this.frames.findLast(({ type }) => type <= 2)
    return frame?.type === 2 ? frame.name : frame && 'ok'
  }

  cut(): void {
    this.#ends.at(-1)?.terminate()
  }
}

async function old(): Promise<{ world: { clock: FakeClock }; host: OldHost; holder: Holder }> {
  const host = new OldHost()
  const world = new World()
  const holder = world.holder({ dial: host.dial })
  await holder.open()
  return { world, host, holder }
}

test('an old host: a hold in doubt stays so until past its expiry, then its balance shows that it was not taken', async () => {
  const { world, host, holder } = await old()
  const heard = new Heard()
  holder.send(holdOf(world, 1, 5n, 10_000), heard)
  await settle()
  host.cut()
  await settle()
  await pass(world.clock, 1)
  assert.deepEqual([holder.state, holder.inDoubt], ['open', 5n])
  await pass(world.clock, 14_000)
  assert.deepEqual(heard.log, ['prepared', 'inDoubt'])
  await pass(world.clock, 2_000)
  assert.deepEqual([heard.log, holder.inDoubt], [['prepared', 'inDoubt', 'expired'], 0n])
  await holder.close()
})

test('an old host that took the money without telling: the hold stays in doubt, counted as spent', async () => {
  const { world, host, holder } = await old()
  const heard = new Heard()
  holder.send(holdOf(world, 1, 5n, 10_000), heard)
  await settle()
  host.balance = -5n
  host.cut()
  await settle()
  await settle()
  await pass(world.clock, 60_000)
  assert.deepEqual([heard.log, holder.inDoubt, holder.held], [['prepared', 'inDoubt'], 5n, 5n])
  await holder.close()
})

test('a valid fulfillment is taken however late, a wrong one never', async () => {
  const { world, host, holder } = await old()
  const [late, cheated] = [new Heard(), new Heard()]
  const [one, two] = [holdOf(world, 1, 1n, 10_000), holdOf(world, 2, 1n, 10_000)]
  holder.send(one, late)
  holder.send(two, cheated)
  await settle()
  host.balance = -2n
  await pass(world.clock, 100_000)
  host.fulfill(one.id, secret(1))
  await settle()
  assert.equal(host.answer(), 'ok')
  host.fulfill(two.id, secret(1))
  await settle()
  assert.equal(host.answer(), 'InvalidFulfillmentError')
  assert.deepEqual([late.log.at(-1), cheated.log.at(-1), holder.inDoubt], ['fulfilled', 'inDoubt', 1n])
  host.fulfill(one.id, secret(1))
  await settle()
  assert.equal(host.answer(), 'TransferNotFoundError')
  await holder.close()
})

test('a Reject without a reason, as the specification allows, is a rejection', async () => {
  const { world, host, holder } = await old()
  const heard = new Heard()
  const hold = holdOf(world, 1)
  holder.send(hold, heard)
  await settle()
  host.reject(hold.id)
  await settle()
  assert.ok(heard.outcome?.status === 'rejected')
  assert.deepEqual([heard.outcome.reason.code, heard.outcome.reason.triggeredBy], ['F00', 'example.old.server'])
  await holder.close()
})

test('the prepare carries the packet and the custom data as the 2017 program reads them', async () => {
  const { world, host, holder } = await old()
  holder.send({ ...holdOf(world, 1), custom: utf8('{"a":1}') }, new Heard())
  await settle()
  const prepare = host.frames.find(({ type }) => type === 3)
  assert.deepEqual(
    prepare?.entries.map(({ name, contentType }) => [name, contentType]),
    [
      ['ilp', 0],
      ['custom', 2],
    ],
  )
  assert.equal(fromUtf8(findEntry(prepare?.entries ?? [], 'custom')?.data ?? EMPTY), '{"a":1}')
  await holder.close()
})
