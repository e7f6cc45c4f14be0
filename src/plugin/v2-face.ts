/**
 * The Ledger Plugin Interface version 2 (RFC-24 draft 1) as a face of any packet link.
 *
 * `connect` is emitted before `connect()` resolves and before anything that arrives is handed over; again at each
 * reconnection. A listener that throws harms nobody: its exception is logged.
 */
import { EventEmitter } from 'node:events'
import { LinkError, type PacketLink, type PacketOwner } from '../link/index.js'
import type { Log } from '../log/index.js'
import { DataHandlerAlreadyRegisteredError, InvalidFieldsError, MoneyHandlerAlreadyRegisteredError } from './errors.js'
import { invalid, rejectionOf, unreachable } from './v2-rejections.js'
import { checkArguments, logOf } from './v2-services.js'
import type {
  ConnectOptions,
  DataHandler,
  LedgerPluginV2,
  MoneyHandler,
  PluginServices,
  PluginV2Events,
} from './v2-types.js'

/** Payments that wait for a connection; one more is refused. */
export const WAITING_PAYMENTS_MAX = 100

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class PluginV2 extends EventEmitter<PluginV2Events> implements LedgerPluginV2 {
  static readonly version = 2

  readonly #log: Log
  readonly #link: PacketLink
  #dataHandler: DataHandler | undefined
  #moneyHandler: MoneyHandler | undefined
  #connecting: Promise<void> | undefined
  /** Disconnected by its user, and not asked to connect since. */
  #ended = false
  readonly #payments = new Set<Waiter>()

  /**
   * Nothing starts here; `connect()` does.
   * @throws {TypeError} for arguments that are no objects; {InvalidServicesError}; what `makeLink` throws
   */
  constructor(opts: object, api: PluginServices | undefined, makeLink: (owner: PacketOwner, log: Log) => PacketLink) {
    super()
    checkArguments(opts, api)
    this.#log = logOf(api)
    const hasHandler = { data: () => this.#dataHandler !== undefined, money: () => this.#moneyHandler !== undefined }
    this.#link = makeLink(
      {
        onConnected: () => this.#connected(),
        onDisconnected: () => this.#emit('disconnect'),
        onData: async (data) => this.#onData(data),
        onMoney: async (amount) => this.#onMoney(amount),
        onFatal: (error) => this.#onFatal(error),
        get answersData() {
          return hasHandler.data()
        },
        get answersMoney() {
          return hasHandler.money()
        },
      },
      this.#log,
    )
  }

  /** Concurrent calls share one attempt; a failed one leaves nothing behind. */
  async connect(options: ConnectOptions = {}): Promise<void> {
    const timeout = options?.timeout ?? 0
    if (typeof timeout !== 'number') throw new TypeError('timeout must be a number of milliseconds')
    this.#ended = false
    if (this.#link.connected) return
    const connecting =
      this.#connecting ??
      this.#link
        .open(timeout ? { timeoutMs: timeout } : {})
        .catch((error: unknown) => {
          this.#abandon('the plugin could not connect: the money was not sent')
          throw rejectionOf(error)
        })
        .finally(() => {
          if (this.#connecting === connecting) this.#connecting = undefined
        })
    this.#connecting = connecting
    await connecting
  }

  async disconnect(): Promise<void> {
    this.#connecting = undefined
    this.#ended = true
    this.#abandon('the plugin was disconnected: the money was not sent')
    await this.#link.close()
  }

  isConnected(): boolean {
    return this.#link.connected
  }

  /** Rejects at once when there is no connection, or when it is lost: the data may then have arrived or not. */
  async sendData(data: Buffer): Promise<Buffer> {
    if (!((data as unknown) instanceof Uint8Array)) throw invalid('data must be a Buffer')
    if (!this.#link.connected) throw unreachable('connect the plugin first, or wait for its reconnection')
    try {
      return asBuffer(await this.#link.send(data))
    } catch (error) {
      throw rejectionOf(error)
    }
  }

  /**
   * Waits for the connection, if there is none yet or it was lost: connectors pay ahead before they are connected, and
   * count that as paid whatever comes of it. Rejects when connecting fails, and from `disconnect()` on.
   * @param amount base units, from 1, below 2^63
   */
  async sendMoney(amount: string): Promise<void> {
    const value = parseMoney(amount)
    if (!this.#link.connected) await this.#connection()
    try {
      await this.#link.pay(value)
    } catch (error) {
      throw rejectionOf(error)
    }
  }

  registerDataHandler(handler: DataHandler): void {
    if (typeof handler !== 'function') throw new InvalidFieldsError('the data handler must be a function')
    if (this.#dataHandler !== undefined) {
      throw new DataHandlerAlreadyRegisteredError('a data handler is registered: deregister it first')
    }
    this.#dataHandler = handler
  }

  deregisterDataHandler(): void {
    this.#dataHandler = undefined
  }

  registerMoneyHandler(handler: MoneyHandler): void {
    if (typeof handler !== 'function') throw new InvalidFieldsError('the money handler must be a function')
    if (this.#moneyHandler !== undefined) {
      throw new MoneyHandlerAlreadyRegisteredError('a money handler is registered: deregister it first')
    }
    this.#moneyHandler = handler
  }

  deregisterMoneyHandler(): void {
    this.#moneyHandler = undefined
  }

  #connection(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(unreachable('the plugin was disconnected: connect it first'))
      else if (this.#payments.size < WAITING_PAYMENTS_MAX) this.#payments.add({ resolve, reject })
      else reject(unreachable('too many payments wait for the connection: connect the plugin first'))
    })
  }

  #connected(): void {
    this.#emit('connect')
    for (const { resolve } of this.#payments) resolve()
    this.#payments.clear()
  }

  #abandon(why: string): void {
    for (const { reject } of this.#payments) reject(unreachable(why))
    this.#payments.clear()
  }

  async #onData(data: Uint8Array): Promise<Uint8Array> {
    const handler = this.#dataHandler
    if (handler === undefined) throw noHandler('data')
    const answer: unknown = await handler(asBuffer(data))
    if (!(answer instanceof Uint8Array)) throw new InvalidFieldsError('a data handler must answer with a Buffer')
    return answer
  }

  async #onMoney(amount: bigint): Promise<void> {
    const handler = this.#moneyHandler
    if (handler === undefined) throw noHandler('money')
    await handler(String(amount))
  }

  /** Node throws an `error` that nobody listens for. */
  #onFatal(error: Error): void {
    this.#log.error('the plugin cannot be used any more', { error: error.message })
    this.#abandon('the plugin cannot be used any more: the money was not sent')
    if (this.listenerCount('error') > 0) this.#emit('error', error)
  }

  #emit<Name extends keyof PluginV2Events>(name: Name, ...args: PluginV2Events[Name]): void {
    try {
      ;(this.emit as (name: keyof PluginV2Events, ...args: unknown[]) => boolean).call(this, name, ...args)
    } catch (error) {
      this.#log.error('a listener threw', { event: name, error: String(error) })
    }
  }
}

const AMOUNT = /^[1-9][0-9]{0,18}$/
const AMOUNT_BOUND = 2n ** 63n

/** @throws {InvalidFieldsError} */
export function parseMoney(amount: unknown): bigint {
  const value = typeof amount === 'string' && AMOUNT.test(amount) ? BigInt(amount) : AMOUNT_BOUND
  if (value >= AMOUNT_BOUND) throw invalid('amount must be a decimal string of base units, from 1, below 2^63')
  return value
}

function noHandler(what: string): LinkError {
  return new LinkError('LINK_REFUSED', `no ${what} handler is registered`, { name: 'NotAcceptedError', code: 'F00' })
}

/** The same bytes. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
