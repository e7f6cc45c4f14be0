/** What the three kill -9 soaks have in common: their options, a line for each round, the figures as a table and as JSON. */
import { parseArgs } from 'node:util'
import type { KillOptions } from '../kill/kill-shop.js'

type Figures = object

export async function soakKills(kill: (options: KillOptions) => Promise<Figures>): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string', default: String(Date.now()) } },
  })
  const seed = Number(values.seed) >>> 0
  console.error(`seed ${seed}`)
  const figures = await kill({
    rounds: Number(values.rounds),
    seed,
    onRound: (round, what) => console.error(`round ${round}: ${what}`),
  })
  console.table(figures)
  console.log(JSON.stringify(figures, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)))
}
