'use strict'
/* Opens the stream and leaves paying to pay.js, which gets what the streaming tutorial's fragment finds around it. */
const crypto = require('crypto')
const IlpPacket = require('ilp-packet')
const fetch = require('node-fetch')
const uuid = require('uuid/v4')
const plugin = require('./plugin.js')
const pay = require('./pay.js')

const base64url = (bytes) => bytes.toString('base64url')
const hmac = (key, input) => crypto.createHmac('sha256', key).update(input).digest()
const sha256 = (input) => crypto.createHash('sha256').update(input).digest()

plugin
  .connect()
  .then(() => fetch('http://localhost:8000/'))
  .then((response) => {
    response.body.pipe(process.stdout)
    const parts = response.headers.get('Pay').split(' ')
    console.log(parts)
    pay({ IlpPacket, base64url, hmac, sha256, plugin, uuid, parts })
  })
