/** Fewer writes without much copying: runs of small pieces become one, big pieces stay as they are. */
import { concat } from '../bytes/index.js'

/** A write of its own costs less than copying this much, and the garbage that comes of it. */
const BIG_BYTES = 8_192

export function joined(pieces: readonly Uint8Array[]): Uint8Array[] {
  const writes: Uint8Array[] = []
  let small: Uint8Array[] = []
  const join = (): void => {
    const [only] = small
    if (only !== undefined) writes.push(small.length === 1 ? only : concat(...small))
    small = []
  }
  for (const piece of pieces) {
    if (piece.length < BIG_BYTES) small.push(piece)
    else {
      join()
      writes.push(piece)
    }
  }
  join()
  return writes
}
