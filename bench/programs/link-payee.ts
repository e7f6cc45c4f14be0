/** Ours, link: the host of a hosted ledger, which captures what its holder pays. */
import { EMPTY } from 'sluice/bytes'
import type { IncomingHold } from 'sluice/link'
import { HostedLedger } from 'sluice/link/hosted'
import type { KeepCalls, PayeeCalls } from '../protocol.js'
import { answerCalls, programOptions } from './answer-calls.js'
import { PayeeMeter } from './meters.js'
import { fulfillmentOf, prefix } from './payments.js'
import { CountingStore } from './stores.js'

const { directory } = programOptions<{ directory?: string }>()
const meter = new PayeeMeter()
const store = new CountingStore(directory)
const hosted = new HostedLedger({
  store,
  prefix,
  assetCode: 'USD',
  assetScale: 9,
  newAccount: { creditLimit: 10n ** 12n, balanceMax: 10n ** 12n },
  listen: { host: '127.0.0.1', port: 0, authenticate: () => 'client' },
})

let keeping = false
const kept: IncomingHold[] = []
let onKept: (() => void) | undefined

function capture(hold: IncomingHold): void {
  const end = meter.begin()
  hold.fulfill(fulfillmentOf(hold.amount, hold.packet, hold.condition), EMPTY, (settled) => {
    end(settled.ok ? undefined : settled.name)
  })
}

hosted.host.onHold((hold) => {
  if (!keeping) return capture(hold)
  kept.push(hold)
  onKept?.()
})

await hosted.open()
answerCalls({
  mark: async () => ({ ...meter.mark(), ...store.next() }),
  books: async () => {
    await meter.quiet()
    return meter.books(-(hosted.ledger.account('client')?.balance ?? 0n))
  },
  keep: async () => {
    keeping = true
  },
  kept: ({ count }) =>
    new Promise((resolve) => {
      onKept = () => {
        if (kept.length < count) return
        onKept = undefined
        resolve()
      }
      onKept()
    }),
} satisfies PayeeCalls & KeepCalls)
