/**
 * One simulated run: a host and its holders, some time of faults and some of peace, the oracle asked after every step.
 * Everything follows from the seed, which kinds of faults there are included.
 */
import type { Log } from 'sluice/log'
import { Disk } from './disk.js'
import { HolderParty } from './holder-party.js'
import { HostParty } from './host-party.js'
import { Network } from './network.js'
import { type Doubts, Oracle, Violation } from './oracle.js'
import { Random } from './random.js'
import { MachineClock, Timeline } from './timeline.js'
import { Trace } from './trace.js'
import { WireFacts } from './wire-facts.js'

export interface RunResult {
  readonly seed: number
  /** What was found wrong, with the last that happened before it; `undefined` when all was well. */
  readonly failure: string | undefined
  readonly figures: Figures
}

export interface Figures {
  readonly steps: number
  readonly frames: number
  readonly holds: number
  readonly captured: number
  readonly crashes: number
  readonly durableChecks: number
}

/** Milliseconds of virtual time. */
const FAULTS_MS = 25_000
const QUIET_MS = 75_000
const LAST_PURCHASE_MS = 15_000
/** Steps without time passing that would mean an endless loop. */
const STEPS_MAX = 400_000

type Fault =
  | 'break'
  | 'silence'
  | 'stall'
  | 'crashHost'
  | 'crashHolder'
  | 'slowDisk'
  | 'brokenDisk'
  | 'hostClock'
  | 'holderClock'
  | 'repeat'

const FAULTS: readonly Fault[] = [
  'break',
  'silence',
  'stall',
  'crashHost',
  'crashHolder',
  'slowDisk',
  'brokenDisk',
  'hostClock',
  'holderClock',
  'repeat',
]

/** @param lines of what happened last, for a run that fails */
export async function run(seed: number, lines = 30): Promise<RunResult> {
  const world = new World(seed)
  let failure: string | undefined
  try {
    await world.live()
  } catch (error) {
    const why =
      error instanceof Violation ? error.message : error instanceof Error ? (error.stack ?? '') : String(error)
    failure = [`seed ${seed}, at ${world.now.toFixed(1)} ms: ${why}`, ...world.story(why, lines)].join('\n')
  }
  return { seed, failure, figures: world.figures() }
}

class World {
  readonly #random: Random
  readonly #timeline = new Timeline()
  readonly #trace = new Trace(() => this.#timeline.now)
  readonly #oracle: Oracle
  readonly #facts: WireFacts
  readonly #network: Network
  readonly #disk: Disk
  readonly #hostClock: MachineClock
  readonly #host: HostParty
  readonly #holders: HolderParty[] = []
  readonly #holderClocks: MachineClock[] = []
  readonly #faults: readonly Fault[]
  readonly #pauseMs: number
  #crashes = 0
  #durableChecks = 0
  /** The host will crash while it writes. */
  #crashAtWrite = false
  #failure: unknown
  #failed = false

