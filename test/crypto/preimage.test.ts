/** Hashes and their preimages, as Node has them and as a browser does: the two agree with OpenSSL, and with each other. */
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { test } from 'node:test'
import * as node from 'sluice/crypto'
import { ROOT } from '../tree.js'

const portable = (await import(`${ROOT}/dist/crypto/portable.js`)) as typeof node
const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 91 + length) & 0xff)

for (const [name, crypto] of Object.entries({ node, portable })) {
  test(`${name}: SHA-256 and HMAC are OpenSSL's, in arrays of their own`, () => {
    const mac = crypto.hmacSha256Key(counting(32))
    for (const length of [0, 1, 32, 64, 65, 300, 5000]) {
      const bytes = counting(length)
      const digest = crypto.sha256(bytes)
      assert.deepEqual(digest, new Uint8Array(createHash('sha256').update(bytes).digest()))
      assert.notEqual(digest.slice().buffer, digest.buffer)
      assert.deepEqual(mac(bytes), new Uint8Array(createHmac('sha256', counting(32)).update(bytes).digest()))
    }
  })

  test(`${name}: a digest has its preimage, and no digest that differs in a bit or in length does`, () => {
    const bytes = counting(32)
    const digest = crypto.sha256(bytes)
    assert.ok(crypto.isPreimage(bytes, digest))
    assert.ok(!crypto.isPreimage(counting(31), digest))
    for (let bit = 0; bit < 256; bit++) {
      const other = digest.slice()
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.ok(!crypto.isPreimage(bytes, other), `bit ${bit}`)
    }
    assert.ok(!crypto.isPreimage(bytes, digest.subarray(0, 31)))
    assert.ok(!crypto.isPreimage(bytes, new Uint8Array([...digest, 0])))
    assert.ok(!crypto.isPreimage(bytes, new Uint8Array(0)))
  })
}
