/** Streams random letters, one for each payment. Buy some: node examples/buyer.js http://localhost:8000/ '0.0001 USD' */
import { randomInt } from 'node:crypto'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { MemoryStore, openSeller } from 'sluice'
import { paid } from 'sluice/http/node'

/** Nothing is drawn before it is paid. */
function* letters() {
  for (;;) yield String.fromCharCode(65 + randomInt(26))
}

// Nothing survives in memory: a real shop says `dir: 'books'`. Anyone on this machine may open an account, and owe so much.
const seller = await openSeller({
  store: new MemoryStore(),
  credit: '0.001 USD',
  on: {
    ended: ({ asset }, { why, units, totals }) => console.log(`${units} letters, ${totals.amount} ${asset} (${why})`),
  },
})
const shop = paid(seller, { price: '0.000001 USD', unit: 'letter' }, (request, response) => {
  response.setHeader('Content-Type', 'text/plain')
  Readable.from(letters(), { highWaterMark: 1 }).pipe(response)
})
const server = createServer(shop)
seller.attach(server) // the ledger, at /btp of the same port
server.listen(process.env.PORT ?? 8000, 'localhost', () => {
  console.log(`open at http://localhost:${server.address().port}/`)
})
