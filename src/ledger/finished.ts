/**
 * The ids that have ended and how, kept in few bytes each: fixed-size records in chunks of equal expiry, and one hash
 * index in typed arrays. A chunk is dropped whole when the last of its ids may be forgotten. Only long fulfilment data
 * and reasons live apart. Holds no rule about when an id may be forgotten: its owner says.
 */
import type { Outcome, Side } from './types.js'

/** An id's end. `payer` and `digest` mean nothing for an id that was voided. */
export interface Finished {
  readonly account: number
  readonly expiresAt: number
  readonly payer: Side
  readonly digest: Uint8Array
  /** Never prepared: nobody may use the id any more. */
  readonly voided: boolean
  readonly outcome: Outcome
}

const CHUNK_IDS = 256
/** Ids whose expiries fall in one such span share chunks. */
const SPAN_MS = 10_000

const DIGEST_AT = 16
const FULFILLMENT_AT = 32
const ACCOUNT_AT = 64
const EXPIRES_AT = 68
const FLAGS_AT = 76
const LENGTH_AT = 77
const DATA_AT = 78
const DATA_BYTES = 10
const RECORD_BYTES = 88
/** In place of a length: the bytes live apart. */
const APART = 255

const FULFILLED = 1
const REJECTED = 2
const EXPIRED = 3
const POSTED = 4
const VOIDED = 5
const KIND_BITS = 7
const PAID_BY_HOST = 8

const SHARDS = 256
const SHARD_SLOTS_MIN = 8
const NOTHING: Uint8Array = new Uint8Array(0)

interface Chunk {
  readonly bytes: Uint8Array
  readonly view: DataView
  used: number
  apart: Map<number, Uint8Array> | undefined
}

/**
 * Open addressing with linear probing; 0 is an empty slot, otherwise a record's number plus 1. The hash of each stands
 * beside it: looking at a record itself would cost a miss of the processor's cache for each one on the way.
 */
interface Shard {
  slots: Uint32Array
  hashes: Uint32Array
  used: number
}

export class FinishedIds {
  readonly #seed: number
  readonly #shards: Shard[] = []
  readonly #chunks: (Chunk | undefined)[] = []
  readonly #vacant: number[] = []
  /** Chunks by span, the last of each being filled. */
  readonly #spans = new Map<number, number[]>()
  #firstSpan = Number.POSITIVE_INFINITY
  #size = 0

  /** @param seed secret and random, so that nobody can choose ids that collide */
  constructor(seed: number) {
    this.#seed = seed
    for (let i = 0; i < SHARDS; i++) this.#shards.push(emptyShard(SHARD_SLOTS_MIN))
  }

  get size(): number {
    return this.#size
  }

