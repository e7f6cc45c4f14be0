/**
 * Messages between accounts: Payments of one drop, each with a BTP 1.0 frame in its `xrpMessage` memo. A Message asks, a
 * Response or Error with its request id answers, a Reject says that an escrow will not be finished; nothing answers that.
 * Each costs its sender a fee and the drop, so an answer costs the answering side as much as the question the other.
 */
import {
  decodeFrame,
  encodeFrame,
  ERROR,
  findEntry,
  type Frame,
  MESSAGE,
  octetEntry,
  REJECT,
  RESPONSE,
  type SubProtocol,
} from '../btp/index.js'
import { utf8, fromUtf8 } from '../bytes/index.js'
import type { CancelTimer, Clock } from '../clock/index.js'
import {
  completeReason,
  decodeReason,
  encodeReason,
  type GivenReason,
  LinkError,
  type Reason,
  type RequestHandler,
} from '../link/index.js'
import type { Log } from '../log/index.js'
import { btpFailure } from '../session/index.js'
import { isJson, readDrops, type ValidatedTransaction } from './ledger-messages.js'
import { memosBytes, messageMemos, readMessageMemo } from './memos.js'
import type { XrpLimits } from './options.js'
import { ORDINARY_FEE } from './rules.js'
import type { Draft, Outcome } from './drafts.js'

export interface MessagePathOptions {
  readonly address: string
  readonly prefix: string
  readonly clock: Clock
  readonly log: Log
  readonly submit: (draft: Draft) => void
  readonly randomId: () => number
  readonly onRejected: (id: Uint8Array, by: string, reason: Reason) => void
  readonly limits: XrpLimits
}

interface Asked {
  readonly to: string
  readonly resolve: (entries: readonly SubProtocol[]) => void
  readonly reject: (error: LinkError) => void
  readonly cancel: CancelTimer
}

export const MESSAGE_PURPOSE = 'message/'
/** What a message moves, in drops. */
const MESSAGE_DROPS = 1n

export class MessagePath {
  readonly #options: MessagePathOptions
  readonly #handlers = new Map<string, RequestHandler>()
  readonly #asked = new Map<number, Asked>()
  #serving = 0

  constructor(options: MessagePathOptions) {
    this.#options = options
  }

  onRequest(name: string, handler: RequestHandler | undefined): void {
    if (handler === undefined) this.#handlers.delete(name)
    else this.#handlers.set(name, handler)
  }

