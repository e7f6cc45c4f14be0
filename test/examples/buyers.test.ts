/** The buyers of `examples/`, run as their comments say, against a shop of each kind. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import {
  createOneShotShop,
  createShop,
  keptSecret,
  letter,
  letters,
  nodeListener,
  Till,
  type ShopHandler,
} from 'sluice/http'
import type { Ledger } from 'sluice/ledger'
import { HostedLedger } from 'sluice/link/hosted'
import { MemoryStore } from 'sluice/store'

const run = promisify(execFile)

async function example(name: string, ...args: string[]): Promise<string> {
  const file = fileURLToPath(new URL(`examples/${name}`, import.meta.resolve('sluice/package.json')))
  const { stdout, stderr } = await run(process.execPath, [file, ...args])
  assert.equal(stderr, '')
  return stdout
}

/** A shop and its ledger, both on free ports. */
async function open(t: TestContext, shopFor: (till: Till, ledger: Ledger) => Promise<ShopHandler>): Promise<string[]> {
  const book = new HostedLedger({
    store: new MemoryStore({ warn: () => {} }),
    prefix: 'example.shop.',
    assetCode: 'USD',
    assetScale: 9,
    newAccount: { creditLimit: 1000n, balanceMax: 1000n },
    listen: { port: 0, authenticate: () => 'client' },
  })
  await book.open()
  const till = new Till({ link: book.host })
  till.open()
  const server = createServer(nodeListener(await shopFor(till, book.ledger)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await till.close()
    await book.close()
  })
  const { port } = server.address() as AddressInfo
  return [`http://127.0.0.1:${port}/`, `btp+ws://127.0.0.1:${book.port}/`]
}

test('buy-letters.js spends its budget and says so', async (t) => {
  const at = await open(t, async (till) => createShop({ till, price: 1n, unit: letter, content: () => letters() }))
  const output = await example('buy-letters.js', ...at)
  assert.match(output, /^[A-Z]{40}\n40 letters for 40, ended by: budget; balance -40\n$/)
})

test('buy-once.js buys what it can afford, and explains what it cannot', async (t) => {
  const shop = (price: bigint) => async (till: Till, ledger: Ledger) =>
    createOneShotShop({ till, ledger, secret: await keptSecret(ledger), price, goods: () => 'Your letter: S' })
  assert.equal(await example('buy-once.js', ...(await open(t, shop(17n)))), 'Your letter: S (paid 17)\n')
  assert.match(await example('buy-once.js', ...(await open(t, shop(21n)))), /^not bought, FETCH_PRICE: /)
})