  /** The record of an id, to `read` before the next change; or -1. */
  find(account: number, id: Uint8Array): number {
    const hash = this.#hash(account, id, 0)
    const { slots, hashes } = this.#shard(hash)
    const mask = slots.length - 1
    for (let at = (hash >>> 8) & mask; ; at = (at + 1) & mask) {
      const slot = slots[at] ?? 0
      if (slot === 0) return -1
      if (hashes[at] === hash && this.#is(slot - 1, account, id)) return slot - 1
    }
  }

  expiresAt(record: number): number {
    return this.#chunk(record).view.getFloat64((record % CHUNK_IDS) * RECORD_BYTES + EXPIRES_AT)
  }

  read(record: number): Finished {
    const chunk = this.#chunk(record)
    const place = record % CHUNK_IDS
    const start = place * RECORD_BYTES
    const flags = chunk.view.getUint8(start + FLAGS_AT)
    const kind = flags & KIND_BITS
    const cut = (at: number, length: number): Uint8Array => chunk.bytes.slice(start + at, start + at + length)
    const length = chunk.view.getUint8(start + LENGTH_AT)
    const data = length === APART ? (chunk.apart?.get(place) ?? NOTHING) : cut(DATA_AT, length)
    return {
      account: chunk.view.getUint32(start + ACCOUNT_AT),
      expiresAt: chunk.view.getFloat64(start + EXPIRES_AT),
      payer: (flags & PAID_BY_HOST) === 0 ? 'holder' : 'host',
      digest: cut(DIGEST_AT, 16),
      voided: kind === VOIDED,
      outcome: outcomeOf(kind, cut(FULFILLMENT_AT, 32), data),
    }
  }

  /** What is remembered, the latest expiries first (by their span of time), until the caller has seen enough. */
  *latest(): Generator<Finished & { readonly id: Uint8Array }> {
    const spans = [...this.#spans.keys()].toSorted((a, b) => b - a)
    for (const span of spans) {
      for (const number of (this.#spans.get(span) ?? []).toReversed()) {
        const first = number * CHUNK_IDS
        const { bytes, used } = this.#chunk(first)
        for (let place = used - 1; place >= 0; place--) {
          const id = bytes.slice(place * RECORD_BYTES, place * RECORD_BYTES + 16)
          const finished = this.read(first + place)
          // One that a later end of the same id has replaced is not told.
          if (this.find(finished.account, id) === first + place) yield { ...finished, id }
        }
      }
    }
  }

  /** Remembers an id's end; an earlier one of the same id is replaced. */
  add(id: Uint8Array, end: Finished): void {
    const { account, outcome } = end
    const record = this.#place(Math.floor(end.expiresAt / SPAN_MS))
    const chunk = this.#chunk(record)
    const place = record % CHUNK_IDS
    const start = place * RECORD_BYTES
    chunk.bytes.set(id, start)
    chunk.bytes.set(end.digest, start + DIGEST_AT)
    chunk.view.setUint32(start + ACCOUNT_AT, account)
    chunk.view.setFloat64(start + EXPIRES_AT, end.expiresAt)
    chunk.view.setUint8(
      start + FLAGS_AT,
      (end.voided ? VOIDED : kindOf(outcome)) | (end.payer === 'host' ? PAID_BY_HOST : 0),
    )
    let data: Uint8Array = NOTHING
    if (outcome.state === 'fulfilled') {
      chunk.bytes.set(outcome.fulfillment, start + FULFILLMENT_AT)
      data = outcome.data
    } else if (outcome.state === 'rejected') data = outcome.reason
    if (data.length <= DATA_BYTES) {
      chunk.view.setUint8(start + LENGTH_AT, data.length)
      chunk.bytes.set(data, start + DATA_AT)
    } else {
      chunk.view.setUint8(start + LENGTH_AT, APART)
      chunk.apart ??= new Map()
      chunk.apart.set(place, data.slice())
    }
    this.#size += 1
    this.#index(account, id, record)
  }

  /** Whether `forget` has anything to do at this time. */
  forgettable(before: number): boolean {
    return (this.#firstSpan + 1) * SPAN_MS <= before
  }

  /** When `forget` will next have something to do. */
  get forgettableAt(): number {
    return (this.#firstSpan + 1) * SPAN_MS
  }

  /** Drops at most `chunksMax` chunks whose ids all expire before `before`; tells the account of each id that goes. */
  forget(before: number, chunksMax: number, forgotten: (account: number) => void): void {
    for (let i = 0; i < chunksMax && this.forgettable(before); i++) {
      const span = this.#spans.get(this.#firstSpan)
      const number = span?.pop()
      if (number === undefined) {
        this.#spans.delete(this.#firstSpan)
        this.#firstSpan = Number.POSITIVE_INFINITY
        for (const key of this.#spans.keys()) this.#firstSpan = Math.min(this.#firstSpan, key)
        continue
      }
      const first = number * CHUNK_IDS
      const chunk = this.#chunk(first)
      for (let place = 0; place < chunk.used; place++) {
        this.#unindex(first + place)
        forgotten(chunk.view.getUint32(place * RECORD_BYTES + ACCOUNT_AT))
      }
      this.#size -= chunk.used
      this.#chunks[number] = undefined
      this.#vacant.push(number)
    }
  }

  /** A free record among those of `span`. */
  #place(span: number): number {
    const numbers = this.#spans.get(span) ?? []
    if (numbers.length === 0) {
      this.#spans.set(span, numbers)
      this.#firstSpan = Math.min(this.#firstSpan, span)
    }
    let number = numbers.at(-1)
    let chunk = number === undefined ? undefined : this.#chunks[number]
    if (number === undefined || chunk === undefined || chunk.used === CHUNK_IDS) {
      const bytes = new Uint8Array(CHUNK_IDS * RECORD_BYTES)
      chunk = { bytes, view: new DataView(bytes.buffer), used: 0, apart: undefined }
      number = this.#vacant.pop() ?? this.#chunks.length
      this.#chunks[number] = chunk
      numbers.push(number)
    }
    return number * CHUNK_IDS + chunk.used++
  }

  #index(account: number, id: Uint8Array, record: number): void {
    const hash = this.#hash(account, id, 0)
    const shard = this.#shard(hash)
    if (4 * (shard.used + 1) > 3 * shard.slots.length) resize(shard, 2 * shard.slots.length)
    const { slots, hashes } = shard
    const mask = slots.length - 1
    let at = (hash >>> 8) & mask
    for (;;) {
      const slot = slots[at] ?? 0
      if (slot === 0) shard.used += 1
      if (slot === 0 || (hashes[at] === hash && this.#is(slot - 1, account, id))) break
      at = (at + 1) & mask
    }
    slots[at] = record + 1
    hashes[at] = hash
  }

  /** Takes a record out of the index, unless a later one took its id over; closes the gap in the probe sequence. */
  #unindex(record: number): void {
    const hash = this.#hashOf(record)
    const shard = this.#shard(hash)
    const { slots, hashes } = shard
    const mask = slots.length - 1
    let gap = (hash >>> 8) & mask
    for (; slots[gap] !== record + 1; gap = (gap + 1) & mask) if (slots[gap] === 0) return
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const slot = slots[at] ?? 0
      if (slot === 0) break
      const home = ((hashes[at] ?? 0) >>> 8) & mask
      if (((at - home) & mask) >= ((at - gap) & mask)) {
        slots[gap] = slot
        hashes[gap] = hashes[at] ?? 0
        gap = at
      }
    }
    slots[gap] = 0
    shard.used -= 1
    // What a busy minute took is given back; no sooner than at an eighth, so that no shard goes back and forth.
    if (slots.length > SHARD_SLOTS_MIN && 8 * shard.used < slots.length) resize(shard, slots.length / 2)
  }

  #is(record: number, account: number, id: Uint8Array): boolean {
    const { bytes, view } = this.#chunk(record)
    const start = (record % CHUNK_IDS) * RECORD_BYTES
    for (let i = 0; i < 16; i++) if (bytes[start + i] !== id[i]) return false
    return view.getUint32(start + ACCOUNT_AT) === account
  }

  #hashOf(record: number): number {
    const { bytes, view } = this.#chunk(record)
    const start = (record % CHUNK_IDS) * RECORD_BYTES
    return this.#hash(view.getUint32(start + ACCOUNT_AT), bytes, start)
  }

  /** Mixes as MurmurHash3 does. */
  #hash(account: number, id: Uint8Array, start: number): number {
    let hash = this.#seed ^ account
    for (let i = start; i < start + 16; i += 4) {
      const word = (id[i] ?? 0) | ((id[i + 1] ?? 0) << 8) | ((id[i + 2] ?? 0) << 16) | ((id[i + 3] ?? 0) << 24)
      hash = Math.imul(hash ^ Math.imul(word, 0xcc9e2d51), 0x1b873593)
      hash = (hash << 13) | (hash >>> 19)
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return (hash ^ (hash >>> 16)) >>> 0
  }

  #shard(hash: number): Shard {
    const shard = this.#shards[hash % SHARDS]
    if (shard === undefined) throw new RangeError('no such shard')
    return shard
  }

  #chunk(record: number): Chunk {
    const chunk = this.#chunks[Math.floor(record / CHUNK_IDS)]
    if (chunk === undefined) throw new RangeError('no such chunk')
    return chunk
  }
}

