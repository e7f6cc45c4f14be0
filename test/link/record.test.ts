/** The holder's record: nothing is sent before it could be asked for, and a restart finds out what became of all. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY } from 'sluice/bytes'
import { type Hold, type Holder, type IncomingHold, type Recovered } from 'sluice/link'
import type { LedgerStore } from 'sluice/store'
import { GatedStore, Heard, holdOf, pass, secret, settle, World } from './world.js'

const CREDIT = { newAccount: { creditLimit: 100_000n, balanceMax: 1_000n } }

/** A hold whose id the link chooses. */
function anonymous(world: World, n: number, amount = 1n, ms = 30_000): Hold {
  const { condition, expiresAt, packet } = holdOf(world, n, amount, ms)
  return { amount, condition, expiresAt, packet }
}

function recording(
  world: World,
  store: LedgerStore,
  options: { blockAmountMax?: bigint; blockIdsMax?: number; onRecovered?: (recovered: Recovered) => void } = {},
): Holder {
  const { blockAmountMax = 1_000n, blockIdsMax = 16, onRecovered } = options
  return world.holder({
    record: { store, blockAmountMax, blockIdsMax },
    ...(onRecovered === undefined ? {} : { onRecovered }),
  })
}

function captureAll(world: World): void {
  world.host.onHold((hold) => hold.fulfill(secret(hold.packet[2] ?? 0), EMPTY, () => undefined))
}

function send(holder: Holder, hold: Hold): Heard {
  const heard = new Heard()
  holder.send(hold, heard)
  return heard
}

test('no frame leaves before its block is durable, and no commit is made for each hold', async () => {
  const world = new World(CREDIT)
  const store = new GatedStore()
  const holder = recording(world, store)
  await holder.open()
  captureAll(world)
  store.hold()
  const first = send(holder, anonymous(world, 0))
  await settle()
  assert.deepEqual([first.log, world.ledger.account('client')?.live], [[], 0])
  store.release()
  await settle()
  assert.deepEqual(first.log, ['prepared', 'fulfilled'])
  for (let n = 1; n < 8; n++) send(holder, anonymous(world, n))
  await settle()
  assert.equal(await holder.balance(), -8n)
  assert.ok(store.appends <= 2, `${store.appends} appends for 8 holds`)
  await world.close(holder)
})

test('holds wait in order while the next block is reserved, and all are sent', async () => {
  const world = new World(CREDIT)
  const holder = recording(world, new GatedStore(), { blockIdsMax: 4 })
  await holder.open()
  const order: number[] = []
  world.host.onHold((hold) => {
    order.push(hold.packet[2] ?? 0)
    hold.fulfill(secret(hold.packet[2] ?? 0), EMPTY, () => undefined)
  })
  const heard = Array.from({ length: 50 }, (_, n) => send(holder, anonymous(world, n)))
  await settle(60)
  assert.ok(heard.every(({ log }) => log.join() === 'prepared,fulfilled'))
  assert.deepEqual(
    order,
    Array.from({ length: 50 }, (_, n) => n),
  )
  await world.close(holder)
})

test('after a crash every id of what was open is asked for; what was spent is exact', async () => {
  const world = new World(CREDIT)
  const store = new GatedStore()
  const first = recording(world, store)
  await first.open()
  const held: IncomingHold[] = []
  world.host.onHold((hold) => held.push(hold))
  for (const [n, amount] of [
    [1, 10n],
    [2, 20n],
    [3, 30n],
  ] as const) {
    send(first, anonymous(world, n, amount))
  }
  await settle()
  // The holder's process dies; the host captures one hold, rejects one, and keeps one.
  const disk = new GatedStore(store.inner.copy())
  world.network.reachable = false
  world.network.cut()
  await settle()
  held[0]?.fulfill(secret(1), EMPTY, () => undefined)
  held[1]?.reject({ code: 'F06' })
  await settle()

  world.network.reachable = true
  const found: Recovered[] = []
  const second = recording(world, disk, { onRecovered: (recovered) => found.push(recovered) })
  await second.open()
  await settle()
  assert.deepEqual([found, second.inDoubt], [[], 1_000n])
  // New payments are possible meanwhile, and are not taken for old ones.
  const fresh = send(second, anonymous(world, 4, 4n))
  await settle()
  held[3]?.fulfill(secret(4), EMPTY, () => undefined)
  held[2]?.fulfill(secret(3), EMPTY, () => undefined)
  await pass(world.clock, 2_000)
  assert.deepEqual(fresh.log, ['prepared', 'fulfilled'])
  assert.deepEqual(found, [{ captured: 2, forgotten: 0, spent: 40n }])
  assert.equal(second.inDoubt, 0n)
  assert.equal(await second.balance(), -44n)
  await second.close()

  // All is closed: a third start has nothing to ask.
  const third = recording(world, disk, { onRecovered: () => assert.fail('nothing was open') })
  await third.open()
  await settle()
  assert.equal(third.inDoubt, 0n)
  await world.close(third, first)
})

