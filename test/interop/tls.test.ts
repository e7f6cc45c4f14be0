/**
 * The listener's certificate files, between every pair of parties. The plugin of 2017 wants all three files and asks
 * clients for no certificate.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { installOldPeers, repositoryRoot } from './old-peers.js'
import { pairs } from './pairs.js'
import { Party, shopPort } from './party.js'

before(installOldPeers)

const certificates = join(repositoryRoot, 'test/session/fixtures')
const cert = join(certificates, 'cert.pem')
const listener = { port: shopPort, cert, key: join(certificates, 'key.pem'), ca: cert }

for (const pair of pairs) {
  test(`${pair.name}: pays over TLS`, async (t) => {
    const shop = await Party.shop(pair.shop, { listener })
    t.after(() => shop.process.kill())
    const client = await Party.client(pair.client, shop, ':', cert)
    t.after(() => client.process.kill())
    const paid = await client.pay({ count: 10, window: 5, mode: 'psk' })
    assert.deepEqual(paid.outcomes, { outgoing_fulfill: 10 })
    assert.equal(await client.balance(), -10n)
  })
}
