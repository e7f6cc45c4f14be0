/** What only the simulator has: faults to order, closing by a timer, load, and the corners that no recording shows. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import test, { type TestContext } from 'node:test'
import { FakeClock } from 'sluice/testing'
import { GENESIS_ACCOUNT, LEDGERS_MAX, standaloneXrpLedger, type StandaloneXrpLedger } from 'sluice/testing/xrp'
import { WebSocket } from 'ws'
import { Wallet } from 'xrpl'
import { TestServer, type Json } from './test-server.js'

interface Stage {
  readonly ledger: StandaloneXrpLedger
  readonly clock: FakeClock
  readonly server: TestServer
  readonly alice: Wallet
  readonly bob: Wallet
}

/** A simulator, a connection to it, and two accounts with 100 XRP each. */
async function stage(t: TestContext): Promise<Stage> {
  const clock = new FakeClock()
  const ledger = await standaloneXrpLedger({ clock })
  const server = new TestServer(ledger.url, 2)
  t.after(async () => {
    await server.close()
    await ledger.close()
  })
  await server.open()
  const [alice, bob] = [Wallet.generate(), Wallet.generate()]
  for (const { address } of [alice, bob]) ledger.fund(address, 100_000_000n)
  return { ledger, clock, server, alice, bob }
}

const pay = (to: Wallet, fields: Json = {}): Json => ({
  TransactionType: 'Payment',
  Destination: to.address,
  Amount: '1000',
  ...fields,
})

/** The client's next event of this name. */
const told = (server: TestServer, event: 'connected' | 'disconnected'): Promise<void> =>
  new Promise((resolve) => {
    server.client.once(event, () => resolve())
  })

test('all XRP are in the genesis account; fees burn some', async (t) => {
  const { ledger, server, alice, bob } = await stage(t)
  await server.expect(alice, pay(bob), 'tesSUCCESS')
  const { ledger: header } = (await server.ask('ledger', { ledger_index: 'validated' })) as { ledger: Json }
  const balances = [GENESIS_ACCOUNT, alice.address, bob.address].map((address) => ledger.balance(address) ?? 0n)
  assert.equal(String(balances.reduce((sum, balance) => sum + balance)), header['total_coins'])
  assert.equal(header['total_coins'], '99999999999999970')
  assert.equal(ledger.balance(Wallet.generate().address), undefined)
})

test('an account cannot be funded with less than the reserve', async (t) => {
  const { ledger } = await stage(t)
  assert.throws(() => ledger.fund(Wallet.generate().address, 999_999n), { code: 'XRP_FUND' })
})

test('ledgers close by a timer, with close times of the clock, until that is stopped', async (t) => {
  const { ledger, clock, server } = await stage(t)
  clock.advance(60_000)
  const { index } = await server.validated()
  ledger.startClosing(20_000)
  clock.advance(60_000)
  const header = await server.validated()
  assert.equal(header.index, index + 3)
  assert.equal(header.closeTime, Math.round((clock.now() / 1000 - 946_684_800) / 10) * 10)
  ledger.stopClosing()
  clock.advance(60_000)
  assert.equal((await server.validated()).index, index + 3)
})

test('a connection is cut before a request is done, or after', async (t) => {
  const { ledger, server, alice, bob } = await stage(t)
  const outcomes = []
  for (const fate of ['cut-before', 'cut-after'] as const) {
    const { sequence } = await server.account(alice.address)
    const blob = server.sign(alice, await server.filled(alice.address, pay(bob)))
    ledger.faults.onRequest = ({ command }) => (command === 'submit' ? fate : 'answer')
    const cut = told(server, 'disconnected')
    await Promise.all([cut, assert.rejects(server.submitBlob(blob))])
    delete ledger.faults.onRequest
    if (!server.client.isConnected()) await told(server, 'connected')
    ledger.acceptLedger()
    outcomes.push((await server.account(alice.address)).sequence - sequence)
  }
  assert.deepEqual(outcomes, [0, 1])
})

test('an answer comes late, or never', async (t) => {
  const { ledger, clock, server } = await stage(t)
  ledger.faults.onRequest = ({ command }) => {
    if (command === 'fee') return 'ignore'
    return command === 'server_info' ? { delayMs: 1000 } : 'answer'
  }
  let answers = 0
  const late = server.ask('server_info').then(() => (answers += 1))
  const never = server.ask('fee').catch((error: unknown) => error)
  await server.ask('ping')
  assert.equal(answers, 0)
  clock.advance(1000)
  await late
  await server.close()
  assert.ok((await never) instanceof Error)
})

