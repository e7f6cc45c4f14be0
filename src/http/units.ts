/**
 * What one price buys: a unit cuts a source's chunks into pieces that are sold one by one. A piece has at least one byte.
 */
import { concat, EMPTY } from '../bytes/index.js'
import type { Source } from './source.js'

export interface Unit {
  /** As `Pay-Terms` says it. */
  readonly name: string
  /** A source whose every `next()` is one unit. */
  cut(source: Source): Source
}

/** Whatever the source yields at once. */
export const chunk: Unit = { name: 'chunk', cut: (source) => source }

/** One character (Unicode code point, as UTF-8). Bytes that are no UTF-8 count one by one. */
export const letter: Unit = {
  name: 'letter',
  cut: (source) => pieces(source, (bytes, at) => characterBytes(bytes[at] ?? 0)),
}

/**
 * Cuts by length: `lengthAt` says how long the piece is that starts at `at` of `bytes`. A piece that reaches beyond the
 * chunk is completed from the next one; the last may be shorter.
 */
function pieces(source: Source, lengthAt: (bytes: Uint8Array, at: number) => number): Source {
  let rest: Uint8Array = EMPTY
  let ended = false

  /** The next piece of what was read; `undefined` when more must be read, or nothing is left. */
  const cut = (): Uint8Array | undefined => {
    if (rest.length === 0) return undefined
    const length = lengthAt(rest, 0)
    if (length > rest.length && !ended) return undefined
    const piece = rest.subarray(0, length)
    rest = rest.subarray(length)
    return piece
  }

  const take = (bytes: Uint8Array | undefined): void => {
    if (bytes === undefined) ended = true
    else rest = rest.length === 0 ? bytes : concat(rest, bytes)
  }

  const afterwards = async (pending: Promise<Uint8Array | undefined>): Promise<Uint8Array | undefined> => {
    take(await pending)
    return next()
  }

  const next = (): ReturnType<Source['next']> => {
    for (;;) {
      const piece = cut()
      if (piece !== undefined || ended) return piece
      const read = source.next()
      if (read instanceof Promise) return afterwards(read)
      take(read)
    }
  }

  return { next, cancel: () => source.cancel() }
}

/** Length of the UTF-8 sequence that starts with `lead` (RFC 3629). */
function characterBytes(lead: number): number {
  if (lead < 0xc2) return 1
  if (lead < 0xe0) return 2
  if (lead < 0xf0) return 3
  return lead < 0xf5 ? 4 : 1
}

const NAMED = { chunk, letter } as const

export type UnitName = keyof typeof NAMED

export function unitNamed(name: UnitName): Unit {
  return NAMED[name]
}
