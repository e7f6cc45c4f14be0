/**
 * The tutorials' programs for a minute: letters against timer ticks, memory at a quarter of the time and at the end, bytes
 * for each letter between the two. `node build/test/soak/seeds.js [--seconds N] [--only TEXT]`; exit 1 when a letter is
 * missing or something was left to nobody.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { installOldPeers, ourModules } from '../interop/old-peers.js'
import type { WatchedProcess } from '../interop/watched-process.js'
import { allPrograms, type Programs } from '../seeds/programs.js'
import { lettersOf, Stall, untilLetters } from '../seeds/stall.js'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, only: { type: 'string', default: '' } },
})
const milliseconds = Number(values.seconds) * 1000

await installOldPeers()
for (const programs of allPrograms().filter(({ name }) => name.includes(values.only))) {
  const figures = await run(programs)
  console.log(JSON.stringify(figures))
  if (figures.faults.length > 0) process.exitCode = 1
}

async function run(programs: Programs): Promise<{ readonly faults: readonly string[] } & Record<string, unknown>> {
  const stall = await Stall.open(programs, ourModules)
  try {
    const buyer = await stall.buyer()
    await untilLetters(buyer, 1)
    const started = performance.now()
    await pause(milliseconds / 4)
    const early = await look(stall.shop, buyer)
    await pause((milliseconds * 3) / 4)
    const late = await look(stall.shop, buyer)
    const letters = lettersOf(buyer)
    const seconds = (performance.now() - started) / 1000
    await untilLetters(buyer, late.ticks)
    const each = (side: 'shop' | 'buyer'): number =>
      Math.round((late[side] - early[side]) / (late.letters - early.letters))
    return {
      programs: programs.name,
      seconds: Math.round(seconds),
      ticks: late.ticks,
      letters,
      lettersPerSecond: Math.round(letters / seconds),
      shopBytes: [early.shop, late.shop],
      shopBytesPerLetter: each('shop'),
      buyerBytes: [early.buyer, late.buyer],
      buyerBytesPerLetter: each('buyer'),
      faults: [...stall.shop.faults, ...buyer.faults],
    }
  } finally {
    await stall.close()
  }
}

interface Look {
  readonly ticks: number
  readonly letters: number
  /** Bytes in use, on the heap and beside it. */
  readonly shop: number
  readonly buyer: number
}

async function look(shop: WatchedProcess, buyer: WatchedProcess): Promise<Look> {
  const letters = lettersOf(buyer)
  const [one, other] = [await shop.report({ collect: true }), await buyer.report({ collect: true })]
  return { ticks: other.ticks, letters, shop: one.bytesUsed, buyer: other.bytesUsed }
}
