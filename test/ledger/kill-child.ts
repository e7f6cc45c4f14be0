/**
 * A process to be killed: captures one hold after the other, many in flight, over a level store, and says each that is
 * durable on its standard output. Run by kill.test.ts with the directory as its argument.
 */
import { Ledger } from 'sluice/ledger'
import { LevelStore } from 'sluice/store/level'
import { HOLD_MS, condition, fulfillment, id } from './book.js'

const WINDOW = 32

const ledger = new Ledger({
  store: new LevelStore(process.argv[2] ?? ''),
  snapshotBytes: 20_000,
  limits: { rememberMs: 600_000 },
})
await ledger.open()
if (ledger.account('a') === undefined) {
  ledger.execute({ type: 'open', account: 'a', creditLimit: 10n ** 12n, balanceMax: 0n })
}
const start = (ledger.account('a')?.remembered ?? 0) + (ledger.account('a')?.live ?? 0) + 1
let next = start

function prepare(): void {
  const number = next++
  const expiresAt = ledger.now() + 10 * HOLD_MS
  const hold = { account: 'a', id: id(number), payer: 'holder', amount: 1n, expiresAt, memo: id(number) } as const
  const decision = ledger.execute({ type: 'prepare', ...hold, condition: condition(number & 255) })
  if (!decision.ok) throw new Error(decision.message)
  ledger.committed(() => {
    process.stdout.write(`p${number}\n`)
    ledger.execute({
      type: 'fulfill',
      account: 'a',
      id: id(number),
      by: 'host',
      fulfillment: fulfillment(number & 255),
      data: id(number),
    })
    ledger.committed(() => {
      process.stdout.write(`f${number}\n`)
      prepare()
    })
  })
}

for (let i = 0; i < WINDOW; i++) prepare()
