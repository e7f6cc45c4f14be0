/**
 * Link: the inner interface that a program sends holds over and receives them from (design.md section 3).
 * Host, holder, the in-process pair and foreign plugins implement it; the meter and the paying fetch know only this.
 * Binary and bigint; no promise per step: callbacks are called once per stage, in order, never synchronously from `send`.
 */
import type { SubProtocol } from '../btp/index.js'

/** A hold to send. */
export interface Hold {
  /** 16 bytes, unique for ever on this link; absent: the link draws one (a holder with a record derives it from its block). */
  readonly id?: Uint8Array
  readonly amount: bigint
  /** 32 bytes: SHA-256 of the fulfillment. */
  readonly condition: Uint8Array
  /** Milliseconds since 1970; the host's clock decides. */
  readonly expiresAt: number
  /** The ILP packet, byte-exact: conditions are derived from it. */
  readonly packet: Uint8Array
  /** JSON text of a Ledger Plugin Interface v1 `custom` field. */
  readonly custom?: Uint8Array
  /** ILP address of the receiver, for links whose ledger has more than two accounts; others have one peer, and ignore it. */
  readonly to?: string
}

/** Why a hold was not captured; the fields of an ILP error (protocols.md C.5). */
export interface Reason {
  /** Three characters, such as `F06`. */
  readonly code: string
  readonly name: string
  readonly message: string
  readonly triggeredBy: string
  readonly forwardedBy: readonly string[]
  readonly triggeredAt: number
  /** For programs; JSON by convention. */
  readonly data: Uint8Array
}

/** What a receiver says when it rejects; the link fills in the rest. */
export type GivenReason = Partial<Reason> & { readonly code: string }

/**
 * What became of a hold.
 * `refused`: never prepared, the money was never set aside (the peer's error name and code).
 * `rejected`: rolled back by the receiver; `expired`: by the host's clock.
 * `inDoubt`: not known; count it as spent. A final outcome follows when it becomes known.
 */
export type HoldOutcome =
  | { readonly status: 'fulfilled'; readonly fulfillment: Uint8Array; readonly data: Uint8Array }
  | { readonly status: 'refused'; readonly name: string; readonly code: string; readonly message: string }
  | { readonly status: 'rejected'; readonly reason: Reason }
  | { readonly status: 'expired'; readonly reason: Reason }
  | { readonly status: 'inDoubt'; readonly message: string }

/** How the sender of a hold hears of it. */
export interface HoldObserver {
  /** The hold is in place. Always before `onOutcome`, except where the outcome is `refused` or `inDoubt`. */
  onPrepared?(id: Uint8Array): void
  /** Once; or `inDoubt` first and a final outcome later. */
  onOutcome(outcome: HoldOutcome, id: Uint8Array): void
}

/**
 * What became of a capture or a rejection; `ok` only when durable at whoever keeps the book.
 * Otherwise the BTP error's code and name, which decides: `AlreadyRolledBackError` for a hold that ended before.
 */
export type Settled =
  { readonly ok: true } | { readonly ok: false; readonly code: string; readonly name: string; readonly message: string }

/** A hold that arrived. Exactly one of `fulfill` and `reject` takes effect, once. */
export interface IncomingHold {
  /** Whose hold it is: the name of the holder's account at the host; elsewhere the ILP address of whoever sent it. */
  readonly account: string
  readonly id: Uint8Array
  readonly amount: bigint
  readonly condition: Uint8Array
  readonly expiresAt: number
  readonly packet: Uint8Array
  readonly custom: Uint8Array | undefined
  /** Captures. `data` travels with the fulfillment (the meter's end offset). `done` is called once, never synchronously. */
  fulfill(fulfillment: Uint8Array, data: Uint8Array, done: (settled: Settled) => void): void
  reject(reason: GivenReason, done?: (settled: Settled) => void): void
  /** Set by the receiver: the hold ended otherwise (it expired, or the sender took it back). */
  onEnded: ((why: 'expired' | 'cancelled') => void) | undefined
}

export type LinkState = 'idle' | 'connecting' | 'open' | 'closed'

/** Known once the link is open. */
export interface LinkInfo {
  /** Ledger prefix, with its trailing dot. */
  readonly prefix: string
  /** This side's address, and the other side's: the prefix where a ledger has many accounts. */
  readonly account: string
  readonly peer: string
  readonly assetCode: string
  readonly assetScale: number
  readonly connectors: readonly string[]
}

/** A custom message: primary entry first. */
export type RequestHandler = (entries: readonly SubProtocol[], account: string) => Promise<readonly SubProtocol[]>

export interface Link {
  readonly state: LinkState
  /** @throws {LinkError} `LINK_NOT_OPEN` before the first connection */
  readonly info: LinkInfo
  /** Concurrent calls share one attempt. */
  open(options?: { timeoutMs?: number }): Promise<void>
  close(): Promise<void>
  send(hold: Hold, observer: HoldObserver): void
  /** One handler; `undefined` takes it away. Holds without a handler are rejected with `T01`. Called before the hold is durable: do nothing irreversible, capture first. */
  onHold(handler: ((hold: IncomingHold) => void) | undefined): void
  /** Sends a custom message; resolves with the answer's entries, rejects with {@link LinkError}. `to` as of a {@link Hold}. */
  request(entries: readonly SubProtocol[], to?: string): Promise<readonly SubProtocol[]>
  /** Answers requests whose primary entry has this name; `undefined` takes the handler away. */
  onRequest(name: string, handler: RequestHandler | undefined): void
  /** This side's own position, in base units: the holder's balance, or minus it for the host. */
  balance(): Promise<bigint>
  onState(listener: (state: LinkState) => void): () => void
}

/** What a seller asks of a link: what comes in. A host offers it for all its accounts at once. */
export type Receiver = Pick<Link, 'state' | 'info' | 'onHold' | 'onRequest' | 'onState'>
