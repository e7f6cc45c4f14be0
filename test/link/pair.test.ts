/** The in-process link pair: the order of a hold's steps, refusals and limits, as every link must keep them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EMPTY, utf8 } from 'sluice/bytes'
import { sha256 } from 'sluice/crypto'
import { linkPair, type HoldOutcome } from 'sluice/link'

const SECRET = sha256(utf8('secret'))

test('a hold is prepared, captured and told in that order', async () => {
  const { host, holder } = linkPair({ creditLimit: 10n })
  await holder.open()
  const seen: string[] = []
  host.onHold((hold) => {
    seen.push(`hold ${hold.amount} of ${hold.account}`)
    hold.fulfill(SECRET, utf8('7'), (settled) => seen.push(`captured ${settled.ok}`))
  })
  const outcome = await new Promise<HoldOutcome>((resolve) =>
    holder.send(
      { amount: 10n, condition: sha256(SECRET), expiresAt: Date.now() + 1000, packet: EMPTY },
      { onPrepared: () => seen.push('prepared'), onOutcome: resolve },
    ),
  )
  assert.equal(outcome.status, 'fulfilled')
  assert.deepEqual(seen.toSorted(), ['captured true', 'hold 10 of client', 'prepared'])
  assert.equal(await holder.balance(), -10n)
  assert.equal(await host.balance(), 10n)
  await host.close()
})

test('a hold over the credit limit is refused by name', async () => {
  const { holder } = linkPair()
  await holder.open()
  const outcome = await new Promise<HoldOutcome>((onOutcome) =>
    holder.send({ amount: 1n, condition: sha256(SECRET), expiresAt: Date.now() + 1000, packet: EMPTY }, { onOutcome }),
  )
  assert.ok(outcome.status === 'refused')
  assert.equal(outcome.name, 'InsufficientBalanceError')
  await holder.close()
})
