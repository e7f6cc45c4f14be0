'use strict'
/* One payment a second, each with the next payment id: conditions by PSK 1.0 over the packet's bytes. */
module.exports = ({ IlpPacket, base64url, hmac, sha256, plugin, uuid, parts }) => {
  const [method, amount, address, secret] = parts
  if (method !== 'interledger-psk') throw new Error(`A shop that wants ${method}`)
  const key = hmac(Buffer.from(secret, 'base64'), 'ilp_psk_condition')
  let paymentId = 0
  setInterval(() => {
    const account = `${address}.${paymentId++}`
    const packet = IlpPacket.serializeIlpPayment({ account, amount, data: '' })
    plugin
      .sendTransfer({
        id: uuid(),
        from: plugin.getAccount(),
        to: account,
        ledger: plugin.getInfo().prefix,
        expiresAt: new Date(Date.now() + 1000000).toISOString(),
        amount,
        executionCondition: base64url(sha256(hmac(key, packet))),
        ilp: base64url(packet),
      })
      .catch((error) => console.error(error.message))
  }, 1000)
}
