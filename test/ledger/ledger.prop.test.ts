/** The ledger against its model: any commands, with restarts, crashes and clocks that jump, give the same answers and books. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import fc from 'fast-check'
import { type Command, Ledger, type Side } from 'sluice/ledger'
import type { MemoryStore } from 'sluice/store'
import { FakeClock } from 'sluice/testing'
import { condition, fulfillment, id, quietStore, said } from './book.js'
import { Model } from './model.js'

const MINUTE = 60_000
const LIMITS = { holdMsMax: 10 * MINUTE, rememberMs: 2 * MINUTE, livePerAccountMax: 4 }

/** A command whose expiry is relative to the clock, or a move of the world. */
type Move =
  | { readonly move: 'command'; readonly command: Command }
  | { readonly move: 'again'; readonly back: number }
  | { readonly move: 'commit' | 'close' | 'crash' }
  | { readonly move: 'advance' | 'step'; readonly ms: number }

const name = fc.constantFrom('a', 'b')
const number = fc.integer({ min: 1, max: 4 })
const side = fc.constantFrom<Side[]>('holder', 'host')
const amount = fc.constantFrom(0n, 1n, 40n, 60n, 101n)
/** Few different times, on a grid of the start, so that repetitions of content are likely. */
const wait = fc.constantFrom(-1, 0, 1, MINUTE, 5 * MINUTE, 10 * MINUTE, 10 * MINUTE + 1)
const limit = fc.constantFrom(-10n, 0n, 100n)

const commandMove: fc.Arbitrary<Move> = fc
  .oneof(
    {
      weight: 8,
      arbitrary: fc
        .record({ account: name, n: number, payer: side, amount, wait, c: number })
        .map((o) => (): Command => ({
          type: 'prepare',
          account: o.account,
          id: id(o.n),
          payer: o.payer,
          amount: o.amount,
          condition: condition(o.c),
          expiresAt: o.wait,
          memo: new Uint8Array(o.n),
        })),
    },
    {
      weight: 6,
      arbitrary: fc.record({ account: name, n: number, by: side, c: number }).map((o) => (): Command => ({
        type: 'fulfill',
        account: o.account,
        id: id(o.n),
        by: o.by,
        fulfillment: fulfillment(o.c),
        data: new Uint8Array(0),
      })),
    },
    {
      weight: 3,
      arbitrary: fc.record({ account: name, n: number, by: side, reason: number }).map((o) => (): Command => ({
        type: 'reject',
        account: o.account,
        id: id(o.n),
        by: o.by,
        reason: new Uint8Array(o.reason),
      })),
    },
    {
      weight: 2,
      arbitrary: fc.record({ account: name, n: number, wait }).map((o) => (): Command => ({
        type: 'inquire',
        account: o.account,
        id: id(o.n),
        expiresAt: o.wait,
      })),
    },
    {
      weight: 2,
      arbitrary: fc
        .record({ account: name, n: number, amount, sign: fc.constantFrom(1n, -1n), wait })
        .map((o) => (): Command => ({
          type: 'post',
          account: o.account,
          id: id(o.n),
          amount: o.sign * o.amount,
          expiresAt: o.wait,
        })),
    },
    {
      weight: 2,
      arbitrary: fc
        .record({
          account: name,
          type: fc.constantFrom<('open' | 'limit')[]>('open', 'limit'),
          creditLimit: limit,
          balanceMax: limit,
        })
        .map((o) => (): Command => o),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({ account: name, frozen: fc.boolean() })
        .map((o) => (): Command => ({ type: 'freeze', ...o })),
    },
    { weight: 1, arbitrary: name.map((account) => (): Command => ({ type: 'close', account })) },
  )
  .map((make) => ({ move: 'command', command: make() }))

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 12, arbitrary: commandMove },
  // A replay, byte for byte, of something sent before.
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 12 }).map((back): Move => ({ move: 'again', back })) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('commit', 'close', 'crash').map((kind): Move => ({ move: kind as 'commit' })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(1, MINUTE, 3 * MINUTE, 20 * MINUTE).map((ms): Move => ({ move: 'advance', ms })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(-20 * MINUTE, -MINUTE, MINUTE, 13 * MINUTE).map((ms): Move => ({ move: 'step', ms })),
  },
)

