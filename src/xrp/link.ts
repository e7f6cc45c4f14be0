/**
 * A link over the XRP Ledger: its holds are escrows, its addresses `<prefix><r-address>`, its amounts drops. One object
 * is one account, which may send to and receive from any other. design.md section 3.
 */
import { randomBytes as systemRandomBytes } from '../crypto/index.js'
import type { SubProtocol } from '../btp/index.js'
import { type Clock, systemClock } from '../clock/index.js'
import { hasPrefix, segmentAfter } from '../ilp/index.js'
import {
  type Hold,
  type HoldObserver,
  type IncomingHold,
  Lifecycle,
  type Link,
  LinkError,
  type LinkInfo,
  type LinkState,
  type RequestHandler,
} from '../link/index.js'
import { type Log, silentLog } from '../log/index.js'
import { Account } from './account.js'
import type { Draft, Outcome } from './drafts.js'
import type { RefusalCode } from './errors.js'
import { Fees } from './fees.js'
import { LedgerFollower } from './follower.js'
import type { ClosedLedger, ValidatedTransaction } from './ledger-messages.js'
import { MESSAGE_PURPOSE, MessagePath } from './message-path.js'
import { destinationOf, findEscrows, sentTransferOf } from './open-escrows.js'
import { checkOptions, XRP_LIMITS, XRP_PREFIX, type XrpLimits, type XrpLinkOptions } from './options.js'
import { FINISH, ReceivedEscrows } from './received-escrows.js'
import { XrpRecord } from './record.js'
import { refused } from './refusals.js'
import { CANCEL, CREATE, type RecoveredHandler, SentEscrows } from './sent-escrows.js'
import { isXrpAddress, Signer } from './signer.js'
import type { TransferEnd } from './stored-transfers.js'
import { Submitter } from './submitter.js'
import { dialServer } from './transport.js'

const SCALE = 6
const DROPS_MAX = 100_000_000_000_000_000n
/** For `open` where no time is given. */
const OPEN_TIMEOUT_MS = 20_000

export class XrpLink implements Link {
  readonly #clock: Clock
  readonly #log: Log
  readonly #signer: Signer
  readonly #randomBytes: (length: number) => Uint8Array
  readonly #limits: XrpLimits
  readonly #account = new Account()
  readonly #record: XrpRecord
  readonly #follower: LedgerFollower
  readonly #submitter: Submitter
  readonly #sent: SentEscrows
  readonly #received: ReceivedEscrows
  readonly #messages: MessagePath
  readonly #lifecycle: Lifecycle
  readonly #listeners = new Set<(state: LinkState) => void>()
  readonly #info: LinkInfo
  #state: LinkState = 'idle'
  #recordOpen = false

