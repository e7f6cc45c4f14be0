/**
 * The network between holders and a host, as message transports. A connection keeps order and loses nothing until it
 * breaks: then what was under way is lost from some point on, or arrives late on a connection that the sender has given up.
 * A direction may fall silent or stall. `wild` networks also lose, repeat and reorder single frames, which no WebSocket does.
 */
import type { Dial, Transport } from 'sluice/session'
import type { Random } from './random.js'
import type { Life, Timeline } from './timeline.js'

/** What is seen on the wire. */
export interface WireTap {
  sent(from: End, message: Uint8Array): void
  delivered(to: End, message: Uint8Array, repeated: boolean): void
}

export interface NetworkOptions {
  readonly timeline: Timeline
  readonly random: Random
  readonly tap: WireTap
  readonly latencyMs: readonly [least: number, most: number]
  readonly wild: boolean
}

export type Side = 'host' | 'holder'

/** Takes a connection in; `undefined` while the host is down. */
export type Accept = () => { readonly life: Life; readonly take: (transport: Transport) => void } | undefined

/** Frames kept to be sent again later. */
const OLD_FRAMES_MAX = 64

export class Network {
  /** Whether anything can go wrong with a single frame now. */
  faulty = true
  readonly #options: NetworkOptions
  readonly #wires = new Set<Wire>()

  constructor(options: NetworkOptions) {
    this.#options = options
  }

