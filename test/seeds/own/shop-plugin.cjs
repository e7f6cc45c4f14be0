'use strict'
/* The shop's end of a hosted ledger, configured as the hosted ledgers tutorial does, with the store that the plugin brings. */
const Trustline = require('ilp-plugin-payment-channel-framework')
const MemoryStore = require('ilp-plugin-payment-channel-framework/src/model/in-memory-store')

const prefix = 'example.own-shop.line.'
module.exports = new Trustline({
  listener: { port: 9000 },
  incomingSecret: '',
  maxBalance: '1000000000',
  prefix,
  info: { currencyScale: 9, currencyCode: 'XRP', prefix, connectors: [] },
  _store: new MemoryStore(),
})
