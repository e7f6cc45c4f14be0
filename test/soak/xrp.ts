/**
 * Two hundred transfers sent at once over the XRP Ledger: all settle, and how many a ledger takes is printed. The ledger is
 * the simulator, or the real server that XRPL_TEST_SERVER names.
 */
import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Transfer } from 'sluice/plugin'
import { payment, Stage, XRP } from '../xrp/stage.js'

const { values: options } = parseArgs({
  options: { transfers: { type: 'string', default: '200' }, 'close-ms': { type: 'string', default: '250' } },
})
const count = Number(options.transfers)
const closeMs = Number(options['close-ms'])
const reserve = BigInt(count) * 200_000n

const stage = await Stage.open()
const [alice, bob] = [await stage.party({ drops: 100n * XRP + reserve }), await stage.party()]
const payments = await Promise.all(Array.from({ length: count }, async () => payment(stage, bob)))
const fulfillments = new Map(payments.map(({ transfer, fulfillment }) => [transfer.id, fulfillment]))
const failures: unknown[] = []
bob.plugin.on('incoming_prepare', ({ id }: Transfer) => {
  bob.plugin.fulfillCondition(id, fulfillments.get(id) ?? '').catch((error: unknown) => failures.push(error))
})
const seen = (of: typeof alice, event: string): number => of.events.filter(([name]) => name === event).length

const started = performance.now()
const sent = Promise.all(payments.map(async ({ transfer }) => alice.plugin.sendTransfer(transfer)))
sent.catch((error: unknown) => failures.push(error))
let ledgers = 0
let before = 0
while (seen(alice, 'outgoing_fulfill') < count && failures.length === 0) {
  await pause(closeMs)
  await stage.close()
  ledgers += 1
  const settled = seen(alice, 'outgoing_fulfill')
  console.log(
    `ledger ${ledgers}: ${seen(alice, 'outgoing_prepare')} in escrow or beyond, ${settled} settled (${settled - before})`,
  )
  before = settled
}
assert.deepEqual(failures, [])
await sent
const seconds = (performance.now() - started) / 1000
console.log(
  `${count} transfers in ${ledgers} ledgers: ${(count / ledgers).toFixed(1)} each close, ${seconds.toFixed(1)} s`,
)
assert.equal(await stage.balance(alice.address), 100n * XRP + reserve - BigInt(count) * 1010n)
assert.equal(await stage.balance(bob.address), 100n * XRP + BigInt(count) * 650n)
await stage.end()
