/** Buys what a URL sells, from a wallet: node examples/buyer.js http://localhost:8000/ '0.0001 USD' */
import { openWallet, payingFetch } from 'sluice'

const [url = 'http://localhost:8000/', budget = '0.0001 USD'] = process.argv.slice(2)

// Accounts, their secrets, and what all programs that use this directory may spend.
const wallet = await openWallet('wallet', { budget: { USD: { perOrigin: '0.01', perDay: '0.05' } } })
const response = await payingFetch(url, { wallet, budget })
for await (const bytes of response.body) process.stdout.write(bytes)
await response.payment.settled()
console.error(`\npaid ${response.payment.spent}, ended by: ${response.payment.end}`)
await wallet.close()
