/**
 * One party of a trustline as a process: old-peers/lpi-peer.cjs with the modules that it is told, ours or those of 2017.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { oldPeersFolder, type PartyModules } from './old-peers.js'
import { WatchedProcess } from './watched-process.js'

export const trustlinePrefix = 'example.letter-shop.mytrustline.'
/** What the tutorials' plugins name. */
export const shopPort = 9000
/** The secret that parties share, for conditions by `hmac` and `psk`. */
export const paymentSecret = Buffer.alloc(32, 7)

/** What a payee does with a hold; see lpi-peer.cjs. */
export type PaymentMode = 'hmac' | 'psk' | 'data' | 'random' | 'reject' | 'ignore'

export interface PayOptions {
  readonly count: number
  /** Payments in flight. */
  readonly window: number
  readonly mode: PaymentMode
  readonly amount?: string
  readonly holdMs?: number
}

export interface PayResult {
  /** How many payments ended with which event; `refused` when `sendTransfer` rejected. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Codes of rejections. */
  readonly codes: Readonly<Record<string, number>>
  readonly refusals: Readonly<Record<string, number>>
  readonly elapsedMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface Books {
  /** Sums of fulfilled transfers. */
  readonly incoming: string
  readonly outgoing: string
  readonly events: Readonly<Record<string, number>>
  /** Arguments of the last event of each name. */
  readonly last: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>
  /** Messages of failed fulfilments and rejections. */
  readonly failures: Readonly<Record<string, number>>
}

export class Party {
  readonly process: WatchedProcess
  #calls = 0

  private constructor(process: WatchedProcess) {
    this.process = process
  }

  /** The host: options of the hosted ledgers tutorial. Resolves once connected and listening. */
  static shop(modules: PartyModules, options: Readonly<Record<string, unknown>> = {}): Promise<Party> {
    const info = { currencyScale: 9, currencyCode: 'XRP', prefix: trustlinePrefix, connectors: [] }
    const own = { listener: { port: shopPort }, incomingSecret: '', maxBalance: '1000000000', prefix: trustlinePrefix }
    return Party.#start(modules, { ...own, info, ...options }, 0)
  }

  /** With `authority`, a file, over TLS, trusting that certificate. */
  static async client(modules: PartyModules, shop: Party, user = ':', authority?: string): Promise<Party> {
    const port = await shop.process.port(shopPort)
    const scheme = authority === undefined ? 'btp+ws' : 'btp+wss'
    const env = authority === undefined ? {} : { NODE_EXTRA_CA_CERTS: authority }
    return Party.#start(modules, { server: `${scheme}://${user}@localhost:${shopPort}/` }, port, env)
  }

  static async #start(
    modules: PartyModules,
    options: object,
    port: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Party> {
    const args = [JSON.stringify({ ...modules, options, secret: paymentSecret.toString('base64url') })]
    const child = WatchedProcess.start(join(oldPeersFolder, 'lpi-peer.cjs'), { args, ports: { [shopPort]: port }, env })
    try {
      await child.ready()
      return new Party(child)
    } catch (error) {
      await child.kill()
      throw error
    }
  }

  pay(options: PayOptions): Promise<PayResult> {
    return this.#call('pay', options) as Promise<PayResult>
  }

  request(message: object): Promise<Readonly<Record<string, unknown>>> {
    return this.#call('request', message) as Promise<Readonly<Record<string, unknown>>>
  }

  async balance(): Promise<bigint> {
    return BigInt(String(await this.#call('balance', {})))
  }

  books(): Promise<Books> {
    return this.#call('books', {}) as Promise<Books>
  }

  /**
   * Ends the process; fails when it left a rejection or exception to nobody. Stop the shop before its clients: the shop of
   * 2017 dies of a connection that is reset.
   */
  async stop(): Promise<void> {
    await this.process.kill()
    assert.deepEqual(this.process.faults, [])
  }

  async #call(call: string, args: object): Promise<unknown> {
    const id = ++this.#calls
    const answer = await this.process.ask({ id, call, args }, (told) => told['id'] === id)
    const error = answer['error'] as { name: string; message: string } | undefined
    if (error !== undefined) throw Object.assign(new Error(error.message), { name: error.name })
    return answer['result']
  }
}
