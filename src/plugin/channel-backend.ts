/**
 * What a payment channel module keeps beside the ledger (ilp-plugin-payment-channel-framework 1.3): transfer logs of its
 * own, by key, and trackers of the highest claim. Both live in the `_store` of the plugin, under the keys of that package.
 * The plugin's own transfers are in its ledger: ledger-transfer-log.ts shows them through the same interface.
 */
import { parseAmount } from '../ilp/index.js'
import {
  AlreadyFulfilledError,
  AlreadyRolledBackError,
  DuplicateIdError,
  InvalidFieldsError,
  NotAcceptedError,
  TransferNotFoundError,
} from './errors.js'
import { formatSigned, NO_LIMIT, parseSigned } from './signed-amount.js'
import type { PluginStore } from './v1-types.js'

/** A transfer of a log. Modules use ids of their own (a transaction hash), so only these two fields are looked at. */
export interface LoggedTransfer {
  readonly id: string
  readonly amount: string
  readonly [field: string]: unknown
}

export interface TransferWithInfo {
  readonly transfer: LoggedTransfer
  readonly isIncoming: boolean
  readonly state: 'prepared' | 'fulfilled' | 'cancelled'
  readonly fulfillment?: string
}

/** Sums of transfers, in base units as decimal text; limits gate `prepare`. */
export interface TransferLog {
  getBalance(): Promise<string>
  getIncomingFulfilled(): Promise<string>
  getIncomingFulfilledAndPrepared(): Promise<string>
  getOutgoingFulfilled(): Promise<string>
  getOutgoingFulfilledAndPrepared(): Promise<string>
  getMaximum(): Promise<string>
  getMinimum(): Promise<string>
  setMaximum(maximum: string): Promise<void>
  setMinimum(minimum: string): Promise<void>
  get(id: string): Promise<TransferWithInfo>
  prepare(transfer: LoggedTransfer, isIncoming: boolean): Promise<void>
  fulfill(id: string, fulfillment?: string): Promise<void>
  cancel(id: string): Promise<void>
}

export interface MaxEntry {
  readonly value: string
  readonly data: unknown
}

export interface LogOptions {
  readonly key?: string
  readonly maximum?: string
  readonly minimum?: string
}

export interface ChannelBackend {
  /** Logs of one key are one log. */
  getTransferLog(options: LogOptions | string): TransferLog
  getMaxValueTracker(options: { readonly key: string } | string): MaxValueTracker
}

const KEY = /^[A-Za-z0-9_-]+$/

/** The empty key is the plugin's own log, which a module reaches as `ctx.transferLog`. */
function checkKey(options: { readonly key?: string } | string): string {
  const key = typeof options === 'string' ? options : options?.key
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new InvalidFieldsError('a log or tracker needs a key of the characters A-Z a-z 0-9 _ -')
  }
  return key
}

/** One thing at a time per key: reads and writes of a store take turns, whether they are promises or not. */
class Turns {
  #last: Promise<unknown> = Promise.resolve()

  async take<Value>(work: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => undefined)
    return result
  }
}

/** Keeps the highest entry; what `setIfMax` returns tells a module what it has paid or claimed before. */
export class MaxValueTracker {
  readonly #store: PluginStore
  readonly #key: string
  readonly #turns = new Turns()

  constructor(store: PluginStore, key: string) {
    this.#store = store
    this.#key = `${key}:mvt:maximum`
  }

  /** The entry before, when this one is higher; else this one. */
  async setIfMax(entry: MaxEntry): Promise<MaxEntry> {
    const value = parseAmount(entry.value)
    return this.#turns.take(async () => {
      const last = await this.#read()
      if (value <= parseAmount(last.value)) return entry
      await this.#store.put(this.#key, JSON.stringify({ value: entry.value, data: entry.data }))
      return last
    })
  }

  async getMax(): Promise<MaxEntry> {
    return this.#turns.take(async () => this.#read())
  }

  async #read(): Promise<MaxEntry> {
    const text = await this.#store.get(this.#key)
    return typeof text === 'string' ? (JSON.parse(text) as MaxEntry) : { value: '0', data: null }
  }
}

