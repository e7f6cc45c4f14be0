/** Two sides that both keep the book, with a channel module between them: ours and those of 2017, listening and dialling. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { installOldPeers, oldPeersFolder } from './old-peers.js'
import { pairs } from './pairs.js'
import { WatchedProcess } from './watched-process.js'

before(installOldPeers)

for (const { name, shop, client } of pairs) {
  test(`a channel between ${name}`, async (t) => {
    const args = [shop.plugin, client.plugin]
    const both = WatchedProcess.start(join(oldPeersFolder, 'channel-pair.cjs'), { args, ports: { 9000: 0 } })
    t.after(() => both.kill())
    assert.deepEqual(await both.told(), {
      steps: ['fulfilled', 'fulfilled', 'fulfilled', 'refused', 'refused', 42, 8],
      claims: [
        [
          { total: '30', from: 'bob' },
          { total: '35', from: 'bob' },
        ],
        [{ total: '70', from: 'alice' }],
      ],
      balances: ['-35', '35'],
    })
    assert.deepEqual(both.faults, [])
  })
}
