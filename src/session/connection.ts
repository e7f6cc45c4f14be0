/**
 * One authenticated BTP connection: request ids, replies, timeouts, limits, keep-alive. RFC-23, "Flow".
 * Pure protocol logic: it knows its socket and its clock only by their interfaces. After authentication nothing that is
 * merely odd closes a connection: unreadable messages and unexpected replies are ignored, unsupported requests answered with
 * an Error. Only limits and silence close it.
 */
import {
  BtpError,
  type BtpVersion,
  decodeFrame,
  duplicateName,
  encodeFrame,
  ERROR,
  type Frame,
  frameHead,
  FULFILL,
  MESSAGE,
  PREPARE,
  REJECT,
  type RequestFrame,
  RESPONSE,
  type SubProtocol,
  TRANSFER,
} from '../btp/index.js'
import type { CancelTimer, Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, errorFrame, errorReply } from './failures.js'
import type { SessionLimits } from './limits.js'
import type { BtpFailure, ReadAs, Reply, RequestBody, Session, SessionOwner, Transport } from './types.js'

export interface ConnectionOptions {
  readonly version: BtpVersion
  /** What the peer authenticated for; '' on the connecting side. */
  readonly account: string
  readonly transport: Transport
  readonly owner: SessionOwner
  readonly clock: Clock
  readonly log: Log
  /** 0 ≤ x < 1. */
  readonly random: () => number
  readonly limits: SessionLimits
  readonly readAs?: ReadAs | undefined
}

interface Pending {
  readonly deadline: number
  readonly onReply: (reply: Reply) => void
}

const CLOSED: Reply = { type: 'lost', why: 'closed' }
const TIMEOUT: Reply = { type: 'lost', why: 'timeout' }

/** Of the 32 bits on the wire, those that V8 keeps as a small integer: map keys that cost no allocation. */
const REQUEST_ID_MAX = 2 ** 30 - 1

const NORMAL_CLOSURE = 1000
const POLICY_VIOLATION = 1008

const UNSUPPORTED = btpFailure('NotAcceptedError', 'unsupported packet type')
const DUPLICATE_NAMES = btpFailure('InvalidFieldsError', 'sub-protocol names must differ')
const AUTHENTICATED = btpFailure('NotAcceptedError', 'already authenticated')
const INTERNAL = btpFailure('NotAcceptedError', 'internal error')

export class Connection implements Session {
  readonly version: BtpVersion
  readonly account: string
  /** Resolves when the socket has ended, however long that takes after `close`. */
  readonly gone: Promise<void>

  readonly #transport: Transport
  readonly #owner: SessionOwner
  readonly #clock: Clock
  readonly #log: Log
  readonly #limits: SessionLimits
  readonly #readAs: ReadAs | undefined
  #state: 'new' | 'open' | 'closed' = 'new'

  #lastId: number
  /** By request id, oldest first: the timeout is the same for all, so they also end in this order. */
  readonly #pending = new Map<number, Pending>()
  #cancelTimeout: CancelTimer | undefined

  /** The peer's requests that wait for an answer: frame bytes by request id. */
  readonly #unanswered = new Map<number, number>()
  #unansweredBytes = 0

  #cancelPing: CancelTimer | undefined
  #heard = false
  #onGone: () => void = () => undefined

  constructor(options: ConnectionOptions) {
    this.version = options.version
    this.account = options.account
    this.#transport = options.transport
    this.#owner = options.owner
    this.#clock = options.clock
    this.#log = options.log
    this.#limits = options.limits
    this.#readAs = options.readAs
    // Old hosts send every packet to every socket: holders that all began at 1 would read each other's answers.
    this.#lastId = Math.floor(options.random() * (REQUEST_ID_MAX + 1))
    this.gone = new Promise((resolve) => {
      this.#onGone = resolve
    })
  }

  get open(): boolean {
    return this.#state === 'open'
  }

