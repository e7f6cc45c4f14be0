/** The host as a program that crashes and starts again on the same disk: its ledger, its links and its shop. */
import { type Ledger, Ledger as HostLedger } from 'sluice/ledger'
import { chunk, createShop, letter, type ShopHandler, Till } from 'sluice/http'
import { Host, type HoldOutcome } from 'sluice/link'
import type { Log } from 'sluice/log'
import { SessionServer, type Transport } from 'sluice/session'
import { sha256 } from 'sluice/crypto'
import { EMPTY } from 'sluice/bytes'
import type { Disk } from './disk.js'
import type { Oracle } from './oracle.js'
import type { Random } from './random.js'
import { PREFIX, PRICE, sessionLimits, unitBytes } from './terms.js'
import { Life, type MachineClock, type Timeline } from './timeline.js'
import type { Trace } from './trace.js'

export interface HostPartyOptions {
  readonly timeline: Timeline
  readonly random: Random
  readonly trace: Trace
  readonly oracle: Oracle
  readonly clock: MachineClock
  readonly disk: Disk
  readonly log: Log
  readonly creditLimit: bigint
  readonly balanceMax: bigint
  readonly rememberMs: number
  readonly snapshotBytes: number
  readonly fail: (error: unknown) => void
}

interface Running {
  readonly life: Life
  readonly ledger: Ledger
  readonly host: Host
  readonly server: SessionServer
  readonly handler: ShopHandler
}

/** A deposit that the operator repeats until it is sure. */
interface Deposit {
  readonly account: string
  readonly id: Uint8Array
  readonly amount: bigint
  readonly expiresAt: number
}

export class HostParty {
  readonly #options: HostPartyOptions
  #life: Life | undefined
  #running: Running | undefined
  readonly #deposits = new Set<Deposit>()
  /** By holder: the fulfillments of the host's holds, as if agreed beforehand. */
  readonly fulfillments = new Map<string, Uint8Array>()

  constructor(options: HostPartyOptions) {
    this.#options = options
  }

  get running(): Running | undefined {
    return this.#running
  }

  get down(): boolean {
    return this.#life === undefined
  }

