/** What a server does with payments, sequence numbers, fees, signatures and memos, and with questions about what is not there. */
import assert from 'node:assert/strict'
import { Wallet } from 'xrpl'
import type { Json, ServerCase, TestServer } from './test-server.js'

const payment = (destination: Wallet, drops = 1n): Json => ({
  TransactionType: 'Payment',
  Destination: destination.address,
  Amount: String(drops),
})

/** A case with two accounts that have something. */
const between = (
  name: string,
  run: (server: TestServer, sender: Wallet, receiver: Wallet) => Promise<void>,
): ServerCase => ({
  name,
  run: async (server) => run(server, await server.funded(), await server.funded()),
})

/** One memo whose type has 34 characters. */
const memo = (bytes: number): Json => ({
  Memos: [{ Memo: { MemoType: '74'.repeat(34), MemoData: '79'.repeat(bytes) } }],
})

export const SUBMIT_CASES: readonly ServerCase[] = [
  {
    name: 'payment to a new account: the reserve creates it, its first sequence number is the index of the ledger',
    run: async (server) => {
      const { address } = Wallet.generate()
      const { ledgerIndex, meta, result } = await server.pay(address, server.reserveBase)
      assert.equal(result, 'tesSUCCESS')
      assert.equal(meta['delivered_amount'], String(server.reserveBase))
      const account = await server.account(address)
      assert.deepEqual(account, { balance: server.reserveBase, sequence: ledgerIndex, ownerCount: 0 })
    },
  },
  {
    name: 'payment of a drop less than the reserve to a new account',
    run: async (server) => {
      const sender = await server.funded()
      await server.expect(sender, payment(Wallet.generate(), server.reserveBase - 1n), 'tecNO_DST_INSUF_XRP')
    },
  },
  between('payment of all above the reserve, and of a drop more', async (server, sender, receiver) => {
    const { balance } = await server.account(sender.address)
    const spare = balance - server.reserveBase
    await server.expect(sender, payment(receiver, spare + 1n), 'tecUNFUNDED_PAYMENT')
    await server.expect(sender, payment(receiver, spare - server.baseFee * 2n), 'tesSUCCESS')
    assert.equal((await server.account(sender.address)).balance, server.reserveBase)
  }),
  between('payment to one that requires a tag, without and with it', async (server, sender, receiver) => {
    await server.expect(receiver, { TransactionType: 'AccountSet', SetFlag: 1 }, 'tesSUCCESS')
    await server.expect(sender, payment(receiver), 'tecDST_TAG_NEEDED')
    await server.expect(sender, { ...payment(receiver), DestinationTag: 7 }, 'tesSUCCESS')
    await server.expect(receiver, { TransactionType: 'AccountSet', ClearFlag: 1 }, 'tesSUCCESS')
    await server.expect(sender, payment(receiver), 'tesSUCCESS')
  }),
  between('a sender that is not in the ledger', async (server, _sender, receiver) => {
    const submitted = await server.submit(Wallet.generate(), { ...payment(receiver), Sequence: 1 })
    assert.deepEqual([submitted.result, submitted.code, submitted.applied], ['terNO_ACCOUNT', -96, false])
  }),
  between('the same blob again, before and after the close', async (server, sender, receiver) => {
    const first = await server.submit(sender, payment(receiver))
    assert.equal(first.result, 'tesSUCCESS')
    assert.equal((await server.submitBlob(first.blob)).result, 'tefPAST_SEQ')
    const before = await server.account(receiver.address)
    assert.equal((await server.find(first.hash))?.result, 'tesSUCCESS')
    assert.equal((await server.submitBlob(first.blob)).result, 'tefPAST_SEQ')
    await server.accept()
    assert.equal((await server.account(receiver.address)).balance, before.balance + 1n)
  }),
  between('a sequence number that was used', async (server, sender, receiver) => {
    const { sequence } = await server.account(sender.address)
    await server.expect(sender, { ...payment(receiver), Sequence: sequence - 1 }, 'tefPAST_SEQ')
  }),
  between('a sequence number too high waits until the gap is filled', async (server, sender, receiver) => {
    const { sequence } = await server.account(sender.address)
    const second = await server.submit(sender, { ...payment(receiver), Sequence: sequence + 1 })
    assert.deepEqual([second.result, second.code, second.applied], ['terPRE_SEQ', -92, false])
    const first = await server.submit(sender, { ...payment(receiver), Sequence: sequence })
    assert.equal(first.result, 'tesSUCCESS')
    assert.equal((await server.find(first.hash))?.result, 'tesSUCCESS')
    assert.equal(((await server.lookUp(second.hash)) ?? (await server.find(second.hash)))?.result, 'tesSUCCESS')
  }),
  between('a LastLedgerSequence that has passed', async (server, sender, receiver) => {
    const { index } = await server.validated()
    await server.expect(sender, { ...payment(receiver), LastLedgerSequence: index }, 'tefMAX_LEDGER')
  }),
  between('a fee below the base fee', async (server, sender, receiver) => {
    await server.expect(sender, { ...payment(receiver), Fee: String(server.baseFee - 1n) }, 'telINSUF_FEE_P')
  }),
  between('the key of another account', async (server, sender, receiver) => {
    const blob = server.sign(receiver, await server.filled(sender.address, payment(receiver)))
    const submitted = await server.submitBlob(blob)
    assert.deepEqual([submitted.result, submitted.code, submitted.applied], ['tefBAD_AUTH', -196, false])
  }),
  between('a signature that is wrong', async (server, sender, receiver) => {
    const blob = server.sign(sender, await server.filled(sender.address, payment(receiver, 0x1111n)))
    const answer = await server.fails('submit', { tx_blob: blob.replace('1111', '1112') })
    assert.equal(answer.error, 'invalidTransaction')
    assert.equal(answer['error_exception'], 'fails local checks: Invalid signature.')
  }),
  between('memos of 980 bytes, and of 990', async (server, sender, receiver) => {
    const blob = server.sign(sender, await server.filled(sender.address, { ...payment(receiver), ...memo(990) }))
    const answer = await server.fails('submit', { tx_blob: blob })
    assert.equal(answer.error, 'invalidTransaction')
    assert.equal(answer['error_exception'], 'fails local checks: The memo exceeds the maximum allowed size.')
    await server.expect(sender, { ...payment(receiver), ...memo(980) }, 'tesSUCCESS')
  }),
  between('transactions of one ledger are in order of their sequence numbers', async (server, sender, receiver) => {
    const { sequence } = await server.account(sender.address)
    const sent = []
    for (const at of [0, 1, 2])
      sent.push(await server.submit(sender, { ...payment(receiver), Sequence: sequence + at }))
    assert.deepEqual(
      sent.map(({ result }) => result),
      ['tesSUCCESS', 'tesSUCCESS', 'tesSUCCESS'],
    )
    const found = []
    for (const { hash } of sent) found.push((await server.lookUp(hash)) ?? (await server.find(hash)))
    const places = found.map((at) => [at?.ledgerIndex ?? 0, Number(at?.meta['TransactionIndex'])])
    assert.deepEqual(
      places,
      places.toSorted(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d),
    )
  }),
  {
    name: 'questions about what is not there',
    run: async (server) => {
      const { address } = Wallet.generate()
      assert.equal((await server.fails('tx', { transaction: 'AB'.repeat(32) })).error, 'txnNotFound')
      assert.equal((await server.fails('account_info', { account: address })).error, 'actNotFound')
      assert.equal((await server.fails('account_objects', { account: address })).error, 'actNotFound')
      // Old servers take what is no address for a passphrase, unless they are told to be strict.
      assert.equal((await server.fails('account_info', { account: 'nobody', strict: true })).error, 'actMalformed')
      const missing = await server.fails('ledger_entry', {
        escrow: { owner: address, seq: 1 },
        ledger_index: 'validated',
      })
      assert.equal(missing.error, 'entryNotFound')
      assert.equal((await server.fails('no_such_command')).error, 'unknownCmd')
      assert.equal((await server.fails('ping', { api_version: 9 })).error, 'invalid_API_version')
    },
  },
]
