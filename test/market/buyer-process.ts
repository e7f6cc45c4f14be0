/**
 * A buyer in a process of its own that tests kill: it buys letters, one stream after the other, until it is told to pause.
 * What its application reads, and the ids of the holds of which it saw a valid fulfillment, it leaves in files. Its one
 * argument is a {@link BuyerSetup} as JSON.
 */
import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, systemClock } from 'sluice/clock'
import { FetchError, payingFetch, type PaymentReport } from 'sluice/fetch'
import { type Hold, type HoldObserver, Holder, type HolderOptions, type Recovered } from 'sluice/link'
import { dialWebSocket } from 'sluice/session/ws'
import { LevelStore } from 'sluice/store/level'
import { serveParent } from './child.js'
import { IdFile, Tally } from './tally.js'
import { Trap, type TrapPlan } from './trap.js'

export interface BuyerSetup {
  readonly url: string
  readonly ledger: string
  readonly token: string
  /** Base units. */
  readonly window: number
  readonly unitsPerHoldMax: number
  /** How long its application rests after some of its reads. 0: never. */
  readonly restMs: number
  /** The file of its {@link Tally} of letters read. */
  readonly read: string
  /** The {@link IdFile} of the captures that it was told of. */
  readonly told: string
  /** The directory of its holder's record, if it keeps one. */
  readonly record?: string
  /** Ids of one block of that record. */
  readonly blockIds: number
  readonly trap?: TrapPlan
}

/** Its own count since it started, base units. */
export interface Purchases {
  readonly captured: bigint
  readonly held: bigint
  readonly inDoubt: bigint
  /** What the host says when asked. */
  readonly balance: bigint
  /** The highest exposure of a stream, as the paying fetch counts it. */
  readonly exposureMax: bigint
  /** Holds that were in doubt, and are not. */
  readonly doubtsResolved: number
  /** How streams ended. */
  readonly ends: Readonly<Record<string, number>>
}

export interface BuyerCalls {
  /** Connects; resolves when nothing of its earlier lives is in doubt, with what became of it. */
  recover(): Promise<Recovered | undefined>
  buy(): void
  /** Resolves when the application has read this many letters more. */
  untilRead(count: number): Promise<void>
  /** Stops buying; resolves when every hold's outcome is known. */
  pause(): Promise<Purchases>
  arm(plan: TrapPlan): void
}

const BLOCK_AMOUNT_MAX = 1n << 40n
const BUDGET = 1n << 50n
const READS_BETWEEN_RESTS = 2
const ASK_AGAIN_MS = 50
const RECOVERED_MS = 2
/** Waits between attempts to connect are this many times shorter, so that hundreds of restarts take minutes. */
const HASTE = 50

const setup = JSON.parse(process.argv[2] ?? '{}') as BuyerSetup
const trap = new Trap(setup.trap)
const read = new Tally(setup.read)
const told = new IdFile(setup.told)

/** Sees what the host says of holds before the buyer's own code does. */
class WatchedHolder extends Holder {
  doubtsResolved = 0

  override send(hold: Hold, observer: HoldObserver): void {
    trap.pass('send')
    let doubted = false
    super.send(hold, {
      onPrepared: (id) => observer.onPrepared?.(id),
      onOutcome: (outcome, id) => {
        if (outcome.status === 'inDoubt') doubted = true
        else if (doubted) this.doubtsResolved++
        if (outcome.status === 'fulfilled') {
          const condition = createHash('sha256').update(outcome.fulfillment).digest()
          if (!condition.equals(hold.condition)) throw new Error('a wrong fulfillment was told')
          trap.pass('fulfill')
          told.append(id)
          trap.pass('told')
        }
        observer.onOutcome(outcome, id)
      },
    })
  }
}

const hasty: Clock = {
  now: () => systemClock.now(),
  // Only waits for the next connection keep the process alive.
  after: (delayMs, fire, keepAlive) =>
    systemClock.after(keepAlive === true ? delayMs / HASTE : delayMs, fire, keepAlive),
}

const options: HolderOptions = {
  dial: dialWebSocket(setup.ledger),
  username: '',
  token: setup.token,
  clock: hasty,
  onRecovered: (found) => {
    recovered = found
  },
  ...(setup.record === undefined
    ? {}
    : {
        record: { store: new LevelStore(setup.record), blockAmountMax: BLOCK_AMOUNT_MAX, blockIdsMax: setup.blockIds },
      }),
}
let recovered: Recovered | undefined
const holder = new WatchedHolder(options)

const payments: PaymentReport[] = []
const ends: Record<string, number> = {}
const readers = new Set<() => void>()
let exposureMax = 0n
let buying = false
let bought: Promise<void> = Promise.resolve()
let leave: () => void = () => {}

async function buyOne(): Promise<void> {
  trap.pass('request')
  const response = await payingFetch(setup.url, {
    link: holder,
    budget: BUDGET,
    window: BigInt(setup.window),
    unitsPerHoldMax: setup.unitsPerHoldMax,
  })
  const { payment, body } = response
  if (!response.ok || body === null) throw new Error(`the shop answered ${response.status}`)
  payments.push(payment)
  leave = () => payment.stop()
  if (!buying) leave()
  let reads = 0
  for await (const bytes of body as AsyncIterable<Uint8Array>) {
    trap.pass('read')
    read.add(bytes.length)
    if (payment.exposure > exposureMax) exposureMax = payment.exposure
    for (const reader of readers) reader()
    reads++
    if (setup.restMs > 0 && reads % READS_BETWEEN_RESTS === 0) await pause(setup.restMs)
  }
}

async function buyAll(): Promise<void> {
  while (buying) {
    let end = 'paused'
    try {
      await buyOne()
    } catch (error) {
      end = error instanceof FetchError ? error.code : 'unreachable'
    }
    ends[end] = (ends[end] ?? 0) + 1
    if (buying) await pause(ASK_AGAIN_MS)
  }
}

function total(of: (payment: PaymentReport) => bigint): bigint {
  return payments.reduce((sum, payment) => sum + of(payment), 0n)
}

serveParent<BuyerCalls>({
  recover: async () => {
    await holder.open()
    while (holder.inDoubt > 0n) await pause(RECOVERED_MS)
    // It is told after one more question to the host, which this one follows.
    await holder.balance()
    await pause(RECOVERED_MS)
    return recovered
  },
  buy: () => {
    buying = true
    bought = bought.then(buyAll)
  },
  untilRead: (count) => {
    const enough = read.sum + count
    return new Promise((resolve) => {
      const look = (): void => {
        if (read.sum < enough) return
        readers.delete(look)
        resolve()
      }
      readers.add(look)
    })
  },
  pause: async () => {
    buying = false
    leave()
    await bought
    for (const payment of payments) await payment.settled()
    return {
      captured: total((payment) => payment.spent),
      held: total((payment) => payment.held),
      inDoubt: total((payment) => payment.inDoubt),
      balance: await holder.balance(),
      exposureMax,
      doubtsResolved: holder.doubtsResolved,
      ends,
    }
  },
  arm: (plan) => trap.arm(plan),
})
