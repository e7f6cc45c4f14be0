/** The buyer's account of one stream: rules, one by one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExposure, type Exposure } from 'sluice/fetch'

const terms = { price: 3n, window: 24n, budget: 1000n, unitBytes: 1 }

function fill(exposure: Exposure): ReturnType<Exposure['hold']>[] {
  const holds = []
  for (let room = exposure.room(); room > 0; room = exposure.room()) holds.push(exposure.hold(room))
  return holds
}

test('holds fill the window, each at most a quarter of it, and no further', () => {
  const exposure = createExposure(terms)
  assert.deepEqual(
    fill(exposure).map((held) => held.units),
    [2, 2, 2, 2],
  )
  assert.throws(() => exposure.hold(1), { code: 'FETCH_OVERDRAWN' })
})

test('a window below four prices still pays unit by unit; below one price it is refused', () => {
  assert.equal(fill(createExposure({ ...terms, window: 7n })).length, 2)
  assert.throws(() => createExposure({ ...terms, window: 2n }), { code: 'FETCH_WINDOW' })
  assert.throws(() => createExposure({ ...terms, price: 0n }), { code: 'FETCH_PRICE' })
})

test('what is captured stays at risk until the application has read it', () => {
  const exposure = createExposure(terms)
  const [first] = fill(exposure)
  assert.ok(first)
  exposure.capture(first, 10)
  assert.equal(exposure.room(), 0)
  exposure.read(9)
  assert.equal(exposure.room(), 0)
  exposure.read(1)
  assert.equal(exposure.readUnits, 2)
  assert.equal(exposure.room(), 2)
})

test('holds of several units are not cut up by a window that reopens unit by unit', () => {
  const exposure = createExposure({ ...terms, window: 48n })
  const [first] = fill(exposure)
  assert.ok(first)
  assert.equal(first.units, 4)
  exposure.capture(first, 4)
  exposure.read(3)
  assert.deepEqual([exposure.room(), exposure.nextHold(4)], [0, 0], 'the capture is not read')
  exposure.read(1)
  assert.deepEqual([exposure.room(), exposure.nextHold(4), exposure.nextHold(2)], [4, 4, 2])
})

test('a smaller hold is put off only while others are held and something is unread', () => {
  const exposure = createExposure({ ...terms, window: 48n, budget: 54n })
  const holds = [exposure.hold(1), exposure.hold(1), exposure.hold(4), exposure.hold(4), exposure.hold(3)]
  const [first, second, ...rest] = holds
  assert.ok(first && second)
  assert.deepEqual([exposure.room(), exposure.nextHold(4)], [3, 3], 'nothing is captured: the seller may wait for it')
  exposure.capture(first, 1)
  exposure.capture(second, 2)
  exposure.read(1)
  assert.deepEqual([exposure.room(), exposure.nextHold(4), exposure.nextHold(3)], [4, 4, 3])
  exposure.hold(3)
  assert.deepEqual([exposure.room(), exposure.nextHold(4), exposure.nextHold(1)], [1, 0, 1], 'one is unread')
  for (const held of rest) exposure.doubt(held)
  assert.equal(exposure.nextHold(4), 0, 'one is held')
  exposure.read(1)
  assert.deepEqual([exposure.room(), exposure.nextHold(4)], [2, 2], 'all that there is, is read')
})

test('the last units of a budget are no smaller hold', () => {
  const exposure = createExposure({ ...terms, window: 48n, budget: 27n })
  const [first] = [exposure.hold(4), exposure.hold(3)]
  exposure.capture(first, 4)
  assert.deepEqual([exposure.room(), exposure.nextHold(4)], [2, 2])
})

test('a hold in doubt stays counted until its outcome is known, and a settled one settles once', () => {
  const exposure = createExposure(terms)
  const [first, second] = fill(exposure)
  assert.ok(first !== undefined && second !== undefined)
  exposure.doubt(first)
  assert.deepEqual([exposure.heldUnits, exposure.inDoubtUnits, exposure.room()], [6, 2, 0])
  exposure.release(first)
  exposure.release(first)
  exposure.capture(first, 2)
  exposure.doubt(first)
  assert.deepEqual([exposure.inDoubtUnits, exposure.capturedUnits, exposure.room()], [0, 0, 2])
})

test('the budget bounds captured and held together; what goes back can be spent again', () => {
  const exposure = createExposure({ ...terms, budget: 8n })
  const [held] = fill(exposure)
  assert.ok(held)
  assert.deepEqual([held.units, exposure.room(), exposure.budgetSpent], [2, 0, false])
  exposure.release(held)
  const [again] = fill(exposure)
  assert.ok(again)
  exposure.capture(again, 2)
  exposure.read(2)
  assert.deepEqual([exposure.room(), exposure.budgetSpent], [0, true])
  const none = createExposure({ ...terms, budget: 0n })
  assert.deepEqual([none.room(), none.budgetSpent], [0, true])
})

test('without offsets the buyer counts units it can count', () => {
  const exposure = createExposure({ ...terms, unitBytes: 4 })
  const holds = fill(exposure)
  for (const held of holds.slice(0, 2)) exposure.capture(held, undefined)
  exposure.read(7)
  assert.equal(exposure.readUnits, 0)
  exposure.read(1)
  assert.equal(exposure.readUnits, 2)
  exposure.read(8)
  assert.equal(exposure.readUnits, 4)
})

test('a capture without an offset is settled by a later one that is passed, whichever comes first', () => {
  const exposure = createExposure({ ...terms, unitBytes: undefined })
  const [first, second, third, fourth] = fill(exposure)
  assert.ok(first && second && third && fourth)
  exposure.capture(first, undefined)
  exposure.capture(third, 60)
  exposure.read(60)
  assert.equal(exposure.readUnits, 4)
  exposure.capture(second, undefined)
  assert.equal(exposure.readUnits, 6)
  exposure.capture(fourth, undefined)
  assert.equal(exposure.readUnits, 6)
})

test('offsets that claim more units than bytes gain nothing and are noticed', () => {
  const exposure = createExposure({ ...terms, unitBytes: undefined })
  for (const held of fill(exposure)) exposure.capture(held, 0)
  assert.deepEqual([exposure.readUnits, exposure.room(), exposure.contradicted], [0, 0, true])
  exposure.read(3)
  assert.deepEqual([exposure.readUnits, exposure.exposureUnits], [3, 5])
})

test('captures that pay for one piece together state its end, and are no lie; more units than it has bytes are', () => {
  const exposure = createExposure({ price: 1n, window: 100n, budget: 1000n })
  const holds = [1, 3, 2, 2, 1].map((units) => exposure.hold(units))
  const offsets = [4, 4, 8, 8]
  for (const [at, offset] of offsets.entries()) {
    const held = holds[at]
    assert.ok(held)
    exposure.capture(held, offset)
    if (at === 1) exposure.read(4)
  }
  exposure.read(4)
  assert.deepEqual([exposure.contradicted, exposure.readUnits], [false, 8])
  const [, , , , last] = holds
  assert.ok(last)
  exposure.capture(last, 8)
  assert.equal(exposure.contradicted, true)
})
