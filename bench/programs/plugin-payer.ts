/** A plugin with the Ledger Plugin Interface version 1 as holder: ours, or that of 2017. */
import { randomUUID } from 'node:crypto'
import { toBase64url } from 'sluice/bytes'
import type { PayerCalls } from '../protocol.js'
import { answerCalls, programOptions } from './answer-calls.js'
import { FullWindow } from './full-window.js'
import { PayerMeter } from './meters.js'
import { holdMs, nextPayment, payerAccount, prefix } from './payments.js'
import { makePlugin } from './plugin.js'

const { module, port } = programOptions<{ module?: string; port: number }>()
const meter = new PayerMeter()
const sentAtById = new Map<string, number>()
const plugin = makePlugin({ server: `btp+ws://:@localhost:${port}/` }, module)

const flow = new FullWindow(meter, (sentAt) => {
  const { address, packet, condition } = nextPayment()
  const id = randomUUID()
  sentAtById.set(id, sentAt)
  plugin
    .sendTransfer({
      id,
      from: payerAccount,
      to: address,
      ledger: prefix,
      amount: '1',
      executionCondition: toBase64url(condition),
      ilp: toBase64url(packet),
      expiresAt: new Date(Date.now() + holdMs).toISOString(),
    })
    .catch((error: Error) => {
      if (sentAtById.delete(id)) flow.failed(error.name)
    })
})

plugin.on('outgoing_fulfill', ({ id }) => {
  const sentAt = sentAtById.get(id)
  if (sentAt !== undefined && sentAtById.delete(id)) flow.paid(sentAt)
})
for (const event of ['outgoing_reject', 'outgoing_cancel'] as const) {
  plugin.on(event, ({ id }) => {
    if (sentAtById.delete(id)) flow.failed(event)
  })
}

await plugin.connect()
const { start, mark, stop } = flow
answerCalls({
  start,
  mark,
  stop,
  books: async () => meter.books(-BigInt(await plugin.getBalance())),
} satisfies PayerCalls)
