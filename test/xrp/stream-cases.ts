/** What a server tells: streams, histories by pages, close times; in the shapes of its API version. */
import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { Wallet } from 'xrpl'
import type { Json, ServerCase, TestServer } from './test-server.js'

const payment = (destination: Wallet, drops = 1n): Json => ({
  TransactionType: 'Payment',
  Destination: destination.address,
  Amount: String(drops),
})

/** Follows accounts and the ledgers until the case ends. */
async function follow(
  server: TestServer,
  accounts: readonly string[],
  run: (messages: readonly Json[]) => Promise<void>,
): Promise<void> {
  const messages: Json[] = []
  const keep = (message: unknown): unknown => messages.push(message as Json)
  server.client.on('transaction', keep)
  server.client.on('ledgerClosed', keep)
  await server.ask('subscribe', { accounts, streams: ['ledger'] })
  try {
    await run(messages)
  } finally {
    await server.ask('unsubscribe', { accounts, streams: ['ledger'] })
    server.client.off('transaction', keep)
    server.client.off('ledgerClosed', keep)
  }
}

/** An answer that comes after the messages that were sent before it. */
const drain = (server: TestServer): Promise<unknown> => server.ask('ping')

const POLL_MS = 20
const POLLS = 250

/** The messages that tell this transaction, once there are any: a real server may tell it later than it answers. */
async function arrived(server: TestServer, messages: readonly Json[], hash: string): Promise<Json[]> {
  for (let left = POLLS; left > 0 && told(server, messages, hash).length === 0; left--) {
    await drain(server)
    if (told(server, messages, hash).length === 0) await setTimeout(POLL_MS)
  }
  await drain(server)
  return told(server, messages, hash)
}

const hashOf = (server: TestServer, message: Json): unknown =>
  server.version === 1 ? (message['transaction'] as Json)['hash'] : message['hash']

const told = (server: TestServer, messages: readonly Json[], hash: string): Json[] =>
  messages.filter((message) => message['type'] === 'transaction' && hashOf(server, message) === hash)

