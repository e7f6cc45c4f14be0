/**
 * A thousand strangers at each port of a shop, all at once, until the shop has ended every one of them, while a buyer buys
 * and newcomers come in. Exit 1 when one is left. See ../strangers/siege.ts.
 */
import { parseArgs } from 'node:util'
import { besiege } from '../strangers/siege.js'

const { values } = parseArgs({
  options: { strangers: { type: 'string', default: '1000' }, seconds: { type: 'string', default: '90' } },
})
const patienceMs = Number(values.seconds) * 1000
const figures = await besiege({
  strangers: Number(values.strangers),
  calmMs: 5_000,
  patienceMs: { btp: patienceMs, http: patienceMs },
})
console.table(
  Object.fromEntries(figures.map(({ port, ...rest }) => [port, { ...rest, kindsLeft: rest.kindsLeft.length }])),
)
for (const one of figures) {
  console.log(JSON.stringify(one))
  if (one.endedByShop < one.strangers) process.exitCode = 1
}
