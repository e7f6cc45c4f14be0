/**
 * Which settlements of a peer have counted, so that none does twice: by the id that programs of ours give them, until it
 * expires. With a store they are kept there as one value, which is written before the money is handed over: a crash in
 * between costs a credit, and never makes one. Without, they are remembered as long as the process lives.
 */
import { fromBase64, latin1, toBase64url } from '../bytes/index.js'
import type { Clock } from '../clock/index.js'
import { isNotFound, type KeyValueStore } from '../store/index.js'
import { LinkError } from './errors.js'
import type { SettlementId } from './packet-session.js'

/** Settlements of the peer that are remembered; the oldest is forgotten. */
export const SETTLEMENTS_REMEMBERED_MAX = 10_000

export interface SettledIdsOptions {
  readonly store: KeyValueStore | undefined
  readonly clock: Clock
}

interface Settled {
  readonly id: Uint8Array
  readonly amount: bigint
  readonly expiresAt: number
  /** Rejects when it was refused. */
  outcome: Promise<void>
  counted: boolean
}

const KEY = 'sluice-settlements'

export class SettledIds {
  readonly #store: KeyValueStore | undefined
  readonly #clock: Clock
  /** Oldest first. */
  readonly #settled = new Map<string, Settled>()
  #loading: Promise<void> | undefined
  #saving: Promise<unknown> = Promise.resolve()

  constructor({ store, clock }: SettledIdsOptions) {
    this.#store = store
    this.#clock = clock
  }

  /**
   * Settles once: what `accept` accepts is recorded, then credited. A repetition shares what became of the first; `false`
   * if that was about another amount. @throws what `accept` and `credit` throw; {LinkError} `LINK_REFUSED` when it is late
   */
  async settle(
    { id, expiresAt }: SettlementId,
    amount: bigint,
    { accept, credit }: { readonly accept: () => Promise<void>; readonly credit: () => Promise<void> },
  ): Promise<boolean> {
    await this.#load()
    const key = latin1(id)
    const known = this.#settled.get(key)
    if (known !== undefined) {
      if (known.amount === amount) await known.outcome
      return known.amount === amount
    }
    if (expiresAt <= this.#clock.now()) throw new LinkError('LINK_REFUSED', 'the settlement is too old')
    const settled: Settled = { id, amount, expiresAt, outcome: Promise.resolve(), counted: false }
    this.#remember(key, settled)
    settled.outcome = this.#count(settled, accept, credit)
    try {
      await settled.outcome
    } catch (error) {
      this.#settled.delete(key)
      if (settled.counted) await this.#save()
      throw error
    }
    return true
  }

  async #count(settled: Settled, accept: () => Promise<void>, credit: () => Promise<void>): Promise<void> {
    await accept()
    settled.counted = true
    await this.#save()
    await credit()
  }

  #remember(key: string, settled: Settled): void {
    this.#settled.set(key, settled)
    if (this.#settled.size <= SETTLEMENTS_REMEMBERED_MAX) return
    for (const oldest of this.#settled.keys()) {
      this.#settled.delete(oldest)
      break
    }
  }

  /** Once, before anything is settled; again after a failure. */
  #load(): Promise<void> {
    this.#loading ??= this.#read().catch((error: unknown) => {
      this.#loading = undefined
      throw error
    })
    return this.#loading
  }

  async #read(): Promise<void> {
    const text = await this.#stored()
    if (text === undefined || text === null) return
    const entries: unknown = JSON.parse(typeof text === 'string' ? text : '')
    if (!Array.isArray(entries)) throw new TypeError(`${KEY} in the store is no list of settlements`)
    for (const [id, amount, expiresAt] of entries as [string, string, number][]) {
      const bytes = fromBase64(id)
      const settled = { id: bytes, amount: BigInt(amount), expiresAt, outcome: Promise.resolve(), counted: true }
      this.#remember(latin1(bytes), settled)
    }
  }

  async #stored(): Promise<unknown> {
    try {
      return await this.#store?.get(KEY)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** What counts until now, and has not expired. */
  async #save(): Promise<void> {
    const store = this.#store
    if (store === undefined) return
    const write = async (): Promise<unknown> => store.put(KEY, this.#text())
    const saving = this.#saving.then(write, write)
    this.#saving = saving
    await saving
  }

  #text(): string {
    const now = this.#clock.now()
    const entries: [string, string, number][] = []
    for (const { id, amount, expiresAt, counted } of this.#settled.values()) {
      if (counted && expiresAt > now) entries.push([toBase64url(id), String(amount), expiresAt])
    }
    return JSON.stringify(entries)
  }
}
