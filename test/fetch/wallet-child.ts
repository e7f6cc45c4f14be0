/** A process that buys from a wallet until the budget is spent, for wallet-budget.test.ts: directory, URL, calls at once. */
import { payingFetch } from 'sluice/fetch'
import { openWallet } from 'sluice/fetch/wallet'

const [directory = '', url = '', calls = '1', perDay = '0'] = process.argv.slice(2)
const wallet = await openWallet(directory, { budget: { USD: { perOrigin: BigInt(perDay), perDay: BigInt(perDay) } } })

async function buy(): Promise<string> {
  const response = await payingFetch(url, { wallet, budget: 400n, window: 20n })
  for await (const bytes of response.body as AsyncIterable<Uint8Array>) if (bytes.length > 0) process.stdout.write('.')
  await response.payment.settled()
  return `${response.payment.end} ${response.payment.spent}`
}

const ends = await Promise.all(Array.from({ length: Number(calls) }, buy))
await wallet.close()
process.stdout.write(`\n${ends.join('\n')}\n`)