  /** Nothing starts here. @throws {XrpError} `XRP_SECRET`, `XRP_ADDRESS`, `XRP_OPTION` */
  constructor(options: XrpLinkOptions) {
    checkOptions(options)
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? silentLog
    this.#randomBytes = options.randomBytes ?? systemRandomBytes
    this.#limits = { ...XRP_LIMITS, ...options.limits }
    this.#signer = new Signer(options.secret, options.address)
    const { address } = this.#signer
    const prefix = options.prefix ?? XRP_PREFIX
    this.#info = {
      prefix,
      account: prefix + address,
      // Whoever has an account in the ledger.
      peer: options.peer ?? prefix,
      assetCode: 'XRP',
      assetScale: SCALE,
      connectors: [],
    }
    const limits = this.#limits
    const [clock, log, record] = [this.#clock, this.#log, new XrpRecord(options.store)]
    this.#record = record
    this.#follower = new LedgerFollower({
      dial: options.dial ?? dialServer(options),
      address,
      clock,
      log,
      random: () => (this.#randomBytes(1)[0] ?? 0) / 256,
      following: {
        onConnected: async () => this.#connected(),
        onTransaction: (transaction) => this.#onTransaction(transaction),
        onLedger: (ledger) => this.#onLedger(ledger),
        onLost: () => this.#lost(),
      },
    })
    const rim = {
      address,
      prefix,
      record,
      clock,
      log,
      submit: (draft: Draft) => this.#submitter.submit(draft),
      isOnTheWay: (purpose: string) => this.#submitter.has(purpose),
      tip: () => this.#follower.tip,
      limits,
    }
    const fees = new Fees(limits.feeDropsMax)
    this.#submitter = new Submitter({
      signer: this.#signer,
      account: this.#account,
      fees,
      record,
      log,
      tip: rim.tip,
      request: async (command) => this.#follower.request(command),
      onOutcome: (purpose, outcome) => this.#onOutcome(purpose, outcome),
      limits,
    })
    this.#sent = new SentEscrows(rim)
    this.#messages = new MessagePath({
      ...rim,
      randomId: () => new DataView(this.#randomBytes(4).slice().buffer).getUint32(0),
      onRejected: (id, by, reason) => this.#sent.onRejected(id, by, reason),
    })
    this.#received = new ReceivedEscrows({
      ...rim,
      sendReject: (id, to, reason) => this.#messages.sendReject(id, to, reason),
    })
    this.#lifecycle = new Lifecycle({
      clock,
      start: async (givenUp) => this.#start(givenUp),
      stop: async () => this.#stop(),
    })
  }

  get state(): LinkState {
    return this.#state
  }

  /** Known from the start: it depends on the options only. */
  get info(): LinkInfo {
    return this.#info
  }

  /** The account's address in the ledger. */
  get address(): string {
    return this.#signer.address
  }

  /** Sum of the holds that are sent and not ended, in drops. */
  get held(): bigint {
    return this.#sent.held
  }

  /** Stays connected until `close`. @throws {XrpError} `XRP_SERVER`, `XRP_RECORD`; {LinkError} `LINK_TIMEOUT`, `LINK_CLOSED` */
  async open({ timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    return this.#lifecycle.open(timeoutMs || OPEN_TIMEOUT_MS)
  }

  async close(): Promise<void> {
    return this.#lifecycle.close()
  }

  send(hold: Hold, observer: HoldObserver): void {
    const id = hold.id ?? this.#randomBytes(16)
    const refuse = (code: RefusalCode, message: string): void => {
      queueMicrotask(() => observer.onOutcome(refused(code, message), id))
    }
    if (this.#state !== 'open') return refuse('XRP_BUSY', 'there is no connection to the ledger')
    const to = hold.to ?? destinationOf(hold.packet) ?? this.#info.peer
    const address = this.#addressOf(to)
    if (address === undefined) return refuse('XRP_DESTINATION', `the receiver must lie below ${this.#info.prefix}`)
    if (address === this.address) return refuse('XRP_DESTINATION', 'an account sends no holds to itself')
    if (hold.amount <= 0n || hold.amount > DROPS_MAX) return refuse('XRP_FUNDS', 'an escrow holds at least one drop')
    if (this.#sent.size >= this.#limits.holdsSentMax) {
      return refuse('XRP_BUSY', `more than ${this.#limits.holdsSentMax} holds are open: wait until some have ended`)
    }
    this.#sent.send({ ...hold, id }, to, address, observer)
  }

  onHold(handler: ((hold: IncomingHold) => void) | undefined): void {
    this.#received.onHold(handler)
  }

  /** Holds of earlier runs that are open, or whose end this run learns. Set it before `open`. */
  onRecovered(handler: RecoveredHandler | undefined): void {
    this.#sent.onRecovered(handler)
  }

  /** How a transfer ended, sent or received, as far as it is remembered. */
  ended(id: Uint8Array): TransferEnd | undefined {
    return this.#sent.ended(id) ?? this.#received.ended(id)
  }

  /** @param to ILP address of whom to ask; absent: the link's `peer`. Costs the fee of a Payment, and its one drop */
  async request(entries: readonly SubProtocol[], to?: string): Promise<readonly SubProtocol[]> {
    if (this.#state !== 'open') throw new LinkError('LINK_NOT_OPEN', 'open the link first')
    const address = this.#addressOf(to ?? this.#info.peer)
    if (address === undefined) {
      const failure = { name: 'InvalidFieldsError', code: 'F01' }
      throw new LinkError('LINK_REFUSED', 'say whom to ask: this ledger has many accounts', failure)
    }
    return this.#messages.request(entries, address)
  }

  onRequest(name: string, handler: RequestHandler | undefined): void {
    this.#messages.onRequest(name, handler)
  }

  /** What the account has in validated ledgers, its reserve included; what is in escrow is not in it. */
  async balance(): Promise<bigint> {
    if (this.#state !== 'open') throw new LinkError('LINK_NOT_OPEN', 'open the link first')
    return this.#account.state?.balance ?? 0n
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #start(givenUp: Promise<never>): Promise<void> {
    this.#become('connecting')
    await this.#record.open()
    this.#recordOpen = true
    const firsts = [this.#submitter.restore(), this.#sent.restore()]
    this.#received.restore()
    for (const first of firsts) if (first !== undefined) this.#follower.startAt(first)
    await Promise.race([givenUp, this.#follower.open()])
    this.#become('open')
  }

  async #stop(): Promise<void> {
    await this.#follower.close()
    this.#submitter.lost()
    this.#sent.close()
    this.#received.close()
    this.#messages.close()
    if (this.#recordOpen) await this.#record.close()
    this.#recordOpen = false
    this.#become('closed')
  }

  /** Before anything is read over a connection: where the account stands, and what was open when we came. */
  async #connected(): Promise<void> {
    await this.#submitter.connected()
    for (const create of await findEscrows(this.#follower, this.address, this.#log)) {
      if (create.account !== this.address) this.#received.take(create)
      else {
        const transfer = sentTransferOf(create, this.#info.prefix)
        if (transfer !== undefined) this.#sent.adoptFromLedger(transfer, create.sequence)
      }
    }
  }

  #lost(): void {
    this.#submitter.lost()
    if (this.#state === 'open') this.#become('connecting')
  }

  #onTransaction(transaction: ValidatedTransaction): void {
    // First what became of ours: it says which escrows the rest is about.
    this.#submitter.onTransaction(transaction)
    this.#sent.onTransaction(transaction)
    this.#received.onTransaction(transaction)
    this.#messages.onTransaction(transaction)
  }

  #onLedger(ledger: ClosedLedger): void {
    if (this.#state === 'connecting' && this.#lifecycle.wanted) this.#become('open')
    this.#submitter.onLedger(ledger)
    this.#sent.onLedger(ledger)
    this.#received.onLedger(ledger)
  }

  #onOutcome(purpose: string, outcome: Outcome): void {
    if (purpose.startsWith(CREATE) || purpose.startsWith(CANCEL)) this.#sent.onOutcome(purpose, outcome)
    else if (purpose.startsWith(FINISH)) this.#received.onOutcome(purpose, outcome)
    else if (purpose.startsWith(MESSAGE_PURPOSE)) this.#messages.onOutcome(purpose, outcome)
  }

  /** The first segment after the prefix, if it is an address of the ledger. */
  #addressOf(account: string): string | undefined {
    const { prefix } = this.#info
    const segment = hasPrefix(account, prefix) ? segmentAfter(account, prefix) : undefined
    return segment !== undefined && isXrpAddress(segment) ? segment : undefined
  }

  #become(state: LinkState): void {
    if (this.#state === state) return
    this.#state = state
    for (const listener of this.#listeners) {
      try {
        listener(state)
      } catch (error) {
        this.#log.error('a listener of the link failed', { error: String(error) })
      }
    }
  }
}
