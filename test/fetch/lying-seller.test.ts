/** Sellers that lie: the buyer stops within its window, and says what was wrong by a stable code. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { FetchError, payingFetch, type PaidResponse, type PayingFetchOptions } from 'sluice/fetch'
import { linkPair, type IncomingHold } from 'sluice/link'
import { fakeClock } from './fake-clock.js'
import { scriptedShop, type ScriptedShop, type ShopScript } from './scripted-shop.js'

const URL = 'http://shop.test/'
const WINDOW = 12n

interface Lie {
  /** What the body ended with. */
  readonly code: string | undefined
  readonly payment: PaidResponse['payment']
  readonly holds: number
}

/** Buys until the body ends. `onHold` is the lie. */
async function buyFrom(
  onHold: (shop: ScriptedShop, hold: IncomingHold) => void,
  script: ShopScript = {},
  options: Partial<PayingFetchOptions> = {},
): Promise<Lie> {
  const clock = fakeClock()
  const pair = linkPair({ creditLimit: 1_000_000n, clock })
  await pair.holder.open()
  const shop: ScriptedShop = scriptedShop(pair.host, { unit: 'chunk', ...script, onHold: (hold) => onHold(shop, hold) })
  const { fetch } = shop
  const response = await payingFetch(URL, { link: pair.holder, budget: 500n, window: WINDOW, clock, fetch, ...options })
  let code: string | undefined
  let over = false
  response.arrayBuffer().then(
    () => (over = true),
    (error: { code?: string }) => {
      code = error.code
      over = true
    },
  )
  for (let i = 0; i < 400 && !over; i++) {
    await turn()
    await turn()
    clock.advance(500)
  }
  assert.equal(over, true)
  for (let i = 0; i < 20; i++) await turn()
  const { payment } = response
  const price = script.price ?? 1n
  const captured = pair.ledger.account('client')?.fulfilledOut ?? 0n
  assert.ok(captured - BigInt(shop.sold) * price <= WINDOW, `${captured} paid, ${shop.sold} units delivered`)
  await pair.close()
  return { code, payment, holds: shop.holds.length }
}

test('offsets that run ahead of the body buy nothing: the buyer waits, and leaves', async () => {
  const { code, payment } = await buyFrom((shop, hold) => {
    shop.capture(hold, 1_000_000 * shop.holds.length)
    shop.write(1)
  })
  assert.equal(code, 'FETCH_UNDELIVERED')
  assert.ok(payment.spent <= WINDOW)
})

test('offsets that run backward, stand still, or have no byte for each unit stop the stream', async () => {
  const lies: readonly ((n: number, hold: IncomingHold) => number)[] = [
    (n) => 1000 - n,
    () => 1,
    (n) => (n % 2 === 0 ? n + 5 : n),
    (n, hold) => n * Number(hold.amount) - 1,
  ]
  for (const [which, lie] of lies.entries()) {
    const { code, payment } = await buyFrom((shop, hold) => {
      shop.capture(hold, lie(shop.holds.length, hold))
      shop.write(1)
    })
    assert.equal(code, 'FETCH_OFFSETS', `lie ${which}`)
    assert.ok(payment.spent <= WINDOW + 1n, `${payment.spent}`)
  }
})

test('offsets beyond what a number holds, or none, stop the stream where units cannot be counted', async () => {
  const data = new Uint8Array(8).fill(0xff)
  const beyond = await buyFrom((shop, hold) => hold.fulfill(shop.fulfillmentOf(hold), data, () => {}))
  assert.equal(beyond.code, 'FETCH_UNCOUNTABLE')
  const none = await buyFrom((shop, hold) => shop.capture(hold))
  assert.equal(none.code, 'FETCH_UNCOUNTABLE')
})

test('a body that ends, or breaks, before what was paid for is reported', async () => {
  const ends = await buyFrom((shop, hold) => {
    shop.capture(hold, shop.holds.length)
    if (shop.holds.length === 5) shop.end()
  })
  // The body was over before the news of the captures came: the report still says so.
  assert.deepEqual([ends.payment.failure?.code, ends.payment.end], ['FETCH_UNDELIVERED', 'failed'])
  const breaks = await buyFrom((shop, hold) => {
    shop.capture(hold, shop.holds.length)
    shop.break(new Error('gone'))
  })
  assert.equal(breaks.code, 'FETCH_INTERRUPTED')
})

test('a wrong fulfillment pays nobody', async () => {
  const leave = new AbortController()
  const lie = (shop: ScriptedShop, hold: IncomingHold): void => {
    hold.fulfill(new Uint8Array(32), new Uint8Array(8), () => {})
    if (shop.holds.length === 20) leave.abort()
  }
  const { payment } = await buyFrom(lie, {}, { signal: leave.signal })
  assert.deepEqual([payment.spent, payment.end], [0n, 'cancelled'])
})

