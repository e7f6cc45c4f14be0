/**
 * The two ends of one trustline in one process, without sockets: for tests, tutorials and programs that sell to
 * themselves. It is a real host and a real holder over a real ledger; only the network between them is missing.
 */
import type { Clock } from '../clock/index.js'
import { Ledger } from '../ledger/index.js'
import type { Log } from '../log/index.js'
import { SessionServer, type Transport } from '../session/index.js'
import { type LedgerStore, MemoryStore } from '../store/index.js'
import { Holder } from './holder.js'
import { Host } from './host.js'
import type { Link } from './types.js'

export interface LinkPairOptions {
  /** Ledger prefix with its trailing dot. Default `example.pair.`. */
  readonly prefix?: string
  /** Default `USD`, scale 9. */
  readonly assetCode?: string
  readonly assetScale?: number
  /** How far below zero the holder may go. Default 0. */
  readonly creditLimit?: bigint
  /** How much the host may owe. Default 2^62. */
  readonly balanceMax?: bigint
  readonly clock?: Clock
  readonly log?: Log
  /** Where the host's ledger lives. Default: memory, without a word about it. */
  readonly store?: LedgerStore
}

export interface LinkPair {
  /** Closing it closes the holder too. */
  readonly host: Link
  /** Opening it opens the host too. */
  readonly holder: Link
  /** The host's book. */
  readonly ledger: Ledger
  /** Closes both ends and the ledger. */
  close(): Promise<void>
}

/** The name of the one account. */
const ACCOUNT = 'client'

export function linkPair(options: LinkPairOptions = {}): LinkPair {
  const { clock, log } = options
  const rim = { ...(clock === undefined ? {} : { clock }), ...(log === undefined ? {} : { log }) }
  const store = options.store ?? new MemoryStore({ warn: () => undefined })
  const ledger = new Ledger({ ...rim, store })
  const host = new Host({
    ...rim,
    ledger,
    prefix: options.prefix ?? 'example.pair.',
    assetCode: options.assetCode ?? 'USD',
    assetScale: options.assetScale ?? 9,
    newAccount: { creditLimit: options.creditLimit ?? 0n, balanceMax: options.balanceMax ?? 1n << 62n },
  })
  // Nothing is lost in one process, so nothing needs to be looked after.
  const limits = { requestTimeoutMs: Infinity, pingIntervalMs: Infinity }
  const server = new SessionServer({ ...rim, version: 1, owner: host.owner, authenticate: () => ACCOUNT, limits })
  const holder = new Holder({
    ...rim,
    username: ACCOUNT,
    token: '',
    sessionLimits: limits,
    dial: async () => {
      await host.open()
      const [theirs, ours] = joined()
      server.accept(theirs, 'in-process')
      return ours
    },
  })
  const link = host.link(ACCOUNT)
  // In one process there is nobody else to wait for.
  link.onState((state) => {
    if (state === 'closed') void holder.close()
  })
  return {
    host: link,
    holder,
    ledger,
    close: async () => {
      await holder.close()
      await host.close()
      await server.close()
      await ledger.close()
    },
  }
}

/** Two transports joined in memory. Messages arrive after the present turn's code, in order. */
function joined(): [Transport, Transport] {
  const [a, b] = [new Joined(), new Joined()]
  a.peer = b
  b.peer = a
  return [a, b]
}

class Joined implements Transport {
  onMessage: (message: Uint8Array) => void = () => undefined
  onPong: () => void = () => undefined
  onClosed: (reason: string) => void = () => undefined
  readonly bufferedBytes = 0
  peer: Joined | undefined
  #open = true

  send(message: Uint8Array): void {
    if (!this.#open) return
    queueMicrotask(() => {
      const { peer } = this
      if (peer !== undefined && peer.#open) peer.onMessage(message)
    })
  }

  close(_code?: number, reason = 'closed'): void {
    if (!this.#open) return
    this.#open = false
    queueMicrotask(() => {
      this.onClosed(reason)
      const { peer } = this
      if (peer === undefined || !peer.#open) return
      peer.#open = false
      peer.onClosed(reason)
    })
  }

  terminate(): void {
    this.close()
  }

  ping(): void {
    this.onPong()
  }
}
