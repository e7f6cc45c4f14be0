/** The one-shot shop: 402, a payment by condition, the goods under the fulfillment; the same after a restart. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { fromBase64, toBase64url } from 'sluice/bytes'
import {
  createOneShotShop,
  keptSecret,
  nodeListener,
  parsePay,
  Till,
  type OneShotOptions,
  type ShopHandler,
} from 'sluice/http'
import { encodePacket } from 'sluice/ilp'
import { linkPair, type Hold, type Link } from 'sluice/link'
import { World, settle } from '../link/world.js'
import { ask, brief, get, outcomeOf, serve, text } from './buyer.js'

/** What a buyer sends for a `Pay` header with a condition. */
function holdFor(payHeader: string | undefined, now: number, bare: 'condition' | 'psk' = 'psk'): Hold {
  const pay = parsePay(payHeader ?? '', bare)
  assert.equal(pay.method, 'condition')
  if (pay.method !== 'condition') throw new Error('no condition')
  const { amount, address, condition } = pay
  const packet = encodePacket({ type: 1, amount, account: address, data: new Uint8Array(0) })
  return { amount, condition, expiresAt: now + 30_000, packet }
}

async function openShop(t: TestContext, world = new World(), options: Partial<OneShotOptions> = {}) {
  await world.host.open()
  const { clock, ledger, host } = world
  const till = new Till({ link: host, clock })
  till.open()
  const secret = await keptSecret(ledger)
  const made: string[] = []
  const goods = (seed: Uint8Array): string => {
    made.push(toBase64url(seed))
    return `Your letter: ${String.fromCharCode(65 + ((seed[0] ?? 0) % 26))}`
  }
  const shop = createOneShotShop({ till, ledger, secret, price: 10n, goods, clock, ...options })
  const holder = world.holder()
  t.after(() => {
    world.store.release()
    return world.close(holder)
  })
  await holder.open()
  return { world, shop, holder, made, now: () => clock.now() }
}

async function buy(shop: ShopHandler, holder: Link, now: number): Promise<string> {
  const offer = await ask(shop, 'GET')
  const outcome = await outcomeOf(holder, holdFor(offer.headers['Pay'], now))
  assert.equal(outcome.status, 'fulfilled')
  return outcome.status === 'fulfilled' ? `/${toBase64url(outcome.fulfillment)}` : ''
}

test('a letter for a payment', async (t) => {
  const { shop, holder, now, made } = await openShop(t)
  const offer = await ask(shop, 'GET')
  assert.equal(offer.status, 402)
  assert.match(offer.headers['Pay'] ?? '', /^interledger-condition 10 example\.shop\.server\.[\w-]{32} [\w-]{43}$/)
  assert.equal(offer.headers['Cache-Control'], 'no-store, no-transform')
  const problem = JSON.parse(offer.text) as { status: number; detail: string }
  assert.equal(problem.status, 402)
  assert.match(problem.detail, /send an Interledger payment of 10 .* to example\.shop\.server\..* using the condition/)

  const outcome = await outcomeOf(holder, holdFor(offer.headers['Pay'], now()))
  assert.equal(brief(outcome), 'fulfilled')
  const path = outcome.status === 'fulfilled' ? `/${toBase64url(outcome.fulfillment)}` : ''
  const letter = await ask(shop, 'GET', path)
  assert.equal(letter.status, 200)
  assert.match(letter.text, /^Your letter: [A-Z]$/)
  assert.deepEqual(await ask(shop, 'GET', path), letter)
  assert.equal(new Set(made).size, 1)
  assert.equal(await holder.balance(), -10n)
})

test('two offers are two letters; nothing but a fulfillment opens one', async (t) => {
  const { shop, holder, now, made } = await openShop(t)
  const paths = [await buy(shop, holder, now()), await buy(shop, holder, now())]
  for (const path of paths) assert.equal((await ask(shop, 'GET', path)).status, 200)
  assert.equal(new Set(made).size, 2)
  const offer = parsePay((await ask(shop, 'GET')).headers['Pay'] ?? '')
  const clientId = offer.address.split('.').at(-1) ?? ''
  const forged = toBase64url(Uint8Array.from([...fromBase64(clientId).subarray(0, 16), ...new Uint8Array(16)]))
  for (const path of ['/favicon.ico', '/x', `/${clientId}`, `/${forged}`, `${paths[0]}A`, '/%']) {
    assert.equal((await ask(shop, 'GET', path)).status, 404, path)
  }
})

