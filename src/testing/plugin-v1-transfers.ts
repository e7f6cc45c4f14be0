/** Cases of RFC-4 draft 8: transfers, from `sendTransfer` to the event that tells their end. */
import assert from 'node:assert/strict'
import type { LedgerPluginV1, Transfer } from '../plugin/index.js'
import { pairCases, rejectionOf, rejectsAs, until, within } from './plugin-suite.js'
import { deal, next, type PluginV1Subject, prepared, shortDeal, transferEvents } from './plugin-v1-subject.js'

const NOBODYS_ID = '3d3c5e0c-8d1d-4c9e-9d1c-000000000000'
const FULFILLMENT = Buffer.alloc(32, 9).toString('base64url')
const REASON = { code: 'F99', name: 'Application Error', message: 'no', additional_info: {} }

export function transferCases({ create, beyondLimits }: PluginV1Subject): void {
  const { fresh, connected } = pairCases(create)

  connected('LedgerPlugin#sendTransfer: both ways, told to both sides', async (first, second) => {
    for (const [from, to] of [
      [second, first],
      [first, second],
    ] as const) {
      const ilp = Buffer.from([1, 3, 0, 255, 7]).toString('base64url')
      const custom = { a: [1, { b: null }] }
      const offered = deal(to, { ilp, custom, noteToSelf: { mine: true } })
      const { sent, received, result } = await prepared(from, to, offered)
      assert.equal(result, null)
      const shown = {
        ...offered.transfer,
        from: from.getAccount(),
        ledger: from.getInfo().prefix,
      }
      assert.deepEqual(plain(sent), plain(shown))
      const { noteToSelf, ...public_ } = shown
      assert.deepEqual(plain(received), plain(public_))
      assert.deepEqual(noteToSelf, { mine: true })
    }
  })

  connected('LedgerPlugin#sendTransfer: no money moves before it is fulfilled', async (first, second) => {
    const before = await balances(first, second)
    await prepared(second, first, deal(first))
    assert.deepEqual(await balances(first, second), before)
  })

  connected('LedgerPlugin#sendTransfer: repeated it has no effect', async (first, second) => {
    const offered = deal(first)
    await prepared(second, first, offered)
    const events = [transferEvents(first), transferEvents(second)]
    await within(second.sendTransfer(offered.transfer), 'sendTransfer() again').catch(() => undefined)
    await Promise.all([
      next(second, 'outgoing_fulfill'),
      first.fulfillCondition(offered.transfer.id, offered.fulfillment),
    ])
    assert.deepEqual(events, [['incoming_fulfill'], ['outgoing_fulfill']])
  })

  connected(
    'LedgerPlugin#sendTransfer: rejects with DuplicateIdError for another with its id',
    async (first, second) => {
      const offered = deal(first)
      await prepared(second, first, offered)
      const other = { ...offered.transfer, amount: '11' }
      await rejectsAs('DuplicateIdError', second.sendTransfer(other), 'sendTransfer() of another amount')
    },
  )

  connected(
    'LedgerPlugin#sendTransfer: rejects with InvalidFieldsError for fields that are wrong',
    async (first, second) => {
      for (const wrong of [
        { id: undefined },
        { id: 'no uuid' },
        { to: undefined },
        { to: 'elsewhere.at.all' },
        { amount: undefined },
        { amount: '-1' },
        { amount: '1.5' },
        { executionCondition: 'short' },
        { expiresAt: 'tomorrow' },
      ]) {
        const { transfer } = deal(first)
        const sent = second.sendTransfer({ ...transfer, ...wrong } as Transfer)
        await rejectsAs('InvalidFieldsError', sent, `sendTransfer() with ${JSON.stringify(wrong)}`)
      }
    },
  )

  fresh('LedgerPlugin#sendTransfer: rejects when not connected', async (_, second) => {
    const transfer = { ...deal({ getAccount: () => 'example.nobody' }).transfer }
    await rejectionOf(second.sendTransfer(transfer), 'sendTransfer() before connect()')
  })

  if (beyondLimits === undefined) return
  const { amount, error } = beyondLimits
  connected(`LedgerPlugin#sendTransfer: rejects with ${error} for too much`, async (first, second) => {
    const events = transferEvents(first)
    await rejectsAs(error, second.sendTransfer(deal(first, { amount }).transfer), `sendTransfer() of ${amount}`)
    assert.deepEqual(events, [])
  })
}

