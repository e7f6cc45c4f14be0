/** The packets and conditions of a stream's payments, checked with the general codec. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPayments } from 'sluice/fetch'
import { accountFulfiller, conditionOf, decodePacketOf, encodePacket, pskFulfiller } from 'sluice/ilp'

const SECRET = new Uint8Array(32).fill(3)
const ADDRESS = 'example.letter-shop.mytrustline.server.abc'

test('each payment is the packet that the codec would write, with the next id', () => {
  const next = createPayments('psk', ADDRESS, SECRET, 100_000_000_099)
  for (const [amount, id] of [
    [1n, '100000000099'],
    [1n, '100000000100'],
    [25n, '100000000101'],
    [1n, '100000000102'],
  ] as const) {
    const { packet, condition } = next(amount)
    const expected = encodePacket({ type: 1, amount, account: `${ADDRESS}.${id}`, data: new Uint8Array(0) })
    assert.deepEqual(packet, expected)
    assert.deepEqual(condition, conditionOf(pskFulfiller(SECRET)(packet)))
  }
})

test('hmac-account derives from the full address', () => {
  const { packet, condition } = createPayments('hmac-account', ADDRESS, SECRET)(7n)
  const { account } = decodePacketOf(1, packet)
  assert.match(account, /^example\.letter-shop\.mytrustline\.server\.abc\.[0-9]{12}$/)
  assert.deepEqual(condition, conditionOf(accountFulfiller(SECRET)(account)))
})

test('streams start at ids of their own', () => {
  const first = (): string => decodePacketOf(1, createPayments('psk', ADDRESS, SECRET)(1n).packet).account
  assert.notEqual(first(), first())
})

test('long addresses, whose packets need longer lengths, are counted in the right place', () => {
  const address = `example.${'a'.repeat(900)}`
  const next = createPayments('psk', address, SECRET, 100_000_000_000)
  next(1n)
  assert.equal(decodePacketOf(1, next(1n).packet).account, `${address}.100000000001`)
})
