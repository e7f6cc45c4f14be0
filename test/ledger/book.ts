/** What the ledger's tests share: a ledger on a fake clock, and commands with as little to say as possible. */
import { createHash } from 'node:crypto'
import {
  type AccountView,
  type Command,
  type Decision,
  Ledger,
  type LedgerLimits,
  type LedgerOptions,
  type Side,
} from 'sluice/ledger'
import { type LedgerStore, MemoryStore } from 'sluice/store'
import { FakeClock } from 'sluice/testing'

export const SECOND = 1000
export const HOLD_MS = 30 * SECOND
export const CREDIT = 1000n
export const BALANCE_MAX = 500n

/** 16 bytes. */
export function id(number: number): Uint8Array {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setUint32(12, number)
  return bytes
}

/** 32 bytes that open the condition of the same number. */
export function fulfillment(number: number): Uint8Array {
  return new Uint8Array(32).fill(number)
}

export function condition(number: number): Uint8Array {
  return createHash('sha256').update(fulfillment(number)).digest()
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

export function quietStore(): MemoryStore {
  return new MemoryStore({ warn: () => undefined })
}

/** Commands on the account `a`; a transfer's fulfillment and condition go by its id's number. */
export class Book {
  readonly clock: FakeClock
  readonly store: LedgerStore
  readonly limits: Partial<LedgerLimits>
  readonly ledger: Ledger
  readonly expired: number[] = []

  constructor(
    options: { clock?: FakeClock; store?: LedgerStore; limits?: Partial<LedgerLimits> } & Pick<
      LedgerOptions,
      'snapshotBytes' | 'batchRecordsMax' | 'defer'
    > = {},
  ) {
    const { clock = new FakeClock(), store = quietStore(), limits = {}, ...rest } = options
    this.clock = clock
    this.store = store
    this.limits = limits
    this.ledger = new Ledger({ store, clock, limits, ...rest })
    this.ledger.onExpired((transfer) =>
      this.expired.push(new DataView(transfer.id.buffer, transfer.id.byteOffset).getUint32(12)),
    )
  }

  /** An open ledger with the account `a`. */
  static async start(options: ConstructorParameters<typeof Book>[0] = {}): Promise<Book> {
    const book = new Book(options)
    await book.ledger.open()
    book.do({ type: 'open', account: 'a', creditLimit: CREDIT, balanceMax: BALANCE_MAX })
    await book.committed()
    return book
  }

  /** What a new process finds, with or without a crash of the old one. */
  async restart(options: { crash?: boolean } = {}): Promise<Book> {
    const { clock, store, limits } = this
    if (options.crash === true && store instanceof MemoryStore) {
      const next = new Book({ clock, store: store.copy(), limits })
      await next.ledger.open()
      return next
    }
    await this.ledger.close()
    const next = new Book({ clock, store, limits })
    await next.ledger.open()
    return next
  }

  do(command: Command): Decision {
    return this.ledger.execute(command)
  }

  committed(): Promise<void> {
    return new Promise((resolve) => this.ledger.committed(resolve))
  }

  get a(): AccountView {
    const account = this.ledger.account('a')
    if (account === undefined) throw new Error('there is no account a')
    return account
  }

  /** [balance, held out, held in] of `a`. */
  get money(): [bigint, bigint, bigint] {
    const { balance, heldOut, heldIn } = this.a
    return [balance, heldOut, heldIn]
  }

  prepare(
    number: number,
    changes: { amount?: bigint; payer?: Side; expiresAt?: number; memo?: Uint8Array; condition?: Uint8Array } = {},
  ): Decision {
    return this.do({
      type: 'prepare',
      account: 'a',
      id: id(number),
      payer: 'holder',
      amount: 10n,
      condition: condition(number),
      expiresAt: this.clock.now() + HOLD_MS,
      memo: text(`memo ${number}`),
      ...changes,
    })
  }

  fulfill(number: number, changes: { by?: Side; fulfillment?: Uint8Array; data?: Uint8Array } = {}): Decision {
    return this.do({
      type: 'fulfill',
      account: 'a',
      id: id(number),
      by: 'host',
      fulfillment: fulfillment(number),
      data: text('end'),
      ...changes,
    })
  }

  reject(number: number, changes: { by?: Side; reason?: Uint8Array } = {}): Decision {
    return this.do({ type: 'reject', account: 'a', id: id(number), by: 'host', reason: text('no'), ...changes })
  }

  inquire(number: number, expiresAt = this.clock.now() + HOLD_MS): Decision {
    return this.do({ type: 'inquire', account: 'a', id: id(number), expiresAt })
  }

  post(number: number, amount: bigint, expiresAt = this.clock.now() + HOLD_MS): Decision {
    return this.do({ type: 'post', account: 'a', id: id(number), amount, expiresAt })
  }
}

/** A decision in a word: a refusal's code, or `done`, `repeated`, with the outcome's state where there is one. */
export function said(decision: Decision): string {
  if (!decision.ok) return decision.code
  const outcome = decision.outcome === undefined ? '' : ` ${decision.outcome.state}`
  return `${decision.repeated ? 'repeated' : 'done'}${outcome}`
}
