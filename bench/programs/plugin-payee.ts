/** A plugin with the Ledger Plugin Interface version 1 as host: ours, or that of 2017. */
import { fromBase64, toBase64url } from 'sluice/bytes'
import type { PayeeCalls } from '../protocol.js'
import { answerCalls, programOptions } from './answer-calls.js'
import { PayeeMeter } from './meters.js'
import { fulfillmentOf, prefix } from './payments.js'
import { makePlugin } from './plugin.js'
import { CountingStore } from './stores.js'

const { module, port, directory } = programOptions<{ module?: string; port: number; directory?: string }>()
const meter = new PayeeMeter()
const store = module === undefined ? new CountingStore(directory) : undefined

/** The store that the plugin of 2017 asks for. */
const values = new Map<string, unknown>()
const simpleStore = {
  get: async (key: string) => values.get(key),
  put: async (key: string, value: unknown) => void values.set(key, value),
  del: async (key: string) => void values.delete(key),
}

const plugin = makePlugin(
  {
    listener: { port },
    incomingSecret: '',
    maxBalance: '1000000000000',
    prefix,
    info: { currencyCode: 'USD', currencyScale: 9, prefix, connectors: [] },
    ...(store === undefined ? { _store: simpleStore } : { store }),
  },
  module,
)

plugin.on('incoming_prepare', ({ id, amount, ilp, executionCondition }) => {
  const fulfillment = fulfillmentOf(BigInt(amount), fromBase64(ilp), fromBase64(executionCondition))
  const end = meter.begin()
  plugin.fulfillCondition(id, toBase64url(fulfillment)).then(
    () => end(),
    (error: Error) => end(error.name),
  )
})

await plugin.connect()
answerCalls({
  mark: async () => ({ ...meter.mark(), ...store?.next() }),
  books: async () => {
    await meter.quiet()
    return meter.books(BigInt(await plugin.getBalance()))
  },
} satisfies PayeeCalls)