interface Sums {
  incoming: bigint
  incomingPrepared: bigint
  outgoing: bigint
  outgoingPrepared: bigint
}

/** What is written whole, and first: the sums, and the transfer that brought them about, whose own record follows. */
interface SumsRecord extends Record<keyof Sums, string> {
  readonly last: TransferWithInfo
}

/** A log in a key-value store. A crash between its two puts is mended by the next read. */
class StoredTransferLog implements TransferLog {
  readonly #store: PluginStore
  readonly #key: string
  readonly #turns = new Turns()
  #mended = false
  #maximum: bigint
  #minimum: bigint

  constructor(store: PluginStore, key: string, options: LogOptions) {
    this.#store = store
    this.#key = `${key}:tl`
    this.#maximum = parseSigned(options.maximum ?? 'Infinity', 'maximum')
    this.#minimum = parseSigned(options.minimum ?? '-Infinity', 'minimum')
  }

  async getBalance(): Promise<string> {
    return this.#sum((sums) => sums.incoming - sums.outgoing)
  }

  async getIncomingFulfilled(): Promise<string> {
    return this.#sum((sums) => sums.incoming)
  }

  async getIncomingFulfilledAndPrepared(): Promise<string> {
    return this.#sum((sums) => sums.incoming + sums.incomingPrepared)
  }

  async getOutgoingFulfilled(): Promise<string> {
    return this.#sum((sums) => sums.outgoing)
  }

  async getOutgoingFulfilledAndPrepared(): Promise<string> {
    return this.#sum((sums) => sums.outgoing + sums.outgoingPrepared)
  }

  async getMaximum(): Promise<string> {
    return this.#turns.take(async () => formatSigned(await this.#limit('maximum', this.#maximum)))
  }

  async getMinimum(): Promise<string> {
    return this.#turns.take(async () => formatSigned(await this.#limit('minimum', this.#minimum)))
  }

  async setMaximum(maximum: string): Promise<void> {
    this.#maximum = parseSigned(maximum, 'maximum')
    await this.#turns.take(async () => this.#store.put(`${this.#key}:maximum`, maximum))
  }

  async setMinimum(minimum: string): Promise<void> {
    this.#minimum = parseSigned(minimum, 'minimum')
    await this.#turns.take(async () => this.#store.put(`${this.#key}:minimum`, minimum))
  }

  async get(id: string): Promise<TransferWithInfo> {
    return this.#turns.take(async () => this.#transfer(id))
  }

  async prepare(transfer: LoggedTransfer, isIncoming: boolean): Promise<void> {
    const amount = parseAmount(transfer.amount)
    await this.#turns.take(async () => {
      const known = await this.#find(transfer.id)
      if (known !== undefined) {
        if (known.isIncoming !== isIncoming || known.transfer.amount !== transfer.amount) {
          throw new DuplicateIdError(`${transfer.id} is the id of another transfer`)
        }
        return
      }
      const sums = await this.#sums()
      const [total, limit] = isIncoming
        ? [sums.incoming + sums.incomingPrepared + amount - sums.outgoing, await this.#limit('maximum', this.#maximum)]
        : [
            sums.outgoing + sums.outgoingPrepared + amount - sums.incoming,
            -(await this.#limit('minimum', this.#minimum)),
          ]
      if (limit < NO_LIMIT && total > limit) {
        throw new NotAcceptedError(`the transfer would bring the log to ${total}, over its limit of ${limit}`)
      }
      if (isIncoming) sums.incomingPrepared += amount
      else sums.outgoingPrepared += amount
      await this.#write({ transfer, isIncoming, state: 'prepared' }, sums)
    })
  }

  async fulfill(id: string, fulfillment?: string): Promise<void> {
    await this.#end(id, 'fulfilled', (known) => ({ ...known, state: 'fulfilled', ...(fulfillment && { fulfillment }) }))
  }

