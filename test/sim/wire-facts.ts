/** Reads the frames on the wires for the oracle: who was told what, and who heard it (RFC-23 draft 2). */
import { decodeFrame, ERROR, findEntry, type Frame, FULFILL, MESSAGE, PREPARE, REJECT, RESPONSE } from 'sluice/btp'
import { EMPTY, toHex } from 'sluice/bytes'
import { decodePacketOf } from 'sluice/ilp'
import { Reader } from 'sluice/oer'
import type { Random } from './random.js'
import { type End, OldFrames, type Wire, type WireTap } from './network.js'
import type { Oracle, Stream } from './oracle.js'
import type { Trace } from './trace.js'

/** What a request asked, for whoever sees its answer. */
type Asked =
  | { readonly type: 'prepare' | 'fulfill' | 'reject'; readonly id: Uint8Array }
  | { readonly type: 'inquiry'; readonly ids: readonly Uint8Array[]; readonly expiries: readonly number[] }

interface WireBook {
  /** The holder's requests that the host got, and those that the holder made. */
  readonly heard: Map<number, Asked>
  readonly asked: Map<number, Asked>
}

type Told = 'prepared' | 'fulfilled' | 'dead' | undefined

export interface WireFactsOptions {
  readonly oracle: Oracle
  readonly trace: Trace
  readonly random: Random
  /** The first fault that was found: what a tap throws would end in the code under test. */
  readonly fail: (error: unknown) => void
}

export class WireFacts implements WireTap {
  frames = 0
  readonly #options: WireFactsOptions
  readonly #wires = new Map<Wire, WireBook>()
  readonly #old = new Map<string, OldFrames>()

  constructor(options: WireFactsOptions) {
    this.#options = options
  }

  /** A Prepare that this account's holder has sent before. */
  oldFrame(account: string): Uint8Array | undefined {
    return this.#old.get(account)?.pick()
  }

  sent(from: End, message: Uint8Array): void {
    this.frames += 1
    const frame = decodeFrame(message, 1)
    const { account } = from.wire
    this.#options.trace.add(() => `${from.side === 'host' ? `host → ${account}` : `${account} → host`}  ${show(frame)}`)
    this.#guard(() => (from.side === 'host' ? this.#hostSends(from, frame) : this.#holderSends(from, frame, message)))
  }

  delivered(to: End, message: Uint8Array, repeated: boolean): void {
    const frame = decodeFrame(message, 1)
    const { account } = to.wire
    if (repeated) this.#options.trace.add(() => `again at ${to.side} of ${account}  ${show(frame)}`)
    this.#guard(() => {
      if (to.side === 'holder') return this.#holderHears(to, frame)
      const asked = askedBy(frame)
      if (asked !== undefined) this.#of(to.wire).heard.set(frame.requestId, asked)
      if (repeated && frame.type === PREPARE) this.#options.oracle.repeated(account, frame.transferId)
    })
  }

  #guard(look: () => void): void {
    try {
      look()
    } catch (error) {
      this.#options.fail(error)
    }
  }

  #of(wire: Wire): WireBook {
    let book = this.#wires.get(wire)
    if (book === undefined) {
      book = { heard: new Map(), asked: new Map() }
      this.#wires.set(wire, book)
    }
    return book
  }

  #holderSends({ wire }: End, frame: Frame, message: Uint8Array): void {
    const asked = askedBy(frame)
    if (asked !== undefined) this.#of(wire).asked.set(frame.requestId, asked)
    if (frame.type !== PREPARE) return
    const { account } = wire
    let old = this.#old.get(account)
    if (old === undefined) {
      old = new OldFrames(this.#options.random)
      this.#old.set(account, old)
    }
    old.keep(message)
    const { transferId: id, amount, condition, expiresAt } = frame
    const stream = this.#streamOf(findEntry(frame.entries, 'ilp')?.data)
    this.#options.oracle.offered({ account, id, payer: 'holder', amount, condition, expiresAt, stream })
  }

  #streamOf(packet: Uint8Array | undefined): Stream | undefined {
    if (packet === undefined) return undefined
    // prefix.sim.server.client.payment
    const [, , , clientId] = decodePacketOf(1, packet).account.split('.')
    return this.#options.oracle.stream(clientId ?? '')
  }

  #hostSends({ wire }: End, frame: Frame): void {
    const { oracle } = this.#options
    const { account } = wire
    switch (frame.type) {
      case PREPARE: {
        const { transferId: id, amount, condition, expiresAt } = frame
        oracle.offered({ account, id, payer: 'host', amount, condition, expiresAt, stream: undefined })
        return oracle.tell(account, id, 'prepared')
      }
      case FULFILL:
        return oracle.tellFulfilled(account, frame.transferId, frame.fulfillment)
      case REJECT:
        return oracle.tell(account, frame.transferId, 'dead')
      case RESPONSE:
      case ERROR:
        return this.#hostAnswers(account, this.#of(wire).heard.get(frame.requestId), frame)
      default:
    }
  }

  #hostAnswers(account: string, asked: Asked | undefined, frame: Frame): void {
    const { oracle } = this.#options
    for (const [i, [id, told]] of answers(asked, frame).entries()) {
      if (told === undefined) continue
      if (asked?.type === 'inquiry') oracle.answered(account, id, told, asked.expiries[i] ?? 0)
      else oracle.tell(account, id, told)
    }
  }

  #holderHears({ wire }: End, frame: Frame): void {
    const { oracle } = this.#options
    const { account } = wire
    switch (frame.type) {
      case FULFILL:
        return oracle.heardFulfilled(account, frame.transferId)
      case REJECT:
        return oracle.heardDead(account, frame.transferId)
      case RESPONSE:
      case ERROR:
        return this.#holderHearsAnswer(account, this.#of(wire).asked.get(frame.requestId), frame)
      default:
    }
  }

  #holderHearsAnswer(account: string, asked: Asked | undefined, frame: Frame): void {
    const { oracle } = this.#options
    const refused = frame.type === ERROR && frame.name !== 'AlreadyFulfilledError'
    if (asked?.type === 'prepare' && refused) return oracle.heardDead(account, asked.id)
    for (const [id, told] of answers(asked, frame)) {
      if (asked?.type === 'inquiry' && told !== 'prepared') oracle.found(account, id)
      if (asked?.type === 'inquiry' && told === undefined) oracle.forgotten(account, id)
      if (told === 'dead') oracle.heardDead(account, id)
    }
  }
}

