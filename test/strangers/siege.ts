/**
 * The command `sluice shop` under siege: strangers of every kind at both of its ports, all at once, while a buyer in a
 * process of its own keeps buying and newcomers come in to buy. Throws at the first thing that is not as it must be.
 */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { payingFetch } from 'sluice/fetch'
import { Holder } from 'sluice/link'
import { dialWebSocket } from 'sluice/session/ws'
import type { WebSocket } from 'ws'
import type { BuyerCalls, BuyerSetup } from '../market/buyer-process.js'
import { Child } from '../market/child.js'
import { keptPort } from '../market/ports.js'
import { tallied } from '../market/tally.js'
import { ended, STRANGERS, type Stranger } from '../session/stranger-kinds.js'
import { HTTP_STRANGERS } from './http-kinds.js'
import type { WatchCalls } from './watch.js'

export interface SiegeOptions {
  /** At each port. */
  readonly strangers: number
  /** How long letters are counted without strangers. */
  readonly calmMs: number
  /** How long strangers are left to the shop, by port; those that are then left go by themselves. */
  readonly patienceMs: { readonly btp: number; readonly http: number }
}

/** What happened at one port. */
export interface SiegeFigures {
  readonly port: 'btp' | 'http'
  readonly strangers: number
  /** Ended by the shop, and the seconds until the last of them was. */
  readonly endedByShop: number
  readonly seconds: number
  readonly kindsLeft: readonly string[]
  readonly socketsBefore: number
  readonly socketsMax: number
  readonly socketsAfter: number
  readonly lettersPerSecondCalm: number
  readonly lettersPerSecondMeanwhile: number
  /** Streams of ten letters that newcomers bought meanwhile, and the slowest of them. */
  readonly newcomers: number
  readonly newcomerMsMax: number
  /** MiB, after a collection. */
  readonly heapBefore: number
  readonly heapAfter: number
  readonly rssBefore: number
  readonly rssAfter: number
}

const TOKEN = 'known to customers'
const WINDOW = 100
const SAMPLE_MS = 50
const NEWCOMER_LETTERS = 10
const RETURN_MS_MAX = 20_000
const MIB = 1024 * 1024
/** Of the heap: what a finished payment may cost until it is forgotten, and what everything else may. */
const REMEMBERED_BYTES_MAX = 30
const HEAP_SLACK_MIB = 8
/** Sockets that wait to become WebSockets, and WebSockets that wait to authenticate; and those of a newcomer. */
const BTP_STRANGERS_MAX = 256 + 256
const NEWCOMER_SOCKETS_MAX = 8

const MAIN = fileURLToPath(new URL('dist/cli/main.js', import.meta.resolve('sluice/package.json')))
const WATCH = new URL('watch.js', import.meta.url).href
const BUYER = fileURLToPath(new URL('../market/buyer-process.js', import.meta.url))

export async function besiege(options: SiegeOptions): Promise<SiegeFigures[]> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-siege-'))
  const [http, btp] = [await keptPort(), await keptPort()]
  const ports = ['--port', String(http), '--btp-port', String(btp)]
  const args = ['shop', ...ports, '--token', TOKEN, '--dir', join(directory, 'books')]
  const shop = new Child<WatchCalls>(MAIN, { args, execArgv: ['--expose-gc', '--import', WATCH] })
  const site = { shop, http, btp, read: join(directory, 'read') }
  const setup: BuyerSetup = {
    ...addresses(site),
    token: TOKEN,
    window: WINDOW,
    unitsPerHoldMax: 1,
    restMs: 0,
    read: site.read,
    told: join(directory, 'told'),
    blockIds: 1,
  }
  const buyer = new Child<BuyerCalls>(BUYER, { args: [JSON.stringify(setup)] })
  try {
    await shop.printed(/buy with/)
    await buyer.ask('buy')
    await buyer.ask('untilRead', 10 * WINDOW)
    const figures = [await siege(site, 'btp', options), await siege(site, 'http', options)]
    const bought = await buyer.ask('pause')
    assert.deepEqual(bought.ends, { paused: 1 }, 'the buyer bought all in one stream')
    assert.equal(shop.output.match(/unhandled|Error/i), null, shop.output)
    shop.interrupt()
    assert.equal(await shop.ended, 0, shop.output)
    const newcomers = figures.reduce((sum, one) => sum + one.newcomers * NEWCOMER_LETTERS, 0)
    assert.equal(-bought.balance, bought.captured + BigInt(newcomers), 'the books are equal')
    return figures
  } finally {
    await Promise.all([buyer.kill(), shop.kill()])
    await rm(directory, { recursive: true, force: true })
  }
}

interface Site {
  readonly shop: Child<WatchCalls>
  readonly http: number
  readonly btp: number
  /** The file of the buyer's tally. */
  readonly read: string
}

