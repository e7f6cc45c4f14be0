/**
 * Buys something that has one price: the shop answers 402 and how to pay, the paying fetch pays once and asks again.
 * It works for conditions (the Letter Shop of 2017) and for prepaid tokens alike.
 *
 *   node examples/buy-once.js http://127.0.0.1:8000/ btp+ws://127.0.0.1:9000/
 */
import { FetchError, payingFetch } from 'sluice/fetch'
import { holderAt } from 'sluice/link/ws'

const [url = 'http://127.0.0.1:8000/', ledger = 'btp+ws://127.0.0.1:9000/'] = process.argv.slice(2)
const link = holderAt(ledger)

try {
  const response = await payingFetch(url, { link, budget: 100n, maxPrice: 20n })
  if (response.status === 402) console.log('too dear for the budget; nothing was paid')
  else console.log(`${await response.text()} (paid ${response.payment.spent})`)
} catch (error) {
  // Match on the code; it is stable. docs/reference/errors.md says what each means.
  if (!(error instanceof FetchError)) throw error
  console.log(`not bought, ${error.code}: ${error.message}`)
} finally {
  await link.close()
}
