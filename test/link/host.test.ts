/** The host's side on the wire: what it answers to a holder's frames, in which order, and when. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findEntry, PREPARE, type PrepareFrame } from 'sluice/btp'
import { EMPTY, fromUtf8, latin1, utf8 } from 'sluice/bytes'
import { decodePacketOf } from 'sluice/ilp'
import { type Hold, isAccountName, type IncomingHold, type Settled } from 'sluice/link'
import { Heard, holdOf, id, RawPeer, secret, settle, World } from './world.js'

/** A host with one raw holder. */
async function raw(world = new World()): Promise<{ world: World; peer: RawPeer }> {
  await world.host.open()
  const peer = new RawPeer(world)
  await settle()
  peer.clear()
  return { world, peer }
}

function prepareOf(hold: Hold & { readonly id: Uint8Array }): Omit<PrepareFrame, 'requestId'> {
  const { amount, condition, expiresAt, packet } = hold
  const entries = [{ name: 'ilp', contentType: 0, data: packet }]
  return { type: PREPARE, transferId: hold.id, amount, condition, expiresAt, entries }
}

function captureWith(n: number, data: Uint8Array = EMPTY, heard: Settled[] = []): (hold: IncomingHold) => void {
  return (hold) => hold.fulfill(secret(n), data, (settled) => heard.push(settled))
}

test('prepare and capture share one commit, and the Response leaves before the Fulfill', async () => {
  const { world, peer } = await raw()
  world.host.onHold(captureWith(1, utf8('offset')))
  const before = world.store.appends
  peer.send(prepareOf(holdOf(world, 1)))
  await settle()
  assert.equal(world.store.appends - before, 1)
  assert.deepEqual(peer.types(), [1, 4])
  const fulfill = peer.frames[1]
  assert.ok(fulfill?.type === 4)
  assert.deepEqual([...fulfill.fulfillment], [...secret(1)])
  assert.equal(fromUtf8(decodePacketOf(9, findEntry(fulfill.entries, 'ilp')?.data ?? EMPTY).data), 'offset')
  await world.close()
})

test('nothing is told before its commit: not the acceptance, not the capture, not a refusal, not a balance', async () => {
  const { world, peer } = await raw()
  const heard: Settled[] = []
  let seen = 0
  world.host.onHold((hold) => {
    seen += 1
    captureWith(1, EMPTY, heard)(hold)
  })
  world.store.hold()
  peer.send(prepareOf(holdOf(world, 1)))
  peer.send(prepareOf(holdOf(world, 2, 1000n)))
  peer.send({ type: 6, entries: [{ name: 'balance', contentType: 0, data: EMPTY }] })
  await settle()
  assert.equal(seen, 1)
  assert.deepEqual([peer.types(), heard], [[], []])
  world.store.release()
  await settle()
  assert.deepEqual(peer.types(), [1, 4, 2, 1])
  assert.deepEqual(heard, [{ ok: true }])
  await world.close()
})

test('a refused prepare leaves nothing: repeated, it is refused again; its id is free', async () => {
  const { world, peer } = await raw()
  const holds: IncomingHold[] = []
  world.host.onHold((hold) => holds.push(hold))
  const big = prepareOf(holdOf(world, 1, 101n))
  const first = peer.send(big)
  const again = peer.send(big)
  await settle()
  assert.equal(peer.answer(first), 'F08 InsufficientBalanceError')
  assert.equal(peer.answer(again), 'F08 InsufficientBalanceError')
  const small = peer.send(prepareOf(holdOf(world, 1, 100n)))
  await settle()
  assert.equal(peer.answer(small), 'ok')
  assert.equal(holds.length, 1)
  assert.equal(world.ledger.account('client')?.heldOut, 100n)
  await world.close()
})

