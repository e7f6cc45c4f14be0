/** A ledger of the shop's own, for the shops beside this file: it listens at /btp, on the shop's HTTP port. */
import { Ledger } from 'sluice/ledger'
import { Host } from 'sluice/link'
import { hashToken, SessionServer } from 'sluice/session'
import { attach } from 'sluice/session/ws'
import { MemoryStore } from 'sluice/store'

/** Opens the ledger and lets holders connect through `server`. Anyone may open an account, and owe a million at most. */
export async function openHostedLedger(server) {
  // Nothing survives in memory: for a real shop, new LevelStore('a/directory') from sluice/store/level.
  const ledger = new Ledger({ store: new MemoryStore() })
  const host = new Host({
    ledger,
    prefix: 'example.letter-shop.mytrustline.',
    assetCode: 'USD',
    assetScale: 9,
    newAccount: { creditLimit: 1_000_000n, balanceMax: 1_000_000n },
  })
  await host.open()
  const sessions = new SessionServer({
    version: 1,
    owner: host.owner,
    // An account is named by the hash of its holder's token, so that nobody else can use it.
    authenticate: ({ token }) => (token === '' ? undefined : hashToken(token)),
  })
  attach(server, { path: '/btp', onTransport: (transport, address) => sessions.accept(transport, address) })
  return { ledger, host }
}

/** Listens on `PORT`, and says where. */
export async function listen(server) {
  await new Promise((resolve) => server.listen(process.env.PORT ?? 8000, 'localhost', resolve))
  const { port } = server.address()
  console.log(`open at http://localhost:${port}/`)
  return { uri: `btp+ws://localhost:${port}/btp`, version: 1 }
}
