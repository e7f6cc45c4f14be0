/** Sells one letter at a time: 402, a payment, and the letter at the path that the payment reveals. */
import { createServer } from 'node:http'
import { createOneShotShop, MemoryStore, nodeListener, openSeller } from 'sluice'

const seller = await openSeller({ store: new MemoryStore(), credit: '0.001 USD' })
const server = createServer()
seller.attach(server)
server.listen(process.env.PORT ?? 8000, 'localhost', () => {
  const { port } = server.address()
  const { till, ledger, secret } = seller
  const shop = createOneShotShop({
    till,
    ledger,
    secret,
    price: 10_000n, // base units: billionths of a dollar
    goods: (seed) => `Your letter: ${String.fromCharCode(65 + (seed[0] % 26))}\n`,
    seller: { ledger: { uri: `btp+ws://localhost:${port}/btp`, version: 1 }, accounts: 'open' },
  })
  server.on('request', nodeListener(shop, console.error))
  console.log(`open at http://localhost:${port}/`)
})
