/**
 * A fixed set of simulated runs; `npm run soak:sim` does many more, `SIM_SEED` one alone. A failing run prints its seed and
 * what happened last.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { run, type RunResult } from './world.js'

const SEEDS = 30

test('whatever fails, no money is made or lost, and in the end everything is known', async () => {
  const only = process.env['SIM_SEED']
  const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, i) => i + 1) : [Number(only)]
  const results: RunResult[] = []
  for (const seed of seeds) results.push(await run(seed))
  assert.deepEqual(
    results.flatMap(({ failure }) => failure ?? []),
    [],
  )
  const crashes = results.reduce((sum, { figures }) => sum + figures.crashes, 0)
  const captured = results.reduce((sum, { figures }) => sum + figures.captured, 0)
  assert.ok(only !== undefined || (crashes > SEEDS && captured > 50 * SEEDS), 'the runs are worth something')
})

test('a seed gives the same run again', async () => {
  const seed = 3
  const { figures } = await run(seed)
  assert.deepEqual((await run(seed)).figures, figures)
})
