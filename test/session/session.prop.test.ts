/** Any bytes, at any time: no session throws, and no request is left without its one reply. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { SessionServer } from 'sluice/session'
import { transportPair } from 'sluice/testing'
import { accepted, authFrame, custom, ManualClock, MemoryLog, MemoryOwner, messageFrame, settled } from './harness.js'

/** Bytes that get past the first checks more often than random ones: a frame with a wrong type, id, length or body. */
const frameLike = fc
  .tuple(
    fc.integer({ min: 0, max: 9 }),
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ maxLength: 100 }),
  )
  .map(([type, id, contents]) => Uint8Array.of(type, ...id, contents.length, ...contents))
/** A good frame with one byte changed. */
const nearlyGood = fc
  .tuple(
    fc.constantFrom(messageFrame(1, 'ilp', 'text'), authFrame('token', 'name'), Uint8Array.of(1, 0, 0, 0, 1, 2, 1, 0)),
    fc.nat(),
    fc.nat(255),
  )
  .map(([frame, at, byte]) => frame.with(at % frame.length, byte))
const anyMessage = fc.oneof(fc.uint8Array({ maxLength: 300 }), frameLike, nearlyGood)

test('after authentication', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(1 as const, 2 as const),
      fc.array(fc.oneof(anyMessage, fc.constant('request' as const)), { maxLength: 20 }),
      fc.boolean(),
      async (version, steps, drop) => {
        const { session, peer, clock, log, owner, server } = await accepted({ version })
        const told: number[] = []
        for (const step of steps) {
          if (step === 'request') {
            const i = told.push(0) - 1
            session.request(custom('m'), () => (told[i] = (told[i] ?? 0) + 1))
          } else peer.send(step)
        }
        await settled()
        assert.equal(session.open, true)
        if (drop) peer.terminate()
        else await clock.advance(40_000)
        await settled()
        assert.deepEqual(
          told,
          told.map(() => 1),
        )
        assert.doesNotMatch(log.text, /^error/m)
        session.close('done')
        await settled()
        assert.deepEqual(
          told,
          told.map(() => 1),
        )
        assert.equal(owner.events.filter((event) => event.startsWith('closed')).length, 1)
        assert.deepEqual([clock.timers, server.sessions], [0, 0])
      },
    ),
    { numRuns: 150 },
  )
})

test('before authentication', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyMessage, { maxLength: 8 }), fc.boolean(), async (messages, late) => {
      const clock = new ManualClock()
      const log = new MemoryLog()
      const owner = new MemoryOwner()
      const authenticate = () => (late ? Promise.resolve(undefined) : undefined)
      const server = new SessionServer({ version: 1, authenticate, owner, clock, log })
      const [peer, transport] = transportPair()
      server.accept(transport, '192.0.2.1')
      for (const message of messages) peer.send(message)
      await settled()
      await clock.advance(2_000)
      assert.ok(transport.sent.length <= 1)
      assert.deepEqual(owner.events, [])
      assert.doesNotMatch(log.text, /^error/m)
      assert.notEqual(transport.closedWith, undefined)
      assert.deepEqual([clock.timers, server.unauthenticated, server.sessions], [0, 0, 0])
    }),
    { numRuns: 150 },
  )
})
