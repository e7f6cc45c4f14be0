/** A shop with a ledger of its own, on free ports, for the tests of the wallet. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { createShop, letter, nodeListener, Till, type ShopOptions } from 'sluice/http'
import { HostedLedger } from 'sluice/link/hosted'
import { hashToken } from 'sluice/session'
import { MemoryStore } from 'sluice/store'

export interface WalletShop {
  readonly url: string
  readonly ledger: HostedLedger
  readonly ledgerUri: string
  /** Sum of what all accounts were debited. */
  readonly captured: () => bigint
}

export interface WalletShopOptions extends Partial<Pick<ShopOptions, 'content' | 'price' | 'window'>> {
  readonly accounts?: 'open' | 'known'
  readonly assetCode?: string
  readonly assetScale?: number
}

export async function walletShop(t: TestContext, options: WalletShopOptions = {}): Promise<WalletShop> {
  const { accounts = 'open', assetCode = 'USD', assetScale = 9, price = 1n, window = 100n * price } = options
  const { content = () => ['x'.repeat(1000)] } = options
  const ledger = new HostedLedger({
    store: new MemoryStore({ warn: () => undefined }),
    prefix: 'example.shop.',
    assetCode,
    assetScale,
    newAccount: { creditLimit: 1n << 62n, balanceMax: 1n << 62n },
    listen: { port: 0, authenticate: ({ token }) => (token === '' ? undefined : hashToken(token)) },
  })
  await ledger.open()
  const till = new Till({ link: ledger.host })
  till.open()
  const ledgerUri = `btp+ws://127.0.0.1:${ledger.port}/`
  const seller = { ledger: { uri: ledgerUri, version: 1 as const }, accounts }
  const server = createServer(nodeListener(createShop({ till, price, window, unit: letter, content, seller })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await till.close()
    await ledger.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    ledger,
    ledgerUri,
    captured: () => ledger.ledger.accounts().reduce((sum, { fulfilledOut }) => sum + fulfilledOut, 0n),
  }
}