class World {
  readonly clock = new FakeClock()
  readonly model = new Model(LIMITS, (bytes) => createHash('sha256').update(bytes).digest('hex'))
  readonly #snapshotBytes: number
  readonly #sent: Command[] = []
  #store: MemoryStore = quietStore()
  #latest = this.clock.now()
  #ledger: Ledger

  constructor(snapshotBytes: number) {
    this.#snapshotBytes = snapshotBytes
    this.#ledger = this.#make()
  }

  async start(): Promise<void> {
    await this.#ledger.open()
    for (const account of ['a', 'b']) this.#execute({ type: 'open', account, creditLimit: 100n, balanceMax: 100n })
  }

  async run(next: Move): Promise<void> {
    switch (next.move) {
      case 'command':
        this.#execute(at(next.command, this.clock.now()))
        break
      case 'again': {
        const again = this.#sent.at(-next.back)
        if (again !== undefined) this.#execute(again)
        break
      }
      case 'commit':
        await this.#committed()
        break
      case 'close':
        await this.#ledger.close()
        await this.#reopen()
        break
      case 'crash':
        await this.#committed()
        this.#store = this.#store.copy()
        await this.#reopen()
        break
      case 'step':
        this.clock.step(next.ms)
        // A clock that was set is noticed within a minute.
        this.#pass(MINUTE)
        break
      case 'advance':
        this.#pass(next.ms)
        break
    }
    this.#check(next)
  }

  async end(): Promise<void> {
    await this.#ledger.close()
  }

  #execute(sent: Command): void {
    this.#sent.push(sent)
    this.#agreeOnTime()
    const expected = this.model.do(sent, this.clock.now())
    assert.equal(said(this.#ledger.execute(sent)), expected, sent.type)
  }

  /** A minute at a time, as the ledger's timer is at worst; the model looks as often. */
  #pass(ms: number): void {
    for (let left = ms; left > 0; left -= 1000) {
      this.clock.advance(Math.min(left, 1000))
      this.#agreeOnTime()
      this.model.tick(this.clock.now())
    }
  }

  #check(after: Move): void {
    this.#ledger.check()
    this.#agreeOnTime()
    for (const account of ['a', 'b']) {
      const view = this.#ledger.account(account)
      const money = view === undefined ? undefined : [view.balance, view.heldOut, view.heldIn]
      assert.deepEqual(money, this.model.money(account), `${account} after ${after.move}`)
    }
  }

  /** Ledger time may lag behind no answer, nor be a time that no clock has shown; which of those it is, is its affair. */
  #agreeOnTime(): void {
    const clock = this.clock.now()
    const now = this.#ledger.now()
    this.#latest = Math.max(this.#latest, clock)
    assert.ok(now >= this.model.now(clock) && now <= this.#latest, 'ledger time is one of the past')
    if (now > clock) this.model.log(now)
  }

  async #committed(): Promise<void> {
    await new Promise<void>((resolve) => this.#ledger.committed(resolve))
  }

  async #reopen(): Promise<void> {
    this.#ledger = this.#make()
    await this.#ledger.open()
    this.clock.advance(0)
    this.#agreeOnTime()
    this.model.tick(this.clock.now())
  }

  #make(): Ledger {
    return new Ledger({ store: this.#store, clock: this.clock, limits: LIMITS, snapshotBytes: this.#snapshotBytes })
  }
}

function at(command: Command, now: number): Command {
  return 'expiresAt' in command ? { ...command, expiresAt: now + command.expiresAt } : command
}

test('any commands, restarts, crashes and clocks give the answers and the book of the model', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(move, { minLength: 30, maxLength: 120 }),
      fc.constantFrom(1, 300, 1e9),
      async (moves, snapshotBytes) => {
        const world = new World(snapshotBytes)
        await world.start()
        try {
          for (const next of moves) await world.run(next)
        } finally {
          await world.end()
        }
      },
    ),
    { includeErrorInReport: true, numRuns: Number(process.env['PROPERTY_RUNS'] ?? 150) },
  )
})