  async cancel(id: string): Promise<void> {
    await this.#end(id, 'cancelled', (known) => ({ ...known, state: 'cancelled' }))
  }

  async #end(
    id: string,
    state: 'fulfilled' | 'cancelled',
    ended: (known: TransferWithInfo) => TransferWithInfo,
  ): Promise<void> {
    await this.#turns.take(async () => {
      const known = await this.#transfer(id)
      if (known.state === state) return
      if (known.state === 'fulfilled') throw new AlreadyFulfilledError(`${id} was fulfilled`)
      if (known.state === 'cancelled') throw new AlreadyRolledBackError(`${id} was rolled back`)
      const amount = parseAmount(known.transfer.amount)
      const sums = await this.#sums()
      const final = state === 'fulfilled' ? amount : 0n
      if (known.isIncoming) {
        sums.incomingPrepared -= amount
        sums.incoming += final
      } else {
        sums.outgoingPrepared -= amount
        sums.outgoing += final
      }
      await this.#write(ended(known), sums)
    })
  }

  async #transfer(id: string): Promise<TransferWithInfo> {
    const known = await this.#find(id)
    if (known === undefined) throw new TransferNotFoundError(`the log has no transfer ${id}`)
    return known
  }

  async #find(id: string): Promise<TransferWithInfo | undefined> {
    const { last } = (await this.#read<SumsRecord>('sums')) ?? {}
    return last?.transfer.id === id ? last : this.#read<TransferWithInfo>(`transfer:${id}`)
  }

  async #sum(pick: (sums: Sums) => bigint): Promise<string> {
    return this.#turns.take(async () => String(pick(await this.#sums())))
  }

  async #sums(): Promise<Sums> {
    const stored = await this.#read<SumsRecord>('sums')
    return {
      incoming: BigInt(stored?.incoming ?? 0),
      incomingPrepared: BigInt(stored?.incomingPrepared ?? 0),
      outgoing: BigInt(stored?.outgoing ?? 0),
      outgoingPrepared: BigInt(stored?.outgoingPrepared ?? 0),
    }
  }

  async #limit(name: 'maximum' | 'minimum', configured: bigint): Promise<bigint> {
    const stored = await this.#store.get(`${this.#key}:${name}`)
    return typeof stored === 'string' ? parseSigned(stored, name) : configured
  }

  async #read<Value>(name: string): Promise<Value | undefined> {
    const text = await this.#store.get(`${this.#key}:${name}`)
    return typeof text === 'string' ? (JSON.parse(text) as Value) : undefined
  }

  /** The record of the last transfer may be missing after a crash: it is written again before `sums` forgets it. */
  async #write(transfer: TransferWithInfo, sums: Sums): Promise<void> {
    const { last } = (await this.#read<SumsRecord>('sums')) ?? {}
    if (last !== undefined && !this.#mended) await this.#put(`transfer:${last.transfer.id}`, last)
    this.#mended = true
    await this.#put('sums', { ...sums, last: transfer })
    await this.#put(`transfer:${transfer.transfer.id}`, transfer)
  }

  async #put(name: string, value: object): Promise<void> {
    const text = JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item))
    await this.#store.put(`${this.#key}:${name}`, text)
  }
}

export function channelBackend(store: PluginStore): ChannelBackend {
  const logs = new Map<string, StoredTransferLog>()
  const trackers = new Map<string, MaxValueTracker>()
  return {
    getTransferLog(options) {
      const key = checkKey(options)
      const log = logs.get(key) ?? new StoredTransferLog(store, key, typeof options === 'string' ? {} : options)
      logs.set(key, log)
      return log
    },
    getMaxValueTracker(options) {
      const key = checkKey(options)
      const tracker = trackers.get(key) ?? new MaxValueTracker(store, key)
      trackers.set(key, tracker)
      return tracker
    },
  }
}
