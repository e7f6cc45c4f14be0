/**
 * The accepting side of a connection until its peer is known. RFC-23, "Authentication".
 * A stranger can do nothing but say who it is: its first message must be an auth message, small and soon. What it sends
 * while it is being judged waits in a bounded queue and is served after the answer.
 */
import { type BtpVersion, type Credentials, decodeFrame, encodeFrame, type Frame, readAuth } from '../btp/index.js'
import type { CancelTimer, Clock } from '../clock/index.js'
import type { Log } from '../log/index.js'
import { btpFailure, errorFrame } from './failures.js'
import type { BtpFailure, Transport } from './types.js'

/** Limits of a connection that is not authenticated. */
export interface StrangerLimits {
  /** From the connection to the decision. */
  readonly authTimeoutMs: number
  readonly authFrameBytesMax: number
  /** Messages that may wait while the decision is made, and their bytes. */
  readonly authQueueFramesMax: number
  readonly authQueueBytesMax: number
}

export const STRANGER_LIMITS: StrangerLimits = {
  authTimeoutMs: 2_000,
  authFrameBytesMax: 8 * 1024,
  authQueueFramesMax: 64,
  authQueueBytesMax: 32 * 1024,
}

/** Whom a stranger says it is, and where from. */
export interface Claim extends Credentials {
  readonly remoteAddress: string
}

/** The account that a claim opens, or `undefined` when it opens none. A rejection refuses it too. */
export type Authenticate = (claim: Claim) => string | undefined | Promise<string | undefined>

export interface StrangerOptions {
  readonly version: BtpVersion
  readonly transport: Transport
  readonly remoteAddress: string
  readonly authenticate: Authenticate
  readonly clock: Clock
  readonly log: Log
  readonly limits: StrangerLimits
  /** It is known now: answer `requestId` first, then serve `queued`. */
  readonly onAccepted: (account: string, requestId: number, queued: readonly Uint8Array[]) => void
  /** It will not be, and its socket has ended. */
  readonly onGone: () => void
}

const POLICY_VIOLATION = 1008
const NOT_AUTH = btpFailure(
  'InvalidFieldsError',
  'the first packet must be an auth message with auth_username and auth_token, both plain text',
)
const NOT_ACCEPTED = btpFailure('NotAcceptedError', 'invalid user name or token')

export class Stranger {
  readonly #options: StrangerOptions
  #state: 'waiting' | 'judged' | 'refused' | 'over' = 'waiting'
  #queued: Uint8Array[] = []
  #queuedBytes = 0
  #cancelTimeout: CancelTimer | undefined

  constructor(options: StrangerOptions) {
    this.#options = options
  }

  start(): void {
    const { transport, clock, limits } = this.#options
    transport.onMessage = (message) => this.#receive(message)
    transport.onPong = () => undefined
    transport.onClosed = () => this.#leave()
    this.#cancelTimeout = clock.after(limits.authTimeoutMs, () => this.drop('authentication took too long'))
  }

  /** Ends it without an answer. */
  drop(reason: string): void {
    if (this.#state === 'over') return
    this.#options.log.debug('a connection did not authenticate', { reason, remoteAddress: this.#options.remoteAddress })
    this.#options.transport.terminate()
    this.#leave()
  }

  #receive(message: Uint8Array): void {
    const { limits } = this.#options
    if (this.#state === 'waiting') {
      if (message.length > limits.authFrameBytesMax) this.drop('first packet too long')
      else this.#hear(message)
    } else if (this.#state === 'judged') {
      this.#queuedBytes += message.length
      this.#queued.push(message)
      if (this.#queued.length > limits.authQueueFramesMax || this.#queuedBytes > limits.authQueueBytesMax) {
        this.drop('too much sent ahead of authentication')
      }
    }
  }

  #hear(message: Uint8Array): void {
    let frame: Frame
    try {
      frame = decodeFrame(message, this.#options.version)
    } catch {
      this.drop('unreadable first packet')
      return
    }
    const credentials = readAuth(frame, this.#options.version)
    if (credentials === undefined) {
      this.#refuse(frame.requestId, NOT_AUTH)
      return
    }
    this.#state = 'judged'
    this.#judge(frame.requestId, { ...credentials, remoteAddress: this.#options.remoteAddress })
  }

  #judge(requestId: number, claim: Claim): void {
    let decision: string | undefined | Promise<string | undefined>
    try {
      decision = this.#options.authenticate(claim)
    } catch (error) {
      this.#failed(requestId, error)
      return
    }
    if (typeof decision === 'object') {
      Promise.resolve(decision).then(
        (account) => this.#decide(requestId, account),
        (error: unknown) => this.#failed(requestId, error),
      )
    } else {
      this.#decide(requestId, decision)
    }
  }

  #decide(requestId: number, account: string | undefined): void {
    if (this.#state !== 'judged') return
    // Whatever else a program in JavaScript may answer is a refusal.
    if (typeof account !== 'string') {
      this.#refuse(requestId, NOT_ACCEPTED)
      return
    }
    this.#state = 'over'
    this.#cancelTimeout?.()
    this.#options.onAccepted(account, requestId, this.#queued)
  }

  /** Only the kind of error is logged: its text may quote what it was given. */
  #failed(requestId: number, error: unknown): void {
    this.#options.log.error('authentication failed to decide', {
      error: error instanceof Error ? error.name : typeof error,
    })
    this.#refuse(requestId, NOT_ACCEPTED)
  }

  #refuse(requestId: number, failure: BtpFailure): void {
    if (this.#state === 'over') return
    // Until its socket ends it counts as a stranger, and the time to authenticate is also the time to leave.
    this.#state = 'refused'
    this.#queued = []
    const { transport, version, clock, log, remoteAddress } = this.#options
    // At the lowest level: a stranger may not fill the log either.
    log.debug('refused a connection', { remoteAddress, name: failure.name, message: failure.message })
    transport.send(encodeFrame(errorFrame(requestId, failure, clock.now()), version))
    transport.close(POLICY_VIOLATION, failure.name)
  }

  #leave(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#cancelTimeout?.()
    this.#queued = []
    this.#options.onGone()
  }
}
