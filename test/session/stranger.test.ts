/** The accepting side: who is let in, with which code others are refused, and what a stranger cannot do. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { utf8 } from 'sluice/bytes'
import { type BtpVersion, encodeFrame, ERROR, MESSAGE, RESPONSE, type SubProtocol } from 'sluice/btp'
import { type Authenticate, secretMatcher, SessionServer, type SessionServerOptions } from 'sluice/session'
import { transportPair } from 'sluice/testing'
import {
  authFrame,
  bytes,
  custom,
  hex,
  ManualClock,
  MemoryLog,
  MemoryOwner,
  messageFrame,
  read,
  replies,
  settled,
} from './harness.js'

const isSecret = secretMatcher('the secret')
const authenticate: Authenticate = ({ username, token }) => (isSecret(token) ? `user-${username}` : undefined)

function server(options: Partial<SessionServerOptions> = {}) {
  const clock = new ManualClock()
  const log = new MemoryLog()
  const owner = new MemoryOwner()
  const sessions = new SessionServer({ version: 1, authenticate, owner, clock, log, ...options })
  const arrive = () => {
    const [peer, transport] = transportPair()
    let closed = ''
    peer.onClosed = (reason) => {
      closed = reason
    }
    sessions.accept(transport, '192.0.2.7')
    return { peer, transport, closed: () => closed }
  }
  return { clock, log, owner, sessions, arrive }
}

const AUTH: SubProtocol = { name: 'auth', contentType: 0, data: new Uint8Array(0) }
const USERNAME: SubProtocol = { name: 'auth_username', contentType: 1, data: utf8('bob') }
const TOKEN: SubProtocol = { name: 'auth_token', contentType: 1, data: utf8('the secret') }

function first(entries: readonly SubProtocol[], version: BtpVersion = 1): Uint8Array {
  return encodeFrame({ type: MESSAGE, requestId: 0x12345678, entries }, version)
}

test('the auth message of RFC-23, empty name and token, opens a host that accepts them', async () => {
  const { arrive, owner } = server({
    authenticate: ({ username, token }) => (username + token === '' ? 'client' : undefined),
  })
  const { peer, transport } = arrive()
  peer.send(bytes('06 12345678 26 0103 04617574680000 0d617574685f757365726e616d650100 0a617574685f746f6b656e0100'))
  await settled()
  assert.deepEqual(transport.sent.map(hex), ['0112345678020100'])
  assert.equal(owner.session.account, 'client')
})

const TABLE: readonly (readonly [string, BtpVersion, Uint8Array, 'open' | 'F00' | 'F01' | 'cut'])[] = [
  ['name and token', 1, first([AUTH, USERNAME, TOKEN]), 'open'],
  ['other entries beside them', 1, first([AUTH, TOKEN, { ...AUTH, name: 'x' }, USERNAME]), 'open'],
  ['2.0 without a name', 2, first([AUTH, TOKEN], 2), 'open'],
  ['1.0 without a name', 1, first([AUTH, TOKEN]), 'F01'],
  ['no token', 1, first([AUTH, USERNAME]), 'F01'],
  ['2.0 without a token', 2, first([AUTH], 2), 'F01'],
  ['a wrong token', 1, first([AUTH, USERNAME, { ...TOKEN, data: utf8('the secreT') }]), 'F00'],
  ['an empty token', 1, first([AUTH, USERNAME, { ...TOKEN, data: utf8('') }]), 'F00'],
  ['the token as binary', 1, first([AUTH, USERNAME, { ...TOKEN, contentType: 0 }]), 'F01'],
  ['the name as JSON', 1, first([AUTH, { ...USERNAME, contentType: 2 }, TOKEN]), 'F01'],
  ['2.0 with the name as binary', 2, first([AUTH, { ...USERNAME, contentType: 0 }, TOKEN], 2), 'F01'],
  ['a token that is not UTF-8', 1, first([AUTH, USERNAME, { ...TOKEN, data: new Uint8Array([0xff]) }]), 'F01'],
  ['a name that is not UTF-8', 1, first([AUTH, { ...USERNAME, data: new Uint8Array([0xc0, 0x80]) }, TOKEN]), 'F01'],
  ['two tokens', 1, first([AUTH, USERNAME, TOKEN, TOKEN]), 'F01'],
  ['auth that is not the primary entry', 1, first([TOKEN, USERNAME, AUTH]), 'F01'],
  ['no entries', 1, first([]), 'F01'],
  ['another message', 1, messageFrame(0x12345678, 'ilp'), 'F01'],
  ['a Reject', 1, bytes(`05 12345678 12 ${'00'.repeat(16)} 0100`), 'F01'],
  ['a Response', 1, bytes('01 12345678 02 0100'), 'F01'],
  ['one byte', 1, bytes('06'), 'cut'],
  ['an unknown type', 1, bytes('09 12345678 02 0100'), 'cut'],
  ['a long token', 1, first([AUTH, USERNAME, { ...TOKEN, data: new Uint8Array(9000) }]), 'cut'],
]

for (const [what, version, frame, expected] of TABLE) {
  test(`first packet: ${what}: ${expected}`, async () => {
    const { arrive, owner, sessions, log, clock } = server({ version })
    const { peer, transport, closed } = arrive()
    peer.send(frame)
    await settled()
    if (expected === 'open') {
      assert.equal(read(transport.sent[0], version).type, RESPONSE)
      assert.match(owner.session.account, /^user-(bob)?$/)
      assert.equal(sessions.sessions, 1)
      return
    }
    const answers = transport.sent.map((sent) => read(sent, version))
    assert.deepEqual(
      answers.map((answer) => answer.type === ERROR && [answer.requestId, answer.code]),
      expected === 'cut' ? [] : [[0x12345678, expected]],
    )
    assert.notEqual(closed(), '')
    assert.deepEqual([sessions.unauthenticated, sessions.sessions, clock.timers], [0, 0, 0])
    assert.deepEqual(owner.events, [])
    assert.doesNotMatch(log.text, /the secre/)
  })
}

test('who keeps silent is cut off after authTimeoutMs, without an answer', async () => {
  const { arrive, clock, sessions } = server()
  const { transport, closed } = arrive()
  await clock.advance(1_999)
  assert.equal(closed(), '')
  await clock.advance(1)
  assert.equal(closed(), 'terminated')
  assert.deepEqual(transport.sent, [])
  assert.deepEqual([sessions.unauthenticated, clock.timers], [0, 0])
})

test('one who is refused has until the same time to leave', async () => {
  const { arrive, clock, sessions } = server()
  const { transport } = arrive()
  let terminated = 0
  transport.close = () => undefined
  transport.terminate = () => {
    terminated++
  }
  transport.onMessage(authFrame('wrong'))
  transport.onMessage(authFrame('the secret'))
  assert.equal(sessions.unauthenticated, 1)
  await clock.advance(2_000)
  assert.equal(terminated, 1)
  assert.deepEqual([sessions.unauthenticated, sessions.sessions], [0, 0])
})

test('frames that arrive while authentication is decided are served after the answer, in order', async () => {
  let decide = (_account: string | undefined): void => undefined
  const { arrive, owner } = server({
    authenticate: () =>
      new Promise((resolve) => {
        decide = resolve
      }),
  })
  const { peer, transport } = arrive()
  const order: string[] = []
  owner.answer = (session, frame) => {
    order.push(frame.type === MESSAGE ? (frame.entries[0]?.name ?? '') : '')
    session.respond(frame.requestId)
  }
  owner.onOpen = (session) => {
    session.request(custom('welcome'), () => undefined)
  }
  peer.send(authFrame('any', 'bob', 1))
  for (const [i, name] of ['a', 'b', 'c'].entries()) peer.send(messageFrame(i + 2, name))
  await settled()
  assert.deepEqual([transport.sent, order], [[], []])
  decide('bob')
  await settled()
  peer.send(messageFrame(5, 'd'))
  await settled()
  assert.deepEqual(order, ['a', 'b', 'c', 'd'])
  const sent = transport.sent.map((frame) => read(frame))
  assert.deepEqual(
    sent.map(({ type }) => type),
    [RESPONSE, MESSAGE, RESPONSE, RESPONSE, RESPONSE, RESPONSE],
  )
  assert.deepEqual(
    sent.filter(({ type }) => type === RESPONSE).map(({ requestId }) => requestId),
    [1, 2, 3, 4, 5],
  )
})

test('frames in one read with the auth message are served, too', async () => {
  const { arrive, owner } = server()
  const { peer } = arrive()
  peer.send(authFrame('the secret', 'bob', 1))
  peer.send(messageFrame(2, 'a'))
  await settled()
  assert.deepEqual(owner.events, ['open', 'request'])
})

for (const [what, limits] of [
  ['frames', { authQueueFramesMax: 10 }],
  ['bytes', { authQueueBytesMax: 100 }],
] as const) {
  test(`the queue of an undecided stranger is bounded in ${what}`, async () => {
    const { arrive, sessions } = server({ limits, authenticate: () => new Promise(() => undefined) })
    const { peer, closed } = arrive()
    peer.send(authFrame('any'))
    for (let id = 0; id < 11; id++) peer.send(messageFrame(id, 'message'))
    await settled()
    assert.equal(closed(), 'terminated')
    assert.equal(sessions.unauthenticated, 0)
  })
}

test('a decision that comes late, or after the stranger has gone, opens nothing', async () => {
  const decisions: ((account: string) => void)[] = []
  const { arrive, clock, owner, sessions } = server({
    authenticate: () => new Promise((resolve) => decisions.push(resolve)),
  })
  const late = arrive()
  late.peer.send(authFrame('any'))
  await clock.advance(2_000)
  assert.equal(late.closed(), 'terminated')
  const gone = arrive()
  gone.peer.send(authFrame('any'))
  await settled()
  gone.peer.terminate()
  await settled()
  for (const decide of decisions) decide('somebody')
  await settled()
  assert.equal(decisions.length, 2)
  assert.deepEqual([owner.events, sessions.sessions, sessions.unauthenticated], [[], 0, 0])
})

test('an authenticate that throws or rejects refuses with a general message, and nothing secret is logged', async () => {
  for (const failing of [
    () => {
      throw new Error('the secret is hunter2')
    },
    () => Promise.reject(new Error('the secret is hunter2')),
  ]) {
    const { arrive, log, sessions } = server({ authenticate: failing })
    const { peer, transport, closed } = arrive()
    peer.send(authFrame('hunter2', 'bob'))
    await settled()
    const answer = read(transport.sent[0])
    assert.equal(answer.type === ERROR && answer.code, 'F00')
    assert.notEqual(closed(), '')
    assert.equal(sessions.unauthenticated, 0)
    assert.match(log.text, /authentication failed to decide/)
    assert.doesNotMatch(log.text + Buffer.from(transport.sent[0] ?? '').toString('latin1'), /hunter2/)
  }
})

test('an authenticate that answers something other than text refuses', async () => {
  for (const answer of [true, null, 1, Promise.resolve(null)]) {
    const { arrive, owner } = server({ authenticate: () => answer as unknown as string })
    const { peer, transport } = arrive()
    peer.send(authFrame('any'))
    await settled()
    assert.deepEqual(
      transport.sent.map((frame) => read(frame).type),
      [ERROR],
    )
    assert.deepEqual(owner.events, [])
  }
})

test('secrets appear in no log, whatever becomes of the connection', async () => {
  const { arrive, log, clock } = server()
  for (const token of ['the secret', 'wrong secret']) {
    const { peer } = arrive()
    peer.send(authFrame(token, 'bob'))
    await settled()
    peer.send(bytes('ff'))
    peer.send(authFrame(token, 'bob', 2))
    await clock.advance(30_000)
    peer.terminate()
    await settled()
  }
  assert.notEqual(log.text, '')
  assert.doesNotMatch(log.text, /secret/)
})

test('a stranger with a wrong token neither evicts nor delays the live peer of that name', async () => {
  const { arrive, owner, sessions } = server()
  const { peer } = arrive()
  peer.send(authFrame('the secret', 'bob'))
  await settled()
  const { session } = owner
  for (let i = 0; i < 20; i++) arrive().peer.send(authFrame('wrong', 'bob'))
  const told = replies(session, custom('m'))
  peer.send(messageFrame(9, 'm'))
  peer.send(bytes(`01 ${read(peer.peer?.sent.at(-1)).requestId.toString(16).padStart(8, '0')} 02 0100`))
  await settled()
  assert.equal(told[0]?.type, 'response')
  assert.equal(owner.requests.length, 1)
  assert.deepEqual([session.open, sessions.sessions, sessions.unauthenticated], [true, 1, 0])
  assert.deepEqual(owner.events, ['open', 'request'])
})

test('strangers are few: one more ends the one that has waited longest, and nobody else', async () => {
  const { arrive, owner, sessions } = server({ unauthenticatedMax: 3 })
  const live = arrive()
  live.peer.send(authFrame('the secret', 'bob'))
  await settled()
  const silent = Array.from({ length: 10 }, () => arrive())
  await settled()
  assert.equal(sessions.unauthenticated, 3)
  assert.deepEqual(
    silent.map(({ closed }) => closed()),
    [...Array.from({ length: 7 }, () => 'terminated'), '', '', ''],
  )
  const newcomer = arrive()
  newcomer.peer.send(authFrame('the secret', 'carol'))
  await settled()
  assert.deepEqual(owner.events, ['open', 'open'])
  assert.deepEqual([sessions.sessions, live.closed()], [2, ''])
})

test('close ends sessions and strangers, and takes no more', async () => {
  const { arrive, owner, sessions, clock } = server()
  const [live, stranger] = [arrive(), arrive()]
  live.peer.send(authFrame('the secret', 'bob'))
  await settled()
  await Promise.all([sessions.close('maintenance'), sessions.close()])
  const late = arrive()
  await settled()
  for (const { closed } of [live, stranger, late]) assert.notEqual(closed(), '')
  assert.deepEqual(owner.events, ['open', 'closed: maintenance'])
  assert.deepEqual([sessions.sessions, sessions.unauthenticated, clock.timers], [0, 0, 0])
})

test('an owner that throws when a session opens ends nothing', async () => {
  const { arrive, owner, log } = server()
  owner.onOpen = () => {
    throw new Error('a bug')
  }
  const { peer, transport } = arrive()
  peer.send(authFrame('the secret', 'bob'))
  peer.send(messageFrame(2, 'm'))
  await settled()
  assert.deepEqual(
    transport.sent.map((frame) => read(frame).type),
    [RESPONSE, RESPONSE],
  )
  assert.match(log.text, /^error an open handler threw/m)
})
