/**
 * `npm run bench [-- --seconds N] [--rounds N] [--only TEXT] [--windows 1,10] [--profile DIRECTORY] [--quick]`: all
 * contenders side by side in one run, in turns; the medians as a table for people, then as JSON lines. Never compare
 * figures of two runs. README.md says what is measured.
 */
import { mkdir } from 'node:fs/promises'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { sha256 } from 'sluice/crypto'
import { contenders, start, type Running } from './contenders.js'
import { idleMeasurement, measureIdle } from './idle.js'
import { makePayments, measure, type Figures } from './measure.js'
import { measureMemory } from './memory.js'
import { compared, idleLine, median, medians, memoryLine, rounded, table, type Row } from './report.js'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    windows: { type: 'string' },
    only: { type: 'string', default: '' },
    profile: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})
const { quick, only, profile } = values
const ms = 1000 * Number(values.seconds ?? (quick ? 0.1 : 1))
const rounds = Number(values.rounds ?? (quick ? 1 : 3))
const windows = (values.windows ?? (quick ? '10' : '1,10,100,1000')).split(',').map(Number)
const slice = { ms, ...(profile !== undefined && { profileIn: profile }) }
if (profile !== undefined) await mkdir(profile, { recursive: true })

/** CPU of one SHA-256 of 32 bytes now: by it figures of slow and busy machines can be read. */
function hashCpuUs(): number {
  const bytes = new Uint8Array(32)
  const before = process.cpuUsage()
  for (let i = 0; i < 50_000; i++) sha256(bytes)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 50_000
}

const running: Running[] = []
const hashes: number[] = []
const repeats = new Map<string, Figures[]>()
const keyOf = (name: string, window: number): string => `${name} at ${window}`
try {
  for (const one of contenders) if (one.name.includes(only)) running.push(await start(one))
  for (const one of running) await makePayments(one, quick ? 100 : 20_000, 100)
  for (let round = 1; round <= rounds; round++) {
    hashes.push(hashCpuUs())
    for (const window of windows) {
      if (process.stderr.isTTY) process.stderr.write(`round ${round} of ${rounds}, ${window} in flight\n`)
      for (const one of running) {
        const key = keyOf(one.name, window)
        repeats.set(key, [...(repeats.get(key) ?? []), await measure(one, window, slice)])
      }
    }
  }
} finally {
  for (const one of running) await one.stop()
}
const memory =
  only === '' ? await measureMemory(quick ? { live: 500, remembered: 500 } : { live: 10_000, remembered: 200_000 }) : []
const idle = idleMeasurement.includes(only) ? await measureIdle(quick ? 500 : 1000) : []

const figuresOf = (name: string, window: number): Figures | undefined => {
  const figures = repeats.get(keyOf(name, window))
  return figures && medians(figures)
}
const rows: Row[] = windows.flatMap((inFlight) =>
  running.flatMap(({ name, baseline }) => {
    const figures = figuresOf(name, inFlight)
    return figures === undefined
      ? []
      : [compared({ contender: name, inFlight, ...figures }, figuresOf(baseline, inFlight))]
  }),
)
const machine = {
  node: process.version,
  processors: cpus().length,
  model: cpus()[0]?.model ?? 'unknown',
  sha256CpuUs: rounded(median(hashes)),
}
console.log(`Node ${machine.node}, ${machine.processors} × ${machine.model}; a SHA-256 takes ${machine.sha256CpuUs} µs`)
console.log(
  `${rounds} × ${ms / 1000} s each, medians; × is against the published plugin of the same version at the same window\n`,
)
console.log(table(rows))
console.log([...memory.map(memoryLine), ...idle.map(idleLine)].join('\n'))
for (const one of [machine, ...rows, ...memory, ...idle]) console.log(JSON.stringify(one))
