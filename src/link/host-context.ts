/** What the parts of a host share: the whole host's, and one account's. */
import type { SubProtocol } from '../btp/index.js'
import type { Clock } from '../clock/index.js'
import type { Ledger } from '../ledger/index.js'
import type { Log } from '../log/index.js'
import type { RequestBody, Session } from '../session/index.js'
import type { IncomingHold, LinkInfo, LinkState, RequestHandler } from './types.js'

export type HoldHandler = (hold: IncomingHold) => void

export interface HostCore {
  state: LinkState
  readonly ledger: Ledger
  readonly clock: Clock
  readonly log: Log
  readonly randomBytes: (length: number) => Uint8Array
  readonly limits: HostLimits
  /** Whose book decides about a hold: always the host's, or its payer's, where both sides keep one. */
  readonly authority: 'host' | 'payer'
  readonly claims: Claims | undefined
  /** For accounts without a handler of their own. */
  holdHandler: HoldHandler | undefined
  readonly requestHandlers: Map<string, RequestHandler>
  open(): Promise<void>
}

export interface HostLimits {
  /** Connections of one account; one more is closed. */
  readonly socketsPerAccountMax: number
  /** Ids answered in one `sluice.transfers`; the asker asks again for the rest. */
  readonly inquiryMax: number
  /** The same in bytes of the answer. */
  readonly inquiryBytesMax: number
  /** With authority `payer`: how long past an incoming hold's expiry its payer may take to say what became of it. */
  readonly settleGraceMs: number
}

/** What travels in the answer to a Fulfill: a payment channel's claim, from the payer to the payee. */
export interface Claims {
  /** As payer, after the capture is durable. What it throws is logged. */
  create(account: string): Promise<readonly SubProtocol[]>
  /** As payee; without entries when the payer sent none. */
  receive(entries: readonly SubProtocol[], account: string): void
}

export interface AccountContext {
  /** The account's name in the ledger. */
  readonly name: string
  readonly info: LinkInfo
  readonly host: HostCore
  /** The newest connection of the holder that is open. */
  live(): Session | undefined
  /** Tells the holder something that is so, whatever it answers: over the connection that asked, or another. */
  push(asked: Session | undefined, body: RequestBody): void
  /** The payer answered a Fulfill. */
  claimed(entries: readonly SubProtocol[]): void
}
