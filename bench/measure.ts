/** One measurement of a contender that runs: rates, latency and CPU at one window; and what is true of its books. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Running } from './contenders.js'

export interface Figures {
  readonly paymentsPerSecond: number
  readonly lettersPerSecond?: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly payerCpuUs: number
  readonly payeeCpuUs: number
  readonly paymentsPerCommit?: number
}

export interface Slice {
  readonly ms: number
  /** Where profiles of both sides are written. */
  readonly profileIn?: string
}

/** However slow the machine, this many payments are measured. */
const paymentsMin = 10
const waitsMax = 2000

/** At least so many, and nothing else is measured: what is compiled first takes payments and not time. */
export async function makePayments({ payer, name }: Running, count: number, window: number): Promise<void> {
  await payer.fill(window)
  for (let made = 0, waits = 0; made < count; waits++) {
    if (waits === waitsMax) throw new Error(`${name} makes too few payments: ${made}`)
    await pause(50)
    made += (await payer.mark()).payments
  }
  await payer.drain()
}

export async function measure(running: Running, window: number, slice: Slice): Promise<Figures> {
  const { payer, payee, name } = running
  await payer.fill(window)
  await pause(slice.ms / 4)
  await Promise.all([payer.mark(), payee.mark()])
  const both = [payer, payee]
  if (slice.profileIn !== undefined) await Promise.all(both.map((party) => party.profile()))
  const [paid, captured] = await marks(running, slice.ms)
  if (slice.profileIn !== undefined) {
    const file = (side: string): string => join(slice.profileIn ?? '', `${name} ${window} ${side}.cpuprofile`)
    await Promise.all([payer.endProfile(file('payer')), payee.endProfile(file('payee'))])
  }
  await payer.drain()
  await checkBooks(running)
  const perSecond = (count: number): number => (count / paid.elapsedMs) * 1000
  return {
    paymentsPerSecond: perSecond(paid.payments),
    ...(paid.letters !== undefined && { lettersPerSecond: perSecond(paid.letters) }),
    p50Ms: paid.p50Ms,
    p99Ms: paid.p99Ms,
    payerCpuUs: paid.cpuUs / paid.payments,
    payeeCpuUs: captured.cpuUs / captured.payments,
    ...(captured.commits !== undefined && { paymentsPerCommit: captured.payments / Math.max(1, captured.commits) }),
  }
}

async function marks({ payer, payee }: Running, ms: number) {
  for (let waits = 1; ; waits++) {
    await pause(ms)
    const [paid, captured] = await Promise.all([payer.mark(), payee.mark()])
    if ((paid.payments >= paymentsMin && captured.payments > 0) || waits === waitsMax) return [paid, captured] as const
  }
}

/** Nothing is in flight: payer and payee have counted the same payments, and both books say so. */
async function checkBooks({ payer, payee, name }: Running): Promise<void> {
  const [paid, captured] = await Promise.all([payer.books(), payee.books()])
  const said = JSON.stringify({ paid, captured })
  const failures = Object.keys({ ...paid.failures, ...captured.failures })
  const sums = new Set([String(paid.payments), paid.paid, String(captured.payments), captured.paid])
  if (failures.length > 0 || sums.size !== 1) throw new Error(`${name}: the books are not exact: ${said}`)
}