function emptyShard(slots: number): Shard {
  return { slots: new Uint32Array(slots), hashes: new Uint32Array(slots), used: 0 }
}

function resize(shard: Shard, length: number): void {
  const { slots, hashes } = emptyShard(length)
  const mask = length - 1
  for (let from = 0; from < shard.slots.length; from++) {
    const slot = shard.slots[from] ?? 0
    if (slot === 0) continue
    const hash = shard.hashes[from] ?? 0
    let at = (hash >>> 8) & mask
    while (slots[at] !== 0) at = (at + 1) & mask
    slots[at] = slot
    hashes[at] = hash
  }
  shard.slots = slots
  shard.hashes = hashes
}

function kindOf(outcome: Outcome): number {
  switch (outcome.state) {
    case 'fulfilled':
      return FULFILLED
    case 'rejected':
      return REJECTED
    case 'expired':
      return EXPIRED
    case 'posted':
      return POSTED
  }
}

function outcomeOf(kind: number, fulfillment: Uint8Array, data: Uint8Array): Outcome {
  switch (kind) {
    case FULFILLED:
      return { state: 'fulfilled', fulfillment, data }
    case EXPIRED:
      return { state: 'expired' }
    case POSTED:
      return { state: 'posted' }
    default:
      return { state: 'rejected', reason: data }
  }
}
