'use strict'
/* The buyer's end: an address and nothing else. */
const Trustline = require('ilp-plugin-payment-channel-framework')

module.exports = new Trustline({ server: 'btp+ws://:@localhost:9000/' })