  constructor(seed: number) {
    const random = new Random(seed)
    const timeline = this.#timeline
    const trace = this.#trace
    this.#random = random
    const chosen = FAULTS.filter(() => random.chance(0.6))
    this.#faults = chosen
    this.#pauseMs = random.between(50, 400)
    const creditLimit = BigInt(random.between(0, 500))
    const balanceMax = BigInt(random.between(100, 2_000))
    const rememberMs = random.pick([20_000, 60_000, 600_000]) ?? 60_000
    const fail = (error: unknown): void => this.#fail(error)
    const wild = random.chance(0.25)
    this.#oracle = new Oracle({ wild, creditLimit, balanceMax, rememberMs })
    this.#facts = new WireFacts({ oracle: this.#oracle, trace, random, fail })
    const latencyMs = random.chance(0.5) ? ([1, 5] as const) : ([5, 120] as const)
    this.#network = new Network({ timeline, random, tap: this.#facts, latencyMs, wild })
    this.#disk = new Disk({ timeline, random, medium: random.chance(0.5) ? 'log' : 'strings' })
    this.#hostClock = this.#newClock()
    const log = this.#log()
    this.#host = new HostParty({
      timeline,
      random,
      trace,
      log,
      fail,
      creditLimit,
      balanceMax,
      rememberMs,
      oracle: this.#oracle,
      clock: this.#hostClock,
      disk: this.#disk,
      snapshotBytes: random.between(1_000, 20_000),
    })
    for (let i = random.between(1, 3); i > 0; i--) {
      const clock = this.#newClock()
      this.#holderClocks.push(clock)
      this.#holders.push(
        new HolderParty({
          timeline,
          random,
          trace,
          log,
          fail,
          clock,
          name: `holder${i}`,
          disk: random.chance(0.5) ? new Disk({ timeline, random, medium: 'log' }) : undefined,
          oracle: this.#oracle,
          network: this.#network,
          host: this.#host,
        }),
      )
    }
    trace.add(() => `faults: ${chosen.join(' ')}`)
  }

  get now(): number {
    return this.#timeline.now
  }

  figures(): Figures {
    const { steps } = this.#timeline
    const { holds } = this.#oracle
    const captured = this.#oracle.count('fulfilled')
    return {
      steps,
      frames: this.#facts.frames,
      holds,
      captured,
      crashes: this.#crashes,
      durableChecks: this.#durableChecks,
    }
  }

  /** What a reader of a failure needs: all about the hold that it names, and the last that happened. */
  story(why: string, lines: number): string[] {
    const id = /\b[0-9a-f]{8}\b/.exec(why)?.[0]
    return [...(id === undefined ? [] : [...this.#trace.about(id), '…']), ...this.#trace.last(lines)]
  }

  /** @throws {Violation} */
  async live(): Promise<void> {
    this.#host.start()
    for (const holder of this.#holders) holder.start()
    await this.#during(FAULTS_MS, true)
    await this.#makePeace()
    await this.#during(QUIET_MS, false)
    await this.#checkPeace()
    await this.#buyOnce()
    await this.#checkPeace()
  }

  #newClock(): MachineClock {
    const drift = this.#random.chance(0.5) ? 0 : (this.#random.unit() - 0.5) / 100
    return new MachineClock(this.#timeline, 1 + drift, this.#random.between(-700, 700))
  }

  /** What a program calls an error is one, unless the disk is broken. */
  #log(): Log {
    const ignore = (): void => undefined
    const write = (message: string, fields?: Readonly<Record<string, unknown>>): void =>
      this.#trace.add(() => `log: ${message} ${JSON.stringify(fields ?? {})}`)
    const error = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      write(message, fields)
      if (!this.#disk.failed) this.#fail(new Violation(`a program reports: ${message} ${JSON.stringify(fields ?? {})}`))
    }
    return { debug: ignore, info: ignore, warn: write, error }
  }

  #fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#failure = error
  }

  async #during(ms: number, faulty: boolean): Promise<void> {
    const { timeline, random } = { timeline: this.#timeline, random: this.#random }
    const end = timeline.now + ms
    let nextAct = timeline.now
    let instant = timeline.now
    let stepsAtInstant = 0
    for (;;) {
      const until = faulty ? Math.min(end, nextAct) : end
      while (await timeline.step(until)) {
        stepsAtInstant = timeline.now === instant ? stepsAtInstant + 1 : 0
        instant = timeline.now
        if (stepsAtInstant > 10_000 || timeline.steps > STEPS_MAX) throw new Violation('it goes on for ever')
        await this.#check()
      }
      if (until === end) return
      await this.#act()
      await this.#check()
      nextAct = timeline.now + random.between(1, 2 * this.#pauseMs)
    }
  }

  async #check(): Promise<void> {
    if (this.#failed) throw this.#failure
    const held = new Map<string, Doubts>()
    for (const { name, doubts } of this.#holders) if (doubts !== undefined) held.set(name, doubts)
    this.#oracle.checkHolders(held)
    const running = this.#host.running
    if (running !== undefined && running.host.state === 'open') this.#oracle.checkBook(running.ledger)
    if (this.#crashAtWrite && this.#disk.writing > 0 && this.#random.chance(0.3)) await this.#crashHost()
    if (this.#random.chance(0.006)) {
      this.#durableChecks += 1
      await this.#oracle.checkDurable(this.#disk.copy())
    }
  }

  /** Somebody does something, or something goes wrong. */
  async #act(): Promise<void> {
    const random = this.#random
    const holder = random.pick(this.#holders)
    if (holder === undefined) return
    const fault = random.chance(0.4) ? random.pick(this.#faults) : undefined
    if (fault !== undefined) {
      this.#trace.add(() => `fault: ${fault}`)
      return this.#inflict(fault, holder)
    }
    const what = random.unit()
    if (what < 0.5) void holder.buy()
    else if (what < 0.85) this.#host.pay(holder.name)
    else if (what < 0.95) this.#host.deposit(holder.name)
    else this.#host.retryDeposits()
  }

  async #inflict(fault: Fault, holder: HolderParty): Promise<void> {
    const random = this.#random
    const wire = random.pick(this.#network.wires())
    const side = random.chance(0.5) ? 'host' : 'holder'
    switch (fault) {
      case 'break':
        return wire?.break()
      case 'silence':
        return random.chance(0.3) ? wire?.silence(side) : undefined
      case 'stall':
        return wire?.stall(side, random.between(10, 4_000))
      case 'crashHost':
        if (random.chance(0.5)) return
        if (random.chance(0.5)) return this.#crashHost()
        this.#crashAtWrite = true
        return
      case 'crashHolder':
        if (random.chance(0.5)) return
        this.#crashes += 1
        holder.crash()
        this.#timeline.after(random.between(0, 2_000), undefined, () => holder.start())
        return
      case 'slowDisk':
        this.#disk.slowMs = random.chance(0.5) ? random.between(20, 600) : 0
        return
      case 'brokenDisk':
        if (!this.#host.down) this.#disk.broken = random.chance(0.2)
        return
      case 'hostClock':
        if (random.chance(0.7)) return
        this.#hostClock.step(random.between(-45_000, 30_000))
        for (let i = 0; i < 4; i++) this.#repeat(holder)
        return
      case 'holderClock':
        if (random.chance(0.7)) return
        return random.pick(this.#holderClocks)?.step(random.between(-20_000, 20_000))
      case 'repeat':
        return this.#repeat(holder)
    }
  }

  async #crashHost(): Promise<void> {
    this.#crashAtWrite = false
    this.#crashes += 1
    await this.#host.crash()
    this.#timeline.after(this.#random.between(0, 2_000), undefined, () => this.#host.start())
  }

  /** Something that this holder sent once comes again. */
  #repeat(holder: HolderParty): void {
    const wire = this.#network.wires().find(({ account }) => account === holder.name)
    const frame = this.#facts.oldFrame(holder.name)
    if (wire !== undefined && frame !== undefined) wire.holder.repeat(frame)
  }

  /** Faults stop; everybody runs; nobody buys any more. */
  async #makePeace(): Promise<void> {
    this.#trace.add(() => 'peace')
    this.#crashAtWrite = false
    const random = this.#random
    this.#network.faulty = false
    this.#disk.slowMs = 0
    for (const holder of this.#holders) holder.leave()
    if (random.chance(0.5)) {
      this.#crashes += 1
      await this.#host.crash()
    }
    this.#disk.broken = false
    for (const wire of this.#network.wires()) if (random.chance(0.5)) wire.break()
    for (const clock of [this.#hostClock, ...this.#holderClocks]) clock.correct()
    this.#host.start()
    for (const holder of this.#holders) holder.start()
  }

  /** In the end everything is known, and both sides know the same. */
  async #checkPeace(): Promise<void> {
    const running = this.#host.running
    if (running === undefined) throw new Violation('the host does not run again')
    this.#oracle.checkQuiet(running.ledger)
    running.ledger.check()
    for (const { name, holder } of this.#holders) {
      if (holder?.state !== 'open') throw new Violation(`${name} is ${holder?.state ?? 'down'} and not connected again`)
      const { held, inDoubt } = holder
      const unknowable = this.#oracle.unknowable(name)
      if (held !== unknowable || inDoubt !== unknowable) {
        throw new Violation(`${name} has ${held} held, ${inDoubt} in doubt, not ${unknowable}`)
      }
      let told: bigint | undefined
      holder.balance().then(
        (balance) => {
          told = balance
        },
        (error: unknown) => this.#fail(error),
      )
      await this.#during(3_000, false)
      const balance = running.ledger.account(name)?.balance
      if (told !== balance) throw new Violation(`${name} is told a balance of ${told}, the book has ${balance}`)
    }
  }

  /** After all that, trade goes on. */
  async #buyOnce(): Promise<void> {
    for (const holder of this.#holders) {
      this.#host.deposit(holder.name)
      const before = holder.bytesRead
      void holder.buy(true)
      await this.#during(LAST_PURCHASE_MS, false)
      holder.leave()
      await this.#during(LAST_PURCHASE_MS, false)
      if (holder.bytesRead === before)
        throw new Violation(`${holder.name} could buy nothing after all faults had stopped`)
    }
  }
}
