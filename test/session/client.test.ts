/** The client that stays connected: opening, refusals, reconnecting with jitter, closing at any time. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { utf8 } from 'sluice/bytes'
import { encodeFrame, ERROR, type ReplyFrame, RESPONSE } from 'sluice/btp'
import {
  type Dial,
  SessionClient,
  type SessionClientOptions,
  SessionServer,
  type SessionServerOptions,
  type Transport,
} from 'sluice/session'
import { type MemoryTransport, transportPair } from 'sluice/testing'
import { authFrame, bytes, custom, ManualClock, MemoryLog, MemoryOwner, read, replies, settled } from './harness.js'

/** A host in memory whose network can be `down`, and a client that dials it. */
function network(options: Partial<SessionClientOptions> = {}, host: Partial<SessionServerOptions> = {}) {
  const clock = new ManualClock()
  const log = new MemoryLog()
  const owner = new MemoryOwner()
  const net = { down: false, dials: [] as number[], ends: [] as MemoryTransport[], accepting: true }
  const server = new SessionServer({
    version: 1,
    clock,
    authenticate: ({ token }) => (token === 'secret' && net.accepting ? 'bob' : undefined),
    owner: new MemoryOwner(),
    ...host,
  })
  const dial: Dial = async () => {
    net.dials.push(clock.time)
    if (net.down) throw new Error('connection refused')
    const [mine, theirs] = transportPair()
    net.ends.push(mine)
    server.accept(theirs, '192.0.2.1')
    return mine
  }
  const client = new SessionClient({
    version: 1,
    dial,
    username: 'bob',
    token: 'secret',
    owner,
    clock,
    log,
    random: () => 1 - 2 ** -53,
    ...options,
  })
  const drop = async () => {
    net.ends.at(-1)?.terminate()
    await settled()
  }
  return { clock, log, owner, net, server, client, drop }
}

/** Milliseconds between dials. */
function gaps(dials: readonly number[]): number[] {
  return dials.slice(1).map((at, i) => Math.round(at - (dials[i] ?? 0)))
}

test('it authenticates, waits for the answer, and is open', async () => {
  let decide = (_account: string): void => undefined
  const { client, net, owner } = network({}, { authenticate: () => new Promise((resolve) => (decide = resolve)) })
  const opening = client.open()
  await settled()
  assert.deepEqual(net.ends[0]?.sent.length, 1)
  assert.equal(client.session, undefined)
  assert.deepEqual(owner.events, [])
  decide('bob')
  await opening
  assert.deepEqual(owner.events, ['open'])
  assert.equal(client.session, owner.session)
  assert.equal(owner.session.account, '')
  const told = replies(owner.session, custom('m'))
  await settled()
  assert.deepEqual(told, [{ type: 'response', entries: [] }])
})

test('concurrent opens share one attempt, and one that is open resolves at once', async () => {
  const { client, net } = network()
  await Promise.all([client.open(), client.open(), client.open()])
  await client.open()
  assert.equal(net.dials.length, 1)
})

test('a request of the peer before it let us in is refused', async () => {
  let host: Transport | undefined
  const { client, owner } = network({
    dial: async () => {
      const [mine, theirs] = transportPair()
      host = theirs
      return mine
    },
  })
  const opening = client.open()
  await settled()
  const [mine] = [(host as MemoryTransport).peer]
  ;(host as MemoryTransport).send(authFrame('any', 'x', 9))
  ;(host as MemoryTransport).send(bytes('06 00000008 05 0101 00 00 00'))
  await settled()
  assert.deepEqual(
    mine?.sent.slice(1).map((frame) => read(frame).type),
    [ERROR, ERROR],
  )
  assert.deepEqual(owner.events, [])
  void opening.catch(() => undefined)
  await client.close()
})

test('refused credentials reject the first open at once, and do not hang the next one', async () => {
  const { client, net, owner, log, clock } = network()
  net.accepting = false
  const both = [client.open(), client.open({ timeoutMs: Infinity })]
  await Promise.all(both.map((opening) => assert.rejects(opening, { code: 'SESSION_NOT_ACCEPTED' })))
  assert.equal(net.dials.length, 1)
  assert.doesNotMatch(log.text, /secret/)
  await assert.rejects(client.open(), { code: 'SESSION_NOT_ACCEPTED' })
  await settled()
  assert.equal(clock.timers, 0)
  net.accepting = true
  await client.open()
  assert.deepEqual(owner.events, ['open'])
})