export const STREAM_CASES: readonly ServerCase[] = [
  {
    name: 'a validated transaction is told once to who follows an account in it, after its ledger',
    run: async (server) => {
      const sender = await server.funded()
      const receiver = await server.funded()
      await follow(server, [sender.address, receiver.address], async (messages) => {
        const { hash } = await server.expect(sender, payment(receiver, 5n), 'tesSUCCESS')
        const [message, ...others] = await arrived(server, messages, hash)
        assert.equal(others.length, 0)
        const { meta, transaction, tx_json: txJson, ...rest } = message ?? {}
        assert.equal(rest['engine_result'], 'tesSUCCESS')
        assert.equal(rest['engine_result_code'], 0)
        assert.equal(rest['validated'], true)
        assert.equal(rest['status'], 'closed')
        assert.equal((meta as Json)['delivered_amount'], '5')
        const tx = server.version === 1 ? transaction : txJson
        assert.equal((tx as Json)['Account'], sender.address)
        assert.equal(server.version === 1 ? txJson : transaction, undefined)
        const at = messages.indexOf(message ?? {})
        const closed = messages.findIndex(
          (other) => other['type'] === 'ledgerClosed' && other['ledger_index'] === rest['ledger_index'],
        )
        assert.ok(closed >= 0 && closed < at)
        assert.equal(messages[closed]?.['ledger_hash'], rest['ledger_hash'])
        assert.equal(messages[closed]?.['ledger_time'], (tx as Json)['date'])
      })
    },
  },
  {
    name: 'a refusal that cost its fee is told too, but only to who follows its sender',
    run: async (server) => {
      const sender = await server.funded()
      const other = await server.funded()
      await follow(server, [sender.address], async (messages) => {
        const mine = await server.expect(sender, payment(Wallet.generate()), 'tecNO_DST_INSUF_XRP')
        const finish = { TransactionType: 'EscrowFinish', Owner: sender.address, OfferSequence: 1 }
        const others = await server.expect(other, finish, 'tecNO_TARGET')
        const later = await server.expect(sender, payment(other), 'tesSUCCESS')
        await arrived(server, messages, later.hash)
        assert.deepEqual(
          told(server, messages, mine.hash).map((message) => message['engine_result']),
          ['tecNO_DST_INSUF_XRP'],
        )
        assert.deepEqual(told(server, messages, others.hash), [])
      })
    },
  },
  {
    name: 'who unsubscribed is told nothing more',
    run: async (server) => {
      const sender = await server.funded()
      const receiver = await server.funded()
      let kept: readonly Json[] = []
      await follow(server, [sender.address], async (messages) => {
        kept = messages
        await drain(server)
      })
      await drain(server)
      const before = kept.length
      await server.expect(sender, payment(receiver), 'tesSUCCESS')
      await drain(server)
      assert.equal(kept.length, before)
    },
  },
  {
    name: 'account_tx pages through a history, in both directions',
    run: async (server) => {
      const sender = await server.funded()
      const receiver = await server.funded()
      const { sequence } = await server.account(sender.address)
      const sent: string[] = []
      for (let at = 0; at < 12; at++) {
        sent.push((await server.submit(sender, { ...payment(receiver), Sequence: sequence + at })).hash)
        if (at % 5 === 0) await server.accept()
      }
      const last = sent.at(-1) ?? ''
      assert.equal((await server.find(last))?.result, 'tesSUCCESS')
      const forward = await history(server, sender.address, true)
      assert.deepEqual(forward.slice(1), sent)
      assert.deepEqual(await history(server, sender.address, false), forward.toReversed())
    },
  },
  {
    name: 'a transaction as tx and account_tx show it, in the shape of the API version',
    run: async (server) => {
      const sender = await server.funded()
      const receiver = await server.funded()
      const { hash } = await server.expect(sender, payment(receiver, 3n), 'tesSUCCESS')
      const answer = await server.ask('tx', { transaction: hash })
      const tx = server.version === 1 ? answer : (answer['tx_json'] as Json)
      assert.equal(tx['Account'], sender.address)
      assert.equal(answer['hash'], hash)
      assert.equal(answer['validated'], true)
      assert.equal((answer['meta'] as Json)['TransactionResult'], 'tesSUCCESS')
      if (server.version === 1) assert.equal(tx['Amount'], '3')
      else assert.deepEqual([tx['Amount'], tx['DeliverMax']], [undefined, '3'])
      const page = await server.ask('account_tx', { account: receiver.address, limit: 10 })
      const [newest] = page['transactions'] as readonly Json[]
      const shown = newest?.[server.version === 1 ? 'tx' : 'tx_json'] as Json
      assert.equal(shown['Account'], sender.address)
      assert.equal(shown['ledger_index'], answer['ledger_index'])
      assert.equal(server.version === 1 ? shown['hash'] : newest?.['hash'], hash)
    },
  },
  {
    name: 'a close time is the clock rounded, or one second after the parent',
    run: async (server) => {
      for (let left = 4; left > 0; left--) {
        await server.accept()
        const { ledger } = (await server.ask('ledger', { ledger_index: 'validated' })) as { ledger: Json }
        const [time = 0, parent = 0, resolution = 1] = ['close_time', 'parent_close_time', 'close_time_resolution'].map(
          (name) => Number(ledger[name]),
        )
        assert.ok(time === parent + 1 || (time > parent && time % resolution === 0), `${parent}, then ${time}`)
      }
    },
  },
]

/** Hashes of an account's transactions, read in pages of five. */
async function history(server: TestServer, account: string, forward: boolean): Promise<unknown[]> {
  const hashes: unknown[] = []
  let marker: unknown
  do {
    const page = await server.ask('account_tx', {
      account,
      forward,
      limit: 5,
      ledger_index_min: -1,
      ledger_index_max: -1,
      ...(marker === undefined ? {} : { marker }),
    })
    for (const item of page['transactions'] as readonly Json[]) {
      hashes.push(server.version === 1 ? (item['tx'] as Json)['hash'] : item['hash'])
    }
    marker = page['marker']
  } while (marker !== undefined)
  return hashes
}
