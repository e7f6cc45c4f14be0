/** The paying fetch against the shops of `sluice/http`, over a real HTTP server and the host and holder of one trustline. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { payingFetch, type PaidResponse, type PayingFetchOptions } from 'sluice/fetch'
import {
  chunk,
  createOneShotShop,
  createPrepaidShop,
  createShop,
  keptSecret,
  letter,
  nodeListener,
  Till,
  type ShopHandler,
} from 'sluice/http'
import { linkPair, type LinkPair } from 'sluice/link'

interface Market extends LinkPair {
  readonly buy: (options?: Partial<PayingFetchOptions>) => Promise<PaidResponse>
}

async function open(t: TestContext, shopFor: (till: Till, pair: LinkPair) => Promise<ShopHandler>): Promise<Market> {
  const pair = linkPair({ creditLimit: 10_000_000n })
  await pair.holder.open()
  const till = new Till({ link: pair.host })
  till.open()
  const server = createServer(nodeListener(await shopFor(till, pair)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await till.close()
    await pair.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    ...pair,
    buy: (options = {}) => payingFetch(`http://127.0.0.1:${port}/`, { link: pair.holder, budget: 1000n, ...options }),
  }
}

/** The host's book and the buyer's counts say the same. */
async function assertBooks({ ledger, holder }: Market, { payment }: PaidResponse): Promise<void> {
  await payment.settled()
  const account = ledger.account('client')
  assert.equal(account?.fulfilledOut, payment.spent)
  assert.equal(account?.heldOut, payment.held + payment.inDoubt)
  assert.equal(await holder.balance(), -payment.spent)
}

test('letters of any length are bought one by one', async (t) => {
  const text = 'Ein süßer Brief – 100 €, 信, 🖋️.'
  const market = await open(t, async (till) =>
    createShop({ till, price: 3n, unit: letter, content: () => [text.slice(0, 7), text.slice(7)] }),
  )
  const response = await market.buy({ window: 12n })
  assert.equal(await response.text(), text)
  assert.equal(response.payment.end, 'source')
  assert.equal(response.payment.units, Array.from(text).length)
  assert.equal(response.payment.unitsRead, response.payment.units)
  await assertBooks(market, response)
})

for (const dialect of ['psk', 'bare-psk', 'hmac-account'] as const) {
  test(`the dialect ${dialect}`, async (t) => {
    const market = await open(t, async (till) =>
      createShop({ till, price: 1n, unit: letter, dialect, content: () => ['abcdefgh'] }),
    )
    const response = await market.buy({ window: 4n, bare: dialect === 'hmac-account' ? 'hmac-account' : 'psk' })
    assert.equal(await response.text(), 'abcdefgh')
    await assertBooks(market, response)
  })
}

test('several chunks a hold, down to the last odd one; every byte arrives', async (t) => {
  const pieces = Array.from({ length: 103 }, (_, i) => new Uint8Array(1 + ((i * 977) % 5000)).fill(i))
  const market = await open(t, async (till) => createShop({ till, price: 2n, unit: chunk, content: () => pieces }))
  const response = await market.buy({ unitsPerHoldMax: 8, window: 64n })
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), new Uint8Array(Buffer.concat(pieces)))
  assert.deepEqual([response.payment.end, response.payment.units], ['source', 103])
  await assertBooks(market, response)
})

test('a source that is read no further than the window pays for, and stopped when the reader leaves', async (t) => {
  let produced = 0
  let onStopped: () => void = () => {}
  const stopped = new Promise<void>((resolve) => (onStopped = resolve))
  const market = await open(t, async (till) =>
    createShop({
      till,
      price: 1n,
      unit: chunk,
      async *content() {
        try {
          for (;;) {
            produced++
            yield 'unit;'
          }
        } finally {
          onStopped()
        }
      },
    }),
  )
  const response = await market.buy({ window: 10n })
  const reader = response.body?.getReader()
  assert.ok(reader)
  const { value } = (await reader.read()) as { readonly value?: Uint8Array }
  const unitsRead = (value?.length ?? 0) / 'unit;'.length
  // Nobody reads on: what comes is what the window pays for. Each answer of the host follows all that it said before.
  for (let i = 0; i < 20; i++) {
    await market.holder.balance()
    await turn()
  }
  assert.ok(produced <= unitsRead + 10 + 1, `${produced} produced, ${unitsRead} read`)
  assert.ok(response.payment.exposure <= 10n)
  await reader.cancel()
  await assertBooks(market, response)
  assert.equal(response.payment.held, 0n)
  await stopped
})

test('a source that fails breaks the response off; what was captured was delivered', async (t) => {
  const market = await open(t, async (till) =>
    createShop({
      till,
      price: 1n,
      unit: chunk,
      async *content() {
        yield 'one'
        yield 'two'
        throw new Error('no more')
      },
    }),
  )
  const response = await market.buy({ window: 5n })
  let text = ''
  await assert.rejects(
    async () => {
      for await (const bytes of response.body as AsyncIterable<Uint8Array>) text += new TextDecoder().decode(bytes)
    },
    { code: 'FETCH_INTERRUPTED' },
  )
  assert.equal(text, 'onetwo')
  await assertBooks(market, response)
  assert.deepEqual([response.payment.units, response.payment.unitsRead], [2, 2])
})

test('a hundred streams at once over one link', async (t) => {
  const market = await open(t, async (till) =>
    createShop({ till, price: 1n, unit: letter, content: () => ['x'.repeat(50)] }),
  )
  const responses = await Promise.all(Array.from({ length: 100 }, () => market.buy({ window: 7n, budget: 50n })))
  const texts = await Promise.all(responses.map((response) => response.text()))
  assert.deepEqual(new Set(texts), new Set(['x'.repeat(50)]))
  await Promise.all(responses.map(({ payment }) => payment.settled()))
  assert.equal(market.ledger.account('client')?.fulfilledOut, 5000n)
  assert.equal(market.ledger.account('client')?.heldOut, 0n)
})

test('one piece by condition', async (t) => {
  const market = await open(t, async (till, { ledger }) =>
    createOneShotShop({ till, ledger, secret: await keptSecret(ledger), price: 17n, goods: () => 'Your letter: S' }),
  )
  const response = await market.buy()
  assert.equal(await response.text(), 'Your letter: S')
  assert.equal(response.payment.spent, 17n)
  await assertBooks(market, response)
  const poor = await market.buy({ budget: 16n })
  assert.deepEqual([poor.status, poor.payment.end, poor.payment.spent], [402, 'budget', 0n])
  await poor.body?.cancel()
})

for (const binding of ['address', 'token'] as const) {
  test(`requests by prepaid token, bound to the ${binding}`, async (t) => {
    let served = 0
    const market = await open(t, async (till, { ledger }) =>
      createPrepaidShop({
        till,
        ledger,
        secret: await keptSecret(ledger),
        price: 10n,
        binding,
        goods: () => `request ${++served}`,
      }),
    )
    const response = await market.buy()
    assert.equal(await response.text(), 'request 1')
    assert.deepEqual([response.payment.spent, response.headers.get('pay-balance')], [10n, '0'])
    assert.equal(await market.holder.balance(), -10n)
  })
}
