/** Sells one letter at a time: 402, a payment, and the letter at the path that the payment reveals. */
import { createServer } from 'node:http'
import { createOneShotShop, keptSecret, nodeListener, Till } from 'sluice/http'
import { listen, openHostedLedger } from './hosted-ledger.js'

const server = createServer()
const { ledger, host } = await openHostedLedger(server)
const till = new Till({ link: host })
till.open()

const shop = createOneShotShop({
  till,
  ledger,
  secret: await keptSecret(ledger),
  price: 10n,
  goods: (seed) => `Your letter: ${String.fromCharCode(65 + (seed[0] % 26))}\n`,
  seller: { ledger: await listen(server), accounts: 'open' },
})
server.on('request', nodeListener(shop, console.error))
