/**
 * The simulator over many seeds: `npm run soak:sim -- [--seeds N] [--first SEED] [--seconds S] [--lines N] [--json]`. Prints each
 * failing seed with the last that happened in it, and figures; exit 1 when a seed fails. `SIM_SEED` runs that one alone.
 */
import { parseArgs } from 'node:util'
import { run, type RunResult } from '../sim/world.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '500' },
    first: { type: 'string', default: '1' },
    seconds: { type: 'string', default: 'Infinity' },
    lines: { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
  },
})
const only = process.env['SIM_SEED']
const first = Number(only ?? values.first)
const seeds = only === undefined ? Number(values.seeds) : 1
const end = performance.now() + 1000 * Number(values.seconds)

const began = performance.now()
const results: RunResult[] = []
for (let seed = first; seed < first + seeds && performance.now() < end; seed++) {
  const result = await run(seed, Number(values.lines))
  results.push(result)
  if (result.failure !== undefined && !values.json) console.log(`${result.failure}\n`)
}

const failed = results.filter(({ failure }) => failure !== undefined)
const sum = (figure: keyof RunResult['figures']): number =>
  results.reduce((total, { figures }) => total + figures[figure], 0)
const report = {
  seeds: results.length,
  failed: failed.length,
  failing: failed.map(({ seed }) => seed),
  reasons: failed.map(({ failure }) => failure?.split('\n')[0]),
  steps: sum('steps'),
  frames: sum('frames'),
  holds: sum('holds'),
  captured: sum('captured'),
  crashes: sum('crashes'),
  durableChecks: sum('durableChecks'),
  seconds: Math.round((performance.now() - began) / 100) / 10,
}
console.log(JSON.stringify(report))
if (failed.length > 0) process.exitCode = 1