test('a repetition in prepared state is answered and not seen twice; other content is a duplicate', async () => {
  const { world, peer } = await raw()
  const holds: IncomingHold[] = []
  world.host.onHold((hold) => holds.push(hold))
  const prepare = prepareOf(holdOf(world, 1))
  const asked = [prepare, prepare, { ...prepare, amount: 2n }, { ...prepare, entries: [] }].map((body) =>
    peer.send(body),
  )
  await settle()
  const duplicate = 'F05 DuplicateIdError'
  assert.deepEqual(
    asked.map((requestId) => peer.answer(requestId)),
    ['ok', 'ok', duplicate, duplicate],
  )
  assert.equal(holds.length, 1)
  await world.close()
})

test('a finished id answers its repetition with its outcome, and is never seen again', async () => {
  const { world, peer } = await raw()
  let seen = 0
  world.host.onHold((hold) => {
    seen += 1
    if (hold.packet[2] === 1) hold.fulfill(secret(1), EMPTY, () => undefined)
    else hold.reject({ code: 'F06' })
  })
  const [one, two] = [prepareOf(holdOf(world, 1)), prepareOf(holdOf(world, 2))]
  peer.send(one)
  peer.send(two)
  await settle()
  const [again1, again2] = [peer.send(one), peer.send(two)]
  await settle()
  assert.equal(peer.answer(again1), 'F07 AlreadyFulfilledError')
  assert.equal(peer.answer(again2), 'F06 AlreadyRolledBackError')
  assert.equal(seen, 2)
  assert.equal(world.ledger.account('client')?.balance, -1n)
  await world.close()
})

test('an expired prepare is refused, and so is one that would be held too long', async () => {
  const { world, peer } = await raw()
  const asked = [0, 3_600_001].map((ms) => peer.send(prepareOf(holdOf(world, ms, 1n, ms))))
  await settle()
  for (const requestId of asked) assert.equal(peer.answer(requestId), 'F01 InvalidFieldsError')
  await world.close()
})

test('without a handler a hold is rejected with T01, and the money is free again', async () => {
  const { world, peer } = await raw()
  peer.send(prepareOf(holdOf(world, 1)))
  await settle()
  assert.deepEqual(peer.types(), [1, 5])
  const reject = peer.frames[1]
  assert.ok(reject?.type === 5)
  const reason = decodePacketOf(8, findEntry(reject.entries, 'ilp')?.data ?? EMPTY)
  assert.deepEqual([reason.code, reason.triggeredBy], ['T01', 'example.shop.server'])
  assert.equal(world.ledger.account('client')?.heldOut, 0n)
  await world.close()
})

test('a handler that throws rejects its hold and harms nobody else', async () => {
  const { world, peer } = await raw()
  world.host.onHold((hold) => {
    if (hold.amount === 1n) throw new Error('bug')
    hold.fulfill(secret(2), EMPTY, () => {
      throw new Error('another bug')
    })
  })
  peer.send(prepareOf(holdOf(world, 1)))
  peer.send(prepareOf(holdOf(world, 2, 2n)))
  await settle()
  assert.deepEqual(peer.types(), [1, 5, 1, 4])
  assert.equal(world.ledger.account('client')?.balance, -2n)
  await world.close()
})

test('a wrong fulfillment and a second settlement are told as such, and only the first right one counts', async () => {
  const { world, peer } = await raw()
  const heard: Settled[] = []
  world.host.onHold((hold) => {
    for (const n of [9, 1, 1]) hold.fulfill(secret(n), EMPTY, (settled) => heard.push(settled))
    hold.reject({ code: 'F00' }, (settled) => heard.push(settled))
  })
  peer.send(prepareOf(holdOf(world, 1)))
  await settle()
  const told = heard.map((settled) => (settled.ok ? 'ok' : settled.name))
  assert.deepEqual(told, ['InvalidFulfillmentError', 'ok', 'ok', 'AlreadyFulfilledError'])
  assert.deepEqual(peer.types(), [1, 4])
  assert.equal(world.ledger.account('client')?.balance, -1n)
  await world.close()
})