function askedBy(frame: Frame): Asked | undefined {
  switch (frame.type) {
    case PREPARE:
      return { type: 'prepare', id: frame.transferId }
    case FULFILL:
      return { type: 'fulfill', id: frame.transferId }
    case REJECT:
      return { type: 'reject', id: frame.transferId }
    case MESSAGE: {
      const question = findEntry(frame.entries, 'sluice.transfers')?.data
      if (question === undefined) return undefined
      const reader = new Reader(question)
      const ids: Uint8Array[] = []
      const expiries: number[] = []
      for (let left = reader.count(24); left > 0; left--) {
        ids.push(reader.octets(16))
        expiries.push(Number(reader.uint64()))
      }
      return { type: 'inquiry', ids, expiries }
    }
    default:
      return undefined
  }
}

/** What an answer of the host says about holds. */
function answers(asked: Asked | undefined, frame: Frame): (readonly [id: Uint8Array, told: Told])[] {
  if (asked === undefined) return []
  if (frame.type === ERROR) {
    if (asked.type === 'inquiry') return []
    if (frame.name === 'AlreadyFulfilledError') return [[asked.id, 'fulfilled']]
    return frame.name === 'AlreadyRolledBackError' ? [[asked.id, 'dead']] : []
  }
  if (frame.type !== RESPONSE) return []
  switch (asked.type) {
    case 'prepare':
      return [[asked.id, 'prepared']]
    case 'fulfill':
      return [[asked.id, 'fulfilled']]
    case 'reject':
      return [[asked.id, 'dead']]
    case 'inquiry':
      return readAnswers(asked.ids, findEntry(frame.entries, 'sluice.transfers')?.data ?? EMPTY)
  }
}

/** count · (state · …)*: prepared, fulfilled with fulfillment and data, rejected with reason, expired, forgotten. */
function readAnswers(ids: readonly Uint8Array[], data: Uint8Array): (readonly [Uint8Array, Told])[] {
  const reader = new Reader(data)
  const told: (readonly [Uint8Array, Told])[] = []
  const count = reader.count(1)
  for (const id of ids.slice(0, count)) {
    const state = reader.uint8()
    if (state === 1) reader.octets(32)
    if (state === 1 || state === 2) reader.varOctets()
    told.push([id, (['prepared', 'fulfilled', 'dead', 'dead'] as const)[state]])
  }
  return told
}

function show(frame: Frame): string {
  const id = 'transferId' in frame ? ` ${toHex(frame.transferId).slice(0, 8)}` : ''
  const amount = frame.type === PREPARE ? ` ${frame.amount}` : ''
  const error = frame.type === ERROR ? ` ${frame.name}` : ''
  const asked = askedBy(frame)
  const ids = asked?.type === 'inquiry' ? ` ${asked.ids.map((one) => toHex(one).slice(0, 8)).join(' ')}` : ''
  const entries = 'entries' in frame ? frame.entries.map((entry) => entry.name).join(' ') : ''
  const types = ['', 'Response', 'Error', 'Prepare', 'Fulfill', 'Reject', 'Message', 'Transfer']
  return `${types[frame.type] ?? ''} #${frame.requestId}${id}${amount}${error}${ids} ${entries}`.trimEnd()
}
