/** Ours, letters: reads from letter-payee.ts with the paying fetch, as `sluice get` does. The window is its exposure. */
import { payingFetch, type PaidResponse } from 'sluice/fetch'
import { Holder, type Hold, type HoldObserver } from 'sluice/link'
import { dialWebSocket } from 'sluice/session/ws'
import type { PayerCalls } from '../protocol.js'
import { answerCalls, programOptions } from './answer-calls.js'
import { PayerMeter } from './meters.js'

const { http, btp } = programOptions<{ http: number; btp: number }>()
const meter = new PayerMeter()

/** Tells how long each hold took. */
class TimedHolder extends Holder {
  override send(hold: Hold, observer: HoldObserver): void {
    const sentAt = performance.now()
    super.send(hold, {
      onOutcome(outcome, id) {
        if (outcome.status === 'fulfilled') meter.paid(sentAt)
        observer.onOutcome(outcome, id)
      },
    })
  }
}

const holder = new TimedHolder({ dial: dialWebSocket(`ws://127.0.0.1:${btp}/`), username: '', token: '' })
await holder.open()

let response: PaidResponse | undefined
let reading: Promise<void> | undefined
let lettersRead = 0
let lettersMarked = 0

async function read({ body }: PaidResponse): Promise<void> {
  const content: AsyncIterable<Uint8Array> | null = body
  if (content === null) throw new Error('the shop sent no body')
  for await (const bytes of content) lettersRead += bytes.length
}

answerCalls({
  start: async ({ window }) => {
    const options = { link: holder, budget: 10n ** 12n, window: BigInt(window) }
    response = await payingFetch(`http://127.0.0.1:${http}/`, options)
    reading = read(response)
  },
  mark: async () => {
    const letters = lettersRead - lettersMarked
    lettersMarked = lettersRead
    return { ...meter.mark(), letters }
  },
  stop: async () => {
    response?.payment.stop()
    await reading
    await response?.payment.settled()
    if (response?.payment.end !== 'cancelled') meter.fail(response?.payment.failure?.code ?? 'ended by itself')
    if (lettersRead !== meter.total) meter.fail('letters were paid for and not read')
  },
  books: async () => meter.books(-(await holder.balance())),
} satisfies PayerCalls)