test('expiry is told after its commit: a Reject R00 to the holder, the end to the handler', async () => {
  const { world, peer } = await raw()
  const ended: string[] = []
  world.host.onHold((hold) => {
    hold.onEnded = (why) => ended.push(why)
  })
  peer.send(prepareOf(holdOf(world, 1, 1n, 5_000)))
  await settle()
  peer.clear()
  world.store.hold()
  world.clock.advance(5_000)
  await settle()
  assert.deepEqual([peer.types(), ended], [[], []])
  world.store.release()
  await settle()
  assert.deepEqual([peer.types(), ended], [[5], ['expired']])
  const reject = peer.frames[0]
  assert.ok(reject?.type === 5)
  assert.equal(decodePacketOf(8, findEntry(reject.entries, 'ilp')?.data ?? EMPTY).code, 'R00')
  await world.close()
})

test('a capture at the very millisecond of the expiry is too late', async () => {
  const { world, peer } = await raw()
  const heard: Settled[] = []
  let held: IncomingHold | undefined
  world.host.onHold((hold) => {
    held = hold
  })
  peer.send(prepareOf(holdOf(world, 1, 1n, 5_000)))
  await settle()
  world.clock.step(5_000)
  held?.fulfill(secret(1), EMPTY, (settled) => heard.push(settled))
  await settle()
  assert.ok(heard[0]?.ok === false && heard[0].name === 'AlreadyRolledBackError')
  assert.equal(world.ledger.account('client')?.balance, 0n)
  await world.close()
})

test('replies go to the socket that asked, pushes to one that lives', async () => {
  const { world, peer } = await raw()
  const other = new RawPeer(world)
  await settle()
  other.clear()
  let held: IncomingHold | undefined
  world.host.onHold((hold) => {
    held = hold
  })
  peer.send(prepareOf(holdOf(world, 1)))
  await settle()
  assert.deepEqual([peer.types(), other.types()], [[1], []])
  peer.transport.terminate()
  await settle()
  held?.fulfill(secret(1), EMPTY, () => undefined)
  await settle()
  assert.deepEqual([peer.types(), other.types()], [[1], [4]])
  await world.close()
})

test('a hold to the holder is durable before its frame leaves; the answers decide', async () => {
  const { world, peer } = await raw()
  const link = world.host.link('client')
  const heard = [new Heard(), new Heard(), new Heard(), new Heard()] as const
  world.store.hold()
  link.send(holdOf(world, 1, 7n), heard[0])
  await settle()
  assert.deepEqual(peer.types(), [])
  world.store.release()
  await settle()
  assert.deepEqual(peer.types(), [3])
  assert.equal(world.ledger.account('client')?.heldIn, 7n)

  // It is in place, then captured.
  peer.reply({ type: 1, requestId: peer.frames[0]?.requestId ?? 0, entries: [] })
  await settle()
  const late = peer.send({ type: 4, transferId: id(1), fulfillment: secret(9), entries: [] })
  const right = peer.send({ type: 4, transferId: id(1), fulfillment: secret(1), entries: [] })
  await settle()
  assert.equal(peer.answer(late), 'F04 InvalidFulfillmentError')
  assert.equal(peer.answer(right), 'ok')
  assert.deepEqual(heard[0].log, ['prepared', 'fulfilled'])
  assert.equal(world.ledger.account('client')?.balance, 7n)

  // Rejected by the holder; an id that nobody sent; one that only the host may end.
  link.send(holdOf(world, 2), heard[1])
  await settle()
  const reject = peer.send({ type: 5, transferId: id(2), entries: [] })
  const again = peer.send({ type: 5, transferId: id(2), entries: [] })
  const unknown = peer.send({ type: 4, transferId: id(3), fulfillment: secret(3), entries: [] })
  await settle()
  assert.deepEqual(
    [reject, again, unknown].map((one) => peer.answer(one)),
    ['ok', 'ok', 'F03 TransferNotFoundError'],
  )
  assert.deepEqual(heard[1].log, ['prepared', 'rejected'])

  // Too much, and nobody there.
  link.send(holdOf(world, 4, 10_000n), heard[2])
  await settle()
  assert.ok(heard[2].outcome?.status === 'refused' && heard[2].outcome.name === 'InsufficientBalanceError')
  peer.transport.terminate()
  await settle()
  link.send(holdOf(world, 5), heard[3])
  await settle()
  assert.ok(heard[3].outcome?.status === 'refused' && heard[3].outcome.name === 'UnreachableError')
  assert.equal(world.ledger.account('client')?.heldIn, 0n)
  await world.close()
})

