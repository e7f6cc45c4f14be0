/** What a version 1 face remembers of transfers that have ended: no fewer than half of `ENDED_MAX`, and no more than it. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { test } from 'node:test'
import { toBase64url, utf8 } from 'sluice/bytes'
import { sha256 } from 'sluice/crypto'
import { linkPair } from 'sluice/link'
import { ENDED_MAX, PluginV1 } from 'sluice/plugin'

const SECRET = sha256(utf8('secret'))
const CONDITION = toBase64url(sha256(SECRET))

test('the last transfers that ended are remembered, and old ones forgotten', async () => {
  const { host, holder } = linkPair({ creditLimit: BigInt(2 * ENDED_MAX) })
  host.onHold((hold) => hold.fulfill(SECRET, new Uint8Array(0), () => undefined))
  const plugin = new PluginV1(async () => holder)
  await plugin.connect()
  const ids: string[] = []
  const pay = async (): Promise<void> => {
    const id = randomUUID()
    ids.push(id)
    await plugin.sendTransfer({
      id,
      to: 'example.pair.server',
      amount: '1',
      executionCondition: CONDITION,
      expiresAt: new Date(Date.now() + 10_000).toISOString(),
    })
  }
  let fulfilled = 0
  plugin.on('outgoing_fulfill', () => fulfilled++)
  while (ids.length < ENDED_MAX + 500) await Promise.all(Array.from({ length: 500 }, pay))
  while (fulfilled < ids.length) await once(plugin, 'outgoing_fulfill')

  let known = 0
  for (const id of ids) {
    const told = await plugin.getFulfillment(id).catch((error: Error) => error.name)
    if (told === toBase64url(SECRET)) known++
    else assert.equal(told, 'TransferNotFoundError')
  }
  assert.ok(known >= ENDED_MAX / 2 && known <= ENDED_MAX, `${known} are remembered`)
  assert.equal(await plugin.getFulfillment(ids.at(-ENDED_MAX / 2) ?? ''), toBase64url(SECRET))
  await assert.rejects(plugin.getFulfillment(ids[0] ?? ''), { name: 'TransferNotFoundError' })
  await plugin.disconnect()
})
