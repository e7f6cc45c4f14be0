/**
 * A ledger for tests of what uses one: the simulator, or the real server in standalone mode that XRPL_TEST_SERVER names
 * (whose admin commands must be allowed). XRPL_API_VERSION chooses the version of the interface, 2 by default.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import {
  dialServer,
  type LedgerConnection,
  XrpEscrowPlugin,
  type XrpEscrowPluginOptions,
  type XrpLimits,
} from 'sluice/xrp'
import { GENESIS_SEED, type StandaloneXrpLedger, standaloneXrpLedger } from 'sluice/testing/xrp'
import type { Transfer } from 'sluice/plugin'
import { MemoryStore } from 'sluice/store'
import { Wallet } from 'xrpl'

export const apiVersion = process.env['XRPL_API_VERSION'] === '1' ? 1 : 2
const realServer = process.env['XRPL_TEST_SERVER']
export const XRP = 1_000_000n

export interface Party {
  readonly plugin: XrpEscrowPlugin
  readonly address: string
  readonly secret: string
  readonly store: MemoryStore
  /** Every event, in order. */
  readonly events: [name: string, ...args: unknown[]][]
  /** Resolves with the arguments of the next event of this name that is not asked for yet, closing ledgers meanwhile. */
  next(name: string): Promise<unknown[]>
}

export class Stage {
  readonly url: string
  /** What orders faults; absent on a real server. */
  readonly sim: StandaloneXrpLedger | undefined
  #admin: LedgerConnection
  readonly #parties: Party[] = []

  private constructor(url: string, sim: StandaloneXrpLedger | undefined, admin: LedgerConnection) {
    this.url = url
    this.sim = sim
    this.#admin = admin
  }

  /** @param options `simulated`: whatever the environment says, because faults are to be ordered */
  static async open({ simulated = realServer === undefined } = {}): Promise<Stage> {
    const sim = simulated ? await standaloneXrpLedger() : undefined
    const url = sim?.url ?? realServer ?? ''
    const admin = dialServer({ server: url, apiVersion })()
    await admin.open()
    return new Stage(url, sim, admin)
  }

