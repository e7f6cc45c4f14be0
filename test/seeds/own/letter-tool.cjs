'use strict'
/* The buyer for letter-shop.cjs: pays one unit per millisecond for as long as it lives, and prints what arrives. */
const crypto = require('crypto')
const IlpPacket = require('ilp-packet')
const Trustline = require('ilp-plugin-payment-channel-framework')
const fetch = require('node-fetch')
const uuid = require('uuid/v4')

const text = (bytes) => bytes.toString('base64').replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
const trustline = new Trustline({ server: 'btp+ws://:@localhost:9000/' })
let paid = 0

function payOne(price, payee, key) {
  const account = `${payee}.${++paid}`
  const fulfillment = crypto.createHmac('sha256', key).update(account).digest()
  const transfer = {
    id: uuid(),
    from: trustline.getAccount(),
    to: payee,
    ledger: trustline.getInfo().prefix,
    amount: price,
    executionCondition: text(crypto.createHash('sha256').update(fulfillment).digest()),
    expiresAt: new Date(Date.now() + 1000000).toISOString(),
    ilp: text(IlpPacket.serializeIlpPayment({ account, amount: price, data: '' })),
  }
  trustline.sendTransfer(transfer).catch((error) => console.error(error.message))
}

async function main() {
  await trustline.connect()
  const response = await fetch('http://localhost:8000/')
  response.body.pipe(process.stdout)
  const terms = response.headers.get('Pay').split(' ')
  console.log(terms)
  const key = Buffer.from(terms[2], 'base64')
  setInterval(() => payOne(terms[0], terms[1], key), 1)
}

main()