test('an Error to our Prepare frees the hold; a lost answer leaves it in doubt until it expires', async () => {
  const { world, peer } = await raw()
  const link = world.host.link('client')
  const [refused, lost] = [new Heard(), new Heard()]
  link.send(holdOf(world, 1), refused)
  await settle()
  const requestId = peer.frames[0]?.requestId ?? 0
  peer.reply({ type: 2, requestId, code: 'F00', name: 'X', triggeredAt: 0, data: EMPTY, entries: [] })
  await settle()
  assert.deepEqual(refused.log, ['refused'])
  assert.equal(world.ledger.account('client')?.heldIn, 0n)

  link.send(holdOf(world, 2), lost)
  await settle()
  peer.transport.terminate()
  await settle()
  assert.deepEqual(lost.log, ['inDoubt'])
  assert.equal(world.ledger.account('client')?.heldIn, 1n)
  world.clock.advance(30_000)
  await settle()
  assert.deepEqual(lost.log, ['inDoubt', 'expired'])
  assert.equal(world.ledger.account('client')?.heldIn, 0n)
  await world.close()
})

test('answers info, balance and limit as the 2017 program does, and nothing else without a handler', async () => {
  const { world, peer } = await raw()
  world.host.onHold(captureWith(1))
  peer.send(prepareOf(holdOf(world, 1, 5n)))
  await settle()
  peer.clear()
  for (const [name, byte] of [
    ['info', 2],
    ['info', 0],
    ['balance', 0],
    ['limit', 0],
    ['mystery', 0],
  ] as const) {
    peer.send({ type: 6, entries: [{ name, contentType: 0, data: Uint8Array.of(byte) }] })
    await settle()
  }
  const texts = peer.frames.map((frame) => (frame.type === 1 ? latin1(frame.entries[0]?.data ?? EMPTY) : frame.type))
  assert.deepEqual(texts, [
    '{"prefix":"example.shop.","currencyScale":9,"currencyCode":"USD","connectors":[]}',
    'example.shop.server',
    '\0\0\0\0\0\0\0\u0005',
    '"100"',
    2,
  ])
  await world.close()
})

test('requests reach their handler with the account, and its errors stay at home', async () => {
  const world = new World()
  const holder = world.holder({ username: 'alice' })
  await holder.open()
  world.host.onRequest('echo', async (entries, account) => [...entries, { name: account, contentType: 1, data: EMPTY }])
  world.host.onRequest('bug', async () => {
    throw new Error('the password is 1234')
  })
  const answer = await holder.request([{ name: 'echo', contentType: 0, data: EMPTY }])
  assert.deepEqual(
    answer.map(({ name }) => name),
    ['echo', 'alice'],
  )
  await assert.rejects(holder.request([{ name: 'bug', contentType: 0, data: EMPTY }]), (error: Error) => {
    return 'peerName' in error && error.peerName === 'NotAcceptedError' && !error.message.includes('1234')
  })
  await world.close(holder)
})

test('accounts are apart: their balances, their handlers, their connections', async () => {
  const world = new World()
  const [alice, bob] = [world.holder({ username: 'alice', accountSegment: 'alice' }), world.holder({ username: 'bob' })]
  await Promise.all([alice.open(), bob.open()])
  const seen: string[] = []
  world.host.onHold((hold) => {
    seen.push(hold.account)
    hold.fulfill(secret(1), EMPTY, () => undefined)
  })
  const heard = new Heard()
  alice.send(holdOf(world, 1, 10n), heard)
  await settle()
  assert.deepEqual([seen, heard.log], [['alice'], ['prepared', 'fulfilled']])
  assert.deepEqual([await alice.balance(), await bob.balance()], [-10n, 0n])
  assert.equal(await world.host.link('alice').balance(), 10n)
  assert.equal(alice.info.account, 'example.shop.alice')
  await world.close(alice, bob)
})