  start(): void {
    if (this.#life !== undefined) return
    const life = new Life('host')
    this.#life = life
    this.#options.trace.add(() => 'host starts')
    this.#open(life).catch((error: unknown) => {
      if (life.alive) this.#options.fail(error)
    })
  }

  async #open(life: Life): Promise<void> {
    const { timeline, random, disk, log, creditLimit, balanceMax, rememberMs, snapshotBytes } = this.#options
    const rim = { clock: this.#options.clock.for(life), log, randomBytes: random.bytes }
    const ledger = new HostLedger({
      ...rim,
      store: disk.store(life),
      limits: { rememberMs },
      snapshotBytes,
      defer: (run) => void timeline.after(0, life, run),
    })
    const host = new Host({
      ...rim,
      ledger,
      prefix: PREFIX,
      assetCode: 'USD',
      assetScale: 9,
      newAccount: { creditLimit, balanceMax },
      onFailure: (error) => this.#ledgerFailed(life, error),
    })
    await host.open()
    const server = new SessionServer({
      ...rim,
      version: 1,
      owner: host.owner,
      random: random.unit,
      limits: sessionLimits,
      authenticate: (claim) => claim.username,
    })
    const till = new Till({ ...rim, link: host, captureMarginMs: 300 })
    till.open()
    const handler = this.#shop(till, life)
    this.#running = { life, ledger, host, server, handler }
    const now = ledger.now()
    this.#options.trace.add(() => `host is open, at ${now} by its ledger`)
  }

  #shop(till: Till, life: Life): ShopHandler {
    const { random, timeline } = this.#options
    const clock = this.#options.clock.for(life)
    const options = { till, clock, price: PRICE, idleMsMax: 20_000, bulkBytesMax: 16 }
    const letters = createShop({ ...options, unit: letter, content: () => goods(() => 1, random, timeline, life) })
    const chunks = createShop({ ...options, unit: chunk, content: () => goods(unitBytes, random, timeline, life) })
    return (request) => (random.chance(0.5) ? letters(request) : chunks(request))
  }

  /** Takes a connection of a holder in. */
  readonly accept = (): { life: Life; take: (transport: Transport) => void } | undefined => {
    const running = this.#running
    if (running === undefined) return undefined
    return { life: running.life, take: (transport) => running.server.accept(transport, 'sim') }
  }

  /** The process ends, at whatever point it was. What is left of it is checked against all that was told. */
  async crash(): Promise<void> {
    const { oracle, disk, trace } = this.#options
    const life = this.#life
    if (life === undefined) return
    trace.add(() => 'host crashes')
    this.#life = undefined
    this.#running = undefined
    life.end()
    disk.broken = false
    disk.failed = false
    await oracle.crashed(disk.copy())
  }

  /** Its disk broke: whoever runs it restarts it. Anything else that stops a ledger is a fault of ours. */
  #ledgerFailed(life: Life, error: Error): void {
    const { disk, timeline, fail } = this.#options
    if (!disk.failed) return fail(error)
    timeline.after(50, life, () => {
      this.crash().then(() => this.start(), fail)
    })
  }

  /** Sends a hold to a holder; it will know how to fulfil it. */
  pay(account: string): void {
    const { random, clock, oracle, fail } = this.#options
    const running = this.#running
    if (running === undefined) return
    const fulfillment = random.bytes(32)
    const condition = sha256(fulfillment)
    this.fulfillments.set(String(condition), fulfillment)
    const hold = {
      id: random.bytes(16),
      amount: BigInt(random.between(1, 20)),
      condition,
      expiresAt: clock.now() + random.between(300, 8_000),
      packet: EMPTY,
    }
    oracle.offered({ ...hold, account, payer: 'host', stream: undefined })
    running.host.link(account).send(hold, {
      onOutcome: (outcome: HoldOutcome, id: Uint8Array) => {
        if (!running.life.alive) return
        try {
          oracle.believes(account, id, outcome)
        } catch (error) {
          fail(error)
        }
      },
    })
  }

  /** A holder has paid in by other means. */
  deposit(account: string): void {
    const { random, clock, oracle } = this.#options
    const deposit = {
      account,
      id: random.bytes(16),
      amount: BigInt(random.between(10, 400)),
      expiresAt: clock.now() + 60_000,
    }
    oracle.offered({ ...deposit, payer: 'post', condition: EMPTY, stream: undefined })
    this.#deposits.add(deposit)
    this.retryDeposits()
  }

  retryDeposits(): void {
    const running = this.#running
    if (running?.host.state !== 'open') return
    const { oracle, fail } = this.#options
    for (const deposit of this.#deposits) {
      if (running.ledger.account(deposit.account) === undefined) continue
      const decision = running.ledger.execute({ type: 'post', ...deposit })
      running.ledger.committed(() => {
        if (!running.life.alive || !this.#deposits.delete(deposit) || !decision.ok) return
        try {
          oracle.tell(deposit.account, deposit.id, 'fulfilled')
        } catch (error) {
          fail(error)
        }
      })
    }
  }
}

/** What is sold: sometimes it ends, sometimes it takes time. */
function goods(size: (i: number) => number, random: Random, timeline: Timeline, life: Life) {
  const units = random.chance(0.3) ? random.between(1, 60) : 10_000
  const slow = random.chance(0.3)
  let i = 0
  const make = (): Uint8Array | undefined => (i < units ? new Uint8Array(size(i++)).fill(0x41) : undefined)
  return {
    next: () => {
      if (!slow || random.chance(0.5)) return make()
      return new Promise<Uint8Array | undefined>((resolve) => {
        timeline.after(random.between(1, 150), life, () => resolve(make()))
      })
    },
    cancel: () => undefined,
  }
}