function addresses({ http, btp }: Site): { url: string; ledger: string } {
  return { url: `http://127.0.0.1:${http}/`, ledger: `ws://127.0.0.1:${btp}/` }
}

async function siege(site: Site, port: 'btp' | 'http', options: SiegeOptions): Promise<SiegeFigures> {
  const { shop } = site
  const kinds = Object.entries(port === 'btp' ? STRANGERS : HTTP_STRANGERS)
  const calmBegan = mark(site)
  await pause(options.calmMs)
  const lettersPerSecondCalm = rate(calmBegan, mark(site))
  const before = await shop.ask('memory')
  const socketsBefore = await socketsOf(shop)

  const began = mark(site)
  const left = new Map<Socket | WebSocket, string>()
  let socketsMax = 0
  let lastEnded = began
  const comeIn = ([what, open]: [string, Stranger]): void => {
    const stranger = open(site[port])
    left.set(stranger, what)
    void ended(stranger).then(() => {
      left.delete(stranger)
      lastEnded = mark(site)
    })
  }
  for (let i = 0; i < options.strangers; i++) comeIn(kinds[i % kinds.length] ?? ['', () => assert.fail()])
  const newcomers: number[] = []
  const newcomer = buyOften(site, newcomers, () => left.size > 0)
  while (left.size > 0 && mark(site).at - began.at < options.patienceMs[port]) {
    socketsMax = Math.max(socketsMax, await socketsOf(shop))
    await pause(SAMPLE_MS)
  }
  const endedByShop = options.strangers - left.size
  const kindsLeft = [...new Set(left.values())]
  const seconds = Math.round((lastEnded.at - began.at) / 100) / 10
  for (const stranger of left.keys()) leave(stranger)
  const meanwhile = mark(site)
  await newcomer

  const latest = meanwhile.at + RETURN_MS_MAX
  while ((await socketsOf(shop)) > socketsBefore && mark(site).at < latest) await pause(SAMPLE_MS)
  const socketsAfter = await socketsOf(shop)
  const after = await shop.ask('memory')
  const mib = (bytes: number): number => Math.round((bytes / MIB) * 10) / 10
  const figures: SiegeFigures = {
    port,
    strangers: options.strangers,
    endedByShop,
    seconds,
    kindsLeft,
    socketsBefore,
    socketsMax,
    socketsAfter,
    lettersPerSecondCalm,
    lettersPerSecondMeanwhile: rate(began, meanwhile),
    newcomers: newcomers.length,
    newcomerMsMax: Math.round(Math.max(0, ...newcomers)),
    heapBefore: mib(before.heapUsed),
    heapAfter: mib(after.heapUsed),
    rssBefore: mib(before.rss),
    rssAfter: mib(after.rss),
  }
  const text = JSON.stringify(figures)
  const letters = mark(site).letters - began.letters
  const grown = after.heapUsed - before.heapUsed - letters * REMEMBERED_BYTES_MAX
  if (port === 'btp') {
    const allowed = socketsBefore + BTP_STRANGERS_MAX + NEWCOMER_SOCKETS_MAX
    assert.ok(socketsMax <= allowed, `${socketsMax} sockets at once: ${text}`)
  }
  assert.ok(socketsAfter <= socketsBefore, `sockets are left: ${text}`)
  assert.ok(grown < HEAP_SLACK_MIB * MIB, `memory is left: ${text}`)
  assert.ok(figures.lettersPerSecondMeanwhile > 0 && newcomers.length > 0, `nobody was served: ${text}`)
  return figures
}

function leave(stranger: Socket | WebSocket): void {
  if ('terminate' in stranger) stranger.terminate()
  else stranger.destroy()
}

interface Mark {
  /** Milliseconds. */
  readonly at: number
  readonly letters: number
}

function mark({ read }: Site): Mark {
  return { at: performance.now(), letters: tallied(read) }
}

function rate(from: Mark, to: Mark): number {
  return Math.round(((to.letters - from.letters) * 1000) / (to.at - from.at))
}

/** One customer after the other comes in from nowhere, buys some letters, and leaves. */
async function buyOften(site: Site, took: number[], goOn: () => boolean): Promise<void> {
  const { url, ledger } = addresses(site)
  while (goOn()) {
    const began = performance.now()
    const holder = new Holder({ dial: dialWebSocket(ledger), username: '', token: TOKEN })
    try {
      const response = await payingFetch(url, { link: holder, budget: BigInt(NEWCOMER_LETTERS) })
      assert.match(await response.text(), /^[A-Z]{10}$/)
      await response.payment.settled()
      took.push(performance.now() - began)
    } finally {
      await holder.close()
    }
  }
}

/** Seen from outside where the system shows it. */
async function socketsOf(program: Child<WatchCalls>): Promise<number> {
  const folder = `/proc/${program.pid}/fd`
  try {
    return readdirSync(folder).filter((name) => isSocket(join(folder, name))).length
  } catch {
    return program.ask('sockets')
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return false
  }
}