test('events come twice, in another order, or not at all', async (t) => {
  const { ledger, server, alice, bob } = await stage(t)
  const seen: unknown[] = []
  server.client.on('transaction', () => seen.push('transaction'))
  server.client.on('ledgerClosed', () => seen.push('ledgerClosed'))
  await server.ask('subscribe', { accounts: [bob.address], streams: ['ledger'] })
  ledger.faults.onEvents = (events) => [...events, ...events].toReversed()
  await server.submit(alice, pay(bob))
  await server.accept()
  assert.deepEqual(seen, ['transaction', 'ledgerClosed', 'transaction', 'ledgerClosed'])
  ledger.faults.onEvents = () => []
  await server.submit(alice, pay(bob))
  await server.accept()
  assert.equal(seen.length, 4)
})

test('a transaction is never validated, and is gone once it is too old', async (t) => {
  const { ledger, server, alice, bob } = await stage(t)
  ledger.faults.withhold = ({ Account }) => Account === alice.address
  const before = await server.account(alice.address)
  const { hash, result } = await server.submit(alice, pay(bob))
  assert.equal(result, 'tesSUCCESS')
  assert.equal((await server.account(alice.address, 'current')).sequence, before.sequence + 1)
  assert.equal(await server.find(hash), undefined)
  for (let left = 6; left > 0; left--) await server.accept()
  assert.deepEqual(await server.account(alice.address, 'current'), before)
  delete ledger.faults.withhold
  await server.accept()
  assert.equal(await server.lookUp(hash), undefined)
  await server.expect(alice, pay(bob), 'tesSUCCESS')
})

test('under load a fee is too low, or the transaction waits until the load is gone', async (t) => {
  const { ledger, server, alice, bob } = await stage(t)
  ledger.setLoad({ server: 2.5 })
  assert.equal((await server.submit(bob, pay(alice, { Fee: '24' }))).result, 'telINSUF_FEE_P')
  assert.deepEqual((await server.ask('fee'))['drops'], {
    base_fee: '10',
    median_fee: '5000',
    minimum_fee: '25',
    open_ledger_fee: '25',
  })
  ledger.setLoad({ server: 1, openLedger: 10 })
  const { info } = (await server.ask('server_info')) as { info: Json }
  assert.equal(info['load_factor'], 10)
  const { sequence } = await server.account(alice.address)
  const waiting = [
    await server.submit(alice, pay(bob, { Fee: '50', Sequence: sequence })),
    await server.submit(alice, pay(bob, { Fee: '100', Sequence: sequence + 1 })),
  ]
  assert.deepEqual(
    waiting.map(({ result, applied }) => [result, applied]),
    [
      ['terQUEUED', false],
      ['terQUEUED', false],
    ],
  )
  await server.accept()
  assert.equal((await server.account(alice.address)).sequence, sequence)
  ledger.setLoad({ openLedger: 1 })
  for (const { hash } of waiting) {
    assert.equal(((await server.lookUp(hash)) ?? (await server.find(hash)))?.result, 'tesSUCCESS')
  }
})

test('with fail_hard a refusal costs nothing, and is not tried again', async (t) => {
  const { server, alice } = await stage(t)
  const before = await server.account(alice.address)
  const blob = server.sign(alice, await server.filled(alice.address, pay(Wallet.generate())))
  const answer = await server.ask('submit', { tx_blob: blob, fail_hard: true })
  assert.deepEqual([answer['engine_result'], answer['applied'], answer['kept']], ['tecNO_DST_INSUF_XRP', false, false])
  await server.accept()
  assert.deepEqual(await server.account(alice.address), before)
})

test('a payment that another account of the same ledger makes possible succeeds, in whatever order they come', async (t) => {
  const { server, ledger, alice, bob } = await stage(t)
  for (let round = 0; round < 8; round++) {
    const fresh = Wallet.generate()
    const early = await server.submit(alice, pay(fresh))
    assert.equal(early.result, 'tecNO_DST_INSUF_XRP')
    await server.submit(bob, pay(fresh, { Amount: '1000000' }))
    await server.accept()
    assert.equal((await server.lookUp(early.hash))?.result, 'tesSUCCESS')
    assert.equal(ledger.balance(fresh.address), 1_001_000n)
  }
})