test('an offer is paid once, at its price, by its condition, in its time', async (t) => {
  const { world, shop, holder, now } = await openShop(t, new World(), { offerMsMax: 5000 })
  const offer = (await ask(shop, 'GET')).headers['Pay']
  const good = holdFor(offer, now())
  const packet = encodePacket({ type: 1, amount: 9n, account: parsePay(offer ?? '').address, data: new Uint8Array(0) })
  assert.equal(brief(await outcomeOf(holder, { ...good, packet, amount: 9n })), 'rejected F04')
  assert.equal(brief(await outcomeOf(holder, { ...good, amount: 9n })), 'rejected F04')
  assert.equal(brief(await outcomeOf(holder, { ...good, condition: new Uint8Array(32) })), 'rejected F05')
  assert.equal(brief(await outcomeOf(holder, good)), 'fulfilled')
  assert.equal(brief(await outcomeOf(holder, good)), 'rejected F06')
  const old = (await ask(shop, 'GET')).headers['Pay']
  world.clock.advance(5001)
  assert.equal(brief(await outcomeOf(holder, holdFor(old, now()))), 'rejected F06')
  assert.equal(await holder.balance(), -10n)
})

test('after a crash: letters that were paid are there, offers can be paid, those paid cannot be paid again', async (t) => {
  const first = await openShop(t)
  const path = await buy(first.shop, first.holder, first.now())
  const letter = await ask(first.shop, 'GET', path)
  const paid = (await ask(first.shop, 'GET')).headers['Pay']
  await outcomeOf(first.holder, holdFor(paid, first.now()))
  const unpaid = (await ask(first.shop, 'GET')).headers['Pay']
  await settle()

  const second = await openShop(t, first.world.crash())
  assert.deepEqual(await ask(second.shop, 'GET', path), letter)
  assert.equal(brief(await outcomeOf(second.holder, holdFor(paid, second.now()))), 'rejected F06')
  assert.equal(brief(await outcomeOf(second.holder, holdFor(unpaid, second.now()))), 'fulfilled')
  assert.equal(second.world.ledger.account('client')?.balance, -30n)
})

test('a hold that was under way in a crash is captured after it, or returns', async (t) => {
  const first = await openShop(t)
  const offer = (await ask(first.shop, 'GET')).headers['Pay']
  first.world.store.hold()
  first.holder.send(holdFor(offer, first.now()), { onOutcome: () => undefined })
  await settle()
  const second = await openShop(t, first.world.crash())
  await settle()
  const account = second.world.ledger.account('client')
  assert.deepEqual([account?.balance, account?.heldOut], [0n, 0n])
  assert.equal(brief(await outcomeOf(second.holder, holdFor(offer, second.now()))), 'fulfilled')
})

test('the bare form, other methods, and a link that is closed', async (t) => {
  const { world, shop, holder, now } = await openShop(t, new World(), { form: 'bare' })
  const offer = await ask(shop, 'GET')
  assert.match(offer.headers['Pay'] ?? '', /^10 example\.shop\.server\.[\w-]{32} [\w-]{43}$/)
  assert.equal(brief(await outcomeOf(holder, holdFor(offer.headers['Pay'], now(), 'condition'))), 'fulfilled')
  assert.equal((await ask(shop, 'OPTIONS')).status, 204)
  assert.equal((await ask(shop, 'POST')).status, 405)
  await world.host.close()
  assert.equal((await ask(shop, 'GET')).status, 503)
})

test('options that cannot be are refused at once', async (t) => {
  const world = new World()
  await assert.rejects(openShop(t, world, { price: 0n }), { code: 'SHOP_OPTIONS' })
  await assert.rejects(openShop(t, world, { secret: new Uint8Array(15) }), { code: 'SHOP_OPTIONS' })
})

test('the kept secret is one and the same, and outlives a crash', async (t) => {
  const first = await openShop(t)
  const secret = new Uint8Array(await keptSecret(first.world.ledger))
  assert.deepEqual(new Uint8Array(await keptSecret(first.world.ledger)), secret)
  const second = await openShop(t, first.world.crash())
  assert.deepEqual(new Uint8Array(await keptSecret(second.world.ledger)), secret)
  second.world.store.broken = true
  second.world.ledger.execute({ type: 'note', key: 'x', value: secret, expiresAt: second.now() + 1000 })
  await assert.rejects(keptSecret(second.world.ledger), { code: 'SHOP_SECRET' })
})

test('over real HTTP and a link without a ledger', async (t) => {
  const pair = linkPair({ creditLimit: 100n })
  const { holder } = pair
  await holder.open()
  const till = new Till({ link: pair.host })
  till.open()
  const shop = createOneShotShop({ till, secret: new Uint8Array(32), price: 1n, goods: () => 'Your letter: Q' })
  const { port, close } = await serve(nodeListener(shop))
  t.after(async () => {
    await close()
    await till.close()
    await pair.close()
  })
  const offer = await get(port)
  offer.resume()
  assert.equal(offer.statusCode, 402)
  const outcome = await outcomeOf(holder, holdFor(offer.headers['pay'] as string, Date.now()))
  assert.equal(outcome.status, 'fulfilled')
  const path = outcome.status === 'fulfilled' ? toBase64url(outcome.fulfillment) : ''
  const letter = await get(port, `/${path}`)
  assert.deepEqual([letter.statusCode, await text(letter)], [200, 'Your letter: Q'])
  const head = await get(port, '/favicon.ico', { method: 'HEAD' })
  assert.deepEqual([head.statusCode, await text(head)], [404, ''])
})