  /** @throws {LinkError} `LINK_REFUSED`, `LINK_TIMEOUT`, `LINK_CLOSED` */
  async request(entries: readonly SubProtocol[], to: string): Promise<readonly SubProtocol[]> {
    const { clock, randomId, limits } = this.#options
    const { messageTimeoutMs, messagesPendingMax, memoBytesMax } = limits
    const requestId = randomId()
    if (this.#asked.size >= messagesPendingMax || this.#asked.has(requestId)) {
      throw new LinkError('LINK_REFUSED', 'too many requests are unanswered', btpFailure('UnreachableError', ''))
    }
    const frame = { type: MESSAGE, requestId, entries } as const
    if (memosBytes(messageMemos(encodeFrame(frame, 1))) > memoBytesMax) {
      const failure = btpFailure('InvalidFieldsError', '')
      throw new LinkError('LINK_REFUSED', `a message takes at most ${memoBytesMax} bytes of memos`, failure)
    }
    return new Promise((resolve, reject) => {
      const late = new LinkError('LINK_TIMEOUT', `no answer within ${messageTimeoutMs} ms`)
      const cancel = clock.after(messageTimeoutMs, () => this.#settle(requestId, (asked) => asked.reject(late)), true)
      this.#asked.set(requestId, { to, resolve, reject, cancel })
      this.#send(frame, to)
    })
  }

  /** Best effort: the sender of the escrow gets its money back without it, later. */
  sendReject(id: Uint8Array, to: string, given: GivenReason): void {
    const { prefix, address, clock, limits } = this.#options
    const told = completeReason(given, prefix + address, clock.now())
    // What does not fit is left out, from the end of what matters.
    const { code, message = '' } = given
    for (const reason of [
      told,
      completeReason({ code, message: message.slice(0, 200) }, prefix + address, clock.now()),
    ]) {
      const frame = {
        type: REJECT,
        requestId: 0,
        transferId: id,
        entries: [octetEntry('ilp', encodeReason(reason))],
      } as const
      if (memosBytes(messageMemos(encodeFrame(frame, 1))) <= limits.memoBytesMax) return this.#send(frame, to)
    }
  }

  onTransaction(transaction: ValidatedTransaction): void {
    const { type, result, fields, account } = transaction
    const { address } = this.#options
    if (type !== 'Payment' || result !== 'tesSUCCESS' || fields['Destination'] !== address || account === address)
      return
    if ((transaction.delivered ?? readDrops(fields['Amount']) ?? 0n) < MESSAGE_DROPS) return
    const bytes = readMessageMemo(fields['Memos'])
    if (bytes === undefined) return
    let frame: Frame
    try {
      frame = decodeFrame(bytes, 1)
    } catch {
      return this.#options.log.debug('a message is unreadable', { hash: transaction.hash })
    }
    this.#take(frame, account)
  }

  /** Of a message's Payment: one that was not sent gets no answer. */
  onOutcome(purpose: string, outcome: Outcome): void {
    const failed = outcome.status === 'refused' || outcome.transaction.result !== 'tesSUCCESS'
    if (!failed) return
    const why = outcome.status === 'refused' ? `${outcome.code}: ${outcome.message}` : outcome.transaction.result
    this.#options.log.warn('a message was not delivered', { why })
    const error = new LinkError(
      'LINK_REFUSED',
      `the message was not delivered: ${why}`,
      btpFailure('UnreachableError', ''),
    )
    this.#settle(Number(purpose.slice(MESSAGE_PURPOSE.length)), (asked) => asked.reject(error))
  }

  close(): void {
    const closed = new LinkError('LINK_CLOSED', 'the link was closed before the answer')
    for (const requestId of this.#asked.keys()) this.#settle(requestId, (asked) => asked.reject(closed))
  }

  #take(frame: Frame, from: string): void {
    switch (frame.type) {
      case MESSAGE:
        void this.#serve(frame.requestId, frame.entries, from)
        return
      case RESPONSE:
        if (this.#asked.get(frame.requestId)?.to === from) {
          this.#settle(frame.requestId, (asked) => asked.resolve(frame.entries))
        }
        return
      case ERROR:
        if (this.#asked.get(frame.requestId)?.to === from) {
          const error = new LinkError('LINK_REFUSED', textOf(frame.data), { code: frame.code, name: frame.name })
          this.#settle(frame.requestId, (asked) => asked.reject(error))
        }
        return
      case REJECT: {
        const { prefix, clock, onRejected } = this.#options
        const packet = findEntry(frame.entries, 'ilp')?.data
        onRejected(frame.transferId.slice(), from, decodeReason(packet, prefix + from, clock.now()))
        return
      }
      default:
        // Transfers are escrows here, not frames.
        this.#options.log.debug('a message of another kind was ignored', { type: frame.type })
    }
  }

  /** Never rejects. What a handler throws stays here, unless it is `LINK_REFUSED`, which is meant for the peer. */
  async #serve(requestId: number, entries: readonly SubProtocol[], from: string): Promise<void> {
    const { prefix, limits, clock, log } = this.#options
    const handler = this.#handlers.get(entries[0]?.name ?? '')
    if (handler === undefined || this.#serving >= limits.messagesPendingMax)
      return log.debug('nobody here answers a message', { from })
    this.#serving += 1
    let frame: Frame
    try {
      frame = { type: RESPONSE, requestId, entries: await handler(entries, prefix + from) }
      if (memosBytes(messageMemos(encodeFrame(frame, 1))) > limits.memoBytesMax)
        throw new Error('the answer is too long')
    } catch (error) {
      const meant = error instanceof LinkError && error.code === 'LINK_REFUSED' && error.peerName !== ''
      const { code, name } = meant ? { code: error.peerCode, name: error.peerName } : btpFailure('NotAcceptedError', '')
      if (!meant) log.warn('a message handler failed', { error: String(error) })
      const data = utf8(meant ? error.message.slice(0, 200) : 'the message could not be processed')
      frame = { type: ERROR, requestId, code, name, triggeredAt: clock.now(), data, entries: [] }
    } finally {
      this.#serving -= 1
    }
    this.#send(frame, from)
  }

  #send(frame: Frame, to: string): void {
    this.#options.submit({
      // Only a question waits for what becomes of it.
      purpose: MESSAGE_PURPOSE + (frame.type === MESSAGE ? String(frame.requestId) : ''),
      fields: {
        TransactionType: 'Payment',
        Destination: to,
        Amount: MESSAGE_DROPS.toString(),
        Memos: messageMemos(encodeFrame(frame, 1)),
      },
      units: ORDINARY_FEE,
      amount: MESSAGE_DROPS,
      owns: 0,
      deadline: undefined,
    })
  }

  #settle(requestId: number, settle: (asked: Asked) => void): void {
    const asked = this.#asked.get(requestId)
    if (asked === undefined) return
    this.#asked.delete(requestId)
    asked.cancel()
    settle(asked)
  }
}

/** An error's data: a bare sentence here, JSON from others. */
function textOf(data: Uint8Array): string {
  try {
    const text = fromUtf8(data)
    if (!text.startsWith('{')) return text
    const value: unknown = JSON.parse(text)
    return isJson(value) && typeof value['message'] === 'string' ? value['message'] : text
  } catch {
    return ''
  }
}