test('open gives up after its time, says why, and can be called again', async () => {
  const { client, net, clock } = network()
  net.down = true
  const opening = client.open({ timeoutMs: 3_000 })
  const outcome = assert.rejects(opening, { code: 'SESSION_TIMEOUT', message: /within 3000 ms.*connection refused/ })
  await clock.advance(3_000)
  await outcome
  assert.equal(clock.timers, 0)
  const dialled = net.dials.length
  await clock.advance(60_000)
  assert.equal(net.dials.length, dialled)
  net.down = false
  await client.open()
})

for (const timeoutMs of [undefined, 0, Number.NaN]) {
  test(`a timeout of ${timeoutMs} means 20 s`, async () => {
    const { client, net, clock } = network()
    net.down = true
    const outcome = assert.rejects(client.open(timeoutMs === undefined ? {} : { timeoutMs }), {
      code: 'SESSION_TIMEOUT',
    })
    await clock.advance(19_999)
    assert.notEqual(clock.timers, 0)
    await clock.advance(1)
    await outcome
  })
}

test('an infinite timeout waits until it works', async () => {
  const { client, net, clock } = network()
  net.down = true
  const opening = client.open({ timeoutMs: Infinity })
  await clock.advance(3_600_000)
  net.down = false
  await clock.advance(5_000)
  await opening
})

test('it reconnects with growing delays, and starts over after a stable connection', async () => {
  const { client, net, clock, owner, drop } = network()
  await client.open()
  net.down = true
  await drop()
  await clock.advance(13_600)
  assert.deepEqual(gaps(net.dials), [0, 100, 500, 1_000, 2_000, 5_000, 5_000])
  net.down = false
  await clock.advance(5_000)
  assert.deepEqual(owner.events, ['open', 'closed: terminated', 'open'])
  net.dials.length = 0
  await clock.advance(9_000)
  const droppedEarly = clock.time
  await drop()
  await clock.advance(5_000)
  assert.deepEqual(
    net.dials.map((at) => Math.round(at - droppedEarly)),
    [5_000],
  )
  net.dials.length = 0
  await clock.advance(10_000)
  const droppedLate = clock.time
  await drop()
  await clock.advance(0)
  assert.deepEqual(
    net.dials.map((at) => at - droppedLate),
    [0],
  )
  await client.close()
})

test('delays, and how long a connection must last to start them over, can be others', async () => {
  const { client, net, clock, drop } = network({ reconnectDelaysMs: [300, 700], stableMs: 2_000 })
  await client.open()
  net.down = true
  await drop()
  await clock.advance(2_500)
  assert.deepEqual(gaps(net.dials), [300, 700, 700, 700])
  net.down = false
  await clock.advance(700)
  await clock.advance(2_000)
  net.dials.length = 0
  const dropped = clock.time
  await drop()
  await clock.advance(300)
  assert.deepEqual(
    net.dials.map((at) => Math.round(at - dropped)),
    [300],
  )
  await client.close()
})

test('delays are jittered down to a half, by the randomness that is passed in', async () => {
  const values = [0, 0.5, 0.25, 0, 0.75, 0.1]
  const { client, net, clock, drop } = network({ random: () => values[net.dials.length % values.length] ?? 0 })
  await client.open()
  net.down = true
  await drop()
  await clock.advance(6_000)
  const expected = [0, 100, 500, 1_000, 2_000].map(
    (delay, i) => delay * (0.5 + (values[(i + 1) % values.length] ?? 0) / 2),
  )
  assert.deepEqual(gaps(net.dials).slice(0, 5), expected.map(Math.round))
  await client.close()
})

test('once it was open, a refusal is not final', async () => {
  const { client, net, clock, owner, drop } = network()
  await client.open()
  net.accepting = false
  await drop()
  const waiting = client.open()
  await clock.advance(4_000)
  net.accepting = true
  await clock.advance(5_000)
  await waiting
  assert.equal(owner.events.at(-1), 'open')
  await client.close()
})

test('pending requests are told at once when the connection drops, and requests meanwhile are lost', async () => {
  const { client, owner, drop, net } = network({}, { owner: { onRequest: () => undefined, onClosed: () => undefined } })
  await client.open()
  net.down = true
  const told = replies(owner.session, custom('m'))
  await drop()
  const meanwhile = replies(owner.session, custom('m'))
  await settled()
  assert.deepEqual([told, meanwhile], [[{ type: 'lost', why: 'closed' }], [{ type: 'lost', why: 'closed' }]])
  assert.equal(client.session, undefined)
  await client.close()
})

