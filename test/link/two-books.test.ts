/** A trustline whose two sides both keep the book: each hold is what its payer's book says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { octetEntry } from 'sluice/btp'
import { EMPTY, fromUtf8, utf8 } from 'sluice/bytes'
import { type Claims, Host, type HostOptions, type IncomingHold, type Settled } from 'sluice/link'
import { Ledger } from 'sluice/ledger'
import { SessionClient, SessionServer } from 'sluice/session'
import { FakeClock } from 'sluice/testing'
import { GatedStore, Heard, holdOf, Network, pass, secret, settle } from './world.js'

const LIMITS = { creditLimit: 100n, balanceMax: 100n }

/** One side: its own ledger, and the other side as the account `peer`. */
class Side {
  readonly ledger: Ledger
  readonly host: Host
  readonly holds: IncomingHold[] = []
  readonly told: Settled[] = []

  readonly store: GatedStore

  constructor(clock: FakeClock, store = new GatedStore(), options: Partial<HostOptions> = {}) {
    this.store = store
    this.ledger = new Ledger({ store, clock })
    this.host = new Host({
      ledger: this.ledger,
      prefix: 'example.two.',
      assetCode: 'USD',
      assetScale: 9,
      authority: 'payer',
      newAccount: LIMITS,
      clock,
      limits: { settleGraceMs: 60_000 },
      ...options,
    })
    this.host.onHold((hold) => this.holds.push(hold))
  }

  get link() {
    return this.host.link('peer')
  }

  book(): [bigint, bigint, bigint] {
    const account = this.ledger.account('peer')
    return [account?.balance ?? 0n, account?.heldOut ?? 0n, account?.heldIn ?? 0n]
  }

  capture(n: number, at = 0): void {
    this.holds[at]?.fulfill(secret(n), EMPTY, (settled) => this.told.push(settled))
  }
}

class Two {
  readonly clock = new FakeClock()
  readonly network = new Network()
  readonly a: Side
  b: Side
  #server: SessionServer
  #client: SessionClient

  constructor(options: Partial<HostOptions> = {}) {
    this.a = new Side(this.clock, undefined, options)
    this.b = new Side(this.clock, undefined, options)
    this.#server = this.#listen()
    this.#client = this.#dial()
  }

  #listen(): SessionServer {
    return new SessionServer({
      version: 1,
      owner: this.a.host.owner,
      authenticate: () => 'peer',
      clock: this.clock,
    })
  }

  #dial(): SessionClient {
    return new SessionClient({
      version: 1,
      owner: this.b.host.ownerFor('peer'),
      username: '',
      token: '',
      clock: this.clock,
      random: () => 0.5,
      dial: async () => {
        const line = this.network.line()
        this.#server.accept(line.host, 'test')
        return line.holder
      },
    })
  }

  async open(): Promise<this> {
    await this.a.host.open()
    await this.b.host.open()
    await this.#client.open()
    await settle()
    return this
  }

  /** The dialling side's process ends, and starts again over what its disk has. */
  async restartB(): Promise<void> {
    const store = new GatedStore(this.b.store.inner.copy())
    await this.#client.close()
    await this.b.host.close()
    this.b = new Side(this.clock, store)
    this.#client = this.#dial()
    await this.b.host.open()
    await this.#client.open()
    await settle()
  }

  async close(): Promise<void> {
    await this.#client.close()
    for (const side of [this.a, this.b]) await side.host.close()
    await this.#server.close()
    for (const side of [this.a, this.b]) await side.ledger.close()
  }
}

test('payments in both directions; each side sees the other as its holder, and the books mirror each other', async () => {
  const two = await new Two().open()
  const { a, b } = two
  const [fromA, fromB] = [new Heard(), new Heard()]
  a.link.send(holdOf(two, 1, 30n), fromA)
  b.link.send(holdOf(two, 2, 10n), fromB)
  await settle()
  assert.deepEqual(
    [a.book(), b.book()],
    [
      [0n, 10n, 30n],
      [0n, 30n, 10n],
    ],
  )
  b.capture(1)
  a.capture(2)
  await settle()
  assert.deepEqual(
    [fromA.log, fromB.log],
    [
      ['prepared', 'fulfilled'],
      ['prepared', 'fulfilled'],
    ],
  )
  assert.deepEqual([a.told, b.told], [[{ ok: true }], [{ ok: true }]])
  assert.deepEqual(
    [a.book(), b.book()],
    [
      [20n, 0n, 0n],
      [-20n, 0n, 0n],
    ],
  )
  assert.deepEqual([await a.link.balance(), await b.link.balance()], [-20n, 20n])
  await two.close()
})

