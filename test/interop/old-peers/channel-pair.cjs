'use strict'
/*
 * Two payment channel plugins that keep a book each, one listening and one dialling, with the same channel module: claims
 * are totals, and a transfer of 666 is refused. Start: node --require preload.cjs channel-pair.cjs LISTENER DIALLER, both
 * paths of the framework. Says {told}: how each step ended, the claims, and both balances.
 */
const crypto = require('crypto')
const net = require('net')

const [, , listenerFramework, diallerFramework] = process.argv
const prefix = 'example.channel.'
const info = { prefix, currencyCode: 'USD', currencyScale: 2, connectors: [] }

/** Where the listener really is: preload.cjs moves it. */
let port = 0
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  this.once('listening', () => {
    port = this.address().port
  })
  return listen.apply(this, args)
}

/** One side: its plugin, and what its channel module has seen. */
function side(framework, me, peer, options) {
  const seen = { claims: [], context: undefined }
  const channel = {
    pluginName: 'totals',
    constructor: (context) => {
      seen.context = context
      context.rpc.addMethod('double', async (number) => 2 * number)
    },
    getAuthToken: () => '',
    connect: async () => {},
    disconnect: async () => {},
    getInfo: () => info,
    getAccount: () => prefix + me,
    getPeerAccount: () => prefix + peer,
    handleIncomingPrepare: async (context, transfer) => {
      if (transfer.amount === '666') throw new Error('refused by the channel')
    },
    createOutgoingClaim: async (context, total) => ({ total: String(total), from: me }),
    handleIncomingClaim: async (context, claim) => void seen.claims.push(claim),
  }
  const stored = new Map()
  const store = {
    get: async (key) => stored.get(key),
    put: async (key, value) => void stored.set(key, value),
    del: async (key) => void stored.delete(key),
  }
  const Plugin = require(framework).makePaymentChannelPlugin(channel)
  const limits = { maxBalance: '100000', minBalance: '-100000' }
  return { plugin: new Plugin({ ...options, ...limits, prefix, info, _store: store }), seen, peer }
}

/** Pays; resolves with what became of it. */
function pay(from, to, amount) {
  const fulfillment = crypto.randomBytes(32)
  to.plugin.once('incoming_prepare', ({ id }) => {
    to.plugin.fulfillCondition(id, fulfillment.toString('base64url')).catch(() => {})
  })
  return new Promise((resolve) => {
    from.plugin.once('outgoing_fulfill', () => resolve('fulfilled'))
    from.plugin.once('outgoing_reject', () => resolve('refused'))
    from.plugin
      .sendTransfer({
        id: crypto.randomUUID(),
        to: prefix + from.peer,
        ledger: prefix,
        amount,
        executionCondition: crypto.createHash('sha256').update(fulfillment).digest('base64url'),
        expiresAt: new Date(Date.now() + 30000).toISOString(),
        ilp: 'AQ',
      })
      .catch(() => resolve('refused'))
  })
}

/** Claims travel in the answer to a fulfilment, after the payer has been told. */
async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function main() {
  const listener = side(listenerFramework, 'alice', 'bob', { listener: { port: 9000 }, incomingSecret: '' })
  const connected = listener.plugin.connect()
  await until(() => port > 0)
  const dialler = side(diallerFramework, 'bob', 'alice', { server: `btp+ws://:@localhost:${port}/` })
  await dialler.plugin.connect()
  const steps = []
  // The dialler of 2017 connects with its first message.
  steps.push(await pay(dialler, listener, '30'))
  await connected
  steps.push(await pay(listener, dialler, '70'))
  steps.push(await pay(dialler, listener, '5'))
  steps.push(await pay(listener, dialler, '666'))
  steps.push(await pay(dialler, listener, '666'))
  steps.push(await dialler.seen.context.rpc.call('double', prefix, 21))
  steps.push(await listener.seen.context.rpc.call('double', prefix, 4))
  await until(() => listener.seen.claims.length === 2 && dialler.seen.claims.length === 1)
  const balances = [await listener.plugin.getBalance(), await dialler.plugin.getBalance()]
  process.send({ told: { steps, claims: [listener.seen.claims, dialler.seen.claims], balances } })
}

main().catch((error) => process.send({ failed: error.stack }))