test('other prices, units, assets or ledgers than were named at first are refused before anything is paid', async () => {
  const { holder, host } = linkPair({ creditLimit: 1000n })
  await holder.open()
  const holds: IncomingHold[] = []
  host.onHold((hold) => holds.push(hold))
  const first = { unit: 'request', price: '"5"', asset: '"USD"', scale: '9', window: '"5"' }
  const text = (terms: object): string =>
    Object.entries(terms)
      .map(([name, value]) => `${name}=${value}`)
      .join(', ')
  const pay = (amount: number): string => `interledger-psk ${amount} ${host.info.account}.c1 ${'A'.repeat(22)}`
  for (const [change, amount] of [
    [{ price: '"6"' }, 6],
    [{ unit: 'letter' }, 5],
    [{ asset: '"EUR"' }, 5],
    [{ scale: '2' }, 5],
    [{ ledger: '"btp+ws://bank.example/";v=1' }, 5],
  ] as const) {
    let asked = 0
    const fetch = async (): Promise<Response> => {
      asked += 1
      if (asked === 1) return new Response('', { status: 402, headers: { 'Pay-Terms': text(first) } })
      const headers = { 'Pay-Terms': text({ ...first, ...change }), Pay: pay(amount) }
      return new Response('', { status: asked === 2 ? 402 : 200, headers })
    }
    const bought = payingFetch(URL, { link: holder, budget: 100n, fetch })
    await assert.rejects(bought, { code: 'FETCH_TERMS' }, JSON.stringify(change))
    assert.equal(asked, 2)
  }
  assert.equal(holds.length, 0)
})

test('headers of a megabyte are refused at once', async () => {
  const { holder } = linkPair({ creditLimit: 1000n })
  await holder.open()
  const long = 'a'.repeat(1_000_000)
  for (const headers of [
    { Pay: long },
    { Pay: `interledger-psk 1 example.pair.server.x ${long}` },
    { Pay: 'interledger-psk 1 example.pair.server.x AAAA', 'Pay-Terms': long },
    { Pay: '1 example.pair.server.x AAAA', 'Pay-Terms': `unit=letter, price="${long}"` },
  ]) {
    const fetch = async (): Promise<Response> => new Response('x', { headers })
    await assert.rejects(payingFetch(URL, { link: holder, budget: 5n, fetch }), { code: 'FETCH_HEADERS' })
  }
})

test('whatever the headers are, the buyer answers with a response or a documented error, and pays nothing by mistake', async () => {
  const pair = linkPair({ creditLimit: 1000n })
  await pair.holder.open()
  const word = fc.constantFrom(
    'interledger-psk',
    'interledger-condition',
    '1',
    '0',
    '-1',
    'example.pair.server.x',
    'AAAA',
    '',
    'ü',
  )
  const pay = fc.oneof(
    fc.array(word, { maxLength: 5 }).map((words) => words.join(' ')),
    fc.string({ unit: 'binary-ascii' }),
  )
  const item = fc.tuple(
    fc.constantFrom('unit', 'price', 'asset', 'scale', 'window', 'ledger', 'accounts', 'key', '__proto__'),
    fc.constantFrom(
      'letter',
      '"1"',
      '"USD"',
      '9',
      '-1',
      '"btp+ws://h/";v=1',
      'open',
      ':AAAA:',
      '?1',
      '"',
      '(1 2)',
      '1e5',
    ),
  )
  const terms = fc.oneof(
    fc.array(item, { maxLength: 9 }).map((items) => items.map((pairOf) => pairOf.join('=')).join(', ')),
    fc.string({ unit: 'binary-ascii' }),
  )
  await fc.assert(
    fc.asyncProperty(
      pay,
      terms,
      fc.constantFrom(200, 402, 500),
      fc.boolean(),
      async (payText, termsText, status, both) => {
        const headers = new Headers()
        try {
          headers.set('pay', payText)
          if (both) headers.set('pay-terms', termsText)
        } catch {
          return
        }
        const fetch = async (): Promise<Response> => new Response('x', { status, headers })
        try {
          const response = await payingFetch(URL, { link: pair.holder, budget: 0n, fetch })
          await response.body?.cancel()
          assert.equal(response.payment.spent, 0n)
        } catch (error) {
          assert.ok(error instanceof FetchError, String(error))
        }
      },
    ),
    { numRuns: 300 },
  )
  assert.equal(pair.ledger.account('client')?.heldOut ?? 0n, 0n)
  await pair.close()
})
