/**
 * `npm run bench [-- --seconds N] [--only TEXT]`: the contenders side by side in one run; a table for people, then the
 * same figures as JSON lines. Never compare figures of two runs.
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { contenders } from './contenders.js'
import { measure, type Figures } from './measure.js'

const inFlightSteps = [1, 10, 100, 1000]

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '2' }, only: { type: 'string', default: '' } },
})
const seconds = Number(values.seconds)

const figures: Figures[] = []
for (const contender of contenders.filter(({ name }) => name.includes(values.only))) {
  const pair = await contender.start()
  try {
    for (const inFlight of inFlightSteps) figures.push(await measure(contender.name, pair, inFlight, seconds))
  } finally {
    await pair.payer.stop()
    await pair.payee.stop()
  }
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`)
printTable(figures)
for (const one of figures) console.log(JSON.stringify(one))

function printTable(rows: readonly Figures[]): void {
  const heads = ['contender', 'in flight', 'payments/s', 'p50 ms', 'p99 ms', 'payer CPU µs', 'payee CPU µs']
  const cells = rows.map((row) =>
    [
      row.contender,
      row.inFlight,
      row.paymentsPerSecond,
      row.p50Ms,
      row.p99Ms,
      row.payerCpuUsPerPayment,
      row.payeeCpuUsPerPayment,
    ].map(String),
  )
  const widths = heads.map((head, column) =>
    Math.max(...[heads, ...cells].map((row) => row[column]?.length ?? head.length)),
  )
  for (const row of [heads, ...cells]) {
    console.log(
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    )
  }
}
