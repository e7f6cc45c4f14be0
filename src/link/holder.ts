/**
 * The holder of an account at a host: a link over one connection that is opened again when it is lost (BTP 1.0, RFC-23
 * draft 2; messages of seeds 000 and 001). The host keeps the book; this side knows what it sent and what it was told.
 */
import type { Credentials, MessageFrame, RequestFrame, SubProtocol } from '../btp/index.js'
import { FULFILL, MESSAGE, PREPARE, REJECT, TRANSFER } from '../btp/index.js'
import { EMPTY } from '../bytes/index.js'
import { type Clock, systemClock } from '../clock/index.js'
import { randomBytes } from '../crypto/index.js'
import { type Log, silentLog } from '../log/index.js'
import {
  btpFailure,
  type BtpFailure,
  type Dial,
  type Session,
  SessionClient,
  type SessionLimits,
} from '../session/index.js'
import { LinkError } from './errors.js'
import { guard } from './guard.js'
import { HolderReceived } from './holder-received.js'
import { answerBy, answerInfo, ask, ASK_BALANCE, ASK_LEDGER_INFO, readBalance, readLedgerInfo } from './messages.js'
import { Outbox } from './outbox.js'
import { HolderRecord, type RecordOptions } from './record.js'
import { type Recovered, Recovery } from './recovery.js'
import { SentHolds } from './sent-holds.js'
import type { Hold, HoldObserver, IncomingHold, Link, LinkInfo, LinkState, RequestHandler } from './types.js'
import { Waiters } from './waiters.js'

export interface HolderOptions extends Credentials {
  readonly dial: Dial
  /** The ledger prefix that the host must have; absent: whatever it has. */
  readonly prefix?: string
  /** The last segments of the two addresses. Default `client` and `server`, as in the seeds. */
  readonly accountSegment?: string
  readonly peerSegment?: string
  /** Makes a restart able to find out what became of what was in flight. */
  readonly record?: Omit<RecordOptions, 'randomBytes'>
  /** Called once after a restart, when all that earlier runs have left open is known. */
  readonly onRecovered?: (recovered: Recovered) => void
  readonly clock?: Clock
  readonly log?: Log
  readonly randomBytes?: (length: number) => Uint8Array
  /** 0 ≤ x < 1, for the session's jitter. */
  readonly random?: () => number
  readonly limits?: Partial<HolderLimits>
  readonly sessionLimits?: Partial<SessionLimits>
}

export interface HolderLimits {
  /** Holds sent and not ended; one more is refused. Default 16 384. */
  readonly holdsInFlightMax: number
  /** Holds received and not ended; one more is refused. Default 16 384. */
  readonly holdsReceivedMax: number
  /** Ids in one `sluice.transfers`. Default 1 024. */
  readonly inquiryMax: number
  /** How long past a hold's expiry the host may take to say so. Default 5 000. */
  readonly graceMs: number
}

const LIMITS: HolderLimits = { holdsInFlightMax: 16_384, holdsReceivedMax: 16_384, inquiryMax: 1_024, graceMs: 5_000 }
const OPEN_TIMEOUT_MS = 20_000

const NOT_OPEN = btpFailure('UnreachableError', 'the link is not open')
const TOO_MANY = btpFailure('UnreachableError', 'too many holds in flight; wait for their outcomes')
const DUPLICATE = btpFailure('DuplicateIdError', 'this hold was sent before')
const NO_ID = new Uint8Array(16)

export class Holder implements Link {
  readonly #options: HolderOptions
  readonly #clock: Clock
  readonly #log: Log
  readonly #randomBytes: (length: number) => Uint8Array
  readonly #limits: HolderLimits
  readonly #client: SessionClient
  readonly #sent: SentHolds
  readonly #received: HolderReceived
  readonly #requestHandlers = new Map<string, RequestHandler>()
  readonly #listeners = new Set<(state: LinkState) => void>()
  readonly #waiters: Waiters
  #outbox: Outbox
  #record: HolderRecord | undefined
  #recovery: Recovery | undefined
  #state: LinkState = 'idle'
  #info: LinkInfo | undefined
  /** The session of which the host's info is known: what is sent goes out on it. */
  #ready: Session | undefined
  /** Our balance as the host first told it, and what we know to have changed it since. */
  #baseline: bigint | undefined
  #change = 0n
  #openingRecord: Promise<void> | undefined
  #ended: Promise<void> = Promise.resolve()
  /** Why the link is closed. */
  #refusal: LinkError | undefined
  #warned = false

