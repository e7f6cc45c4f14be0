/**
 * Buys letters from a shop, one payment each, as fast as they are read.
 *
 *   npx sluice shop --memory            in one terminal
 *   node examples/buy-letters.js        in another
 */
import { payingFetch } from 'sluice/fetch'
import { holderAt } from 'sluice/link/ws'

const [url = 'http://127.0.0.1:8000/', ledger = 'btp+ws://127.0.0.1:9000/'] = process.argv.slice(2)

// The account that pays. Without a name and a token it is the one that all strangers share, as in the tutorials of 2017.
const link = holderAt(ledger)

// Nothing is paid without a budget: 40 units of the ledger's smallest coin. At most 8 of them are at risk at any moment.
const response = await payingFetch(url, { link, budget: 40n, window: 8n })

// An ordinary Response. Who reads slowly pays slowly; who stops reading stops paying.
for await (const letters of response.body) process.stdout.write(letters)

await response.payment.settled()
const { units, spent, end } = response.payment
console.log(`\n${units} letters for ${spent}, ended by: ${end}; balance ${await link.balance()}`)
await link.close()
