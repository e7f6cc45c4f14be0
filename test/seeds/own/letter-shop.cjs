'use strict'
/*
 * A shop of letters over a ledger that it hosts, the way the streaming tutorial builds one: same modules, same calls, same
 * order of effects, in our words. Three-field Pay header; the fulfillment is the HMAC of the whole destination address.
 */
const crypto = require('crypto')
const http = require('http')
const IlpPacket = require('ilp-packet')
const Trustline = require('ilp-plugin-payment-channel-framework')

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const text = (bytes) => bytes.toString('base64').replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const ledger = 'g.own-letter-shop.trustline.'
const kept = {}
const readers = {}

const trustline = new Trustline({
  listener: { port: 9000 },
  incomingSecret: '',
  maxBalance: '1000000000',
  prefix: ledger,
  info: { currencyScale: 9, currencyCode: 'XRP', prefix: ledger, connectors: [] },
  // A store of plain functions: neither promises nor undefined records may surprise the plugin.
  _store: {
    get: (key) => kept[key],
    put: (key, value) => {
      kept[key] = value
    },
    del: (key) => delete kept[key],
  },
})

function sell(transfer) {
  const packet = IlpPacket.deserializeIlpPayment(Buffer.from(transfer.ilp, 'base64'))
  const segments = packet.account.split('.')
  const reader = readers[segments[4]]
  if (segments.length < 6 || reader === undefined || packet.amount !== transfer.amount) {
    trustline.rejectIncomingTransfer(transfer.id, {}).catch(() => {})
    return
  }
  const fulfillment = crypto.createHmac('sha256', reader.key).update(packet.account).digest()
  if (transfer.executionCondition !== text(crypto.createHash('sha256').update(fulfillment).digest())) return
  trustline.fulfillCondition(transfer.id, text(fulfillment)).then(
    () => reader.response.write(alphabet[Math.floor(Math.random() * alphabet.length)]),
    (error) => console.error(error.message),
  )
}

function serve(request, response) {
  const key = crypto.randomBytes(32)
  const name = text(crypto.randomBytes(8))
  readers[name] = { key, response }
  response.writeHead(200, { Pay: `1 ${trustline.getAccount()}.${name} ${text(key)}` })
  response.flushHeaders()
}

trustline.connect().then(() => {
  trustline.on('incoming_prepare', sell)
  http.createServer(serve).listen(8000)
})
