/** Ours, link: the holder of an account at link-payee.ts, who pays. */
import { Holder, type HoldObserver, type HoldOutcome } from 'sluice/link'
import { dialWebSocket } from 'sluice/session/ws'
import type { PayerCalls } from '../protocol.js'
import { answerCalls, programOptions } from './answer-calls.js'
import { FullWindow } from './full-window.js'
import { PayerMeter } from './meters.js'
import { holdMs, nextPayment } from './payments.js'

const { port } = programOptions<{ port: number }>()
const meter = new PayerMeter()
const holder = new Holder({ dial: dialWebSocket(`ws://127.0.0.1:${port}/`), username: '', token: '' })

const flow = new FullWindow(meter, (sentAt) => {
  const { packet, condition } = nextPayment()
  holder.send({ amount: 1n, condition, expiresAt: Date.now() + holdMs, packet }, new Sent(sentAt))
})

class Sent implements HoldObserver {
  readonly #sentAt: number

  constructor(sentAt: number) {
    this.#sentAt = sentAt
  }

  onOutcome(outcome: HoldOutcome): void {
    if (outcome.status === 'fulfilled') flow.paid(this.#sentAt)
    else flow.failed(outcome.status)
  }
}

await holder.open()
const { start, mark, stop } = flow
answerCalls({ start, mark, stop, books: async () => meter.books(-(await holder.balance())) } satisfies PayerCalls)
