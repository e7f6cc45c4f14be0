/** `sluice settle`: a buyer prepays from the XRP Ledger, buys letters, and takes back the rest. */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { standaloneXrpLedger } from 'sluice/testing/xrp'
import { Wallet } from 'xrpl'
import { sluice } from './sluice.js'

const XRP = 1_000_000n

test('deposits, buys, and settles to zero; the XRP Ledger agrees to the drop', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-settle-'))
  const ledger = await standaloneXrpLedger()
  t.after(async () => {
    await ledger.close()
    await rm(dir, { recursive: true, force: true })
  })
  const [host, buyer] = [Wallet.generate(), Wallet.generate()]
  for (const { address } of [host, buyer]) ledger.fund(address, 100n * XRP)
  const [hostFile, buyerFile] = [join(dir, 'host'), join(dir, 'buyer')]
  await writeFile(hostFile, `${host.seed}\n`, { mode: 0o600 })
  await writeFile(buyerFile, `${buyer.seed}\n`, { mode: 0o600 })
  ledger.startClosing(50)

  const asked = [
    'shop',
    '--memory',
    '--port',
    '0',
    '--btp-port',
    '0',
    '--asset',
    'XRP',
    '--scale',
    '6',
    '--credit',
    '0',
  ]
  const shop = sluice([...asked, '--settle-xrp-secret-file', hostFile, '--settle-xrp-server', ledger.url])
  const [, url = ''] = await shop.saw(/letters at (\S+) for/)
  await shop.saw(new RegExp(`settles over the XRP Ledger, from ${host.address}\n`))
  const settle = async (...args: string[]): Promise<Record<string, string>> => {
    const run = sluice(['settle', url, '--xrp-secret-file', buyerFile, '--xrp-server', ledger.url, '--json', ...args])
    assert.equal(await run.ended, 0, run.stderr)
    return JSON.parse(run.stdout) as Record<string, string>
  }

  const paid = await settle('--deposit', '2 XRP')
  assert.deepEqual([paid['direction'], paid['drops'], paid['balance']], ['deposit', '2000000', '2000000'])
  const get = sluice(['get', url, '--letters', '100', '--max-spend', '100'])
  assert.equal(await get.ended, 0, get.stderr)
  assert.equal(get.stdout.length, 100)
  const rest = await settle()
  assert.deepEqual([rest['direction'], rest['drops'], rest['balance']], ['withdrawal', '1999900', '0'])
  assert.equal((await settle())['direction'], 'none')
  assert.equal(ledger.balance(buyer.address), 100n * XRP - 100n - 10n)
  assert.equal(ledger.balance(host.address), 100n * XRP + 100n - 10n)

  await chmod(buyerFile, 0o644)
  const careless = sluice(['settle', url, '--xrp-secret-file', buyerFile, '--xrp-server', ledger.url])
  assert.equal(await careless.ended, 26)
  assert.match(careless.stderr, /CLI_SECRET.*chmod 600/)
  assert.doesNotMatch(careless.stderr + shop.stdout + shop.stderr, new RegExp(`${buyer.seed}|${host.seed}`))
  shop.child.kill('SIGTERM')
  assert.equal(await shop.ended, 0, shop.stderr)
})
