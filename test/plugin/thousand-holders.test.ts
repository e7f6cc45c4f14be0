/** A thousand holders of one host at once: packets go to whom they name, impostors get nothing, and the book survives kills. */
import assert from 'node:assert/strict'
import test from 'node:test'
import { BtpPlugin, type HostAccountOptions } from 'sluice/plugin'
import { answerOf, fulfill, hosting, LogLines, prepare, PREFIX, quietStore, RawPeer } from './v2-pair.js'

const HOLDERS = 1000
const quiet = new LogLines().services

function nameOf(n: number): string {
  return `holder-${n}`
}

test('a thousand holders, each with its own limits', async (t) => {
  const accounts: Record<string, HostAccountOptions> = {}
  for (let n = 0; n < HOLDERS; n++) accounts[nameOf(n)] = { token: `token of ${n}`, maxBalance: String(10 * (n % 3)) }
  const disk = quietStore()
  const host = await hosting(t, { accounts, store: disk })
  host.registerDataHandler(async (data) => fulfill(data.at(-1) ?? 0))
  const server = `btp+ws://127.0.0.1:${host.port}`
  const holders = Array.from({ length: HOLDERS }, (_, n) => {
    const holder = new BtpPlugin({ server, btpAccount: nameOf(n), btpToken: `token of ${n}` }, quiet)
    holder.registerDataHandler(async (data) => {
      assert.ok(data.includes(`${nameOf(n)}.`), 'a packet for another holder')
      return fulfill(9)
    })
    return holder
  })
  t.after(async () => {
    await Promise.all(holders.map(async (holder) => holder.disconnect()))
  })
  await Promise.all(holders.map(async (holder) => holder.connect()))

  // Two packets of 10 from each: its limit lets none, one or both through.
  const answers = await Promise.all(
    holders.map(async (holder) => [await holder.sendData(prepare(1)), await holder.sendData(prepare(2))].map(answerOf)),
  )
  for (const [n, pair] of answers.entries()) {
    assert.deepEqual(
      pair,
      [10, 20].map((needed) => (10 * (n % 3) >= needed ? 'fulfill' : 'T04')),
    )
  }
  const impostor = await RawPeer.dial(t, host.port)
  impostor.authenticate('token of 1', nameOf(2))
  impostor.data(2, prepare(1))
  assert.equal(await impostor.answer(1), 'F00 NotAcceptedError')
  await impostor.closed()
  assert.equal(impostor.frames.length, 1)
  host.registerMoneyHandler(async () => assert.fail('nothing was proved'))
  const settling = holders.map(async (holder) => holder.sendMoney(String(10n ** 18n)))
  for (const { status } of await Promise.allSettled(settling)) assert.equal(status, 'rejected')

  const back = await Promise.all(
    holders.map(async (_, n) => host.sendData(prepare(9, { destination: `${PREFIX}${nameOf(n)}.x`, amount: 1n }))),
  )
  assert.ok(back.every((answer) => answerOf(answer) === 'fulfill'))

  // The process ends without a word: what its disk has at that moment is the book.
  const copy = disk.copy()
  const balances = await Promise.all(holders.map(async (_, n) => host.balanceOf(nameOf(n))))
  assert.deepEqual(
    balances,
    holders.map((_, n) => String(1 - 10 * (n % 3))),
  )
  const restarted = await hosting(t, { accounts, store: copy })
  assert.deepEqual(await Promise.all(holders.map(async (_, n) => restarted.balanceOf(nameOf(n)))), balances)
})
