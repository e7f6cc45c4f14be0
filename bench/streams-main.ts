/**
 * `npm run bench:streams [-- --only distance|bulk] [--quick]`: what distance and size cost a stream that is paid, beside
 * what there is to compare with, in one run. README.md says what is measured.
 */
import { parseArgs } from 'node:util'
import { measureBulk } from './bulk.js'
import { measureDistance } from './distance.js'

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, quick: { type: 'boolean', default: false } },
})
const { only, quick } = values
const wanted = (name: string): boolean => name.includes(only)

if (wanted('distance')) {
  const figures = await measureDistance({
    letters: quick ? 100 : 2000,
    peerLetters: quick ? 5 : 2000,
    windows: quick ? [10] : [1, 10, 100, 1000],
    roundTripMs: quick ? 4 : 20,
  })
  const peer = figures[0]?.lettersPerSecond ?? NaN
  for (const { contender, window, letters, ms, lettersPerSecond, roundTrips } of figures) {
    const ratio = (lettersPerSecond / peer).toPrecision(3)
    const how = `${letters} letters in ${ms} ms, ${roundTrips} round trips`
    console.log(`${contender}, window ${window}: ${lettersPerSecond} letters/s (× ${ratio}); ${how}`)
  }
  for (const one of figures) console.log(JSON.stringify(one))
}

if (wanted('bulk')) {
  const figures = await measureBulk({ fileBytes: quick ? 2_000_000 : 200_000_000, window: 64, rounds: quick ? 1 : 5 })
  for (const { contender, bytes, ms, sellerCpuMs, buyerCpuMs, timesCpu } of figures) {
    const cpu = `CPU ${sellerCpuMs} ms at the seller, ${buyerCpuMs} ms at the buyer (× ${timesCpu})`
    console.log(`${bytes} bytes, ${contender}: ${ms} ms; ${cpu}`)
  }
  for (const one of figures) console.log(JSON.stringify(one))
}
