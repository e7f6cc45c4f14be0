/** Which ledger a seller may name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownLedgerOf, type Offer } from 'sluice/fetch'

function offerAt(url: string, ledger: string): Offer {
  const location = { uri: ledger, version: 1 } as const
  const terms = { unit: 'letter', price: 1n, asset: 'USD', scale: 9, window: 100n, ledger: location }
  const pay = { method: 'psk', amount: 1n, address: 'example.a.server.b', secret: new Uint8Array(32) } as const
  return { flow: 'stream', url, pay, terms, price: 1n, unit: 'letter' }
}

test('the ledger of a seller is believed on its own host, on any port and path', () => {
  for (const [url, ledger] of [
    ['http://shop.test:8000/x', 'btp+ws://shop.test:9000/btp'],
    ['https://shop.test/', 'btp+wss://SHOP.test/'],
    ['http://shop.test/', 'btp+wss://shop.test/'],
    ['http://[::1]:8000/', 'btp+ws://[::1]:9000/'],
  ] as const) {
    assert.equal(ownLedgerOf(offerAt(url, ledger))?.uri, ledger)
  }
})

test('another host, or less security than the response had, is not', () => {
  for (const [url, ledger] of [
    ['http://shop.test/', 'btp+ws://bank.test/'],
    ['http://shop.test/', 'btp+ws://www.shop.test/'],
    ['http://shop.test/', 'btp+ws://shop.test.evil.test/'],
    ['https://shop.test/', 'btp+ws://shop.test/'],
    ['', 'btp+ws://shop.test/'],
  ] as const) {
    assert.equal(ownLedgerOf(offerAt(url, ledger)), undefined)
  }
  assert.equal(ownLedgerOf({ ...offerAt('http://shop.test/', ''), terms: undefined }), undefined)
})