test('an id that never reached the host is buried by the question', async () => {
  const world = new World(CREDIT)
  const store = new GatedStore()
  const first = recording(world, store)
  await first.open()
  captureAll(world)
  send(first, anonymous(world, 1))
  await settle()
  world.network.hold()
  send(first, anonymous(world, 2))
  const frame = world.network.lines[0]?.holder.sent.at(-1)
  assert.ok(frame !== undefined)
  const disk = new GatedStore(store.inner.copy())
  world.network.cut()
  world.network.reachable = false
  await settle()
  world.network.reachable = true
  const second = recording(world, disk)
  await second.open()
  await settle()
  assert.equal(second.inDoubt, 0n)
  world.network.lines.at(-1)?.holder.send(frame)
  await settle()
  assert.equal(await second.balance(), -1n)
  await world.close(second, first)
})

test('a block’s holds add up to no more than its amount; a hold beyond it is refused', async () => {
  const world = new World(CREDIT)
  const store = new GatedStore()
  const holder = recording(world, store, { blockAmountMax: 10n })
  await holder.open()
  world.host.onHold(() => undefined)
  const heard = [6n, 6n, 11n, 6n].map((amount, n) => send(holder, anonymous(world, n, amount)))
  await settle()
  assert.deepEqual(
    heard.map(({ log }) => log.join()),
    ['prepared', 'prepared', 'refused', 'prepared'],
  )
  const again = recording(world, new GatedStore(store.inner.copy()), { blockAmountMax: 10n })
  await again.open()
  assert.ok(again.inDoubt >= 30n)
  await world.close(holder, again)
})

test('a hold that outlives its block gets another', async () => {
  const world = new World(CREDIT)
  const store = new GatedStore()
  const holder = recording(world, store)
  await holder.open()
  captureAll(world)
  const heard = [1_000, 1_000_000, 2_000].map((ms, n) => send(holder, anonymous(world, n, 1n, ms)))
  await settle()
  assert.ok(heard.every(({ log }) => log.join() === 'prepared,fulfilled'))
  await world.close(holder)
})

test('a record that cannot be written sends nothing more', async () => {
  const world = new World(CREDIT)
  const store = new GatedStore()
  const holder = recording(world, store)
  await holder.open()
  store.broken = true
  const heard = [send(holder, anonymous(world, 1)), send(holder, anonymous(world, 2))]
  await settle()
  assert.deepEqual(
    heard.map(({ log }) => log.join()),
    ['refused', 'refused'],
  )
  assert.equal(world.ledger.account('client')?.live, 0)
  await world.close(holder)
})

test('a record of another format is refused', async () => {
  const world = new World(CREDIT)
  const store = new GatedStore()
  await store.open()
  await store.append({ seq: 1, bytes: Uint8Array.of(9, 9) })
  await store.close()
  await assert.rejects(recording(world, store).open(), { code: 'LINK_RECORD' })
  await world.close()
})

test('a long record stays small: snapshots replace its log', async () => {
  const world = new World({ newAccount: { creditLimit: 100_000n, balanceMax: 0n } })
  const store = new GatedStore()
  const holder = recording(world, store, { blockIdsMax: 1 })
  await holder.open()
  captureAll(world)
  for (let n = 0; n < 100; n++) {
    send(holder, anonymous(world, n))
    await settle(3)
  }
  await settle()
  await holder.close()
  assert.ok(store.appends > 128)
  const log = await store.open()
  let batches = 0
  for await (const _ of log.batches) batches += 1
  await store.close()
  assert.ok(log.snapshot !== undefined && batches <= 65, `${batches} batches`)
  const again = recording(world, store)
  await again.open()
  assert.equal(again.inDoubt, 0n)
  assert.equal(await again.balance(), -100n)
  await world.close(again)
})

test('a connection that breaks while a restart asks changes nothing in what it finds out', async () => {
  for (let sentMax = 1; sentMax < 12; sentMax++) {
    const world = new World(CREDIT)
    const store = new GatedStore()
    const first = recording(world, store)
    await first.open()
    captureAll(world)
    for (let n = 0; n < 10; n++) send(first, anonymous(world, n))
    await settle()
    const disk = new GatedStore(store.inner.copy())
    world.network.cut()
    world.network.reachable = false
    await settle()
    world.network.reachable = true
    const found: Recovered[] = []
    let sent = 0
    const second = world.holder({
      record: { store: disk, blockAmountMax: 1_000n, blockIdsMax: 16 },
      limits: { inquiryMax: 3 },
      onRecovered: (recovered) => found.push(recovered),
      dial: async (signal) => {
        const transport = await world.dial(signal)
        const deliver = transport.send.bind(transport)
        transport.send = (message) => {
          sent++
          if (sent === sentMax) transport.terminate()
          else deliver(message)
        }
        return transport
      },
    })
    const opened = second.open()
    await pass(world.clock, 5_000)
    await opened
    assert.deepEqual(found, [{ captured: 10, forgotten: 0, spent: 10n }], `cut at message ${sentMax}`)
    assert.equal(second.inDoubt, 0n)
    await world.close(second, first)
  }
})
