/**
 * What a holder remembers of what it may have sent, so that a restart can ask about it. Ids are reserved by the block,
 * durably before the first frame that uses one, and derived from the block's seed; so no commit stands before a frame.
 * A block is closed when all that was sent from it has ended. After a restart every id of a block that is not closed is
 * asked for: which of them were used is not known, nor needs to be.
 *
 *     log entry  version u8 · 1 · block (opened)  |  version u8 · 2 · number u32 (closed)
 *     snapshot   version u8 · balance u64 + 2^63 · count · block*
 *     block      number u32 · seed 32 bytes · ids u32 · budget u64 · expiresAt u64 · balance u64 + 2^63
 */
import { hmacSha256Key, type Mac } from '../crypto/index.js'
import { Reader, Writer } from '../oer/index.js'
import type { LedgerStore } from '../store/index.js'
import { LinkError } from './errors.js'

export interface RecordOptions {
  readonly store: LedgerStore
  /** What the holds of one block may add up to: the most that a restart can leave in doubt for each open block. */
  readonly blockAmountMax: bigint
  /** Default 1 024. */
  readonly blockIdsMax?: number
  readonly randomBytes: (length: number) => Uint8Array
}

export interface Block {
  readonly number: number
  readonly seed: Uint8Array
  readonly ids: number
  /** What its holds add up to at most. */
  readonly budget: bigint
  /** No hold of the block expires later. */
  readonly expiresAt: number
  /** Our balance as we knew it when the block was reserved. */
  readonly balance: bigint
}

/** A block of this run. */
interface OpenBlock extends Block {
  readonly derive: Mac
  used: number
  /** What was taken of the budget. */
  taken: bigint
  /** Holds sent from it and not ended. */
  live: number
}

/** An id to send one hold with. */
export interface Ticket {
  readonly id: Uint8Array
  /** The hold has ended, or was never sent. */
  readonly end: () => void
}

const VERSION = 1
const OPENED = 1
const CLOSED = 2
const SEED_BYTES = 32
const ID_BYTES = 16
const BIAS = 1n << 63n
/** How much longer than the hold it was reserved for a block may serve. */
const BLOCK_MS = 60_000
/** Blocks reserved and not closed; no more are reserved until some are. */
const BLOCKS_MAX = 256
const SNAPSHOT_ENTRIES = 64

/** The id of a block's hold. */
function blockId(derive: Mac, counter: number): Uint8Array {
  return derive(Uint8Array.of(counter >>> 24, counter >>> 16, counter >>> 8, counter)).slice(0, ID_BYTES)
}

/** All ids of a block. */
export function blockIds(block: Block): Uint8Array[] {
  const derive = hmacSha256Key(block.seed)
  return Array.from({ length: block.ids }, (_, counter) => blockId(derive, counter))
}

export class HolderRecord {
  readonly #options: RecordOptions
  readonly #blockIdsMax: number
  /** Reserved and not closed, those of earlier runs too. */
  readonly #blocks = new Map<number, Block>()
  #current: OpenBlock | undefined
  #next: OpenBlock | undefined
  #reserving: Promise<void> | undefined
  /** Writes, one after the other. */
  #writing: Promise<void> = Promise.resolve()
  #seq = 0
  #entries = 0
  #lastNumber = 0
  #balance = 0n
  #failure: LinkError | undefined

  constructor(options: RecordOptions) {
    this.#options = options
    this.#blockIdsMax = options.blockIdsMax ?? 1_024
  }

