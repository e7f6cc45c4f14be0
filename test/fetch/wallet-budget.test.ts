/** A wallet's budgets over real shops: shared by many calls and several processes, one of them killed. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { payingFetch, type PaidResponse, type Wallet, type WalletBudget } from 'sluice/fetch'
import { openWallet } from 'sluice/fetch/wallet'
import { type Clock, systemClock } from 'sluice/clock'
import { walletShop } from './wallet-shop.js'

const CHILD = fileURLToPath(new URL('./wallet-child.js', import.meta.url))
const DAY_MS = 86_400_000

async function freshDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-wallet-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function open(
  t: TestContext,
  directory: string,
  budget: WalletBudget,
  clock: Clock = systemClock,
): Promise<Wallet> {
  const wallet = await openWallet(directory, { budget: { USD: budget }, clock })
  t.after(() => wallet.close())
  return wallet
}

/** Reads all that is sold. */
async function buy(url: string, wallet: Wallet, budget = 1000n, window = 20n): Promise<PaidResponse> {
  const response = await payingFetch(url, { wallet, budget, window })
  const { length } = await response.text()
  await response.payment.settled()
  assert.equal(BigInt(length) * response.payment.price, response.payment.spent)
  return response
}

/** What one process did. */
interface Run {
  readonly ends: readonly string[]
  readonly spent: bigint
}

function child(args: readonly string[], kill = false): Promise<Run> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(process.execPath, ['--no-warnings', CHILD, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    process_.stdout.on('data', (part: Buffer) => {
      output += part.toString()
      if (kill && output.length > 40) process_.kill('SIGKILL')
    })
    process_.once('error', reject)
    process_.once('close', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') return reject(new Error(`the child ended with ${code}`))
      const ends = output.split('\n').slice(1, -1)
      resolve({
        ends: ends.map((line) => line.split(' ')[0] ?? ''),
        spent: ends.reduce((sum, line) => sum + BigInt(line.split(' ')[1] ?? 0), 0n),
      })
    })
  })
}

test('per call, per origin and per day: whichever is reached first, and 0 pays nothing', async (t) => {
  const [first, second] = [await walletShop(t), await walletShop(t)]
  const spentWith = async (budget: WalletBudget, call = 1000n): Promise<bigint[]> => {
    const wallet = await open(t, await freshDirectory(t), budget)
    const responses = [
      await buy(first.url, wallet, call),
      await buy(first.url, wallet, call),
      await buy(second.url, wallet, call),
    ]
    await wallet.close()
    for (const { payment } of responses) if (payment.spent < 1000n) assert.equal(payment.end, 'budget')
    return responses.map(({ payment }) => payment.spent)
  }
  assert.deepEqual(await spentWith({ perOrigin: 5000n, perDay: 9000n }), [1000n, 1000n, 1000n])
  assert.deepEqual(await spentWith({ perCall: 7n, perOrigin: 5000n, perDay: 9000n }), [7n, 7n, 7n])
  assert.deepEqual(await spentWith({ perCall: 70n, perOrigin: 500n, perDay: 900n }, 8n), [8n, 8n, 8n])
  assert.deepEqual(await spentWith({ perOrigin: 1500n, perDay: 9000n }), [1000n, 500n, 1000n])
  assert.deepEqual(await spentWith({ perOrigin: '0.0000015', perDay: '0.0000021 USD' }), [1000n, 500n, 600n])
  assert.deepEqual(await spentWith({ perOrigin: 0n, perDay: 9000n }), [0n, 0n, 0n])
  assert.deepEqual(await spentWith({ perOrigin: 5000n, perDay: 0n }), [0n, 0n, 0n])
})

test('a price above what is left is not paid at all, and the next day has a budget of its own', async (t) => {
  const shop = await walletShop(t, { price: 30n, window: 30n })
  let days = 0
  const clock = { ...systemClock, now: () => Date.now() + days * DAY_MS }
  const wallet = await open(t, await freshDirectory(t), { perOrigin: 100n, perDay: 100n }, clock)
  assert.equal((await buy(shop.url, wallet, 1000n, 30n)).payment.spent, 90n)
  assert.equal((await buy(shop.url, wallet, 1000n, 30n)).payment.spent, 0n)
  days = 1
  assert.equal((await buy(shop.url, wallet, 1000n, 30n)).payment.spent, 90n)
})

test('a clock that is set back by days opens no budget again, in whatever process', async (t) => {
  const shop = await walletShop(t, { price: 30n, window: 30n })
  let days = 10
  const clock = { ...systemClock, now: () => Date.now() + days * DAY_MS }
  const directory = await freshDirectory(t)
  const spent: bigint[] = []
  for (days of [10, 7, 7, 7, 9, 10]) {
    const wallet = await open(t, directory, { perOrigin: 100n, perDay: 100n }, clock)
    spent.push((await buy(shop.url, wallet, 1000n, 30n)).payment.spent)
    await wallet.close()
  }
  // The ninth is remembered, and nothing was spent on it.
  assert.deepEqual(spent, [90n, 0n, 0n, 0n, 90n, 0n])
})

test('no budget in the asset, or one that is none, is an error and pays nothing', async (t) => {
  const shop = await walletShop(t, { assetCode: 'EUR' })
  const wallet = await open(t, await freshDirectory(t), { perOrigin: 100n, perDay: 100n })
  await assert.rejects(buy(shop.url, wallet), { code: 'WALLET_BUDGET' })
  const directory = await freshDirectory(t)
  for (const budget of [
    undefined,
    {},
    { perDay: 1n },
    { perDay: -1n, perOrigin: 1n },
    { perDay: '1 EUR', perOrigin: 1 },
  ]) {
    const options = { budget: budget && { USD: budget } } as unknown as Parameters<typeof openWallet>[1]
    await assert.rejects(openWallet(directory, options), { code: 'WALLET_BUDGET' })
  }
  assert.equal(shop.captured(), 0n)
})

test('a hundred calls at once spend the budget of their wallet and no unit more', async (t) => {
  const shop = await walletShop(t, { price: 3n })
  const wallet = await open(t, await freshDirectory(t), { perOrigin: 5_000n, perDay: 3_001n })
  const responses = await Promise.all(Array.from({ length: 100 }, () => buy(shop.url, wallet, 90n, 24n)))
  const spent = responses.reduce((sum, { payment }) => sum + payment.spent, 0n)
  assert.equal(shop.captured(), spent)
  assert.ok(spent <= 3_001n, `${spent}`)
  assert.ok(responses.every(({ payment }) => payment.spent <= 90n && payment.end === 'budget'))
  // What one call gives back another may spend.
  assert.ok(spent >= 2_500n, `${spent}`)
  await wallet.close()
})

test('processes share the budget, and what a killed one had set aside is not spent twice', async (t) => {
  const shop = await walletShop(t, { content: () => Array.from({ length: 400 }, () => 'x') })
  const directory = await freshDirectory(t)
  const args = [directory, shop.url, '2', '1600']
  const runs = await Promise.all([child(args), child(args), child(args, true)])
  const told = runs.reduce((sum, { spent }) => sum + spent, 0n)
  assert.ok(shop.captured() >= told)
  assert.ok(shop.captured() <= 1_600n, `${shop.captured()} of 1600`)
  // Nothing is left but what the killed process may have spent.
  const rest = await child(args)
  assert.ok(shop.captured() <= 1_600n, `${shop.captured()} of 1600`)
  assert.ok(rest.ends.every((end) => end === 'budget'))
  assert.ok(shop.captured() >= 1_200n, `${shop.captured()}: the slices of a killed process are small`)
})
