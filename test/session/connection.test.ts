/** One authenticated connection: requests, replies, timeouts, limits, keep-alive; with hex frames and a clock moved by hand. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { utf8 } from 'sluice/bytes'
import { type BtpVersion, encodeFrame, ERROR, type Frame, MESSAGE, RESPONSE } from 'sluice/btp'
import { btpFailure, type Reply } from 'sluice/session'
import { accepted, authFrame, bytes, custom, hex, messageFrame, read, replies, settled } from './harness.js'

const CLOSED: Reply = { type: 'lost', why: 'closed' }
const TIMEOUT: Reply = { type: 'lost', why: 'timeout' }

function errorOf(frame: Uint8Array | undefined, version: BtpVersion = 1) {
  const decoded = read(frame, version)
  assert.equal(decoded.type, ERROR)
  if (decoded.type !== ERROR) throw new Error('not an Error')
  const { message } = JSON.parse(Buffer.from(decoded.data).toString()) as { message: string }
  return { requestId: decoded.requestId, code: decoded.code, name: decoded.name, message }
}

test('a request is answered by the reply with its id', async () => {
  const { session, peer, sent } = await accepted()
  const first = replies(session, custom('m'))
  const second = replies(session, custom('m'))
  assert.deepEqual(sent().map(hex), ['0600000001060101016d0000', '0600000002060101016d0000'])
  peer.send(bytes('01 00000002 02 0100'))
  await settled()
  assert.deepEqual([first, second], [[], [{ type: 'response', entries: [] }]])
  peer.send(bytes('01 00000001 06 0101 016d 00 00'))
  await settled()
  assert.deepEqual(first, [{ type: 'response', entries: [{ name: 'm', contentType: 0, data: new Uint8Array(0) }] }])
})

for (const [data, message] of [
  ['{"message":"no such letter"}', 'no such letter'],
  ['a bare sentence', 'a bare sentence'],
  ['{"reason":1}', '{"reason":1}'],
  ['', ''],
  ['\uFFFF'.repeat(2000), '\uFFFF'.repeat(1024)],
] as const) {
  test(`an Error is a reply, and its message is read from its data: ${data.slice(0, 30)}`, async () => {
    const { session, peer } = await accepted()
    const told = replies(session, custom('m'))
    const error: Frame = {
      type: ERROR,
      requestId: 1,
      code: 'F99',
      name: 'Odd',
      triggeredAt: 0,
      data: utf8(data),
      entries: [],
    }
    peer.send(encodeFrame(error, 1))
    await settled()
    assert.deepEqual(told, [{ type: 'error', code: 'F99', name: 'Odd', message }])
  })
}

test('an Error whose data is not text has no message', async () => {
  const { session, peer } = await accepted()
  const told = replies(session, custom('m'))
  const data = new Uint8Array([0xff, 0xfe])
  peer.send(encodeFrame({ type: ERROR, requestId: 1, code: 'F00', name: 'X', triggeredAt: 0, data, entries: [] }, 1))
  await settled()
  assert.deepEqual(told, [{ type: 'error', code: 'F00', name: 'X', message: '' }])
})

test('an unexpected reply is ignored, and so is a second one', async () => {
  const { session, peer, sent } = await accepted()
  const told = replies(session, custom('m'))
  for (const reply of ['01 00000007 02 0100', '01 00000001 02 0100', '01 00000001 02 0100']) peer.send(bytes(reply))
  await settled()
  assert.equal(told.length, 1)
  assert.equal(sent().length, 1)
  assert.equal(session.open, true)
})

for (const [version, timeoutMs] of [
  [1, 5_000],
  [2, 35_000],
] as const) {
  test(`BTP ${version}.0: a request is lost after ${timeoutMs} ms, and a late reply is dropped`, async () => {
    const { session, peer, clock } = await accepted({ version })
    const told = replies(session, custom('m'))
    await clock.advance(timeoutMs - 1)
    assert.deepEqual(told, [])
    await clock.advance(1)
    assert.deepEqual(told, [TIMEOUT])
    peer.send(bytes('01 00000001 02 0100'))
    await settled()
    assert.deepEqual(told, [TIMEOUT])
    assert.equal(session.open, true)
  })
}

test('all requests share one timer, and time out in order, each at its time', async () => {
  const { session, peer, clock } = await accepted()
  const before = clock.timers
  const told: string[] = []
  for (let i = 0; i < 5; i++) {
    session.request(custom('m'), (reply) => told.push(`${i} ${reply.type}`))
    assert.equal(clock.timers, before + 1)
    await clock.advance(1_000)
  }
  peer.send(bytes('01 00000002 02 0100'))
  await settled()
  assert.deepEqual(told, ['0 lost', '1 response'])
  await clock.advance(1_999)
  assert.deepEqual(told, ['0 lost', '1 response'])
  await clock.advance(1)
  assert.deepEqual(told, ['0 lost', '1 response', '2 lost'])
  await clock.advance(2_000)
  assert.deepEqual(told, ['0 lost', '1 response', '2 lost', '3 lost', '4 lost'])
  assert.equal(clock.timers, before)
})

test('a clock that is set back does not make a request wait for ever', async () => {
  const { session, clock } = await accepted()
  const told = replies(session, custom('m'))
  clock.time -= 3_600_000
  await clock.advance(5_000)
  assert.deepEqual(told, [TIMEOUT])
})

test('when the socket goes, pending requests are told at once, before the owner, and never again', async () => {
  const { session, peer, owner, clock } = await accepted()
  const told = replies(session, custom('m'))
  session.request(custom('m'), () => owner.events.push('lost'))
  peer.terminate()
  await settled()
  assert.deepEqual(told, [CLOSED])
  assert.deepEqual(owner.events, ['open', 'lost', 'closed: terminated'])
  await clock.advance(100_000)
  assert.deepEqual(told, [CLOSED])
  assert.equal(owner.events.length, 3)
  assert.equal(clock.timers, 0)
})

test('a request on a closed session is lost at once, not synchronously', async () => {
  const { session, owner, transport } = await accepted()
  session.close('done')
  session.close('done twice')
  assert.equal(session.open, false)
  const told = replies(session, custom('m'))
  session.respond(1)
  session.fail(1, btpFailure('NotAcceptedError', 'no'))
  assert.deepEqual(told, [])
  await settled()
  assert.deepEqual(told, [CLOSED])
  assert.deepEqual(owner.events, ['open', 'closed: done'])
  assert.deepEqual(transport.closedWith, { code: 1000, reason: 'done' })
  assert.equal(transport.sent.length, 1)
})

test('a request over pendingRequestsMax is refused with an error, and not sent', async () => {
  const { session, sent } = await accepted({ limits: { pendingRequestsMax: 2 } })
  const told = [1, 2, 3].map(() => replies(session, custom('m')))
  assert.equal(sent().length, 2)
  await settled()
  assert.deepEqual(told[0], [])
  assert.deepEqual(
    told[2]?.map((reply) => reply.type === 'error' && reply.name),
    ['UnreachableError'],
  )
  assert.equal(session.open, true)
})

test('a request that cannot be encoded, or is too long, is refused with an error', async () => {
  const { session, sent } = await accepted()
  const told = [
    replies(session, custom('näme')),
    replies(session, custom('m', 'x'.repeat(128 * 1024))),
    replies(session, { type: 7, amount: 1n, entries: [] }),
  ]
  await settled()
  for (const reply of told.flat()) assert.equal(reply.type === 'error' && reply.name, 'InvalidFieldsError')
  assert.equal(told.flat().length, 3)
  assert.equal(sent().length, 0)
})

test('request ids are sequential from a random start, wrap, and skip those in flight', async () => {
  const { session, sent } = await accepted({ random: () => 1 - 2 ** -32 })
  for (let i = 0; i < 3; i++) replies(session, custom('m'))
  assert.deepEqual(
    sent().map((frame) => read(frame).requestId),
    [0, 1, 2],
  )
})

for (const [what, version, frame] of [
  ['nothing', 1, ''],
  ['one byte', 1, '06'],
  ['text', 1, '68656c6c6f'],
  ['a length that is longer than the packet', 1, '06 00000009 05 0100'],
  ['a length in a form that is too long', 1, '06 00000009 8102 0100'],
  ['an unreadable Prepare', 1, '03 00000009 02 0100'],
  ['an unknown type with a broken frame', 1, '09 00000009 05 00'],
  ['type 0', 1, '00 00000009 02 0100'],
  ['an unreadable Response', 1, '01 00000009 01 05'],
  ['an unreadable Error', 2, '02 00000009 02 0100'],
] as const) {
  test(`ignored silently: ${what}`, async () => {
    const { session, peer, sent, owner } = await accepted({ version })
    peer.send(bytes(frame))
    await settled()
    assert.deepEqual(sent(), [])
    assert.equal(session.open, true)
    assert.deepEqual(owner.events, ['open'])
  })
}

for (const [version, type] of [
  [1, 7],
  [1, 8],
  [1, 255],
  [2, 3],
  [2, 4],
  [2, 5],
  [2, 8],
] as const) {
  test(`BTP ${version}.0: type ${type} is answered once with F00, and the socket stays open`, async () => {
    const { session, peer, sent, owner } = await accepted({ version })
    peer.send(bytes(`${type.toString(16).padStart(2, '0')} 0000000a 02 0100`))
    await settled()
    assert.deepEqual(
      sent().map((frame) => errorOf(frame, version)),
      [{ requestId: 10, code: 'F00', name: 'NotAcceptedError', message: 'unsupported packet type' }],
    )
    assert.equal(session.open, true)
    assert.deepEqual(owner.requests, [])
  })
}

test('sub-protocol names that occur twice are answered with F01', async () => {
  const { peer, sent, owner } = await accepted()
  const entry = { name: '__proto__', contentType: 0, data: new Uint8Array(0) }
  peer.send(encodeFrame({ type: MESSAGE, requestId: 3, entries: [entry, entry] }, 1))
  const many = Array.from({ length: 20_000 }, (_, i) => ({ ...entry, name: `n${i % 19_999}` }))
  peer.send(encodeFrame({ type: MESSAGE, requestId: 4, entries: many.slice(0, 10_000) }, 1))
  await settled()
  assert.equal(errorOf(sent()[0]).code, 'F01')
  assert.equal(owner.requests.length, 1)
})

test('to authenticate again is refused, and the token is seen by nobody', async () => {
  const { peer, sent, owner, log, session } = await accepted()
  peer.send(authFrame('hunter2', 'mallory', 5))
  await settled()
  assert.deepEqual(
    sent().map((frame) => errorOf(frame).code),
    ['F00'],
  )
  assert.deepEqual(owner.requests, [])
  assert.equal(session.account, 'alice')
  assert.doesNotMatch(log.text, /hunter2/)
})

test('a request id that is in flight is not served twice', async () => {
  const { peer, sent, owner, session } = await accepted()
  owner.answer = () => undefined
  peer.send(messageFrame(7, 'a'))
  peer.send(messageFrame(7, 'b'))
  await settled()
  assert.equal(owner.requests.length, 1)
  session.respond(7)
  peer.send(messageFrame(7, 'c'))
  await settled()
  assert.equal(owner.requests.length, 2)
  assert.equal(sent().length, 1)
})

test('limits on what a peer sends end the connection', async (t) => {
  for (const [limits, frames] of [
    [{ incomingRequestsMax: 3 }, [1, 2, 3, 4].map((id) => messageFrame(id, 'm'))],
    [{ incomingBytesMax: 1000 }, [1, 2].map((id) => messageFrame(id, 'm', 'x'.repeat(600)))],
    [{ frameBytesMax: 1000 }, [messageFrame(1, 'm', 'x'.repeat(1000))]],
  ] as const) {
    await t.test(Object.keys(limits)[0] ?? '', async () => {
      const { peer, owner, session, transport } = await accepted({ limits })
      owner.answer = () => undefined
      for (const frame of frames) peer.send(frame)
      await settled()
      assert.equal(owner.requests.length, frames.length - 1)
      assert.equal(session.open, false)
      assert.equal(transport.closedWith?.code, 1008)
    })
  }
})

test('what is answered does not count against the limits', async () => {
  const { peer, owner, session } = await accepted({ limits: { incomingRequestsMax: 2, incomingBytesMax: 100 } })
  for (let id = 0; id < 50; id++) peer.send(messageFrame(id, 'm', 'some text'))
  await settled()
  assert.equal(owner.requests.length, 50)
  assert.equal(session.open, true)
})

test('a peer that does not read is dropped', async () => {
  const { session, transport, owner } = await accepted({ limits: { sendBufferBytesMax: 1000 } })
  transport.bufferedBytes = 1000
  const first = replies(session, custom('m'))
  assert.equal(session.open, true)
  transport.bufferedBytes = 1001
  const second = replies(session, custom('m'))
  assert.equal(session.open, false)
  await settled()
  assert.deepEqual([first, second], [[CLOSED], [CLOSED]])
  assert.deepEqual(transport.closedWith, { code: undefined, reason: 'terminated' })
  assert.deepEqual(owner.events, ['open', 'closed: the peer does not read'])
})

test('owners that throw end nothing, and their text does not reach the peer', async () => {
  const { session, peer, sent, owner, log } = await accepted()
  const boom = (): never => {
    throw new Error('password file at /etc/secret')
  }
  owner.answer = boom
  peer.send(messageFrame(1, 'm'))
  await settled()
  assert.deepEqual(
    sent().map((frame) => errorOf(frame)),
    [{ requestId: 1, code: 'F00', name: 'NotAcceptedError', message: 'internal error' }],
  )
  owner.answer = (answering, { requestId }) => {
    answering.respond(requestId)
    boom()
  }
  peer.send(messageFrame(2, 'm'))
  await settled()
  assert.deepEqual(
    sent()
      .slice(1)
      .map((frame) => read(frame).type),
    [RESPONSE],
  )
  session.request(custom('m'), boom)
  const after = replies(session, custom('m'))
  peer.send(bytes('01 00000001 02 0100'))
  peer.send(bytes('01 00000002 02 0100'))
  await settled()
  assert.equal(after.length, 1)
  session.request(custom('m'), boom)
  const last = replies(session, custom('m'))
  owner.onClosed = boom
  peer.terminate()
  await settled()
  assert.deepEqual(last, [CLOSED])
  assert.equal(log.lines.filter((line) => line.startsWith('error')).length, 5)
})

test('the message of a failure is cut, and an answer that cannot be encoded becomes F00', async () => {
  const { peer, sent, owner } = await accepted()
  owner.answer = (session, { requestId }) => {
    if (requestId === 1) session.fail(requestId, btpFailure('NotAcceptedError', '\u0001'.repeat(5000)))
    else if (requestId === 2) session.fail(requestId, { code: 'TOO LONG', name: 'X', message: '' })
    else session.respond(requestId, [{ name: 'ünfit', contentType: 0, data: new Uint8Array(0) }])
  }
  for (const id of [1, 2, 3]) peer.send(messageFrame(id, 'm'))
  await settled()
  assert.equal(errorOf(sent()[0]).message.length, 1024)
  assert.deepEqual(
    sent()
      .slice(1)
      .map((frame) => errorOf(frame).message),
    ['internal error', 'internal error'],
  )
})

test('a silent peer is pinged, and dropped when it does not answer', async () => {
  const { peer, session, clock, owner } = await accepted()
  await clock.advance(200_000)
  assert.equal(session.open, true)
  peer.answersPings = false
  await clock.advance(30_000)
  assert.equal(session.open, false)
  assert.deepEqual(owner.events, ['open', 'closed: the peer is silent'])
  assert.equal(clock.timers, 0)
})

test('a peer that sends is alive, even when its pongs are late', async () => {
  const { peer, session, clock } = await accepted()
  peer.answersPings = false
  for (let second = 0; second < 120; second++) {
    await clock.advance(1_000)
    peer.send(messageFrame(second, 'm'))
  }
  assert.equal(session.open, true)
})