test('deposit authorisation: nobody pays, but who is preauthorised', async (t) => {
  const { server, alice, bob } = await stage(t)
  await server.expect(bob, { TransactionType: 'AccountSet', SetFlag: 9 }, 'tesSUCCESS')
  await server.expect(alice, pay(bob), 'tecNO_PERMISSION')
  await server.expect(bob, { TransactionType: 'DepositPreauth', Authorize: alice.address }, 'tesSUCCESS')
  assert.equal((await server.account(bob.address)).ownerCount, 1)
  await server.expect(bob, { TransactionType: 'DepositPreauth', Authorize: alice.address }, 'tecDUPLICATE')
  await server.expect(alice, pay(bob), 'tesSUCCESS')
  await server.expect(bob, { TransactionType: 'DepositPreauth', Unauthorize: alice.address }, 'tesSUCCESS')
  await server.expect(alice, pay(bob), 'tecNO_PERMISSION')
  assert.equal((await server.account(bob.address)).ownerCount, 0)
})

test('what is not simulated is refused by name', async (t) => {
  const { server, alice } = await stage(t)
  const trust = { currency: 'USD', issuer: GENESIS_ACCOUNT, value: '1' }
  await server.expect(alice, { TransactionType: 'TrustSet', LimitAmount: trust }, 'temDISABLED')
  await server.expect(alice, { TransactionType: 'AccountSet', Flags: 0x0010_0000 }, 'temINVALID_FLAG')
  assert.equal((await server.fails('subscribe', { streams: ['validations'] })).error, 'malformedStream')
  assert.equal((await server.fails('submit', { tx_blob: 'ABCD' })).error, 'invalidTransaction')
})

test('account_objects comes in pages', async (t) => {
  const { ledger, server, alice, bob } = await stage(t)
  for (let left = 3; left > 0; left--) {
    await server.submit(alice, {
      TransactionType: 'EscrowCreate',
      Amount: '5',
      Destination: bob.address,
      FinishAfter: ledger.closeTime + 100,
    })
  }
  await server.accept()
  const first = await server.ask('account_objects', { account: bob.address, ledger_index: 'validated', limit: 2 })
  const second = await server.ask('account_objects', {
    account: bob.address,
    ledger_index: 'validated',
    limit: 2,
    marker: first['marker'],
  })
  const keys = [first, second].flatMap((page) =>
    (page['account_objects'] as readonly Json[]).map((entry) => entry['index']),
  )
  assert.equal(new Set(keys).size, 3)
  assert.equal(second['marker'], undefined)
})

test('old ledgers are forgotten', async (t) => {
  const { ledger, server, alice, bob } = await stage(t)
  const { hash } = await server.expect(alice, pay(bob), 'tesSUCCESS')
  for (let left = LEDGERS_MAX; left > 0; left--) ledger.acceptLedger()
  assert.equal(await server.lookUp(hash), undefined)
  const { index } = await server.validated()
  const { info } = (await server.ask('server_info')) as { info: Json }
  assert.equal(info['complete_ledgers'], `${index - LEDGERS_MAX + 1}-${index}`)
  assert.equal((await server.fails('ledger', { ledger_index: 2 })).error, 'lgrNotFound')
  const range = { account: alice.address, ledger_index_min: 2, ledger_index_max: -1 }
  assert.equal((await server.fails('account_tx', range)).error, 'lgrIdxMalformed')
})

test('a message that is no request is answered, and the server goes on', async (t) => {
  const { ledger, server } = await stage(t)
  const socket = new WebSocket(ledger.url)
  await once(socket, 'open')
  const answers: Json[] = []
  socket.on('message', (data: Buffer) => answers.push(JSON.parse(data.toString()) as Json))
  for (const text of [
    '{',
    '[]',
    'null',
    '{"command":1}',
    '{"command":"constructor"}',
    '{"command":"subscribe","accounts":1}',
  ]) {
    socket.send(text)
    await once(socket, 'message')
  }
  assert.deepEqual(
    answers.map(({ error }) => error),
    ['jsonInvalid', 'jsonInvalid', 'jsonInvalid', 'jsonInvalid', 'unknownCmd', 'invalidParams'],
  )
  socket.terminate()
  await server.ask('ping')
})

test('closing twice is fine, and nothing is closed by the timer after it', async () => {
  const clock = new FakeClock()
  const ledger = await standaloneXrpLedger({ clock })
  ledger.startClosing(1000)
  await ledger.close()
  await ledger.close()
  assert.equal(clock.pending, 0)
})
