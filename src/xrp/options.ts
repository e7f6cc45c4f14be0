/** Options and limits of a link over the XRP Ledger. */
import type { Clock } from '../clock/index.js'
import { isAddress } from '../ilp/index.js'
import type { Log } from '../log/index.js'
import type { LedgerStore } from '../store/index.js'
import { XrpError } from './errors.js'
import { MEMO_BYTES_MAX } from './memos.js'
import type { Dial } from './transport.js'

/** Limits of a link over the XRP Ledger; see docs/reference/limits.md. */
export interface XrpLimits {
  /** The most that one transaction may cost, in drops. */
  readonly feeDropsMax: bigint
  /** Serialized memos of one transaction. */
  readonly memoBytesMax: number
  /** Ledgers that a transaction may wait for: it names the last one, and none after that can have it. */
  readonly validationLedgersMax: number
  /** Transactions that are submitted and not final. */
  readonly transactionsOnTheWayMax: number
  /** Transactions that wait for their turn. */
  readonly transactionsQueuedMax: number
  /** Holds that are sent and not ended. */
  readonly holdsSentMax: number
  /** Holds that reached us and have not ended. */
  readonly holdsReceivedMax: number
  /** Ended transfers that are remembered, of each direction. */
  readonly transfersRememberedMax: number
  /** Requests without an answer; and requests of others that handlers work on. */
  readonly messagesPendingMax: number
  /** Until what no validated ledger tells of is told as in doubt. */
  readonly finalityTimeoutMs: number
  /** Until a request is given up. */
  readonly messageTimeoutMs: number
}

export const XRP_LIMITS: XrpLimits = {
  feeDropsMax: 10_000n,
  memoBytesMax: MEMO_BYTES_MAX,
  validationLedgersMax: 20,
  transactionsOnTheWayMax: 256,
  transactionsQueuedMax: 10_000,
  holdsSentMax: 10_000,
  holdsReceivedMax: 10_000,
  transfersRememberedMax: 10_000,
  messagesPendingMax: 100,
  finalityTimeoutMs: 120_000,
  messageTimeoutMs: 60_000,
}

export interface XrpLinkOptions {
  /** The account's seed, of either key type. Stays in memory. */
  readonly secret: string
  /** Must be the secret's, if given. */
  readonly address?: string
  /** `ws:` or `wss:` address of a server of the ledger. */
  readonly server: string
  /** Version of the server's interface. Default 2; servers before 2.0 have 1 only. */
  readonly apiVersion?: 1 | 2
  /** Ledger prefix. Default `g.crypto.ripple.escrow.`. */
  readonly prefix?: string
  /** The ILP address that holds without destination and requests go to. Default: none. */
  readonly peer?: string
  /** Where transactions on the way and transfers are kept. A restart with an empty one cancels what has expired, and knows no more. */
  readonly store: LedgerStore
  readonly limits?: Partial<XrpLimits>
  readonly clock?: Clock
  readonly log?: Log
  readonly randomBytes?: (length: number) => Uint8Array
  /** For tests: instead of connections to `server`. */
  readonly dial?: Dial
}

export const XRP_PREFIX = 'g.crypto.ripple.escrow.'
/** @throws {XrpError} `XRP_OPTION` */
export function checkOptions({ secret, server, prefix, peer, apiVersion, dial }: XrpLinkOptions): void {
  const bad = (message: string): never => {
    throw new XrpError('XRP_OPTION', message)
  }
  if (typeof secret !== 'string' || secret === '') bad('secret must be the seed of an account')
  if (dial === undefined && !/^wss?:\/\//.test(String(server))) bad('server must be a ws: or wss: address')
  if (prefix !== undefined && !(isAddress(prefix, 'prefix') && prefix.endsWith('.'))) {
    bad('prefix must be a ledger prefix with its trailing dot, such as test.crypto.xrp.')
  }
  if (peer !== undefined && !isAddress(peer)) bad('peer must be an ILP address')
  if (apiVersion !== undefined && apiVersion !== 1 && apiVersion !== 2) bad('apiVersion must be 1 or 2')
}
