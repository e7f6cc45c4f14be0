/**
 * A host and a holder under random interleavings of payments, captures, rejections, lost connections, held-back frames,
 * time and crashes of the host. Whatever happens: money is conserved, the holder never believes that it spent less than it
 * did, every hold ends once for its sender, and when the faults stop both sides agree.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EMPTY } from 'sluice/bytes'
import type { Holder, HoldOutcome, IncomingHold } from 'sluice/link'
import { FakeClock } from 'sluice/testing'
import { holdOf, pass, secret, settle, World } from './world.js'

type Step =
  | { readonly do: 'pay' | 'payBack'; readonly amount: bigint; readonly ms: number }
  | { readonly do: 'capture' | 'reject' | 'captureBack' | 'rejectBack'; readonly which: number }
  | { readonly do: 'cut' | 'holdBack' | 'release' | 'slowDisk' | 'fastDisk' | 'crash' | 'turn' }
  | { readonly do: 'pass'; readonly ms: number }

const anyHold = fc.nat(7)
const paying = { amount: fc.bigInt(0n, 30n), ms: fc.integer({ min: 2_000, max: 20_000 }) }
const FAULTS = ['cut', 'holdBack', 'release', 'slowDisk', 'fastDisk'] as const
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constantFrom('pay' as const, 'payBack' as const), ...paying }) },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom('capture' as const, 'captureBack' as const), which: anyHold }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('reject' as const, 'rejectBack' as const), which: anyHold }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom(...FAULTS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 4_000 }) }) },
)

interface Sent {
  readonly amount: bigint
  readonly finals: HoldOutcome['status'][]
  doubts: number
}

/** One history. */
class Run {
  readonly clock = new FakeClock()
  readonly worlds: World[] = []
  readonly holder: Holder
  readonly paid: Sent[] = []
  readonly paidBack: Sent[] = []
  /** What the host's own program was told that it captured. */
  hostCaptured = 0n
  holderCaptured = 0n
  #held: { readonly hold: IncomingHold; readonly n: number }[] = []
  #heldBack: { readonly hold: IncomingHold; readonly n: number }[] = []
  #n = 0

  constructor() {
    this.#start(new World({ clock: this.clock }))
    this.holder = this.world.holder({ dial: async (signal) => this.world.dial(signal) })
    this.holder.onHold((hold) => this.#heldBack.push({ hold, n: hold.packet[2] ?? 0 }))
  }

  get world(): World {
    const world = this.worlds.at(-1)
    assert.ok(world !== undefined)
    return world
  }

  #start(world: World): void {
    this.#held = []
    world.host.onHold((hold) => this.#held.push({ hold, n: hold.packet[2] ?? 0 }))
    this.worlds.push(world)
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'pay':
      case 'payBack': {
        const n = this.#n++ & 255
        const sent: Sent = { amount: step.amount, finals: [], doubts: 0 }
        const [link, list] =
          step.do === 'pay' ? [this.holder, this.paid] : [this.world.host.link('client'), this.paidBack]
        list.push(sent)
        link.send(holdOf(this, n, step.amount, step.ms), {
          onOutcome: ({ status }) => {
            if (status === 'inDoubt') sent.doubts += 1
            else sent.finals.push(status)
          },
        })
        return
      }
      case 'capture':
      case 'reject': {
        const [one] = this.#held.splice(step.which % Math.max(1, this.#held.length), 1)
        const { world } = this
        if (step.do === 'reject') one?.hold.reject({ code: 'F99' })
        else {
          one?.hold.fulfill(secret(one.n), EMPTY, (settled) => {
            // A process that has crashed is told nothing.
            if (settled.ok && world === this.world) this.hostCaptured += one.hold.amount
          })
        }
        return
      }
      case 'captureBack':
      case 'rejectBack': {
        const [one] = this.#heldBack.splice(step.which % Math.max(1, this.#heldBack.length), 1)
        if (step.do === 'rejectBack') one?.hold.reject({ code: 'F99' })
        else {
          one?.hold.fulfill(secret(one.n), EMPTY, (settled) => {
            if (settled.ok) this.holderCaptured += one.hold.amount
          })
        }
        return
      }
      case 'cut':
        return this.world.network.cut()
      case 'holdBack':
        return this.world.network.hold()
      case 'release':
        return this.world.network.release()
      case 'slowDisk':
        return this.world.store.hold()
      case 'fastDisk':
        return this.world.store.release()
      case 'crash': {
        this.world.network.cut()
        const next = this.world.crash()
        // What the host was told it captured is durable, so it survives.
        this.#start(next)
        await next.host.open()
        return
      }
      case 'turn':
        return settle(2)
      case 'pass':
        return pass(this.clock, step.ms, 2_000)
    }
  }

  /** What must be so at every moment. */
  check(): void {
    const { ledger } = this.world
    ledger.check()
    const account = ledger.account('client')
    const spent = total(this.paid, (sent) => sent.finals.includes('fulfilled'))
    assert.ok((account?.fulfilledOut ?? 0n) <= spent + this.holder.held, 'the holder believes that it spent less')
    assert.ok(this.hostCaptured <= (account?.fulfilledOut ?? 0n), 'a capture that was told is lost')
    assert.ok(this.holderCaptured <= (account?.fulfilledIn ?? 0n), 'a capture of the holder that was told is lost')
    assert.ok((account?.balance ?? 0n) - (account?.heldOut ?? 0n) >= -100n, 'the credit limit holds')
    for (const sent of [...this.paid, ...this.paidBack]) {
      assert.ok(sent.finals.length <= 1 && sent.doubts <= 1, `ended as ${sent.finals.join()}`)
    }
  }

  /** The faults stop. */
  async end(): Promise<void> {
    this.world.network.release()
    this.world.store.release()
    await settle()
    await pass(this.clock, 60_000, 2_000)
    this.check()
    const account = this.world.ledger.account('client')
    assert.deepEqual([this.holder.held, this.holder.inDoubt, account?.live ?? 0], [0n, 0n, 0])
    assert.ok(this.paid.every(({ finals }) => finals.length === 1))
    assert.equal(
      total(this.paid, ({ finals }) => finals[0] === 'fulfilled'),
      account?.fulfilledOut ?? 0n,
    )
    assert.equal(this.holderCaptured, account?.fulfilledIn ?? 0n)
    assert.equal(await this.holder.balance(), account?.balance ?? 0n)
  }

  async close(): Promise<void> {
    await this.holder.close()
    for (const world of this.worlds) {
      world.network.release()
      world.store.release()
      await world.close()
    }
  }
}

function total(list: readonly Sent[], which: (sent: Sent) => boolean): bigint {
  return list.filter(which).reduce((sum, { amount }) => sum + amount, 0n)
}

test('money is conserved and both sides agree in the end, whatever is lost in between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 20, maxLength: 60 }), async (steps) => {
      const run = new Run()
      try {
        await run.holder.open()
        for (const one of steps) {
          await run.take(one)
          run.check()
        }
        await run.end()
      } finally {
        await run.close()
      }
    }),
    { numRuns: 30 },
  )
})
