/**
 * Cuts a source's chunks into pieces, wherever the chunks end: the pieces are the same for every division into chunks. A
 * piece within one chunk is a view of it; one that spans several is put together once.
 */
import { concat, EMPTY } from '../bytes/index.js'
import { ShopError } from './errors.js'
import type { Pieces, Source } from './source.js'

/** A piece is held in memory until it is paid for. */
export const PIECE_BYTES_MAX = 16_777_216

/** Sees each byte of the content once, in order. */
export interface Scanner {
  /** Where in `bytes`, from `at` on, the piece under way ends; -1 when it goes on beyond them. */
  readonly end: (bytes: Uint8Array, at: number) => number
  /** Units of the piece that has just ended; absent: one. */
  readonly weight?: () => number
}

/** The last piece may be cut short by the end of the content. */
export function cutAt(source: Source, scanner: Scanner): Pieces {
  let rest: Uint8Array = EMPTY
  let at = 0
  let parts: Uint8Array[] = []
  let partsBytes = 0
  let ended = false
  let weight = 1

  const finish = (end: number): Uint8Array => {
    const last = rest.subarray(at, end)
    at = end
    weight = scanner.weight?.() ?? 1
    if (parts.length === 0) return last
    const piece = concat(...parts, last)
    parts = []
    partsBytes = 0
    return piece
  }

  /** The next piece of what was read; `undefined` when more must be read, or nothing is left. */
  const cut = (): Uint8Array | undefined => {
    if (at < rest.length) {
      const end = scanner.end(rest, at)
      if (end >= 0) return finish(end)
      parts.push(rest.subarray(at))
      partsBytes += rest.length - at
      if (partsBytes > PIECE_BYTES_MAX) {
        throw new ShopError('SHOP_UNIT', `a piece may have ${PIECE_BYTES_MAX} bytes: sell a smaller unit`)
      }
      rest = EMPTY
      at = 0
    }
    return ended && parts.length > 0 ? finish(0) : undefined
  }

  const take = (bytes: Uint8Array | undefined): void => {
    if (bytes === undefined) ended = true
    else {
      rest = bytes
      at = 0
    }
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

  return {
    next,
    cancel: () => source.cancel(),
    get weight() {
      return weight
    },
  }
}

/** Pieces whose length their first byte tells. */
export function byLength(lengthOf: (first: number) => number): Scanner {
  let missing = 0
  return {
    end(bytes, at) {
      if (missing === 0) missing = lengthOf(bytes[at] ?? 0)
      const end = at + missing
      missing = Math.max(0, end - bytes.length)
      return missing === 0 ? end : -1
    },
  }
}
