/** From measurements to figures for people and programs: medians of repeats, a table, JSON lines. */
import type { IdleFigures } from './idle.js'
import type { Figures } from './measure.js'
import type { MemoryFigures } from './memory.js'

export interface Row extends Figures {
  readonly contender: string
  readonly inFlight: number
  /** Against the baseline at the same window: rate, and CPU of both sides. */
  readonly timesRate?: number
  readonly timesCpu?: number
}

/** The middle one, or the upper of two. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** Field by field the median of repeats. */
export function medians(repeats: readonly Figures[]): Figures {
  const fields = Object.keys(repeats[0] ?? {}) as (keyof Figures)[]
  const medianOf = (field: keyof Figures): number => rounded(median(repeats.map((figures) => figures[field] ?? 0)))
  return Object.fromEntries(fields.map((field) => [field, medianOf(field)])) as unknown as Figures
}

export function compared(row: Row, baseline: Figures | undefined): Row {
  if (baseline === undefined) return row
  const cpu = ({ payerCpuUs, payeeCpuUs }: Figures): number => payerCpuUs + payeeCpuUs
  return {
    ...row,
    timesRate: rounded(row.paymentsPerSecond / baseline.paymentsPerSecond),
    timesCpu: rounded(cpu(row) / cpu(baseline)),
  }
}

/** Three digits or so. */
export function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}

const columns: readonly (readonly [string, (row: Row) => string | number | undefined])[] = [
  ['contender', (row) => row.contender],
  ['in flight', (row) => row.inFlight],
  ['payments/s', (row) => row.paymentsPerSecond],
  ['letters/s', (row) => row.lettersPerSecond],
  ['p50 ms', (row) => row.p50Ms],
  ['p99 ms', (row) => row.p99Ms],
  ['payer CPU µs', (row) => row.payerCpuUs],
  ['payee CPU µs', (row) => row.payeeCpuUs],
  ['payments/commit', (row) => row.paymentsPerCommit],
  ['× rate', (row) => row.timesRate],
  ['× CPU', (row) => row.timesCpu],
]

/** The names on the left, the figures on the right of their columns. */
export function table(rows: readonly Row[]): string {
  const lines = [
    columns.map(([head]) => head),
    ...rows.map((row) => columns.map(([, cell]) => String(cell(row) ?? ''))),
  ]
  const widths = columns.map((_, at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)))
  return lines
    .map((cells) => cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0))))
    .map((cells) => cells.join('  ').trimEnd())
    .join('\n')
}

export function memoryLine({ side, bytesPerLive, bytesPerRemembered }: MemoryFigures): string {
  return `link, ${side}: ${bytesPerLive} bytes per live transfer, ${bytesPerRemembered} per remembered one`
}

export function idleLine({ host, bytesPerIdleHolder }: IdleFigures): string {
  return `${host}: ${bytesPerIdleHolder} bytes per idle holder`
}
