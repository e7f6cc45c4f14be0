/**
 * Ten thousand payments in each direction between every pair of parties, in batches of different conditions, amounts and
 * windows with rejections among them; then both books against what the script itself counted.
 * `node build/test/soak/old-peer.js [--payments N] [--only TEXT]`; exit 1 when a book is off by one unit.
 */
import { parseArgs } from 'node:util'
import { installOldPeers } from '../interop/old-peers.js'
import { pairs, type Pair } from '../interop/pairs.js'
import { Party, type PaymentMode } from '../interop/party.js'

const { values } = parseArgs({
  options: { payments: { type: 'string', default: '10000' }, only: { type: 'string', default: '' } },
})
const batches: readonly { share: number; mode: PaymentMode; amount: string; window: number }[] = [
  { share: 0.3, mode: 'hmac', amount: '1', window: 100 },
  { share: 0.3, mode: 'psk', amount: '7', window: 10 },
  { share: 0.2, mode: 'random', amount: '13', window: 100 },
  { share: 0.2, mode: 'psk', amount: '999', window: 500 },
]
const rejectedShare = 0.01

await installOldPeers()
for (const pair of pairs.filter(({ name }) => name.includes(values.only))) {
  const figures = await run(pair, Number(values.payments))
  console.log(JSON.stringify(figures))
  if (!figures.exact) process.exitCode = 1
}

async function run(pair: Pair, payments: number): Promise<{ readonly exact: boolean } & Record<string, unknown>> {
  const shop = await Party.shop(pair.shop)
  const client = await Party.client(pair.client, shop)
  const started = performance.now()
  const byClient = await payAll(client, payments, 0n)
  const byShop = await payAll(shop, payments, 1n)
  const seconds = (performance.now() - started) / 1000
  // What the payee hears of its last capture comes before the answer to this.
  const [shopBalance, clientBalance] = [await shop.balance(), await client.balance()]
  const [shopBooks, clientBooks] = [await shop.books(), await client.books()]
  await shop.stop()
  await client.stop()

  const position = byClient.sum - byShop.sum
  const exact =
    byClient.fulfilled === payments &&
    byShop.fulfilled === payments &&
    shopBalance === position &&
    clientBalance === -position &&
    BigInt(shopBooks.incoming) === byClient.sum &&
    BigInt(clientBooks.outgoing) === byClient.sum &&
    BigInt(clientBooks.incoming) === byShop.sum &&
    BigInt(shopBooks.outgoing) === byShop.sum
  return {
    pair: pair.name,
    exact,
    payments: [byClient.fulfilled, byShop.fulfilled],
    rejected: [byClient.rejected, byShop.rejected],
    units: [String(byClient.sum), String(byShop.sum)],
    balances: [String(clientBalance), String(shopBalance)],
    seconds: Math.round(seconds * 10) / 10,
  }
}

interface Total {
  fulfilled: number
  rejected: number
  sum: bigint
}

/** `extra` units more a payment than the batches say, so that the directions do not cancel out. */
async function payAll(payer: Party, payments: number, extra: bigint): Promise<Total> {
  const total: Total = { fulfilled: 0, rejected: 0, sum: 0n }
  for (const { share, mode, window, amount } of batches) {
    const each = BigInt(amount) + extra
    const paid = await payer.pay({ mode, window, amount: String(each), count: Math.round(payments * share) })
    const fulfilled = paid.outcomes['outgoing_fulfill'] ?? 0
    total.fulfilled += fulfilled
    total.sum += BigInt(fulfilled) * each
    const refused = await payer.pay({ count: Math.round(payments * rejectedShare), window: 10, mode: 'reject' })
    total.rejected += refused.outcomes['outgoing_reject'] ?? 0
  }
  return total
}
