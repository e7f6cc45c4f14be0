/**
 * Kill -9 of the host of many holders, round after round on the same books, while packets go both ways: at moments drawn
 * at random, and at steps of a packet. Holders' connections are cut meanwhile, too. What is in doubt a holder sends again,
 * the same packet. Throws at the first thing that is not as it must be.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { toHex } from 'sluice/bytes'
import { randomBytes } from 'sluice/crypto'
import { decodePacket } from 'sluice/ilp'
import { type AccountView, Ledger } from 'sluice/ledger'
import { BtpPlugin } from 'sluice/plugin'
import { LevelStore } from 'sluice/store/level'
import { Chance } from '../market/chance.js'
import { Child } from '../market/child.js'
import {
  executedFile,
  fulfillmentOf,
  type PacketHostCalls,
  type PacketHostSetup,
  packetWith,
  PACKET_PREFIX,
  toldFile,
  tokenOf,
} from '../market/packet-host-process.js'
import { keptPort } from '../market/ports.js'
import { idsIn, tallied } from '../market/tally.js'
import type { KillOptions } from './kill-shop.js'

/** Money in base units. */
export interface KillPacketHostFigures {
  readonly rounds: number
  readonly kills: number
  readonly cuts: number
  readonly seed: number
  readonly holders: number
  /** Packets of holders whose outcome is known. */
  readonly packets: number
  /** Those that were sent more than once. */
  readonly repeated: number
  /** What holders paid, by the host's book. */
  readonly paid: bigint
  /** What of it holders may not know of: their packets expired before the host could be asked again. */
  readonly undecided: bigint
  /** What holders were paid, by the host's book, and what they fulfilled. */
  readonly received: bigint
  readonly fulfilled: bigint
  readonly secondsAll: number
}

const HOLDERS = 6
const AT_ONCE = 3
const AMOUNT_MAX = 9
/** Far longer than a restart takes, so that what is in doubt is asked for in time. */
const HOLD_MS = 15_000
const LATE_MS = 1_000
const RUN_MS_MAX = 250
const TRAP_MS_MAX = 3_000
const NTH_MAX = 40
const STEPS = ['append', 'appended', 'asked', 'told']
const PROGRAM = fileURLToPath(new URL('../market/packet-host-process.js', import.meta.url))
const QUIET = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** A holder, and its own book. */
class Customer {
  readonly name: string
  readonly plugin: BtpPlugin
  paid = 0n
  /** Of packets that expired before the host could be asked again. */
  undecided = 0n
  fulfilled = 0n
  packets = 0
  repeated = 0
  /** The first thing that was not as it must be. */
  fault: Error | undefined
  /** Its packets, until their outcome is known. */
  readonly open = new Set<Promise<void>>()

  constructor(name: string, port: number) {
    this.name = name
    const server = `btp+ws://127.0.0.1:${port}`
    this.plugin = new BtpPlugin({ server, btpAccount: name, btpToken: tokenOf(name) }, { log: QUIET })
    // Each packet in doubt waits for the connection.
    this.plugin.setMaxListeners(0)
    this.plugin.registerDataHandler(async (bytes) => {
      const packet = decodePacket(bytes)
      if (packet.type !== 12 || packet.destination !== `${PACKET_PREFIX}${name}.shop`) {
        throw (this.fault = new Error(`${name} got a packet of another`))
      }
      this.fulfilled += packet.amount
      return fulfillmentOf(packet.data)
    })
  }

  start(amount: bigint): void {
    const ending = this.#pay(amount)
      .catch((error: unknown) => {
        this.fault = error instanceof Error ? error : new Error(String(error))
      })
      .finally(() => this.open.delete(ending))
    this.open.add(ending)
  }

  async #pay(amount: bigint): Promise<void> {
    const secret = randomBytes(32)
    const expiresAt = Date.now() + HOLD_MS
    const packet = packetWith(secret, 'server.goods', amount, expiresAt)
    for (let times = 1; ; times++) {
      while (!this.plugin.isConnected()) await once(this.plugin, 'connect')
      if (times > 1 && Date.now() > expiresAt - LATE_MS) {
        // The host was killed again and again: from here on it answers R00, whatever the book has.
        this.undecided += amount
        return
      }
      const answer = await this.plugin.sendData(packet).catch(() => undefined)
      if (answer === undefined) continue
      const outcome = decodePacket(answer)
      this.packets++
      if (times > 1) this.repeated++
      if (outcome.type === 13) {
        assert.equal(toHex(outcome.fulfillment), toHex(secret))
        this.paid += amount
      } else {
        // Rejected; or forwarded in a life that did not see the answer.
        const code = outcome.type === 14 ? outcome.code : String(outcome.type)
        assert.ok(code === 'F99' || (code === 'R00' && times > 1), `answered ${code} the ${times}. time`)
      }
      return
    }
  }
}

