/** The wallet on disk, against real shops: accounts, secrets, keys, and what it refuses. Budgets have tests of their own. */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { payingFetch, type Offer, type Wallet } from 'sluice/fetch'
import { openWallet, type WalletOptions } from 'sluice/fetch/wallet'
import { formatPayTerms, parsePayTerms, type PayTerms } from 'sluice/http/headers'
import { walletShop, type WalletShop } from './wallet-shop.js'

const BUDGET = { USD: { perOrigin: 5000n, perDay: 10_000n } }

async function freshDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-wallet-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function open(t: TestContext, directory: string, options: Partial<WalletOptions> = {}): Promise<Wallet> {
  const wallet = await openWallet(directory, { budget: BUDGET, ...options })
  t.after(() => wallet.close())
  return wallet
}

/** A `fetch` whose answers have other terms. */
function retold(change: (terms: PayTerms) => PayTerms): (request: Request) => Promise<Response> {
  return async (request) => {
    const { body, headers, status } = await fetch(request)
    const changed = new Headers(headers)
    changed.set('pay-terms', formatPayTerms(change(parsePayTerms(headers.get('pay-terms') ?? ''))))
    return new Response(body, { status, headers: changed })
  }
}

async function textOf(shop: WalletShop, wallet: Wallet, budget: bigint | string = 10n): Promise<string> {
  const response = await payingFetch(shop.url, { wallet, budget })
  const text = await response.text()
  await response.payment.settled()
  return text
}

test('buys with a URL and a budget, and keeps the account for the next time', async (t) => {
  const shop = await walletShop(t)
  const directory = await freshDirectory(t)
  const first = await open(t, directory)
  assert.equal(await textOf(shop, first, '0.00000001 USD'), 'x'.repeat(10))
  assert.equal(await textOf(shop, first), 'x'.repeat(10))
  await first.close()
  const second = await open(t, directory)
  assert.equal(await textOf(shop, second), 'x'.repeat(10))
  const [account, ...others] = await second.accounts()
  assert.deepEqual(others, [])
  assert.deepEqual([account?.ledger, account?.asset, account?.scale], [shop.ledgerUri, 'USD', 9])
  assert.equal(shop.ledger.ledger.accounts().length, 1)
  assert.ok(account)
  assert.equal(await (await second.linkTo(account)).balance(), -30n)
})

test('secrets are for their owner: file modes, and nothing of them is shown or logged', async (t) => {
  const shop = await walletShop(t)
  const directory = join(await freshDirectory(t), 'new', 'wallet')
  const logged: unknown[] = []
  const note = (...entry: readonly unknown[]): void => void logged.push(entry)
  const wallet = await open(t, directory, { log: { debug: note, info: note, warn: note, error: note } })
  await textOf(shop, wallet)
  const path = join(directory, 'accounts.json')
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.equal((await stat(directory)).mode & 0o777, 0o700)
  assert.deepEqual(
    (await readdir(directory)).toSorted(),
    ['accounts.json', 'budget', 'records'],
    'no copy of the secrets is left',
  )
  const { accounts } = JSON.parse(await readFile(path, 'utf8')) as { accounts: { token: string }[] }
  const token = accounts[0]?.token ?? ''
  assert.equal(token.length, 43)
  assert.ok(!JSON.stringify([await wallet.accounts(), logged]).includes(token))
})

test('a file that others can read, that is damaged or of another version is refused, without its content', async (t) => {
  const directory = await freshDirectory(t)
  const path = join(directory, 'accounts.json')
  const refusal = async (text: string, mode = 0o600): Promise<{ code: string; message: string }> => {
    await writeFile(path, text, { mode })
    await chmod(path, mode)
    return openWallet(directory, { budget: BUDGET }).then(
      () => assert.fail('opened'),
      (error: { code: string; message: string }) => error,
    )
  }
  assert.equal((await refusal('{"version":1,"accounts":[]}', 0o640)).code, 'WALLET_MODE')
  for (const text of [
    '',
    'xyzzy',
    '{"version":2,"accounts":[]}',
    '{"version":1}',
    '{"version":1,"accounts":["xyzzy"]}',
  ]) {
    const { code, message } = await refusal(text)
    assert.equal(code, 'WALLET_FILE', text)
    assert.ok(!message.includes('xyzzy'))
  }
  await rm(path)
  await chmod(directory, 0o777)
  await assert.rejects(openWallet(directory, { budget: BUDGET }), { code: 'WALLET_MODE' })
})

