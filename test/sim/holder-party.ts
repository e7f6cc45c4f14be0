/** A holder as a program that crashes and starts again: it buys streams, and is sometimes paid. */
import { EMPTY } from 'sluice/bytes'
import type { SubProtocol } from 'sluice/btp'
import { payingFetch } from 'sluice/fetch'
import type { ReplyHeaders } from 'sluice/http'
import {
  type Hold,
  Holder,
  type HoldObserver,
  type IncomingHold,
  type Link,
  type LinkInfo,
  type LinkState,
  type RequestHandler,
} from 'sluice/link'
import type { Log } from 'sluice/log'
import type { Disk } from './disk.js'
import { exchange } from './exchange.js'
import type { HostParty } from './host-party.js'
import type { Network } from './network.js'
import { type Doubts, type Oracle, type Stream, UnitCount } from './oracle.js'
import type { Random } from './random.js'
import { PRICE, sessionLimits, unitBytes } from './terms.js'
import { Life, type MachineClock, type Timeline } from './timeline.js'
import type { Trace } from './trace.js'

export interface HolderPartyOptions {
  readonly name: string
  readonly timeline: Timeline
  readonly random: Random
  readonly trace: Trace
  readonly oracle: Oracle
  readonly clock: MachineClock
  readonly network: Network
  readonly host: HostParty
  readonly log: Log
  /** For its record; without one it keeps none. */
  readonly disk: Disk | undefined
  readonly fail: (error: unknown) => void
}

const STREAMS_MAX = 2

export class HolderParty {
  readonly name: string
  /** Of all bodies together. */
  bytesRead = 0
  readonly #options: HolderPartyOptions
  #life: Life | undefined
  #holder: Holder | undefined
  #streams = 0
  #crashed = false
  #recovering = false
  readonly #leave = new Set<() => void>()

  constructor(options: HolderPartyOptions) {
    this.#options = options
    this.name = options.name
  }

  get down(): boolean {
    return this.#life === undefined
  }

  get holder(): Holder | undefined {
    return this.#holder
  }

