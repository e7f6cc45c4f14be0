/** One measurement: payments a second, latency, and CPU on each side, at a given number of payments in flight. */
import type { Pair } from './contenders.js'

export interface Figures {
  readonly contender: string
  readonly inFlight: number
  readonly payments: number
  readonly paymentsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly payerCpuUsPerPayment: number
  readonly payeeCpuUsPerPayment: number
}

const warmUpPayments = 500

/** Runs for about `seconds`, after a warm-up that also finds out how many payments that is. */
export async function measure(contender: string, pair: Pair, inFlight: number, seconds: number): Promise<Figures> {
  const mode = 'hmac'
  const warmUp = await pair.payer.pay({ count: warmUpPayments + inFlight, window: inFlight, mode })
  const rate = (warmUpPayments + inFlight) / warmUp.elapsedMs
  const count = Math.max(2 * inFlight, Math.round(rate * seconds * 1000))

  const before = await cpuOf(pair)
  const paid = await pair.payer.pay({ count, window: inFlight, mode })
  const after = await cpuOf(pair)
  const fulfilled = paid.outcomes['outgoing_fulfill'] ?? 0
  if (fulfilled !== count) throw new Error(`${contender}: ${JSON.stringify(paid)} of ${count} payments`)
  return {
    contender,
    inFlight,
    payments: count,
    paymentsPerSecond: Math.round((count / paid.elapsedMs) * 1000),
    p50Ms: round(paid.p50Ms),
    p99Ms: round(paid.p99Ms),
    payerCpuUsPerPayment: round((after.payer - before.payer) / count),
    payeeCpuUsPerPayment: round((after.payee - before.payee) / count),
  }
}

async function cpuOf({ payer, payee }: Pair): Promise<{ payer: number; payee: number }> {
  const [one, other] = await Promise.all([payer.process.report(), payee.process.report()])
  return { payer: one.cpu.user + one.cpu.system, payee: other.cpu.user + other.cpu.system }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