test('close ends the connection, is fine twice, and leaves nothing; open works again', async () => {
  const { client, clock, owner, net, server } = network()
  await client.close()
  await client.open()
  await Promise.all([client.close(), client.close()])
  await client.close()
  assert.deepEqual(owner.events, ['open', 'closed: closed by its user'])
  await settled()
  assert.deepEqual([clock.timers, server.sessions], [0, 0])
  await clock.advance(60_000)
  assert.equal(net.dials.length, 1)
  await client.open()
  assert.equal(net.dials.length, 2)
})

test('close while dialling, though the dial does not heed it: nothing is left behind', async () => {
  let connect = (_transport: Transport): void => undefined
  const { client, clock, owner } = network({ dial: () => new Promise((resolve) => (connect = resolve)) })
  const outcome = assert.rejects(client.open(), { code: 'SESSION_CLOSED' })
  await settled()
  await client.close()
  await outcome
  const [mine] = transportPair()
  connect(mine)
  await settled()
  assert.equal(mine.closedWith?.reason, 'terminated')
  assert.deepEqual([clock.timers, owner.events], [0, []])
})

test('close while authenticating, while waiting to reconnect, and before the first attempt has begun', async () => {
  const undecided = network({}, { authenticate: () => new Promise(() => undefined) })
  const outcome = assert.rejects(undecided.client.open(), { code: 'SESSION_CLOSED' })
  await settled()
  await undecided.client.close()
  await outcome
  await settled()
  assert.deepEqual([undecided.clock.timers, undecided.server.unauthenticated], [0, 0])

  const waiting = network()
  await waiting.client.open()
  waiting.net.down = true
  await waiting.drop()
  await waiting.clock.advance(200)
  await waiting.client.close()
  assert.equal(waiting.clock.timers, 0)

  const early = network()
  const rejected = assert.rejects(early.client.open(), { code: 'SESSION_CLOSED' })
  const closing = early.client.close()
  await Promise.all([rejected, closing])
  await settled()
  assert.equal(early.clock.timers, 0)
  assert.deepEqual(early.owner.events, [])
})

test('open while the last close is still under way begins anew', async () => {
  const { client, owner, clock } = network()
  await client.open()
  const closing = client.close()
  const opening = client.open()
  await Promise.all([closing, opening])
  assert.equal(client.session?.open, true)
  assert.deepEqual(owner.events.filter((event) => event === 'open').length, 2)
  await client.close()
  await settled()
  assert.equal(clock.timers, 0)
})

test('a peer that never answers authentication, or a dial that never ends, costs one attempt', async () => {
  const { client, clock, net } = network(
    {},
    { authenticate: () => new Promise(() => undefined), limits: { authTimeoutMs: 1e9 } },
  )
  const outcome = assert.rejects(client.open({ timeoutMs: 12_000 }), {
    code: 'SESSION_TIMEOUT',
    message: /did not answer/,
  })
  await clock.advance(12_000)
  await outcome
  assert.equal(net.dials.length, 3)
  const hanging = network({ dial: () => new Promise(() => undefined) })
  const timedOut = assert.rejects(hanging.client.open(), { code: 'SESSION_TIMEOUT', message: /not made in time/ })
  await hanging.clock.advance(20_000)
  await timedOut
  assert.equal(hanging.clock.timers, 0)
})

test('a T-class answer to authentication is retried', async () => {
  const entries: [] = []
  let attempts = 0
  const dial: Dial = async () => {
    const [mine, theirs] = transportPair()
    theirs.onMessage = (frame) => {
      const { requestId } = read(frame)
      const busy = { code: 'T00', name: 'UnreachableError', triggeredAt: 0, data: utf8('busy'), entries }
      const reply: ReplyFrame =
        ++attempts === 1 ? { type: ERROR, requestId, ...busy } : { type: RESPONSE, requestId, entries }
      theirs.send(encodeFrame(reply, 1))
    }
    return mine
  }
  const { client, clock } = network({ dial })
  const opening = client.open()
  await clock.advance(0)
  await opening
  assert.equal(attempts, 2)
  await client.close()
})
