/** `sluice shop` and `sluice get` over the XRP Ledger, as processes. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { standaloneXrpLedger } from 'sluice/testing/xrp'
import { Wallet } from 'xrpl'
import { sluice } from './sluice.js'

const FUNDS = 100_000_000n
const CREATE = 10n
const FINISH = 350n

test('buys letters for escrows; both accounts agree to the drop', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-xrp-'))
  const ledger = await standaloneXrpLedger()
  t.after(async () => {
    await ledger.close()
    await rm(dir, { recursive: true, force: true })
  })
  const [seller, buyer] = [Wallet.generate(), Wallet.generate()]
  for (const { address } of [seller, buyer]) ledger.fund(address, FUNDS)
  const [sellerFile, buyerFile] = [join(dir, 'seller'), join(dir, 'buyer')]
  await writeFile(sellerFile, `${seller.seed}\n`, { mode: 0o600 })
  await writeFile(buyerFile, `${buyer.seed}\n`, { mode: 0o600 })
  ledger.startClosing(100)
  const xrp = (file: string): string[] => ['--ledger', 'xrp', '--xrp-secret-file', file, '--xrp-server', ledger.url]

  const shop = sluice(['shop', '--dir', join(dir, 'shop'), '--port', '0', '--price', '0.001 XRP', ...xrp(sellerFile)])
  const [, url = ''] = await shop.saw(/letters at (\S+) for 0.001 XRP each/)
  await shop.saw(new RegExp(`to ${seller.address}\n`))
  const get = sluice(['get', url, '--letters', '5', '--max-spend', '0.005 XRP', ...xrp(buyerFile)])
  assert.equal(await get.ended, 0, get.stderr)
  assert.equal(get.stdout.length, 5)
  assert.match(get.stderr, /5 letters for 0.005 XRP/)

  assert.equal(ledger.balance(buyer.address), FUNDS - 5_000n - 5n * CREATE)
  assert.equal(ledger.balance(seller.address), FUNDS + 5_000n - 5n * FINISH)
  shop.child.kill('SIGTERM')
  assert.equal(await shop.ended, 0, shop.stderr)
  assert.match(shop.stdout, /stopped: 0.005 XRP captured/)
  assert.doesNotMatch(get.stderr + shop.stdout + shop.stderr, new RegExp(`${buyer.seed}|${seller.seed}`))
})

test('says which options go together', async () => {
  for (const [args, said] of [
    [['shop', '--ledger', 'xrp'], /CLI_USAGE: --ledger xrp needs an account and a server/],
    [['shop', '--xrp-server', 'ws://127.0.0.1:1'], /CLI_USAGE.*add --ledger xrp/],
    [['get', 'http://127.0.0.1:1/', '--xrp-secret-file', 'none'], /CLI_USAGE.*add --ledger xrp/],
  ] as const) {
    const run = sluice(args)
    assert.equal(await run.ended, 2, run.stderr)
    assert.match(run.stderr, said)
  }
})