  /** What its link says of itself, while it runs. */
  get doubts(): Doubts | undefined {
    if (this.#holder === undefined) return undefined
    const { held, inDoubt, state } = this.#holder
    return { held, inDoubt, records: this.#recovering && state === 'open' }
  }

  start(): void {
    if (this.#life !== undefined) return
    const { name, random, network, host, log, clock, trace, disk, oracle } = this.#options
    trace.add(() => `${name} starts`)
    const life = new Life(name)
    this.#life = life
    const holder = new Holder({
      username: name,
      token: 'secret',
      accountSegment: name,
      dial: network.dialer(name, life, host.accept),
      clock: clock.for(life),
      log,
      randomBytes: random.bytes,
      random: random.unit,
      sessionLimits,
      limits: { graceMs: 1_500, inquiryMax: 8 },
      ...(disk === undefined ? {} : { record: { store: disk.store(life), blockAmountMax: 150n, blockIdsMax: 24 } }),
      onRecovered: () => {
        this.#recovering = false
        oracle.recovered(name)
      },
    })
    this.#recovering = disk !== undefined && this.#crashed
    this.#holder = holder
    holder.onHold((hold) => this.#receive(life, hold))
    this.#watch(life, holder.open({ timeoutMs: Infinity }))
  }

  /** The process ends. Nothing that it knew is left. */
  crash(): void {
    if (this.#life === undefined) return
    this.#options.trace.add(() => `${this.name} crashes`)
    this.#life.end()
    this.#life = undefined
    this.#holder = undefined
    this.#crashed = true
    this.#streams = 0
    this.#leave.clear()
    this.#options.oracle.forgetBeliefs(this.name)
  }

  /** Buys a stream and reads some of it; `patient` lets holds live long enough for any network. */
  async buy(patient = false): Promise<void> {
    const life = this.#life
    const holder = this.#holder
    if (life === undefined || holder === undefined || this.#streams >= STREAMS_MAX) return
    this.#streams += 1
    try {
      await this.#readStream(life, holder, patient)
    } catch (error) {
      // Payments may be refused and connections break; what went wrong with money, the oracle sees.
      this.#options.trace.add(() => `${this.name} could not buy: ${String(error)}`)
    } finally {
      if (life.alive) this.#streams -= 1
    }
  }

  /** Leaves all streams. */
  leave(): void {
    for (const leave of this.#leave) leave()
  }

  async #readStream(life: Life, holder: Holder, patient: boolean): Promise<void> {
    const { random, clock, timeline, network, host } = this.#options
    const window = PRICE * BigInt(random.between(1, 24))
    const budget = PRICE * BigInt(random.between(5, 120))
    let stream: Stream | undefined
    const response = await payingFetch('http://shop.test/', {
      link: this.#spied(life, holder),
      budget,
      window,
      unitsPerHoldMax: random.chance(0.5) ? 1 : random.between(2, 6),
      holdMs: patient ? 8_000 : random.between(400, 9_000),
      deliveryTimeoutMs: patient ? 8_000 : random.between(1_000, 9_000),
      clock: clock.for(life),
      fetch: () =>
        exchange({
          timeline,
          network,
          shop: () => host.running,
          buyer: life,
          breakAfterMs: network.faulty && random.chance(0.2) ? random.between(100, 5_000) : Infinity,
          onOffer: (headers) => {
            stream = this.#openStream(headers, window, budget)
            return (bytes) => this.#wrote(stream, bytes)
          },
        }),
    })
    const { body, payment } = response
    if (body === null || stream === undefined) return
    const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader()
    const leaveAt = random.between(1, 80)
    let left = false
    const leave = (): void => {
      left = true
      this.#watch(life, reader.cancel())
    }
    this.#leave.add(leave)
    try {
      for (let reads = 0; !left; reads++) {
        const { done, value } = await reader.read()
        if (done || !life.alive) break
        stream.read.add(value.length)
        this.bytesRead += value.length
        if (reads === leaveAt && random.chance(0.5)) payment.stop()
        else if (reads === leaveAt) await reader.cancel()
        await new Promise<void>((resolve) => void timeline.after(random.between(0, 250), life, resolve))
      }
    } finally {
      this.#leave.delete(leave)
    }
  }

  #openStream(headers: ReplyHeaders, window: bigint, budget: bigint): Stream {
    const [, , address = ''] = String(headers['Pay'] ?? '').split(' ')
    const size = String(headers['Pay-Terms'] ?? '').includes('letter') ? () => 1 : unitBytes
    const stream: Stream = {
      account: this.name,
      price: PRICE,
      window,
      budget,
      atRisk: 0n,
      captured: 0,
      written: new UnitCount(size),
      read: new UnitCount(size),
    }
    this.#options.oracle.openStream(address.split('.').at(-1) ?? '', stream)
    return stream
  }

  #wrote(stream: Stream | undefined, bytes: number): void {
    try {
      if (stream !== undefined) this.#options.oracle.wrote(stream, bytes)
    } catch (error) {
      this.#options.fail(error)
    }
  }

  /** The host pays: what the holder does with it is as good as chance. */
  #receive(life: Life, hold: IncomingHold): void {
    const { random, timeline, oracle, host, fail } = this.#options
    if (random.chance(0.3)) return
    const settle = (): void => {
      const told = (as: 'fulfilled' | 'dead') => (settled: { readonly ok: boolean }) => {
        if (!settled.ok || !life.alive) return
        try {
          oracle.settledByHolder(this.name, hold.id, as)
        } catch (error) {
          fail(error)
        }
      }
      const fulfillment = host.fulfillments.get(String(hold.condition))
      if (fulfillment === undefined || random.chance(0.3)) hold.reject({ code: 'F99' }, told('dead'))
      else hold.fulfill(random.chance(0.05) ? random.bytes(32) : fulfillment, EMPTY, told('fulfilled'))
    }
    timeline.after(random.between(0, 1_500), life, settle)
  }

  /** The holder's link, with an ear for the oracle. */
  #spied(life: Life, holder: Holder): Link {
    const { oracle, fail } = this.#options
    const heard = (observer: HoldObserver): HoldObserver => ({
      onPrepared: (id) => observer.onPrepared?.(id),
      onOutcome: (outcome, id) => {
        try {
          if (life.alive) oracle.believes(this.name, id, outcome)
        } catch (error) {
          fail(error)
        }
        observer.onOutcome(outcome, id)
      },
    })
    return {
      get state(): LinkState {
        return holder.state
      },
      get info(): LinkInfo {
        return holder.info
      },
      open: async (options) => holder.open(options),
      close: async () => holder.close(),
      send: (hold: Hold, observer: HoldObserver) => holder.send(hold, heard(observer)),
      onHold: (handler) => holder.onHold(handler),
      request: async (entries: readonly SubProtocol[]) => holder.request(entries),
      onRequest: (name: string, handler: RequestHandler | undefined) => holder.onRequest(name, handler),
      balance: async () => holder.balance(),
      onState: (listener) => holder.onState(listener),
    }
  }

  #watch(life: Life, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (life.alive) this.#options.trace.add(() => `${this.name}: ${String(error)}`)
    })
  }
}