  constructor(options: HolderOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? silentLog
    this.#randomBytes = options.randomBytes ?? randomBytes
    this.#limits = { ...LIMITS, ...options.limits }
    this.#waiters = new Waiters(this.#clock)
    this.#client = new SessionClient({
      version: 1,
      username: options.username,
      token: options.token,
      dial: options.dial,
      clock: this.#clock,
      log: this.#log,
      ...(options.random === undefined ? {} : { random: options.random }),
      ...(options.sessionLimits === undefined ? {} : { limits: options.sessionLimits }),
      owner: {
        onOpen: (session) => this.#greet(session),
        onRequest: (session, frame) => this.#serve(session, frame),
        onClosed: (session) => this.#lost(session),
      },
    })
    this.#sent = new SentHolds({
      clock: this.#clock,
      log: this.#log,
      session: () => this.#ready,
      host: () => this.info.peer,
      unexplained: async () => this.#unexplained(),
      onSpent: (amount) => {
        this.#change -= amount
      },
      inquiryMax: this.#limits.inquiryMax,
      graceMs: this.#limits.graceMs,
    })
    this.#received = new HolderReceived({
      clock: this.#clock,
      log: this.#log,
      session: () => this.#ready,
      info: () => this.#info,
      onCaptured: (amount) => {
        this.#change += amount
      },
      holdsReceivedMax: this.#limits.holdsReceivedMax,
    })
    this.#outbox = this.#newOutbox()
  }

  get state(): LinkState {
    return this.#state
  }

  get info(): LinkInfo {
    if (this.#info === undefined) throw new LinkError('LINK_NOT_OPEN', 'open the link before asking for its info')
    return this.#info
  }

  /** Sum of the holds that are sent and not ended, those in doubt included. */
  get held(): bigint {
    return this.#sent.held
  }

  /**
   * Sum of the holds of which nobody knows yet whether they were captured, and of what earlier runs may have sent (whole
   * blocks of the record, until the host has told). Count it as spent.
   */
  get inDoubt(): bigint {
    return this.#sent.inDoubt + (this.#recovery?.inDoubt ?? 0n)
  }

  // ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Connects, and stays connected until `close`. `timeoutMs`: 0 or absent means 20 s, `Infinity` for ever.
   * @throws {SessionError} when no connection is made
   * @throws {LinkError} `LINK_PREFIX`, `LINK_TIMEOUT`, `LINK_CLOSED`
   */
  async open({ timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    if (this.#state === 'open') return
    await this.#ended
    const waitMs = timeoutMs || OPEN_TIMEOUT_MS
    const deadline = this.#clock.now() + waitMs
    this.#become('connecting')
    this.#refusal = undefined
    try {
      await this.#openRecord()
      await this.#client.open({ timeoutMs: waitMs })
    } catch (error) {
      if (this.#client.session === undefined && this.#is('connecting')) this.#become('idle')
      throw error
    }
    if (this.#is('open')) return
    if (this.#is('closed')) throw this.#refusal ?? closedError()
    await this.#waiters.wait(deadline - this.#clock.now())
  }

  /** Closes the connection. What is in flight is in doubt, until the link is opened again. */
  async close(): Promise<void> {
    this.#shut(closedError())
    await this.#ended
  }

  #shut(refusal: LinkError): void {
    if (this.#state === 'closed') return
    this.#refusal = refusal
    this.#become('closed')
    this.#sent.close()
    this.#received.close()
    this.#recovery?.close()
    this.#waiters.release(refusal)
    this.#ended = this.#leave()
  }

  /** Never rejects: what a store cannot write now is asked for again after the next start. */
  async #leave(): Promise<void> {
    const record = this.#record
    this.#record = undefined
    try {
      await this.#client.close()
      await record?.close()
    } catch (error) {
      this.#log.error('the link could not be closed cleanly', { error: String(error) })
    }
  }

  #openRecord(): Promise<void> {
    this.#openingRecord ??= this.#readRecord().finally(() => {
      this.#openingRecord = undefined
    })
    return this.#openingRecord
  }

  /** Finds what earlier runs left open. Without a record nobody can. */
  async #readRecord(): Promise<void> {
    const { record: options } = this.#options
    if (this.#record !== undefined) return
    if (options === undefined) {
      if (!this.#warned)
        this.#log.warn('no record is kept: after a restart, what was in flight is in doubt until it expires')
      this.#warned = true
      return
    }
    const record = new HolderRecord({ ...options, randomBytes: this.#randomBytes })
    const blocks = await record.open()
    this.#record = record
    this.#outbox = this.#newOutbox()
    this.#recovery = new Recovery(blocks, {
      record,
      clock: this.#clock,
      log: this.#log,
      session: () => this.#ready,
      balance: async () => (await this.balance()) - this.#change,
      inquiryMax: this.#limits.inquiryMax,
      onRecovered: (recovered) => guard(this.#log, () => this.#options.onRecovered?.(recovered)),
    })
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #is(state: LinkState): boolean {
    return this.#state === state
  }

  #become(state: LinkState): void {
    if (this.#state === state) return
    this.#state = state
    for (const listener of this.#listeners) guard(this.#log, () => listener(state))
  }

  /** A new connection: asks which ledger this is before anything is sent on it. */
  #greet(session: Session): void {
    this.#learnLedger(session).catch((error: unknown) => {
      this.#log.warn('the host did not say which ledger it keeps', { error: String(error) })
      session.close('no ledger info')
    })
  }

  async #learnLedger(session: Session): Promise<void> {
    // The balance before anything is sent is what later ones are compared with.
    const balance = this.#baseline === undefined ? ask(session, ASK_BALANCE) : undefined
    const [infoAnswer, balanceAnswer] = await Promise.allSettled([ask(session, ASK_LEDGER_INFO), balance])
    if (infoAnswer.status === 'rejected') throw infoAnswer.reason
    const ledger = readLedgerInfo(infoAnswer.value)
    const wanted = this.#options.prefix ?? this.#info?.prefix ?? ledger.prefix
    if (ledger.prefix !== (wanted.endsWith('.') ? wanted : `${wanted}.`)) {
      // Nothing may be sent to another ledger than agreed, and trying again would not help.
      return this.#shut(new LinkError('LINK_PREFIX', `the host's ledger prefix is ${ledger.prefix}, not ${wanted}`))
    }
    // With holds in flight it would be unclear which of them it contains.
    if (balanceAnswer.status === 'fulfilled' && balanceAnswer.value !== undefined && this.#sent.size === 0) {
      this.#baseline = -readBalance(balanceAnswer.value) - this.#change
    }
    if (!session.open || this.#state === 'closed') return
    const { accountSegment = 'client', peerSegment = 'server' } = this.#options
    this.#info = { ...ledger, account: ledger.prefix + accountSegment, peer: ledger.prefix + peerSegment }
    this.#ready = session
    this.#become('open')
    this.#waiters.release()
    this.#sent.resolve()
    this.#received.resume()
    this.#recovery?.resume()
  }

  #lost(session: Session): void {
    if (this.#ready === session) {
      this.#ready = undefined
      if (this.#state === 'open') this.#become('connecting')
    }
    this.#sent.suspend(session)
  }

  #serve(session: Session, frame: RequestFrame): void {
    switch (frame.type) {
      case PREPARE:
        return this.#received.servePrepare(session, frame)
      case FULFILL:
        return this.#sent.serveFulfill(session, frame)
      case REJECT:
        if (this.#received.serveReject(session, frame)) return
        return this.#sent.serveReject(session, frame)
      case MESSAGE:
        return this.#serveMessage(session, frame)
      case TRANSFER:
        return session.fail(frame.requestId, btpFailure('NotAcceptedError', 'no settlement is agreed on this link'))
    }
  }

  // ── holds that we send ───────────────────────────────────────────────────────────────────────────────────────────

  send(hold: Hold, observer: HoldObserver): void {
    const id = hold.id ?? NO_ID
    if (this.#ready?.open !== true) return this.#refuse(observer, id, NOT_OPEN)
    if (this.#sent.size + this.#outbox.size >= this.#limits.holdsInFlightMax) {
      return this.#refuse(observer, id, TOO_MANY)
    }
    if (this.#sent.has(id)) return this.#refuse(observer, id, DUPLICATE)
    this.#outbox.put(hold, observer)
  }

  #newOutbox(): Outbox {
    return new Outbox({
      record: this.#record,
      randomBytes: this.#randomBytes,
      log: this.#log,
      send: (id, hold, observer, end) => {
        const session = this.#ready
        if (session?.open === true) return this.#sent.send(session, id, hold, observer, end)
        end()
        this.#refuse(observer, id, NOT_OPEN)
      },
      refuse: (observer, id, failure) => this.#refuse(observer, id, failure),
      balance: () => (this.#baseline ?? 0n) + this.#change,
    })
  }

  #refuse(observer: HoldObserver, id: Uint8Array, failure: BtpFailure): void {
    queueMicrotask(() => guard(this.#log, () => observer.onOutcome({ status: 'refused', ...failure }, id)))
  }

  // ── holds that arrive ────────────────────────────────────────────────────────────────────────────────────────────

  onHold(handler: ((hold: IncomingHold) => void) | undefined): void {
    this.#received.onHold(handler)
  }

  // ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async request(entries: readonly SubProtocol[]): Promise<readonly SubProtocol[]> {
    return ask(this.#ready, entries)
  }

  onRequest(name: string, handler: RequestHandler | undefined): void {
    if (handler === undefined) this.#requestHandlers.delete(name)
    else this.#requestHandlers.set(name, handler)
  }

  /** Asks the host. */
  async balance(): Promise<bigint> {
    return -readBalance(await ask(this.#ready, ASK_BALANCE))
  }

  async #unexplained(): Promise<bigint | undefined> {
    const before = this.#change
    const balance = await this.balance()
    // What changed meanwhile may or may not be in the answer.
    if (this.#baseline === undefined || this.#change !== before) return undefined
    return this.#baseline + this.#change - balance
  }

  #serveMessage(session: Session, frame: MessageFrame): void {
    const name = frame.entries[0]?.name ?? ''
    if (name === 'info' && this.#info !== undefined) {
      return session.respond(frame.requestId, answerInfo(frame.entries[0]?.data ?? EMPTY, this.#info))
    }
    answerBy(this.#requestHandlers.get(name), session, frame, this.#info?.peer ?? '', this.#log)
  }
}

function closedError(): LinkError {
  return new LinkError('LINK_CLOSED', 'the link was closed')
}