test('a capture is done only when the payer’s book has it', async () => {
  const two = await new Two().open()
  const { a, b } = two
  a.link.send(holdOf(two, 1, 5n), new Heard())
  await settle()
  a.store.hold()
  b.capture(1)
  await settle()
  assert.deepEqual([b.told, b.book()], [[], [0n, 5n, 0n]])
  a.store.release()
  await settle()
  assert.deepEqual([b.told, b.book()], [[{ ok: true }], [-5n, 0n, 0n]])
  await two.close()
})

test('a capture that the payer’s clock calls late is rolled back in both books', async () => {
  const two = await new Two().open()
  const { a, b } = two
  const heard = new Heard()
  const ended: string[] = []
  a.link.send(holdOf(two, 1, 5n, 5_000), heard)
  await settle()
  const [hold] = b.holds
  if (hold !== undefined) hold.onEnded = (why) => ended.push(why)
  two.network.hold()
  b.capture(1)
  await pass(two.clock, 5_000)
  two.network.release()
  await settle()
  assert.deepEqual(heard.log, ['prepared', 'expired'])
  assert.ok(b.told.length === 1 && b.told[0]?.ok === false && b.told[0].name === 'AlreadyRolledBackError')
  assert.deepEqual([a.book(), b.book(), ended], [[0n, 0n, 0n], [0n, 0n, 0n], ['expired']])
  await two.close()
})

test('our own clock alone does not end a hold: a capture on its way when the line broke counts if the payer had it', async () => {
  const two = await new Two().open()
  const { a, b } = two
  const heard = new Heard()
  a.link.send(holdOf(two, 1, 5n, 5_000), heard)
  await settle()
  a.store.hold()
  b.capture(1)
  await settle()
  two.network.cut()
  a.store.release()
  await settle()
  assert.deepEqual([heard.log.at(-1), b.told], ['fulfilled', []])
  await pass(two.clock, 10_000)
  assert.deepEqual([a.book(), b.book(), b.told], [[5n, 0n, 0n], [-5n, 0n, 0n], [{ ok: true }]])
  await two.close()
})

test('a payee that dies between the payer’s answer and its own commit learns what it captured', async () => {
  const two = await new Two().open()
  const { a } = two
  a.link.send(holdOf(two, 1, 5n), new Heard())
  a.link.send(holdOf(two, 2, 7n), new Heard())
  await settle()
  two.b.store.hold()
  two.b.capture(1)
  await settle()
  assert.deepEqual(a.book(), [5n, 0n, 7n])
  await two.restartB()
  assert.deepEqual(two.b.book(), [-5n, 7n, 0n])
  // What is still open is handed to the handler; it settles as ever.
  assert.equal(two.b.holds.length, 1)
  two.b.capture(2)
  await settle()
  assert.deepEqual(
    [a.book(), two.b.book()],
    [
      [12n, 0n, 0n],
      [-12n, 0n, 0n],
    ],
  )
  await two.close()
})

test('a rejection rolls back both books', async () => {
  const two = await new Two().open()
  const { a, b } = two
  const heard = new Heard()
  a.link.send(holdOf(two, 1, 5n), heard)
  await settle()
  b.holds[0]?.reject({ code: 'F99', message: 'no' }, (settled) => b.told.push(settled))
  await settle()
  assert.deepEqual([heard.log, b.told], [['prepared', 'rejected'], [{ ok: true }]])
  assert.deepEqual(
    [a.book(), b.book()],
    [
      [0n, 0n, 0n],
      [0n, 0n, 0n],
    ],
  )
  await two.close()
})

test('each side’s limits hold', async () => {
  const two = await new Two().open()
  const [heard, ok] = [new Heard(), new Heard()]
  two.a.link.send(holdOf(two, 1, 101n), heard)
  two.a.link.send(holdOf(two, 2, 100n), ok)
  await settle()
  assert.deepEqual([heard.log, ok.log], [['refused'], ['prepared']])
  assert.deepEqual(two.b.book(), [0n, 100n, 0n])
  await two.close()
})

test('the answer to a Fulfill carries the payer’s claim', async () => {
  const received: string[] = []
  const claims: Claims = {
    create: async (account) => [octetEntry('claim', utf8(`for ${account}`))],
    receive: (entries) => received.push(fromUtf8(entries[0]?.data ?? EMPTY)),
  }
  const two = await new Two({ claims }).open()
  two.a.link.send(holdOf(two, 1, 5n), new Heard())
  await settle()
  two.b.capture(1)
  await settle()
  assert.deepEqual([received, two.b.told], [['for peer'], [{ ok: true }]])
  await two.close()
})