export async function killPacketHost({
  rounds,
  seed,
  onRound = () => {},
}: KillOptions): Promise<KillPacketHostFigures> {
  const chance = new Chance(seed)
  const started = performance.now()
  const directory = await mkdtemp(join(tmpdir(), 'sluice-packets-'))
  const port = await keptPort()
  const names = Array.from({ length: HOLDERS }, (_, n) => `holder-${n}`)
  const customers = names.map((name) => new Customer(name, port))
  const setup: PacketHostSetup = { directory, port, accounts: names, holdMs: HOLD_MS }
  const startHost = (): Child<PacketHostCalls> => new Child(PROGRAM, { args: [JSON.stringify(setup)] })
  let host = startHost()
  let buying = true
  let cuts = 0
  const noFault = (): void => {
    for (const { fault } of customers) if (fault !== undefined) throw fault
  }

  /** Keeps a few packets under way; what is in doubt does not hold up the next. */
  const buy = async (customer: Customer): Promise<void> => {
    while (buying) {
      if (customer.plugin.isConnected())
        for (let n = 0; n < AT_ONCE; n++) customer.start(BigInt(chance.whole(1, AMOUNT_MAX)))
      await pause(chance.whole(1, 20))
    }
  }

  const kill = async (round: number): Promise<string> => {
    await pause(chance.whole(1, RUN_MS_MAX))
    const cut = customers[chance.whole(0, HOLDERS - 1)]
    await cut?.plugin.disconnect()
    await cut?.plugin.connect()
    cuts++
    let what = 'running'
    if (round % 2 === 0) {
      const step = STEPS[chance.whole(0, STEPS.length - 1)] ?? 'append'
      // Its answer may come too late.
      host.ask('arm', { step, nth: chance.whole(1, NTH_MAX) }).catch(() => {})
      const late = pause(TRAP_MS_MAX, 'late', { ref: false })
      if ((await Promise.race([host.ended, late])) === 'late') await host.kill()
      what = `at ${step}`
    } else await host.kill()
    assert.equal(await host.ended, 'SIGKILL', host.output)
    return what
  }

  try {
    await host.ask('ready')
    await Promise.all(customers.map(async ({ plugin }) => plugin.connect()))
    const buyers = customers.map(buy)
    for (let round = 1; round <= rounds; round++) {
      const what = await kill(round)
      host = startHost()
      await host.ask('ready')
      await Promise.all(customers.map(async ({ plugin }) => plugin.connect()))
      noFault()
      onRound(round, `killed ${what}`)
    }
    await pause(chance.whole(1, RUN_MS_MAX))
    buying = false
    await Promise.all(buyers)
    await Promise.all(customers.flatMap(({ open }) => [...open]))
    noFault()
    await host.ask('close')
    assert.equal(await host.ended, 0, host.output)

    const executed = Buffer.from(idsIn(executedFile(directory)))
    const ids = new Set(
      Array.from({ length: executed.length / 16 }, (_, n) => toHex(executed.subarray(n * 16, n * 16 + 16))),
    )
    assert.equal(ids.size * 16, executed.length, 'a packet was executed twice')
    const views = await readBooks(directory, names)
    for (const { name, paid, undecided, fulfilled } of customers) {
      const view = views.get(name)
      const [out, into] = [view?.fulfilledOut ?? 0n, view?.fulfilledIn ?? 0n]
      assert.ok(paid <= out && out <= paid + undecided, `${name} paid ${out}, by its own book ${paid} (+ ${undecided})`)
      assert.deepEqual([view?.heldOut, view?.balance], [0n, into - out])
      const told = BigInt(tallied(toldFile(directory, name)))
      assert.ok(told <= into, `${name}: ${told} told, ${into} in the book`)
      assert.ok(into <= fulfilled, `${name}: ${into} in the book, ${fulfilled} fulfilled`)
    }
    const sum = (of: (view: AccountView) => bigint): bigint =>
      [...views.values()].reduce((all, view) => all + of(view), 0n)
    return {
      rounds,
      kills: rounds,
      cuts,
      seed,
      holders: HOLDERS,
      packets: customers.reduce((all, { packets }) => all + packets, 0),
      repeated: customers.reduce((all, { repeated }) => all + repeated, 0),
      paid: sum((view) => view.fulfilledOut),
      undecided: customers.reduce((all, { undecided }) => all + undecided, 0n),
      received: sum((view) => view.fulfilledIn),
      fulfilled: customers.reduce((all, { fulfilled }) => all + fulfilled, 0n),
      secondsAll: Math.round((performance.now() - started) / 100) / 10,
    }
  } finally {
    buying = false
    await Promise.all(customers.map(async ({ plugin }) => plugin.disconnect()))
    await host.kill()
    await rm(directory, { recursive: true, force: true })
  }
}

/** The books as they are on disk, read without a clock, so that nothing changes. The host must have ended. */
async function readBooks(directory: string, names: readonly string[]): Promise<Map<string, AccountView>> {
  const clock = { now: () => 0, after: () => () => {} }
  const ledger = new Ledger({ store: new LevelStore(join(directory, 'books')), clock })
  await ledger.open()
  try {
    ledger.check()
    return new Map(
      names.flatMap((name) => {
        const view = ledger.account(name)
        return view === undefined ? [] : [[name, view] as const]
      }),
    )
  } finally {
    await ledger.close()
  }
}