test('only what can be one segment of an address, and is not the host, is an account', async () => {
  assert.deepEqual(['alice', 'A_b~c-9', 'x'.repeat(128)].filter(isAccountName).length, 3)
  assert.deepEqual(['', 'server', 'a.b', 'a b', 'ä', 'x'.repeat(129)].filter(isAccountName), [])
  const world = new World()
  await world.host.open()
  const peer = new RawPeer(world, 'server')
  await settle()
  const request = peer.send({ type: 6, entries: [{ name: 'balance', contentType: 0, data: EMPTY }] })
  await settle()
  assert.equal(peer.answer(request), undefined)
  assert.throws(() => world.host.link('a.b'), { code: 'LINK_ACCOUNT' })
  await world.close()
})

test('a ledger that fails closes every connection without a word, and says so once', async () => {
  const { world, peer } = await raw()
  const heard: Settled[] = []
  world.host.onHold(captureWith(1, EMPTY, heard))
  world.store.broken = true
  peer.send(prepareOf(holdOf(world, 1)))
  await settle()
  assert.deepEqual([peer.types(), heard], [[], []])
  assert.equal(world.failures.length, 1)
  assert.equal(world.host.state, 'closed')
  const after = peer.send(prepareOf(holdOf(world, 2)))
  await settle()
  assert.equal(peer.answer(after), undefined)
  await world.close()
})

test('after a restart the books are exact, and what is live is handed to the handler', async () => {
  const { world, peer } = await raw()
  world.host.onHold((hold) => {
    if (hold.amount === 3n) hold.fulfill(secret(1), EMPTY, () => undefined)
  })
  peer.send(prepareOf(holdOf(world, 1, 3n)))
  const custom = { name: 'custom', contentType: 2, data: utf8('{"a":1}') }
  const live = prepareOf(holdOf(world, 2, 4n))
  peer.send({ ...live, entries: [...live.entries, custom] })
  await settle()

  const next = world.crash()
  await next.host.open()
  const account = next.ledger.account('client')
  assert.deepEqual([account?.balance, account?.heldOut, account?.live], [-3n, 4n, 1])
  const recovered: IncomingHold[] = []
  next.host.onHold((hold) => recovered.push(hold))
  const [hold] = recovered
  assert.ok(hold !== undefined)
  assert.deepEqual([hold.account, hold.amount, [...hold.packet]], ['client', 4n, [1, 2, 2]])
  assert.equal(fromUtf8(hold.custom ?? EMPTY), '{"a":1}')
  hold.reject({ code: 'F06' })
  await settle()
  assert.deepEqual([next.ledger.account('client')?.heldOut, next.ledger.account('client')?.balance], [0n, -3n])
  await next.close()
})

test('closing and opening a host again forgets nothing that its ledger holds', async () => {
  const { world, peer } = await raw()
  const holds: IncomingHold[] = []
  world.host.onHold((hold) => holds.push(hold))
  peer.send(prepareOf(holdOf(world, 1)))
  await settle()
  await world.host.close()
  assert.equal(world.host.state, 'closed')
  await world.host.open()
  assert.equal(holds.length, 2)
  const heard: Settled[] = []
  holds[1]?.fulfill(secret(1), EMPTY, (settled) => heard.push(settled))
  holds[0]?.fulfill(secret(1), EMPTY, (settled) => heard.push(settled))
  await settle()
  assert.deepEqual(heard, [{ ok: true }, { ok: true }])
  assert.equal(world.ledger.account('client')?.balance, -1n)
  await world.close()
})

test('more connections of one account than allowed are closed, and the others live on', async () => {
  const world = new World({ limits: { socketsPerAccountMax: 2 } })
  await world.host.open()
  const peers = [new RawPeer(world), new RawPeer(world), new RawPeer(world)]
  await settle()
  const asked = peers.map((peer) => peer.send({ type: 6, entries: [{ name: 'info', contentType: 0, data: EMPTY }] }))
  await settle()
  assert.deepEqual(
    peers.map((peer, i) => peer.answer(asked[i] ?? 0)),
    ['ok', 'ok', undefined],
  )
  await world.close()
})