  /** How this holder connects. */
  dialer(holder: string, life: Life, accept: Accept): Dial {
    const { timeline } = this.#options
    return (signal) =>
      new Promise((resolve, reject) => {
        const refuse = (): void => reject(new Error('connection refused'))
        signal.addEventListener('abort', refuse)
        timeline.after(2 * this.latency(), life, () => {
          const host = accept()
          if (signal.aborted || host === undefined) return refuse()
          signal.removeEventListener('abort', refuse)
          const wire = new Wire(this, this.#options, holder, life, host.life)
          this.#wires.add(wire)
          host.take(wire.host)
          resolve(wire.holder)
        })
      })
  }

  latency(): number {
    const [least, most] = this.#options.latencyMs
    return least + this.#options.random.unit() * (most - least)
  }

  /** The connections that work, or seem to. */
  wires(): Wire[] {
    return Array.from(this.#wires)
  }

  forget(wire: Wire): void {
    this.#wires.delete(wire)
  }
}

interface Flight {
  lost: boolean
}

/** One connection. */
export class Wire {
  readonly account: string
  readonly host: End
  readonly holder: End
  readonly #network: Network
  readonly #options: NetworkOptions

  constructor(network: Network, options: NetworkOptions, account: string, holderLife: Life, hostLife: Life) {
    this.#network = network
    this.#options = options
    this.account = account
    this.host = new End(this, 'host', hostLife, network, options)
    this.holder = new End(this, 'holder', holderLife, network, options)
    this.host.peer = this.holder
    this.holder.peer = this.host
    // What a crash does to its machine's connections, the machine decides.
    for (const end of [this.host, this.holder]) {
      end.life.onEnd(() => {
        end.die()
        if (options.random.chance(0.7)) this.break()
        else this.#network.forget(this)
      })
    }
  }

  /** It breaks, for each side at its own time. */
  break(): void {
    const { random } = this.#options
    for (const end of [this.host, this.holder]) {
      // Late: what the other side sent still arrives, after that side has given the connection up.
      const lateMs = random.chance(0.5) ? random.between(0, 9_000) : 0
      end.peer?.loseTail(lateMs)
      end.hangUp(lateMs + this.#network.latency(), 'broken')
    }
    this.#network.forget(this)
  }

  /** One direction swallows everything without a word. */
  silence(side: Side): void {
    const end = side === 'host' ? this.host : this.holder
    end.silent = true
  }

  /** What this side sends arrives later, in order. */
  stall(side: Side, ms: number): void {
    const end = side === 'host' ? this.host : this.holder
    end.stalledUntil = Math.max(end.stalledUntil, this.#options.timeline.now + ms)
  }
}

export class End implements Transport {
  onMessage: (message: Uint8Array) => void = () => undefined
  onPong: () => void = () => undefined
  onClosed: (reason: string) => void = () => undefined
  readonly bufferedBytes = 0
  readonly side: Side
  readonly wire: Wire
  readonly life: Life
  peer: End | undefined
  /** What it sends vanishes. */
  silent = false
  stalledUntil = 0

  readonly #network: Network
  readonly #options: NetworkOptions
  /** Its program has not ended it. */
  #open = true
  #told = false
  #lastArrival = 0
  #flights: Flight[] = []

  constructor(wire: Wire, side: Side, life: Life, network: Network, options: NetworkOptions) {
    this.wire = wire
    this.side = side
    this.life = life
    this.#network = network
    this.#options = options
  }

  send(message: Uint8Array): void {
    if (!this.#open || !this.life.alive) return
    const { tap, random, wild } = this.#options
    const copy = message.slice()
    tap.sent(this, copy)
    const harm = wild && this.#network.faulty
    if (harm && random.chance(0.03)) return
    this.#fly(copy, harm && random.chance(0.05), false)
    if (harm && random.chance(0.05)) this.#fly(copy, true, true)
  }

  /** Sends what it sent before, as a peer with a fault or a grudge might. */
  repeat(message: Uint8Array): void {
    if (this.#open && this.life.alive) this.#fly(message.slice(), false, true)
  }

  #fly(message: Uint8Array, outOfOrder: boolean, repeated: boolean): void {
    const { timeline, random, tap } = this.#options
    const flight: Flight = { lost: false }
    this.#flights.push(flight)
    let arrival = timeline.now + this.#network.latency()
    if (outOfOrder) arrival += random.between(0, 6_000)
    else {
      arrival = Math.max(arrival, this.#lastArrival)
      this.#lastArrival = arrival
    }
    const arrive = (): void => {
      if (this.stalledUntil > timeline.now && !outOfOrder) {
        timeline.after(this.stalledUntil - timeline.now, undefined, arrive)
        return
      }
      this.#flights = this.#flights.filter((other) => other !== flight)
      const { peer } = this
      if (flight.lost || this.silent || peer === undefined || !peer.#open || !peer.life.alive) return
      tap.delivered(peer, message, repeated)
      peer.onMessage(message)
    }
    timeline.after(arrival - timeline.now, undefined, arrive)
  }

  /** Of what is under way, in order, some arrives (`lateMs` later), and the rest never. */
  loseTail(lateMs: number): void {
    const { random, timeline } = this.#options
    const kept = random.between(0, this.#flights.length)
    for (const flight of this.#flights.slice(kept)) flight.lost = true
    if (lateMs > 0) this.stalledUntil = Math.max(this.stalledUntil, timeline.now + lateMs)
  }

  /** Its program is told that the connection has ended. */
  hangUp(delayMs: number, reason: string): void {
    this.#options.timeline.after(delayMs, this.life, () => {
      this.#open = false
      if (this.#told) return
      this.#told = true
      this.onClosed(reason)
    })
  }

  /** Its program has crashed. */
  die(): void {
    this.#open = false
  }

  close(_code?: number, reason = ''): void {
    this.#end(reason, 2 * this.#network.latency())
  }

  terminate(): void {
    this.#end('terminated', 0)
  }

  #end(reason: string, delayMs: number): void {
    if (!this.#open) return
    this.#open = false
    // A closing handshake that nobody answers is given up.
    this.hangUp(this.silent || this.peer?.silent === true ? delayMs + 3_000 : delayMs, reason)
    this.#network.forget(this.wire)
    if (this.silent) return
    const { timeline } = this.#options
    const last = Math.max(this.#lastArrival, this.stalledUntil, timeline.now + this.#network.latency())
    this.peer?.hangUp(last - timeline.now + 1, `closed: ${reason}`)
  }

  ping(): void {
    const { timeline } = this.#options
    const { peer } = this
    timeline.after(2 * this.#network.latency(), this.life, () => {
      if (this.#open && !this.silent && peer !== undefined && peer.#open && !peer.silent && peer.life.alive)
        this.onPong()
    })
  }
}

/** Frames of one account that may be sent again, on whatever connection there is then. */
export class OldFrames {
  readonly #frames: Uint8Array[] = []
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  keep(frame: Uint8Array): void {
    if (this.#frames.length < OLD_FRAMES_MAX) this.#frames.push(frame)
    else this.#frames[this.#random.between(0, OLD_FRAMES_MAX - 1)] = frame
  }

  pick(): Uint8Array | undefined {
    return this.#random.pick(this.#frames)
  }
}
