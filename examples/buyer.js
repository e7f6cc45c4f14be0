/** Buys what a URL sells, for at most so many base units: node examples/buyer.js http://localhost:8000/ 100 */
import { randomBytes } from 'node:crypto'
import { holderAt, ownLedgerOf, payingFetch } from 'sluice'

const [url = 'http://localhost:8000/', budget = '100'] = process.argv.slice(2)
let holder

/** A new account at the seller's own ledger, for this run only. */
function openAccount(offer) {
  const ledger = ownLedgerOf(offer)
  if (!ledger) throw new Error('the seller names no ledger of its own')
  const token = randomBytes(32).toString('base64url')
  holder = holderAt(ledger.uri.replace('//', `//:${token}@`))
  return holder
}

const response = await payingFetch(url, { budget: BigInt(budget), link: openAccount })
for await (const bytes of response.body) process.stdout.write(bytes)
await response.payment.settled()
console.error(`\npaid ${response.payment.spent}, balance ${await holder?.balance()}`)
await holder?.close()
