'use strict'
/*
 * A streaming shop over whatever ledger plugin.js gives it: four-field Pay header (interledger-psk), fulfillments derived
 * from the whole packet. The hosted ledgers tutorial runs its configurations under such a program.
 */
const crypto = require('crypto')
const http = require('http')
const IlpPacket = require('ilp-packet')
const plugin = require('./plugin.js')

const price = '1'
const hmac = (key, input) => crypto.createHmac('sha256', key).update(input).digest()
const readers = new Map()

plugin.connect().then(() => {
  plugin.on('incoming_prepare', (transfer) => {
    const packet = Buffer.from(transfer.ilp, 'base64')
    const { account, amount } = IlpPacket.deserializeIlpPayment(packet)
    const reader = readers.get(account.slice(plugin.getAccount().length + 1).split('.')[0])
    const reject = (code, name) => {
      const reason = { code, name, message: name, triggered_by: plugin.getAccount(), triggered_at: new Date() }
      plugin.rejectIncomingTransfer(transfer.id, { ...reason, additional_info: {} }).catch(() => {})
    }
    if (reader === undefined) return reject('F02', 'Unreachable')
    if (amount !== price || transfer.amount !== price) return reject('F03', 'Invalid Amount')
    const fulfillment = hmac(hmac(reader.key, 'ilp_psk_condition'), packet)
    plugin.fulfillCondition(transfer.id, fulfillment.toString('base64url')).then(
      () => reader.response.write(String.fromCharCode(65 + crypto.randomInt(26))),
      (error) => console.error(error.message),
    )
  })

  http
    .createServer((request, response) => {
      const key = crypto.randomBytes(32)
      const name = crypto.randomBytes(8).toString('base64url')
      readers.set(name, { key, response })
      response.on('close', () => readers.delete(name))
      const pay = ['interledger-psk', price, `${plugin.getAccount()}.${name}`, key.toString('base64url')]
      response.writeHead(200, { Pay: pay.join(' ') })
      response.flushHeaders()
    })
    .listen(8000)
})
