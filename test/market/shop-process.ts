/**
 * A letter shop with its ledger in a level store, in a process of its own that tests kill: what a user would build from
 * the package, plus a tally of the letters that it writes, steps at which it can be made to die, and its book for asking.
 * Its one argument is a {@link ShopSetup} as JSON.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createShop, letter, letters, nodeListener, Till, type ShopHandler, type Source } from 'sluice/http'
import { Ledger } from 'sluice/ledger'
import { Host } from 'sluice/link'
import { secretMatcher, SessionServer } from 'sluice/session'
import { listen } from 'sluice/session/ws'
import type { LedgerStore } from 'sluice/store'
import { LevelStore } from 'sluice/store/level'
import { serveParent } from './child.js'
import { Tally } from './tally.js'
import { Trap, type TrapPlan } from './trap.js'

export interface ShopSetup {
  readonly directory: string
  readonly httpPort: number
  readonly btpPort: number
  /** The one account. */
  readonly account: string
  readonly token: string
  /** Base units. */
  readonly price: number
  readonly window: number
  /** The file of its {@link Tally} of letters. */
  readonly written: string
  /** A step to die at while it starts. */
  readonly trap?: TrapPlan
}

/** The one account, base units. */
export interface Book {
  readonly captured: bigint
  readonly held: bigint
  /** Of the holder. */
  readonly balance: bigint
  readonly streams: number
}

export interface ShopCalls {
  /** The book as it was read back, before anything else happened. */
  recovered(): Promise<Book>
  /** The book, once all of it is durable. */
  book(): Promise<Book>
  /** How many of these ids, 16 bytes each, are not captured in the ledger. */
  uncaptured(ids: Uint8Array): Promise<number>
  arm(plan: TrapPlan): void
  close(): Promise<void>
}

const PREFIX = 'example.letter-shop.mytrustline.'
/** Small, so that many kills come near a snapshot. */
const SNAPSHOT_BYTES = 128 * 1024

const setup = JSON.parse(process.argv[2] ?? '{}') as ShopSetup
const trap = new Trap(setup.trap)
const written = new Tally(setup.written)

const store = trapped(new LevelStore(setup.directory))
const ledger = new Ledger({ store, snapshotBytes: SNAPSHOT_BYTES })
const host = new Host({
  ledger,
  prefix: PREFIX,
  assetCode: 'USD',
  assetScale: 9,
  newAccount: { creditLimit: 1n << 60n, balanceMax: 0n },
  onFailure: fail,
})
const till = new Till({ link: host })
const isToken = secretMatcher(setup.token)
const sessions = new SessionServer({
  version: 1,
  owner: host.owner,
  authenticate: ({ token }) => {
    trap.pass('login')
    return isToken(token) ? setup.account : undefined
  },
})

const opening = open()
serveParent<ShopCalls>({
  recovered: async () => (await opening).recovered,
  book: async () => {
    await opening
    return new Promise((resolve) => ledger.committed(() => resolve(book())))
  },
  uncaptured: async (ids) => {
    await opening
    let uncaptured = 0
    for (let at = 0; at < ids.length; at += 16) {
      const transfer = ledger.transfer(setup.account, ids.subarray(at, at + 16))
      if (transfer?.state !== 'finished' || transfer.outcome.state !== 'fulfilled') uncaptured++
    }
    return uncaptured
  },
  arm: (plan) => trap.arm(plan),
  close: async () => {
    const { close } = await opening
    await close()
    setImmediate(() => process.disconnect())
  },
})

async function open(): Promise<{ recovered: Book; close: () => Promise<void> }> {
  trap.pass('opening')
  await ledger.open()
  ledger.check()
  const recovered = book()
  trap.pass('recovered')
  await host.open()
  till.open()
  const listener = await listen({
    port: setup.btpPort,
    onTransport: (transport, remoteAddress) => sessions.accept(transport, remoteAddress),
  })
  const shop = createShop({
    till,
    price: BigInt(setup.price),
    window: BigInt(setup.window),
    unit: letter,
    content: () => trappedLetters(),
    contentType: 'text/plain',
    seller: { ledger: { uri: `btp+ws://127.0.0.1:${setup.btpPort}/`, version: 1 }, accounts: 'known' },
  })
  const server = createServer(nodeListener(tallied(shop), fail))
  server.listen(setup.httpPort, '127.0.0.1')
  await once(server, 'listening')
  return {
    recovered,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await till.close()
      await host.close()
      await sessions.close()
      await listener.close()
      await ledger.close()
    },
  }
}

/** Nothing here may fail. */
function fail(error: unknown): never {
  throw error
}

function book(): Book {
  const { fulfilledOut = 0n, heldOut = 0n, balance = 0n } = ledger.account(setup.account) ?? {}
  return { captured: fulfilledOut, held: heldOut, balance, streams: till.streams }
}

function trapped(inner: LedgerStore): LedgerStore {
  return {
    open: () => inner.open(),
    append: async (batch) => {
      trap.pass('append')
      await inner.append(batch)
      trap.pass('appended')
    },
    snapshot: async (snapshot) => {
      trap.pass('snapshot')
      await inner.snapshot(snapshot)
      trap.pass('snapshotted')
    },
    drop: (seq) => inner.drop(seq),
    close: () => inner.close(),
  }
}

function trappedLetters(): Source {
  const source = letters()
  return {
    next: () => {
      trap.pass('pull')
      return source.next()
    },
    cancel: () => source.cancel(),
  }
}

/** Counts each letter before it is written. */
function tallied(shop: ShopHandler): ShopHandler {
  return async (request) => {
    const reply = await shop(request)
    if (!('stream' in reply)) return reply
    return {
      ...reply,
      stream: (sink) =>
        reply.stream({
          write: (bytes) => {
            written.add(bytes.length)
            trap.pass('write')
            const more = sink.write(bytes)
            trap.pass('written')
            return more
          },
          end: () => sink.end(),
          fail: () => sink.fail(),
        }),
    }
  }
}
