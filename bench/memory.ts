/** What transfers cost us in memory: those that are held, and those that have ended and are still remembered. */
import { contenders, start } from './contenders.js'
import { makePayments } from './measure.js'

export interface MemoryFigures {
  readonly side: 'payer' | 'payee'
  readonly bytesPerLive: number
  /** A holder remembers none. */
  readonly bytesPerRemembered: number
}

/** Over the link, with the level store, whose memory is not the heap's. */
const contender = 'link, level'

/** Enough that what else grows or shrinks meanwhile does not count. */
export interface MemoryCounts {
  /** At most the holds that may be in flight. */
  readonly live: number
  readonly remembered: number
}

const window = 1000

export async function measureMemory(counts: MemoryCounts): Promise<MemoryFigures[]> {
  const found = contenders.find(({ name }) => name === contender)
  if (found === undefined) throw new Error(`there is no contender ${contender}`)
  const running = await start(found)
  const { payer, payee, stop } = running
  try {
    const sizes = async () => ({ payer: await payer.memory(), payee: await payee.memory() })
    // Code and pools first.
    await makePayments(running, counts.live, counts.live)
    const before = await payer.books()
    const empty = await sizes()
    await makePayments(running, counts.remembered, window)
    const remembered = (await payer.books()).payments - before.payments
    const ended = await sizes()
    await payee.call('keep')
    await payer.fill(counts.live)
    await payee.call('kept', { count: counts.live })
    const held = await sizes()
    return (['payer', 'payee'] as const).map((side) => ({
      side,
      bytesPerLive: Math.round((held[side] - ended[side]) / counts.live),
      bytesPerRemembered: Math.round((ended[side] - empty[side]) / remembered),
    }))
  } finally {
    await stop()
  }
}