  /** Takes the transport over. Its messages are served from now on. */
  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'open'
    this.#transport.onMessage = (message) => this.#receive(message)
    this.#transport.onPong = () => {
      this.#heard = true
    }
    this.#transport.onClosed = (reason) => {
      this.#end(reason)
      this.#onGone()
    }
    this.#pingAfter(this.#limits.pingIntervalMs)
  }

  /** Answers the request that authenticated the peer, and tells the owner when that has left. */
  greet(requestId: number): void {
    this.#send(this.#encode({ type: RESPONSE, requestId, entries: [] }), () => {
      try {
        this.#owner.onGreeted?.(this)
      } catch (error) {
        this.#log.error('a greeting handler threw', { account: this.account, error })
      }
    })
  }

  /** Tells the owner that it is open. */
  announce(): void {
    try {
      this.#owner.onOpen?.(this)
    } catch (error) {
      this.#log.error('an open handler threw', { account: this.account, error })
    }
  }

  request(body: RequestBody, onReply: (reply: Reply) => void): void {
    if (this.#state !== 'open') {
      queueMicrotask(() => this.#tell(onReply, CLOSED))
      return
    }
    if (this.#pending.size >= this.#limits.pendingRequestsMax) {
      const failure = btpFailure('UnreachableError', 'too many requests in flight; wait for answers')
      queueMicrotask(() => this.#tell(onReply, { type: 'error', ...failure }))
      return
    }
    const requestId = this.#nextId()
    let message: Uint8Array
    try {
      message = this.#encode({ ...body, requestId })
    } catch (error) {
      const failure = btpFailure('InvalidFieldsError', error instanceof Error ? error.message : 'not a BTP packet')
      queueMicrotask(() => this.#tell(onReply, { type: 'error', ...failure }))
      return
    }
    this.#pending.set(requestId, { deadline: this.#clock.now() + this.#limits.requestTimeoutMs, onReply })
    this.#cancelTimeout ??= this.#clock.after(this.#limits.requestTimeoutMs, () => this.#expire())
    this.#send(message)
  }

  respond(requestId: number, entries: readonly SubProtocol[] = []): void {
    this.#answer({ type: RESPONSE, requestId, entries })
  }

  fail(requestId: number, failure: BtpFailure): void {
    this.#answer(errorFrame(requestId, failure, this.#clock.now()))
  }

  close(reason: string): void {
    if (this.#state === 'closed') return
    this.#transport.close(NORMAL_CLOSURE, reason)
    this.#end(reason)
  }

  /** Ends without a closing handshake: for whoever cannot wait for the peer. */
  terminate(reason: string): void {
    this.#end(reason)
    this.#transport.terminate()
  }

  #receive(message: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#heard = true
    if (message.length > this.#limits.frameBytesMax) {
      this.#refuse('frame too long')
      return
    }
    let frame: Frame
    try {
      frame = decodeFrame(message, this.version)
      if (this.#readAs !== undefined) frame = this.#readAs(frame)
    } catch (error) {
      if (error instanceof BtpError && error.code === 'BTP_TYPE') this.#unsupported(message)
      return
    }
    switch (frame.type) {
      case RESPONSE:
        this.#settle(frame.requestId, { type: 'response', entries: frame.entries })
        return
      case ERROR:
        this.#settle(frame.requestId, errorReply(frame))
        return
      case PREPARE:
      case FULFILL:
      case REJECT:
      case MESSAGE:
      case TRANSFER:
        this.#serve(frame, message.length)
    }
  }

  #serve(frame: RequestFrame, bytes: number): void {
    const { requestId } = frame
    // The id must be unique among those in flight. An answer to the second would be read as one to the first, so there is none.
    if (this.#unanswered.has(requestId)) return
    if (this.#unanswered.size >= this.#limits.incomingRequestsMax) return this.#refuse('too many requests in flight')
    this.#unansweredBytes += bytes
    if (this.#unansweredBytes > this.#limits.incomingBytesMax) return this.#refuse('too many bytes in flight')
    this.#unanswered.set(requestId, bytes)
    if (duplicateName(frame.entries) !== undefined) return this.fail(requestId, DUPLICATE_NAMES)
    // It holds a token, which nobody above has to see.
    if (frame.type === MESSAGE && frame.entries[0]?.name === 'auth') return this.fail(requestId, AUTHENTICATED)
    try {
      this.#owner.onRequest(this, frame)
    } catch (error) {
      this.#log.error('a request handler threw', { account: this.account, error })
      if (this.#unanswered.has(requestId)) this.fail(requestId, INTERNAL)
    }
  }

  /** Never answers what may itself be an answer, nor what has no frame around it: two peers could go on for ever. */
  #unsupported(message: Uint8Array): void {
    const head = frameHead(message)
    if (head === undefined || head.type < PREPARE) return
    this.#sendFrame(errorFrame(head.requestId, UNSUPPORTED, this.#clock.now()))
  }

  #settle(requestId: number, reply: Reply): void {
    const pending = this.#pending.get(requestId)
    if (pending === undefined) return
    this.#pending.delete(requestId)
    this.#tell(pending.onReply, reply)
  }

  #tell(onReply: (reply: Reply) => void, reply: Reply): void {
    try {
      onReply(reply)
    } catch (error) {
      this.#log.error('a reply handler threw', { account: this.account, error })
    }
  }

  #expire(): void {
    this.#cancelTimeout = undefined
    const { requestTimeoutMs } = this.#limits
    for (const [requestId, { deadline, onReply }] of this.#pending) {
      const leftMs = deadline - this.#clock.now()
      // More left than there ever was: the clock was set back, and this request has waited long enough.
      if (leftMs > 0 && leftMs <= requestTimeoutMs) {
        this.#cancelTimeout = this.#clock.after(leftMs, () => this.#expire())
        return
      }
      this.#pending.delete(requestId)
      this.#tell(onReply, TIMEOUT)
      if (this.#state !== 'open') return
    }
  }

  #nextId(): number {
    do {
      this.#lastId = (this.#lastId + 1) & REQUEST_ID_MAX
    } while (this.#pending.has(this.#lastId))
    return this.#lastId
  }

  #answer(frame: Frame): void {
    if (this.#state !== 'open') return
    const bytes = this.#unanswered.get(frame.requestId)
    if (bytes !== undefined) {
      this.#unanswered.delete(frame.requestId)
      this.#unansweredBytes -= bytes
    }
    this.#sendFrame(frame)
  }

  #sendFrame(frame: Frame): void {
    let message: Uint8Array
    try {
      message = this.#encode(frame)
    } catch (error) {
      this.#log.error('an answer cannot be sent', { account: this.account, error })
      message = this.#encode(errorFrame(frame.requestId, INTERNAL, this.#clock.now()))
    }
    this.#send(message)
  }

  #encode(frame: Frame): Uint8Array {
    const message = encodeFrame(frame, this.version)
    if (message.length > this.#limits.frameBytesMax) throw new RangeError('the packet is longer than frameBytesMax')
    return message
  }

  #send(message: Uint8Array, onSent?: () => void): void {
    this.#transport.send(message, onSent)
    if (this.#transport.bufferedBytes > this.#limits.sendBufferBytesMax) this.#drop('the peer does not read')
  }

  #pingAfter(delayMs: number): void {
    const { pingIntervalMs, pongTimeoutMs } = this.#limits
    this.#cancelPing = this.#clock.after(delayMs, () => {
      this.#heard = false
      this.#transport.ping()
      this.#cancelPing = this.#clock.after(pongTimeoutMs, () => {
        if (this.#heard) this.#pingAfter(Math.max(0, pingIntervalMs - pongTimeoutMs))
        else this.#drop('the peer is silent')
      })
    })
  }

  #refuse(reason: string): void {
    this.#log.warn('closing a connection', { account: this.account, reason })
    this.#transport.close(POLICY_VIOLATION, reason)
    this.#end(reason)
  }

  #drop(reason: string): void {
    this.#log.warn('dropping a connection', { account: this.account, reason })
    this.terminate(reason)
  }

  #end(reason: string): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#cancelPing?.()
    this.#cancelTimeout?.()
    this.#unanswered.clear()
    // In a microtask, because `close` and `request` are also called by those who are told here.
    queueMicrotask(() => {
      for (const { onReply } of this.#pending.values()) this.#tell(onReply, CLOSED)
      this.#pending.clear()
      try {
        this.#owner.onClosed(this, reason)
      } catch (error) {
        this.#log.error('a close handler threw', { account: this.account, error })
      }
    })
  }
}