  /** Reads the record; gives the blocks that earlier runs have left open. @throws {LinkError} `LINK_RECORD` */
  async open(): Promise<Block[]> {
    try {
      const { snapshot, batches } = await this.#options.store.open()
      if (snapshot !== undefined) this.#readSnapshot(snapshot.bytes)
      this.#seq = snapshot?.seq ?? 0
      for await (const { seq, bytes } of batches) {
        if (seq > this.#seq) this.#readEntry(bytes)
        this.#seq = Math.max(this.#seq, seq)
      }
    } catch (error) {
      throw new LinkError('LINK_RECORD', `the holder's record cannot be read: ${String(error)}`)
    }
    return Array.from(this.#blocks.values())
  }

  /** The balance as recorded last. */
  get balance(): bigint {
    return this.#balance
  }

  /** Waits for what is being written; closes the block that served last, if it has nothing in flight. */
  async close(): Promise<void> {
    for (const block of [this.#current, this.#next]) if (block?.live === 0) this.closeBlock(block)
    this.#current = undefined
    this.#next = undefined
    await this.#writing
    await this.#options.store.close()
  }

  /** An id for a hold, if a block has room for it; otherwise `reserve` first. */
  take(amount: bigint, expiresAt: number): Ticket | undefined {
    const block = this.#serving(amount, expiresAt)
    if (block === undefined) return undefined
    const id = blockId(block.derive, block.used)
    block.used += 1
    block.taken += amount
    block.live += 1
    let ended = false
    const end = (): void => {
      if (ended) return
      ended = true
      block.live -= 1
      if (block.live === 0 && block !== this.#current && block !== this.#next) this.closeBlock(block)
    }
    return { id, end }
  }

  #serving(amount: bigint, expiresAt: number): OpenBlock | undefined {
    if (hasRoom(this.#current, amount, expiresAt)) return this.#current
    if (!hasRoom(this.#next, amount, expiresAt)) return undefined
    this.#retire(this.#current)
    this.#current = this.#next
    this.#next = undefined
    return this.#current
  }

  #retire(block: OpenBlock | undefined): void {
    if (block?.live === 0) this.closeBlock(block)
  }

  /** Whether it is time to reserve the next block, so that no hold has to wait for it. */
  get isRunningLow(): boolean {
    const { used, ids, taken, budget } = this.#current ?? { used: 0, ids: 1, taken: 0n, budget: 1n }
    return this.#next === undefined && (2 * used >= ids || 2n * taken >= budget)
  }

  /**
   * Reserves a block that has room for such a hold. Concurrent calls share one.
   * @throws {LinkError} `LINK_RECORD`
   */
  async reserve(amount: bigint, expiresAt: number, balance: bigint): Promise<void> {
    this.#reserving ??= this.#reserve(amount, expiresAt, balance).finally(() => {
      this.#reserving = undefined
    })
    return this.#reserving
  }

  async #reserve(amount: bigint, expiresAt: number, balance: bigint): Promise<void> {
    const { blockAmountMax, randomBytes } = this.#options
    if (amount > blockAmountMax) {
      throw new LinkError('LINK_RECORD', `a hold may have at most blockAmountMax, which is ${blockAmountMax}`)
    }
    if (this.#blocks.size >= BLOCKS_MAX) {
      throw new LinkError('LINK_RECORD', 'too many blocks are open; wait until holds have ended')
    }
    const seed = randomBytes(SEED_BYTES)
    const block: OpenBlock = {
      number: ++this.#lastNumber,
      seed,
      ids: this.#blockIdsMax,
      budget: blockAmountMax,
      expiresAt: expiresAt + BLOCK_MS,
      balance,
      derive: hmacSha256Key(seed),
      used: 0,
      taken: 0n,
      live: 0,
    }
    this.#blocks.set(block.number, block)
    this.#balance = balance
    await this.#append((writer) => {
      writer.uint8(OPENED)
      writeBlock(writer, block)
    })
    this.#retire(this.#next)
    this.#next = block
  }

  /** All that was sent from the block has ended. Durable some time later: until then it is only asked for again. */
  closeBlock(block: Block): void {
    if (!this.#blocks.delete(block.number)) return
    this.#append((writer) => {
      writer.uint8(CLOSED)
      writer.uint32(block.number)
    }).catch(() => undefined)
  }

  #append(write: (writer: Writer) => void): Promise<void> {
    const writer = new Writer()
    writer.uint8(VERSION)
    write(writer)
    const bytes = writer.take()
    const written = this.#writing.then(async () => {
      if (this.#failure !== undefined) throw this.#failure
      try {
        this.#seq += 1
        await this.#options.store.append({ seq: this.#seq, bytes })
        this.#entries += 1
        if (this.#entries >= SNAPSHOT_ENTRIES) await this.#snapshot()
      } catch (error) {
        this.#failure = new LinkError('LINK_RECORD', `the holder's record cannot be written: ${String(error)}`)
        throw this.#failure
      }
    })
    this.#writing = written.catch(() => undefined)
    return written
  }

  async #snapshot(): Promise<void> {
    // Blocks whose opening is still to be written are in it too: reading it back twice is harmless.
    const writer = new Writer()
    writer.uint8(VERSION)
    writer.uint64(this.#balance + BIAS)
    writer.count(this.#blocks.size)
    for (const block of this.#blocks.values()) writeBlock(writer, block)
    this.#entries = 0
    await this.#options.store.snapshot({ seq: this.#seq, bytes: writer.take() })
    await this.#options.store.drop(this.#seq + 1)
  }

  #readSnapshot(bytes: Uint8Array): void {
    const reader = new Reader(bytes)
    checkVersion(reader)
    this.#balance = reader.uint64() - BIAS
    for (let left = reader.count(1); left > 0; left--) this.#add(readBlock(reader))
  }

  #readEntry(bytes: Uint8Array): void {
    const reader = new Reader(bytes)
    checkVersion(reader)
    if (reader.uint8() === OPENED) {
      const block = readBlock(reader)
      this.#add(block)
      this.#balance = block.balance
    } else this.#blocks.delete(reader.uint32())
  }

  #add(block: Block): void {
    this.#blocks.set(block.number, block)
    this.#lastNumber = Math.max(this.#lastNumber, block.number)
  }
}

function hasRoom(block: OpenBlock | undefined, amount: bigint, expiresAt: number): block is OpenBlock {
  if (block === undefined) return false
  return block.used < block.ids && block.taken + amount <= block.budget && expiresAt <= block.expiresAt
}

function checkVersion(reader: Reader): void {
  const version = reader.uint8()
  if (version !== VERSION) throw new LinkError('LINK_RECORD', `format ${version} is not known here`)
}

function writeBlock(writer: Writer, block: Block): void {
  writer.uint32(block.number)
  writer.fixedOctets(block.seed, SEED_BYTES)
  writer.uint32(block.ids)
  writer.uint64(block.budget)
  writer.uint64(BigInt(block.expiresAt))
  writer.uint64(block.balance + BIAS)
}

function readBlock(reader: Reader): Block {
  return {
    number: reader.uint32(),
    seed: reader.octets(SEED_BYTES).slice(),
    ids: reader.uint32(),
    budget: reader.uint64(),
    expiresAt: Number(reader.uint64()),
    balance: reader.uint64() - BIAS,
  }
}
