/** Sells requests to whoever shows a Pay-Token with a balance, which payments top up. */
import { createServer } from 'node:http'
import { createPrepaidShop, keptSecret, nodeListener, Till } from 'sluice/http'
import { listen, openHostedLedger } from './hosted-ledger.js'

const server = createServer()
const { ledger, host } = await openHostedLedger(server)
const till = new Till({ link: host })
till.open()

const shop = createPrepaidShop({
  till,
  ledger,
  secret: await keptSecret(ledger),
  price: 10n,
  goods: ({ url }) => `Here is what you paid for at ${url}\n`,
  seller: { ledger: await listen(server), accounts: 'open' },
})
server.on('request', nodeListener(shop, console.error))
