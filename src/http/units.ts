/**
 * What one price buys: a unit cuts a source's chunks into pieces that are sold one by one, each for as many units as it
 * weighs. Units of time are not cut: `time-meter.ts` sells them.
 */
import { concat } from '../bytes/index.js'
import { byLength, cutAt, PIECE_BYTES_MAX, type Scanner } from './cutting.js'
import { ShopError } from './errors.js'
import type { Pieces, Source } from './source.js'

export interface Unit {
  /** As `Pay-Terms` says it. */
  readonly name: string
  /** How many of what the name says one price buys; default 1. */
  readonly step?: number
  /** A unit of time: how long one price lets the source flow as it comes, in milliseconds. It cuts nothing. */
  readonly lastsMs?: number
  /** A source whose every `next()` is sold whole. */
  cut(source: Source): Pieces
}

/** Whatever the source yields at once. */
export const chunk: Unit = { name: 'chunk', cut: (source) => source }

/** One character (Unicode code point, as UTF-8). Bytes that are no UTF-8 count one by one. */
export const letter: Unit = { name: 'letter', cut: (source) => cutAt(source, byLength(characterBytes)) }

/** `step` bytes; the last piece may be shorter. @throws {ShopError} `SHOP_OPTIONS` */
export function bytes(step: number): Unit {
  if (!Number.isSafeInteger(step) || step < 1 || step > PIECE_BYTES_MAX) {
    throw new ShopError('SHOP_OPTIONS', `bytes are sold by 1 to ${PIECE_BYTES_MAX}`)
  }
  return {
    name: 'byte',
    step,
    cut: (source) =>
      cutAt(
        source,
        byLength(() => step),
      ),
  }
}

/** One line, its LF included: text, CSV, JSON lines. */
export const line: Unit = {
  name: 'line',
  cut: (source) => cutAt(source, { end: (text, at) => text.indexOf(LF, at) + 1 || -1 }),
}

/**
 * One server-sent event, up to and including its blank line (WHATWG HTML section 9.2.6; lines end by LF, CR or CRLF).
 * Comments that keep a connection alive, and blank lines, are free.
 */
export const sseEvent: Unit = { name: 'sse-event', cut: (source) => cutAt(source, sseScanner()) }

/**
 * Tokens: each piece of `of` (a chunk, unless said otherwise) costs as many as `count` finds in its text, and leaves when
 * all of them are paid. Pieces without any are free. A piece costs one token per byte at most.
 */
export function tokens(count: (text: string) => number = () => 1, of: Unit = chunk): Unit {
  return {
    name: 'token',
    cut(source) {
      const pieces = of.cut(source)
      const text = new TextDecoder()
      return weighed(pieces, (piece) => {
        const found = count(text.decode(piece))
        if (!Number.isFinite(found) || found < 0) {
          throw new ShopError('SHOP_UNIT', 'the number of tokens in a text must be 0 or more')
        }
        return Math.min(Math.ceil(found), piece.length)
      })
    },
  }
}

/** One request as a whole: sold ahead of its answer. */
export const request: Unit = { name: 'request', cut: (source) => source }

/** One second of whatever the source yields meanwhile. */
export const second: Unit = seconds(1)

function seconds(step: number): Unit {
  return { name: 'second', ...(step !== 1 && { step }), lastsMs: step * 1000, cut: (source) => source }
}

/** The same unit, `times` as much for one price. */
export function stepped(unit: Unit, times: number): Unit {
  const step = (unit.step ?? 1) * times
  if (times === 1) return unit
  if (unit.name === 'byte') return bytes(step)
  if (!Number.isSafeInteger(step)) throw new ShopError('SHOP_OPTIONS', 'a step must be a whole number below 2^53')
  if (unit.lastsMs !== undefined) return seconds(step)
  return { name: unit.name, step, cut: (source) => grouped(unit.cut(source), times) }
}

const NAMED = { chunk, letter, byte: bytes(1), line, 'sse-event': sseEvent, token: tokens(), second, request } as const

export type UnitName = keyof typeof NAMED

/** @throws {ShopError} `SHOP_OPTIONS` for a name that is none */
export function unitNamed(name: UnitName): Unit {
  if (Object.hasOwn(NAMED, name)) return NAMED[name]
  throw new ShopError('SHOP_OPTIONS', `no unit is called ${String(name)}: there are ${Object.keys(NAMED).join(', ')}`)
}

const LF = 0x0a
const CR = 0x0d
const COLON = 0x3a

/** Length of the UTF-8 sequence that starts with `lead` (RFC 3629). */
function characterBytes(lead: number): number {
  if (lead < 0xc2) return 1
  if (lead < 0xe0) return 2
  if (lead < 0xf0) return 3
  return lead < 0xf5 ? 4 : 1
}

function sseScanner(): Scanner {
  let inLine = false
  let fields = false
  let counted = false
  /** The byte before was a CR, whose line was blank or not. */
  let afterCr: 'no' | 'line' | 'blank' = 'no'

  const finished = (end: number): number => {
    counted = fields
    fields = false
    afterCr = 'no'
    return end
  }
  return {
    end(text, from) {
      for (let at = from; at < text.length; at++) {
        const byte = text[at]
        if (afterCr === 'blank') return finished(byte === LF ? at + 1 : at)
        if (byte === LF && afterCr === 'line') {
          afterCr = 'no'
        } else if (byte === LF || byte === CR) {
          const blank = !inLine
          inLine = false
          if (byte === CR) afterCr = blank ? 'blank' : 'line'
          else if (blank) return finished(at + 1)
          else afterCr = 'no'
        } else {
          if (!inLine && byte !== COLON) fields = true
          inLine = true
          afterCr = 'no'
        }
      }
      return -1
    },
    weight() {
      // The content may end in the middle of an event.
      const weight = counted || fields ? 1 : 0
      counted = false
      fields = false
      return weight
    },
  }
}

function weighed(pieces: Pieces, weigh: (piece: Uint8Array) => number): Pieces {
  let weight = 0
  const take = (piece: Uint8Array | undefined): Uint8Array | undefined => {
    if (piece !== undefined) weight = weigh(piece)
    return piece
  }
  return {
    next() {
      const piece = pieces.next()
      return piece instanceof Promise ? piece.then(take) : take(piece)
    },
    cancel: () => pieces.cancel(),
    get weight() {
      return weight
    },
  }
}

/** Pieces put together until they weigh `times` units, which then count as one; the last may weigh less. */
function grouped(pieces: Pieces, times: number): Pieces {
  let parts: Uint8Array[] = []
  let units = 0
  let weight = 1
  const flush = (whole: number): Uint8Array => {
    const [only] = parts
    const piece = parts.length === 1 && only ? only : concat(...parts)
    parts = []
    units -= whole * times
    weight = whole
    return piece
  }
  /** A group; `null` when more must be read. */
  const take = (piece: Uint8Array | undefined): Uint8Array | undefined | null => {
    if (piece === undefined) return parts.length === 0 ? undefined : flush(units > 0 ? 1 : 0)
    parts.push(piece)
    units += pieces.weight ?? 1
    return units < times ? null : flush(Math.floor(units / times))
  }
  const afterwards = async (pending: Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> => {
    const group = take(await pending)
    return group === null ? next() : group
  }
  const next = (): ReturnType<Source['next']> => {
    for (;;) {
      const piece = pieces.next()
      if (piece instanceof Promise) return afterwards(piece)
      const group = take(piece)
      if (group !== null) return group
    }
  }
  return {
    next,
    cancel: () => pieces.cancel(),
    get weight() {
      return weight
    },
  }
}
