/** Sells whole answers to whoever shows a Pay-Token with a balance, which payments top up. */
import { createServer } from 'node:http'
import { MemoryStore, openSeller } from 'sluice'
import { paid } from 'sluice/http/node'

const seller = await openSeller({ store: new MemoryStore(), credit: '0.001 USD' })
const shop = paid(seller, { price: '0.00001 USD', unit: 'request' }, (request, response) => {
  response.end(`Here is what you paid for at ${request.url}\n`)
})
const server = createServer(shop)
seller.attach(server)
server.listen(process.env.PORT ?? 8000, 'localhost', () => {
  console.log(`open at http://localhost:${server.address().port}/`)
})
