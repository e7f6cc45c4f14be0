/** Streams random letters, one for each payment. Buy some: node examples/buyer.js http://localhost:8000/ 100 */
import { createServer } from 'node:http'
import { createShop, letter, letters, nodeListener, Till } from 'sluice/http'
import { listen, openHostedLedger } from './hosted-ledger.js'

const server = createServer()
const { host } = await openHostedLedger(server)
const till = new Till({ link: host })
till.open()

const shop = createShop({
  till,
  price: 1n,
  unit: letter,
  content: () => letters(),
  contentType: 'text/plain',
  seller: { ledger: await listen(server), accounts: 'open' },
  onStreamEnd: ({ why, totals }) => console.log(`sold ${totals.endOffset} letters for ${totals.amount} (${why})`),
})
server.on('request', nodeListener(shop, console.error))
