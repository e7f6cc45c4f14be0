/** The prepaid shop: a balance behind a token, credited with the capture, debited before the goods; exact in a crash. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { toBase64url, utf8 } from 'sluice/bytes'
import { hmacSha256 } from 'sluice/crypto'
import {
  createPrepaidShop,
  keptSecret,
  parsePay,
  ANSWERS_PER_KEY_MAX,
  Till,
  type PrepaidOptions,
  type ShopHandler,
} from 'sluice/http'
import { World, settle } from '../link/world.js'
import { ask, brief, Payer } from './buyer.js'

const TOKEN = toBase64url(new Uint8Array(32).fill(7))
const OTHER = toBase64url(new Uint8Array(16).fill(8))

async function openShop(t: TestContext, world = new World(), options: Partial<PrepaidOptions> = {}) {
  await world.host.open()
  const { clock, ledger, host } = world
  const till = new Till({ link: host, clock })
  till.open()
  const secret = await keptSecret(ledger)
  let served = 0
  const goods = (): string => `letter ${++served}`
  const shop = createPrepaidShop({ till, ledger, secret, price: 10n, goods, ...options })
  const holder = world.holder()
  t.after(() => {
    world.store.release()
    return world.close(holder)
  })
  await holder.open()
  const payer = (payHeader: string | undefined): Payer => new Payer(holder, payHeader, 'psk', () => clock.now())
  return { world, shop, holder, till, payer, served: () => served }
}

const withToken = (shop: ShopHandler, token = TOKEN, more: Record<string, string> = {}, method = 'GET') =>
  ask(shop, method, '/', { 'pay-token': token, ...more })

function tokenBalances(world: World): bigint[] {
  return world.ledger
    .accounts()
    .filter(({ account }) => account.startsWith('token:'))
    .map(({ balance }) => balance)
}

for (const binding of ['address', 'token'] as const) {
  test(`402, pay, retry: two requests for one payment of two prices (binding ${binding})`, async (t) => {
    const { world, shop, payer, served } = await openShop(t, new World(), { binding })
    const offer = await withToken(shop)
    assert.deepEqual([offer.status, offer.headers['Pay-Balance']], [402, '0'])
    const pay = parsePay(offer.headers['Pay'] ?? '')
    assert.equal(pay.method === 'psk' && toBase64url(pay.secret) === TOKEN, binding === 'token')
    const client = payer(offer.headers['Pay'])
    assert.equal(brief(await client.send(client.hold({ units: 2 }))), 'fulfilled')
    const first = await withToken(shop)
    assert.deepEqual([first.status, first.text, first.headers['Pay-Balance']], [200, 'letter 1', '10'])
    const second = await withToken(shop)
    assert.deepEqual([second.status, second.headers['Pay-Balance']], [200, '0'])
    assert.equal((await withToken(shop)).status, 402)
    assert.equal(served(), 2)
    assert.deepEqual(tokenBalances(world), [0n])
    assert.equal(world.ledger.account('client')?.balance, -20n)
    world.ledger.check()
  })
}

test('a token’s balance is its own; the ledger holds no token', async (t) => {
  const { world, shop, payer } = await openShop(t)
  const client = payer((await withToken(shop)).headers['Pay'])
  await client.send(client.hold({ units: 5 }))
  assert.deepEqual([(await withToken(shop, OTHER)).status, (await withToken(shop)).status], [402, 200])
  const names = world.ledger.accounts().map(({ account }) => account)
  assert.ok(!names.join().includes(TOKEN))
})

test('top-ups add up, each by its own address; wrong holds credit nothing', async (t) => {
  const { world, shop, payer } = await openShop(t)
  const first = payer((await withToken(shop)).headers['Pay'])
  const second = payer((await withToken(shop)).headers['Pay'])
  // The clients of 2017 count from 0 with each 402.
  assert.deepEqual([await first.send(), await second.send()].map(brief), ['fulfilled', 'fulfilled'])
  assert.equal(brief(await first.send(first.hold({ paymentId: '0' }))), 'rejected F06')
  assert.equal(brief(await first.send({ ...first.hold(), condition: new Uint8Array(32) })), 'rejected F05')
  assert.equal(brief(await first.send(first.hold({ packetAmount: 9n }))), 'rejected F04')
  assert.equal(brief(await first.send({ ...first.hold(), amount: 9n })), 'rejected F04')
  assert.equal(brief(await first.send(first.hold({ address: `${first.address.slice(0, -2)}AA.1` }))), 'rejected F06')
  assert.deepEqual(tokenBalances(world), [20n])
  assert.equal(world.ledger.account('client')?.balance, -20n)
})

test('OPTIONS and HEAD tell price and balance and charge nothing', async (t) => {
  const { shop, payer, served } = await openShop(t)
  const options = await withToken(shop, TOKEN, {}, 'OPTIONS')
  assert.deepEqual([options.status, options.headers['Pay-Balance']], [204, '0'])
  await payer(options.headers['Pay']).send()
  for (const method of ['OPTIONS', 'HEAD']) {
    assert.equal((await withToken(shop, TOKEN, {}, method)).headers['Pay-Balance'], '10')
  }
  assert.match((await ask(shop, 'OPTIONS')).headers['Pay-Terms'] ?? '', /price="10"/)
  assert.equal(served(), 0)
})

test('without a token, or with a bad one, it says what to do', async (t) => {
  const { shop } = await openShop(t)
  const none = await ask(shop, 'GET')
  assert.deepEqual([none.status, none.headers['Pay']], [402, undefined])
  assert.match(none.text, /Pay-Token of 32 random bytes/)
  for (const bad of ['', 'short', '!!!', 'A'.repeat(44), toBase64url(new Uint8Array(15))]) {
    assert.equal((await withToken(shop, bad)).status, 400, bad)
  }
})

test('a repetition under an Idempotency-Key is not charged again; another request under it is', async (t) => {
  const { shop, payer } = await openShop(t)
  const client = payer((await withToken(shop)).headers['Pay'])
  await client.send(client.hold({ units: 3 }))
  const once = { 'idempotency-key': 'k1' }
  assert.equal((await withToken(shop, TOKEN, once)).headers['Pay-Balance'], '20')
  assert.equal((await withToken(shop, TOKEN, once)).headers['Pay-Balance'], '20')
  assert.equal((await withToken(shop, TOKEN, { 'idempotency-key': 'k2' })).headers['Pay-Balance'], '10')
  const elsewhere = await ask(shop, 'GET', '/other', { 'pay-token': TOKEN, ...once })
  assert.equal(elsewhere.headers['Pay-Balance'], '0')
  assert.equal((await withToken(shop, TOKEN, once)).status, 200)
  assert.equal((await withToken(shop)).status, 402)
})

test('many requests at once never spend more than there is', async (t) => {
  const { world, shop, payer, served } = await openShop(t)
  const client = payer((await withToken(shop)).headers['Pay'])
  await client.send(client.hold({ units: 5 }))
  const answers = await Promise.all(Array.from({ length: 12 }, () => withToken(shop)))
  assert.equal(answers.filter(({ status }) => status === 200).length, 5)
  assert.deepEqual([served(), tokenBalances(world)], [5, [0n]])
})

test('goods wait for the commit of the debit; a credit stands or falls with its capture', async (t) => {
  const first = await openShop(t)
  const client = first.payer((await withToken(first.shop)).headers['Pay'])
  await client.send(client.hold({ units: 2 }))

  first.world.store.hold()
  let answered = false
  void withToken(first.shop).then(() => (answered = true))
  void client.send(client.hold({ units: 4 }))
  await settle()
  assert.deepEqual([first.served(), answered], [0, false])

  // The disk has neither: after the crash the balance is whole, and the payment neither captured nor credited.
  const second = await openShop(t, first.world.crash())
  await settle()
  assert.deepEqual(tokenBalances(second.world), [20n])
  assert.equal(second.world.ledger.account('client')?.balance, -20n)
  assert.equal((await withToken(second.shop)).headers['Pay-Balance'], '10')
  second.world.ledger.check()
})

test('a payment to an address of before the restart is credited after it (binding address)', async (t) => {
  const first = await openShop(t)
  const offer = (await withToken(first.shop)).headers['Pay']
  const second = await openShop(t, first.world.crash())
  assert.equal(brief(await second.payer(offer).send()), 'fulfilled')
  assert.equal((await withToken(second.shop)).status, 200)
})

test('the binding token forgets with a restart: the money returns and the client asks again', async (t) => {
  const first = await openShop(t, new World(), { binding: 'token', tokensMax: 2 })
  const offers = []
  for (let count = 0; count < 3; count++) offers.push((await withToken(first.shop)).headers['Pay'])
  assert.equal(brief(await first.payer(offers[0]).send()), 'rejected F06')
  assert.equal(brief(await first.payer(offers[2]).send()), 'fulfilled')
  const second = await openShop(t, first.world.crash(), { binding: 'token' })
  const late = second.payer(offers[2])
  assert.equal(brief(await late.send(late.hold({ paymentId: '1' }))), 'rejected F06')
  assert.equal((await withToken(second.shop)).status, 200)
})

test('a ledger that cannot take the credit: the hold is rejected, no money is lost', async (t) => {
  const world = new World()
  const { shop, payer } = await openShop(t, world)
  const client = payer((await withToken(shop)).headers['Pay'])
  const execute = world.ledger.execute.bind(world.ledger)
  world.ledger.execute = (command) =>
    command.type === 'post' ? { ok: false, code: 'BUSY', message: 'planted' } : execute(command)
  assert.equal(brief(await client.send()), 'rejected T02')
  assert.equal((await withToken(shop)).status, 503)
  world.ledger.execute = execute
  assert.equal(world.ledger.account('client')?.balance, 0n)
  assert.deepEqual(tokenBalances(world), [0n])
})

test('a disk that fails under a debit: 503, and no goods', async (t) => {
  const { world, shop, payer, served } = await openShop(t)
  const client = payer((await withToken(shop)).headers['Pay'])
  await client.send(client.hold({ units: 2 }))
  world.store.broken = true
  assert.equal((await withToken(shop)).status, 503)
  assert.equal((await withToken(shop)).status, 503)
  assert.equal(served(), 0)
})

test('a payment whose id its buyer has chosen is a credit, and never passes for the debit of a request', async (t) => {
  const { world, shop, payer, served } = await openShop(t)
  const client = payer((await withToken(shop)).headers['Pay'])
  const key = 'k1'
  // What a buyer can work out: an id made of the token and the request.
  const id = hmacSha256(Buffer.from(TOKEN, 'base64url'), utf8(JSON.stringify(['GET', '/', key]))).subarray(0, 16)
  assert.equal(brief(await client.send({ ...client.hold(), id })), 'fulfilled')
  const bought = await withToken(shop, TOKEN, { 'idempotency-key': key })
  assert.deepEqual([bought.status, bought.headers['Pay-Balance'], served()], [200, '0', 1])
  assert.equal((await withToken(shop, TOKEN, { 'idempotency-key': 'k2' })).status, 402)
  world.ledger.check()
})

test('payments of two trustlines under one id are both credited', async (t) => {
  const { world, shop, holder } = await openShop(t)
  const { clock, ledger } = world
  const other = world.holder({ username: 'other', token: 'other' })
  t.after(() => other.close())
  await other.open()
  const id = new Uint8Array(16).fill(3)
  for (const link of [holder, other]) {
    const client = new Payer(link, (await withToken(shop, TOKEN, {}, 'OPTIONS')).headers['Pay'], 'psk', () =>
      clock.now(),
    )
    assert.equal(brief(await client.send({ ...client.hold(), id })), 'fulfilled')
  }
  assert.deepEqual([ledger.account('client')?.balance, ledger.account('other')?.balance], [-10n, -10n])
  assert.deepEqual(tokenBalances(world), [20n])
})

test('one paid key does not buy without end: its answers are counted, also those at once', async (t) => {
  const { shop, payer, served } = await openShop(t)
  const client = payer((await withToken(shop)).headers['Pay'])
  await client.send(client.hold({ units: 2 }))
  const once = { 'idempotency-key': 'k1' }
  const answers = await Promise.all(Array.from({ length: 2 * ANSWERS_PER_KEY_MAX }, () => withToken(shop, TOKEN, once)))
  assert.equal(answers.filter(({ status }) => status === 200).length, ANSWERS_PER_KEY_MAX)
  assert.equal(served(), ANSWERS_PER_KEY_MAX)
  const spent = await withToken(shop, TOKEN, once)
  assert.deepEqual([spent.status, spent.headers['Pay-Balance']], [409, '10'])
  assert.match(spent.text, /key-spent/)
  assert.equal((await withToken(shop, TOKEN, { 'idempotency-key': 'k2' })).status, 200)
})

test('failures under a key are free to repeat until they succeed', async (t) => {
  let failures = 2 * ANSWERS_PER_KEY_MAX
  const goods = (): string => {
    if (failures-- > 0) throw new Error('not yet')
    return 'at last'
  }
  const { shop, payer } = await openShop(t, new World(), { goods })
  await payer((await withToken(shop)).headers['Pay']).send()
  const once = { 'idempotency-key': 'k1' }
  for (let count = 0; count < 2 * ANSWERS_PER_KEY_MAX; count++) {
    await assert.rejects(withToken(shop, TOKEN, once), /not yet/)
  }
  assert.equal((await withToken(shop, TOKEN, once)).text, 'at last')
})