test('no account where the seller opens none, where the user says no, or at a ledger elsewhere', async (t) => {
  const asked: string[] = []
  const confirm = (_offer: Offer, ledger: string): boolean => {
    asked.push(ledger)
    return false
  }
  const wallet = await open(t, await freshDirectory(t), { confirm })
  const known = await walletShop(t, { accounts: 'known' })
  await assert.rejects(textOf(known, wallet), { code: 'WALLET_ACCOUNT' })
  const shop = await walletShop(t)
  await assert.rejects(textOf(shop, wallet), { code: 'WALLET_DECLINED' })
  assert.deepEqual(asked, [shop.ledgerUri])
  const elsewhere = retold((terms) => ({ ...terms, ledger: { uri: 'btp+ws://bank.example/', version: 1 } }))
  const other = payingFetch(shop.url, { wallet, budget: 10n, fetch: elsewhere })
  await assert.rejects(other, { code: 'WALLET_LEDGER' })
  const unnamed = retold(({ ledger: _ledger, ...terms }) => terms)
  await assert.rejects(payingFetch(shop.url, { wallet, budget: 10n, fetch: unnamed }), { code: 'WALLET_LEDGER' })
  assert.deepEqual(await wallet.accounts(), [])
  assert.equal(shop.ledger.ledger.accounts().length, 0)
})

test('an account that the seller opened, and a ledger elsewhere, are used when the user says so', async (t) => {
  const shop = await walletShop(t, { accounts: 'known' })
  const { origin } = new URL(shop.url)
  const ledgers = { [origin]: shop.ledgerUri }
  const wallet = await open(t, await freshDirectory(t), { ledgers })
  const uri = shop.ledgerUri.replace('://', '://:given%20by%2Fthe%20seller@')
  const added = await wallet.add(uri)
  assert.deepEqual([added.ledger, added.asset, 'token' in added], [shop.ledgerUri, 'USD', false])
  assert.equal((await wallet.add(uri)).since, added.since)
  await assert.rejects(wallet.add(shop.ledgerUri.replace('://', '://:another@')), { code: 'WALLET_ACCOUNT' })
  const elsewhere = retold((terms) => ({ ...terms, ledger: { uri: 'btp+ws://bank.example/', version: 1 } }))
  const response = await payingFetch(shop.url, { wallet, budget: 10n, fetch: elsewhere })
  assert.equal(await response.text(), 'x'.repeat(10))
})

test('the receipt key is believed at first, and must stay', async (t) => {
  const shop = await walletShop(t)
  const directory = await freshDirectory(t)
  const wallet = await open(t, directory)
  const withKey = (byte: number): Promise<unknown> =>
    payingFetch(shop.url, {
      wallet,
      budget: 0n,
      fetch: retold((terms) => ({ ...terms, key: new Uint8Array(32).fill(byte) })),
    })
  await textOf(shop, wallet)
  await withKey(1)
  await withKey(1)
  await assert.rejects(withKey(2), { code: 'WALLET_KEY' })
  await wallet.close()
  assert.equal((await (await open(t, directory)).accounts())[0]?.key, Buffer.alloc(32, 1).toString('base64url'))
})

test('many calls at once to a new seller open one account; two wallets at once do too', async (t) => {
  const shop = await walletShop(t)
  const directory = await freshDirectory(t)
  const wallets = [await open(t, directory), await open(t, directory)]
  const texts = await Promise.all(
    Array.from({ length: 20 }, (_, i) => textOf(shop, wallets[i % 2] ?? assert.fail(), BigInt(i))),
  )
  assert.deepEqual(
    texts.map((text) => text.length),
    texts.map((_, i) => i),
  )
  assert.equal((await wallets[0]?.accounts())?.length, 1)
  assert.equal(shop.captured(), 190n)
  // The account of the wallet that came second was opened at the ledger, and never used.
  assert.equal(shop.ledger.ledger.accounts().filter(({ fulfilledOut }) => fulfilledOut > 0n).length, 1)
})

test('a wallet or a link, one of them; a closed wallet pays nothing', async (t) => {
  const shop = await walletShop(t)
  const wallet = await open(t, await freshDirectory(t))
  const link = await wallet.add(shop.ledgerUri.replace('://', '://:mine@')).then((account) => wallet.linkTo(account))
  await assert.rejects(payingFetch(shop.url, { budget: 1n }), { code: 'FETCH_OPTIONS' })
  await assert.rejects(payingFetch(shop.url, { wallet, link, budget: 1n }), { code: 'FETCH_OPTIONS' })
  await assert.rejects(payingFetch(shop.url, { wallet, budget: '1 EUR' }), { code: 'MONEY_ASSET' })
  await wallet.close()
  await wallet.close()
  await assert.rejects(textOf(shop, wallet), { code: 'WALLET_CLOSED' })
  await assert.rejects(wallet.add(shop.ledgerUri), { code: 'WALLET_CLOSED' })
})