  /** Ends it, and every plugin. */
  async end(): Promise<void> {
    for (const { plugin } of this.#parties) await plugin.disconnect()
    await this.#admin.close()
    await this.sim?.close()
  }

  /** After all connections were cut. */
  async reconnect(): Promise<void> {
    await this.#admin.close()
    this.#admin = dialServer({ server: this.url, apiVersion })()
    await this.#admin.open()
  }

  newStore(): MemoryStore {
    return new MemoryStore({ warn: () => undefined })
  }

  async request(command: Record<string, unknown>): Promise<Record<string, unknown>> {
    return this.#admin.request(command)
  }

  /** Closes a ledger. */
  async close(): Promise<void> {
    if (this.sim === undefined) await this.request({ command: 'ledger_accept' })
    else this.sim.acceptLedger()
  }

  /** Time for requests, answers and events; a real server needs longer than a simulator. */
  async pause(): Promise<void> {
    await pause(this.sim === undefined ? 50 : 10)
  }

  /** Closes ledgers until the condition holds. */
  async until(condition: () => boolean, ledgersMax = 200): Promise<void> {
    for (let left = ledgersMax; !condition(); left--) {
      if (left === 0) throw new Error(`not within ${ledgersMax} ledgers`)
      await this.pause()
      if (condition()) return
      await this.close()
    }
  }

  /** Closes ledgers until the promise has settled. */
  async settled<Value>(promise: Promise<Value>, ledgersMax?: number): Promise<Value> {
    let done = false
    const mark = (): void => {
      done = true
    }
    promise.then(mark, mark)
    await this.until(() => done, ledgersMax)
    return promise
  }

  /** The validated ledger's close time, in milliseconds since 1970. */
  async time(): Promise<number> {
    if (this.sim !== undefined) return (this.sim.closeTime + 946_684_800) * 1000
    const { ledger } = await this.request({ command: 'ledger', ledger_index: 'validated' })
    return (Number((ledger as Record<string, unknown>)['close_time']) + 946_684_800) * 1000
  }

  /** Drops, in the validated ledger. */
  async balance(address: string): Promise<bigint> {
    if (this.sim !== undefined) return this.sim.balance(address) ?? 0n
    const { account_data } = await this.request({
      command: 'account_info',
      account: address,
      ledger_index: 'validated',
    })
    return BigInt(String((account_data as Record<string, unknown>)['Balance']))
  }

  /** Of the next transaction. */
  async sequence(address: string): Promise<number> {
    const { account_data } = await this.request({ command: 'account_info', account: address, ledger_index: 'current' })
    return Number((account_data as Record<string, unknown>)['Sequence'])
  }

  async escrows(address: string): Promise<number> {
    const command = { command: 'account_objects', account: address, type: 'escrow', ledger_index: 'validated' }
    return ((await this.request(command))['account_objects'] as unknown[]).length
  }

  async fund(address: string, drops = 100n * XRP): Promise<void> {
    await this.transact(GENESIS_SEED, { TransactionType: 'Payment', Destination: address, Amount: String(drops) })
  }

  /** Signs and submits by hand, and closes a ledger. Gives the preliminary result. */
  async transact(seed: string, fields: Record<string, unknown>): Promise<string> {
    const wallet = Wallet.fromSeed(seed)
    const info = await this.request({
      command: 'account_info',
      account: wallet.classicAddress,
      ledger_index: 'current',
    })
    const Sequence = Number((info['account_data'] as Record<string, unknown>)['Sequence'])
    const whole = { Account: wallet.classicAddress, Fee: '400', Sequence, ...fields }
    const { tx_blob } = wallet.sign(whole as unknown as Parameters<Wallet['sign']>[0])
    const answer = await this.request({ command: 'submit', tx_blob })
    await this.close()
    return String(answer['engine_result'])
  }

  /** A new account's plugin, connected. */
  async party(options: Partial<XrpEscrowPluginOptions> & { drops?: bigint } = {}): Promise<Party> {
    const { drops, ...rest } = options
    const { seed = '', classicAddress: address } = Wallet.generate()
    if (drops !== 0n) await this.fund(address, drops)
    const store = this.newStore()
    const party = this.restart({ secret: seed, address, store }, rest)
    await party.plugin.connect()
    return party
  }

  /** A plugin, not connected, for the account and store of another. */
  restart(of: Pick<Party, 'secret' | 'address' | 'store'>, options: Partial<XrpEscrowPluginOptions> = {}): Party {
    const { secret, address, store } = of
    const plugin = new XrpEscrowPlugin({
      secret,
      address,
      server: this.url,
      apiVersion,
      store,
      prefix: PREFIX,
      ...options,
    })
    const events: [string, ...unknown[]][] = []
    for (const name of EVENTS) plugin.on(name, (...args: unknown[]) => events.push([name, ...args]))
    let seen = 0
    const next = async (name: string): Promise<unknown[]> => {
      const at = (): number => events.findIndex(([event], index) => index >= seen && event === name)
      await this.until(() => at() >= 0)
      seen = at() + 1
      return events[seen - 1]?.slice(1) ?? []
    }
    const party = { plugin, address, secret, store, events, next }
    this.#parties.push(party)
    return party
  }
}

export const PREFIX = 'test.crypto.xrp.'
const EVENTS = [
  'incoming_prepare',
  'outgoing_prepare',
  'incoming_fulfill',
  'outgoing_fulfill',
  'incoming_reject',
  'outgoing_reject',
  'incoming_cancel',
  'outgoing_cancel',
] as const

/** A transfer to somebody, and what fulfils it. */
export interface Payment {
  readonly transfer: Transfer
  readonly fulfillment: string
}

/** Not sent yet. It expires so many seconds after the last ledger. */
export async function payment(stage: Stage, to: Party, { seconds = 1000, amount = '1000' } = {}): Promise<Payment> {
  const preimage = randomBytes(32)
  const expiresAt = new Date((await stage.time()) + 1000 * seconds).toISOString()
  return {
    fulfillment: preimage.toString('base64url'),
    transfer: {
      id: randomUUID(),
      to: `${to.plugin.getAccount()}.shop.1`,
      amount,
      ilp: Buffer.from('0a04', 'hex').toString('base64url'),
      executionCondition: createHash('sha256').update(preimage).digest('base64url'),
      expiresAt,
    },
  }
}

/** Limits that make tests short. */
export const soon: Partial<XrpLimits> = { finalityTimeoutMs: 2_000, messageTimeoutMs: 5_000 }
