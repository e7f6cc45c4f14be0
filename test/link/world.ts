/**
 * A host and its holders over a network in memory that tests can cut, and a store whose commits tests can hold back.
 * Time stands still until a test moves it.
 */
import { decodeFrame, encodeFrame, type Frame } from 'sluice/btp'
import { EMPTY, utf8 } from 'sluice/bytes'
import { sha256 } from 'sluice/crypto'
import { Ledger } from 'sluice/ledger'
import {
  Holder,
  Host,
  type Hold,
  type HolderOptions,
  type HoldObserver,
  type HoldOutcome,
  type HostOptions,
} from 'sluice/link'
import { type Dial, SessionServer } from 'sluice/session'
import { type Batch, type LedgerStore, MemoryStore, type Snapshot, type StoredLog } from 'sluice/store'
import { FakeClock, type MemoryTransport, transportPair } from 'sluice/testing'

/** Lets everything that waits for turns of the event loop happen. */
export async function settle(turns = 12): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Lets time pass in steps, so that messages arrive meanwhile. */
export async function pass(clock: FakeClock, ms: number, stepMs = 1_000): Promise<void> {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.advance(Math.min(left, stepMs))
    await settle()
  }
}

/** A memory store whose appends wait while `held`, and fail once `broken`. */
export class GatedStore implements LedgerStore {
  readonly inner: MemoryStore
  appends = 0
  broken = false
  #held = false
  #release: (() => void)[] = []

  constructor(inner = new MemoryStore({ warn: () => undefined })) {
    this.inner = inner
  }

  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    for (const go of this.#release.splice(0)) go()
  }

  open(): Promise<StoredLog> {
    return this.inner.open()
  }

  async append(batch: Batch): Promise<void> {
    if (this.#held) await new Promise<void>((resolve) => this.#release.push(resolve))
    if (this.broken) throw new Error('the disk is gone')
    this.appends += 1
    await this.inner.append(batch)
  }

  snapshot(snapshot: Snapshot): Promise<void> {
    return this.inner.snapshot(snapshot)
  }

  drop(seq: number): Promise<void> {
    return this.inner.drop(seq)
  }

  close(): Promise<void> {
    return this.inner.close()
  }
}

/** Messages in memory, delivered in microtasks unless held back. */
export class Network {
  readonly lines: { readonly host: MemoryTransport; readonly holder: MemoryTransport }[] = []
  reachable = true
  #held: (() => void)[] | undefined

  line(): { host: MemoryTransport; holder: MemoryTransport } {
    const [host, holder] = transportPair((deliver) => {
      if (this.#held === undefined) queueMicrotask(deliver)
      else this.#held.push(deliver)
    })
    const line = { host, holder }
    this.lines.push(line)
    return line
  }

  /** From now on nothing arrives. */
  hold(): void {
    this.#held ??= []
  }

  /** What was held back arrives, and what follows. */
  release(): void {
    for (const deliver of this.#held?.splice(0) ?? []) deliver()
    this.#held = undefined
  }

  /** Ends the newest connection. What was held back is lost. */
  cut(): void {
    this.#held = undefined
    this.lines.at(-1)?.holder.terminate()
  }
}

const PREFIX = 'example.shop.'

export class World {
  readonly clock = new FakeClock()
  readonly network = new Network()
  readonly store: GatedStore
  readonly ledger: Ledger
  readonly host: Host
  readonly server: SessionServer
  readonly failures: Error[] = []

  constructor(options: Partial<HostOptions> & { store?: GatedStore; clock?: FakeClock } = {}) {
    this.clock = options.clock ?? this.clock
    this.store = options.store ?? new GatedStore()
    this.ledger = new Ledger({ store: this.store, clock: this.clock })
    this.host = new Host({
      ledger: this.ledger,
      prefix: PREFIX,
      assetCode: 'USD',
      assetScale: 9,
      newAccount: { creditLimit: 100n, balanceMax: 1000n },
      clock: this.clock,
      onFailure: (error) => this.failures.push(error),
      ...options,
    })
    this.server = new SessionServer({
      version: 1,
      owner: this.host.owner,
      authenticate: ({ username }) => username || 'client',
      clock: this.clock,
    })
  }

  get dial(): Dial {
    return async () => {
      if (!this.network.reachable) throw new Error('no route')
      await this.host.open()
      const line = this.network.line()
      this.server.accept(line.host, 'test')
      return line.holder
    }
  }

  holder(options: Partial<HolderOptions> = {}): Holder {
    return new Holder({ dial: this.dial, username: '', token: '', clock: this.clock, random: () => 0.5, ...options })
  }

  /** Ends everything that could keep the process alive. */
  async close(...holders: Holder[]): Promise<void> {
    for (const holder of holders) await holder.close()
    await this.host.close()
    await this.server.close()
    await this.ledger.close()
  }

  /** The host's process ends without a word; its disk stays. */
  crash(): World {
    const store = new GatedStore(this.store.inner.copy())
    this.host.close().catch(() => undefined)
    return new World({ store, clock: this.clock })
  }
}

/** Frames as a stranger would write and read them: the wire itself. */
export class RawPeer {
  readonly frames: Frame[] = []
  readonly transport: MemoryTransport
  #requestId = 1

  constructor(world: World, username = '') {
    const line = world.network.line()
    this.transport = line.holder
    line.holder.onMessage = (message) => {
      this.frames.push(decodeFrame(message, 1))
    }
    line.holder.onClosed = () => undefined
    world.server.accept(line.host, 'raw')
    this.send({
      type: 6,
      entries: [
        { name: 'auth', contentType: 0, data: EMPTY },
        { name: 'auth_username', contentType: 1, data: utf8(username) },
        { name: 'auth_token', contentType: 1, data: EMPTY },
      ],
    })
  }

  /** Sends a request and gives its id. */
  send(body: DistributiveOmit<Extract<Frame, { type: 3 | 4 | 5 | 6 }>, 'requestId'>): number {
    const requestId = this.#requestId++
    this.transport.send(encodeFrame({ ...body, requestId }, 1))
    return requestId
  }

  reply(frame: Extract<Frame, { type: 1 | 2 }>): void {
    this.transport.send(encodeFrame(frame, 1))
  }

  /** The answer to a request, as text: `ok`, or its error's code and name. */
  answer(requestId: number): string | undefined {
    const frame = this.frames.find((one) => one.requestId === requestId && one.type <= 2)
    if (frame === undefined) return undefined
    return frame.type === 2 ? `${frame.code} ${frame.name}` : 'ok'
  }

  /** Forgets what has arrived. */
  clear(): void {
    this.frames.length = 0
  }

  types(): number[] {
    return this.frames.map((frame) => frame.type)
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

export function secret(n: number): Uint8Array {
  return sha256(utf8(`secret ${n}`))
}

export function id(n: number): Uint8Array {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setUint32(12, n)
  return bytes
}

/** The hold number `n`, whose fulfillment is `secret(n)`. */
export function holdOf(
  world: { clock: FakeClock },
  n: number,
  amount = 1n,
  ms = 30_000,
): Hold & { readonly id: Uint8Array } {
  return {
    id: id(n),
    amount,
    condition: sha256(secret(n)),
    expiresAt: world.clock.now() + ms,
    packet: Uint8Array.of(1, 2, n & 255),
  }
}

/** Writes down what an observer hears. */
export class Heard implements HoldObserver {
  readonly log: string[] = []
  outcome: HoldOutcome | undefined

  onPrepared(): void {
    this.log.push('prepared')
  }

  onOutcome(outcome: HoldOutcome): void {
    this.outcome = outcome
    this.log.push(outcome.status)
  }
}