export function endCases({ create }: PluginV1Subject): void {
  const { connected } = pairCases(create)

  connected('LedgerPlugin#fulfillCondition: moves the money, told to both sides', async (first, second) => {
    const before = await balances(first, second)
    const offered = deal(first, { noteToSelf: { mine: 1 } })
    const { id } = offered.transfer
    await prepared(second, first, offered)
    const [[sent, theirs], [received, ours], result] = await Promise.all([
      next(second, 'outgoing_fulfill'),
      next(first, 'incoming_fulfill'),
      within(first.fulfillCondition(id, offered.fulfillment), 'fulfillCondition()'),
    ])
    assert.equal(result, null)
    assert.deepEqual([sent.id, received.id, theirs, ours], [id, id, offered.fulfillment, offered.fulfillment])
    assert.deepEqual(sent.noteToSelf, { mine: 1 })
    assert.deepEqual(await balances(first, second), [before[0] + 10n, before[1] - 10n])
    for (const plugin of [first, second]) assert.equal(await plugin.getFulfillment(id), offered.fulfillment)
  })

  connected('LedgerPlugin#fulfillCondition: its ilp comes with the event', async (first, second) => {
    const offered = deal(first)
    await prepared(second, first, offered)
    // A type-9 packet: what a fulfilment carries.
    const ilp = Buffer.from([9, 4, 2, 104, 105, 0]).toString('base64url')
    const [[, , theirs]] = await Promise.all([
      next(second, 'outgoing_fulfill'),
      within(first.fulfillCondition(offered.transfer.id, offered.fulfillment, ilp), 'fulfillCondition()'),
    ])
    assert.equal(theirs, ilp)
  })

  connected('LedgerPlugin#fulfillCondition: repeated it has no effect', async (first, second) => {
    const events = transferEvents(first)
    const { transfer, fulfillment } = deal(first)
    await prepared(second, first, { transfer, fulfillment })
    for (let i = 0; i < 2; i++) await within(first.fulfillCondition(transfer.id, fulfillment), 'fulfillCondition()')
    assert.deepEqual(events, ['incoming_prepare', 'incoming_fulfill'])
  })

  connected('LedgerPlugin#fulfillCondition: rejects with NotAcceptedError for a wrong one', async (first, second) => {
    const { transfer, fulfillment } = deal(first)
    await prepared(second, first, { transfer, fulfillment })
    await rejectsAs('NotAcceptedError', first.fulfillCondition(transfer.id, FULFILLMENT), 'a wrong fulfillment')
    await within(first.fulfillCondition(transfer.id, fulfillment), 'fulfillCondition() with the right one')
  })

  connected(
    'LedgerPlugin#fulfillCondition: rejects for a transfer that is none or rolled back',
    async (first, second) => {
      const unknown = first.fulfillCondition(NOBODYS_ID, FULFILLMENT)
      await rejectsAs('TransferNotFoundError', unknown, 'fulfillCondition() of no transfer')
      const { transfer, fulfillment } = deal(first)
      await prepared(second, first, { transfer, fulfillment })
      await within(first.rejectIncomingTransfer(transfer.id, REASON), 'rejectIncomingTransfer()')
      const late = first.fulfillCondition(transfer.id, fulfillment)
      await rejectsAs('AlreadyRolledBackError', late, 'fulfillCondition() after a rejection')
    },
  )

  connected('LedgerPlugin#rejectIncomingTransfer: rolls it back, told to both sides', async (first, second) => {
    const before = await balances(first, second)
    const offered = deal(first, { noteToSelf: { mine: 1 } })
    const { id } = offered.transfer
    await prepared(second, first, offered)
    const [[sent, theirs], [received, ours], result] = await Promise.all([
      next(second, 'outgoing_reject'),
      next(first, 'incoming_reject'),
      within(first.rejectIncomingTransfer(id, REASON), 'rejectIncomingTransfer()'),
    ])
    assert.equal(result, null)
    assert.deepEqual([sent.id, received.id, theirs.code, ours.code], [id, id, 'F99', 'F99'])
    assert.deepEqual(sent.noteToSelf, { mine: 1 })
    assert.deepEqual(await balances(first, second), before)
    await rejectsAs('AlreadyRolledBackError', second.getFulfillment(id), 'getFulfillment() after a rejection')
  })

  connected(
    'LedgerPlugin#rejectIncomingTransfer: rejects for a transfer that it cannot reject',
    async (first, second) => {
      const unknown = first.rejectIncomingTransfer(NOBODYS_ID, REASON)
      await rejectsAs('TransferNotFoundError', unknown, 'rejectIncomingTransfer() of no transfer')
      const { transfer, fulfillment } = deal(first)
      await prepared(second, first, { transfer, fulfillment })
      const own = second.rejectIncomingTransfer(transfer.id, REASON)
      await rejectsAs('NotAcceptedError', own, 'rejectIncomingTransfer() by the sender')
      await within(first.fulfillCondition(transfer.id, fulfillment), 'fulfillCondition()')
      const late = first.rejectIncomingTransfer(transfer.id, REASON)
      await rejectsAs('AlreadyFulfilledError', late, 'rejectIncomingTransfer() after a fulfillment')
    },
  )

  connected('LedgerPlugin#getFulfillment: rejects while there is none', async (first, second) => {
    await rejectsAs('TransferNotFoundError', second.getFulfillment(NOBODYS_ID), 'getFulfillment() of no transfer')
    const offered = deal(first)
    await prepared(second, first, offered)
    const early = second.getFulfillment(offered.transfer.id)
    await rejectsAs('MissingFulfillmentError', early, 'getFulfillment() before it')
  })

  connected('Event incoming_cancel, Event outgoing_cancel: a transfer that expires', async (first, second) => {
    const before = await balances(first, second)
    const cancelled = Promise.all([next(first, 'incoming_cancel'), next(second, 'outgoing_cancel')])
    const { transfer, fulfillment } = shortDeal(first)
    await prepared(second, first, { transfer, fulfillment })
    const [[received, ours], [sent, theirs]] = await cancelled
    assert.deepEqual([received.id, sent.id], [transfer.id, transfer.id])
    for (const reason of [ours, theirs]) assert.equal(reason.code, 'R00')
    const late = first.fulfillCondition(transfer.id, fulfillment)
    await rejectsAs('AlreadyRolledBackError', late, 'fulfillCondition() after the expiry')
    assert.deepEqual(await balances(first, second), before)
  })

  connected('Event incoming_prepare: a listener that throws harms nobody', async (first, second) => {
    const shown: string[] = []
    first.on('incoming_prepare', ({ id }: Transfer) => {
      shown.push(id)
      throw new Error('a listener of the program')
    })
    for (let n = 0; n < 2; n++) {
      const { transfer, fulfillment } = deal(first)
      const events = transferEvents(second)
      await within(second.sendTransfer(transfer), 'sendTransfer()')
      await until(() => shown.includes(transfer.id), 'the event incoming_prepare')
      await within(first.fulfillCondition(transfer.id, fulfillment), 'fulfillCondition()')
      await until(() => events.includes('outgoing_fulfill'), 'the event outgoing_fulfill')
    }
  })
}

/** As bigints, so that a case can count. */
async function balances(first: LedgerPluginV1, second: LedgerPluginV1): Promise<[bigint, bigint]> {
  const [a, b] = await within(Promise.all([first.getBalance(), second.getBalance()]), 'getBalance()')
  return [BigInt(a), BigInt(b)]
}

/** Fields that are there: unused ones may be absent or undefined. */
function plain(transfer: object): unknown {
  return JSON.parse(JSON.stringify(transfer))
}
