/** What transfers cost us in memory: those that are held, and those that have ended and are still remembered. */
import { contenders, start } from './contenders.js'

export interface MemoryFigures {
  readonly side: 'payer' | 'payee'
  readonly bytesPerLive: number
  /** A holder remembers none. */
  readonly bytesPerRemembered: number
}

/** Over the link, with the level store, whose memory is not the heap's. */
const contender = 'link, level'

/** `count` is at most the holds that may be in flight. */
export async function measureMemory(count: number): Promise<MemoryFigures[]> {
  const found = contenders.find(({ name }) => name === contender)
  if (found === undefined) throw new Error(`there is no contender ${contender}`)
  const { payer, payee, stop } = await start(found)
  try {
    // Code and pools first.
    await payer.fill(count)
    await payer.drain()
    const sizes = async () => ({ payer: await payer.memory(), payee: await payee.memory() })
    const empty = await sizes()
    await payee.call('keep')
    await payer.fill(count)
    await payee.call('kept', { count })
    const held = await sizes()
    // Nothing more is sent.
    const drained = payer.drain()
    await payee.call('release')
    await drained
    const ended = await sizes()
    return (['payer', 'payee'] as const).map((side) => ({
      side,
      bytesPerLive: Math.round((held[side] - empty[side]) / count),
      bytesPerRemembered: Math.round((ended[side] - empty[side]) / count),
    }))
  } finally {
    await stop()
  }
}
