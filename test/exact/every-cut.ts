/** Every place at which the connections of a short stream can be cut, bought one after the other and several at once. */
import assert from 'node:assert/strict'
import { type Bought, type CutAt, LETTERS, PRICE, ShortStreams } from './short-stream.js'

export interface CutFigures {
  readonly cuts: number
  /** Streams that the buyer read whole in spite of the cut: its link came back. */
  readonly whole: number
  /** Units captured and not read, at most. */
  readonly lostUnitsMax: number
  readonly ends: Readonly<Record<string, number>>
}

/** Holders and streams at once. */
const AT_ONCE = 8

/** Cuts at the end of each frame, one byte before and after it, and at every `stride`th byte. */
export async function buyAtEveryCut(stride: number, onCut: (cut: CutAt) => void = () => {}): Promise<CutFigures> {
  const streams = await ShortStreams.open()
  try {
    const whole = await streams.buy()
    assert.deepEqual([whole.read, whole.end], [LETTERS.length, 'whole'])
    const cuts = placesOf(whole, stride)
    const ends: Record<string, number> = {}
    let lostUnitsMax = 0
    let next = 0
    const buyNext = async (): Promise<void> => {
      for (let cut = cuts[next++]; cut !== undefined; cut = cuts[next++]) {
        onCut(cut)
        const { read, captured, end } = await streams.buy({ cut })
        ends[end] = (ends[end] ?? 0) + 1
        lostUnitsMax = Math.max(lostUnitsMax, Number(captured / PRICE) - read)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, buyNext))
    streams.checkStreams()
    return { cuts: cuts.length, whole: ends['whole'] ?? 0, lostUnitsMax, ends }
  } finally {
    await streams.close()
  }
}

function placesOf(whole: Bought, stride: number): CutAt[] {
  const cuts: CutAt[] = []
  for (const connection of ['http', 'btp'] as const) {
    const [traffic] = whole[connection]
    assert.ok(traffic)
    for (const direction of ['up', 'down'] as const) {
      const bytes = Buffer.concat(traffic[direction])
      const ends: readonly number[] = connection === 'btp' ? frameEnds(bytes) : pieceEnds(traffic[direction])
      assert.equal(ends.at(-1), bytes.length)
      const places = new Set(ends.flatMap((end) => [end - 1, end, end + 1]))
      for (let at = 0; at < bytes.length; at += stride) places.add(at)
      for (const afterBytes of places) {
        if (afterBytes > bytes.length) continue
        // Of the two ways to go each place gets one, and its neighbour the other.
        cuts.push({ connection, direction, afterBytes, how: cuts.length % 2 === 0 ? 'fin' : 'rst' })
      }
    }
  }
  return cuts
}

/** Where the pieces end that the response was written in. */
function pieceEnds(pieces: readonly Uint8Array[]): number[] {
  let end = 0
  return pieces.map((piece) => (end += piece.length))
}

/** Where the handshake ends, and each frame after it (RFC 6455 section 5.2). */
function frameEnds(bytes: Buffer): number[] {
  let at = bytes.indexOf('\r\n\r\n') + 4
  const ends = [at]
  while (at + 2 <= bytes.length) {
    const second = bytes.readUInt8(at + 1)
    const short = second & 0x7f
    const length =
      short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
    at += 2 + (short < 126 ? 0 : short === 126 ? 2 : 8) + (second >= 0x80 ? 4 : 0) + length
    ends.push(at)
  }
  return ends
}
