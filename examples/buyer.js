/** Buys what a URL sells, for at most so many base units: node examples/buyer.js http://localhost:8000/ 100 */
import { randomBytes } from 'node:crypto'
import { parseBtpUri } from 'sluice/btp'
import { ownLedgerOf, payingFetch } from 'sluice/fetch'
import { Holder } from 'sluice/link'
import { hashToken } from 'sluice/session'
import { dialWebSocket } from 'sluice/session/ws'

const [url = 'http://localhost:8000/', budget = '100'] = process.argv.slice(2)
let holder

/** A new account at the seller's own ledger, for this run only. */
function openAccount(offer) {
  const ledger = ownLedgerOf(offer)
  if (!ledger) throw new Error('the seller names no ledger of its own')
  const token = randomBytes(32).toString('base64url')
  const dial = dialWebSocket(parseBtpUri(ledger.uri).url)
  holder = new Holder({ dial, username: '', token, accountSegment: hashToken(token) })
  return holder
}

const response = await payingFetch(url, { budget: BigInt(budget), link: openAccount })
for await (const bytes of response.body) process.stdout.write(bytes)
await response.payment.settled()
console.error(`\npaid ${response.payment.spent}, balance ${await holder?.balance()}`)
await holder?.close()
