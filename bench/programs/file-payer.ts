/** Downloads what file-payee.ts sells or gives away, and reads it without looking at it. */
import { payingFetch } from 'sluice/fetch'
import { holderAt } from 'sluice/link/ws'
import { answerCalls, programOptions } from './answer-calls.js'

const { http, btp } = programOptions<{ http: number; btp: number }>()
const link = holderAt(`btp+ws://127.0.0.1:${btp}/`)
await link.open()

answerCalls({
  download: async ({ path, window }: { path: string; window: number }) => {
    const before = process.cpuUsage()
    const started = performance.now()
    const money = { link, budget: 10n ** 9n, window: BigInt(window), unitsPerHoldMax: Math.max(1, window / 4) }
    const response = await payingFetch(`http://127.0.0.1:${http}${path}`, money)
    let bytes = 0
    for await (const piece of response.body as AsyncIterable<Uint8Array>) bytes += piece.length
    await response.payment.settled()
    const { user, system } = process.cpuUsage(before)
    return { bytes, ms: performance.now() - started, cpuUs: user + system, spent: Number(response.payment.spent) }
  },
})
