/** Transfers between two plugins over a ledger: what each side hears, and what the ledger's books say. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { InvalidFieldsError, type Transfer } from 'sluice/plugin'
import { XrpEscrowPlugin } from 'sluice/xrp'
import { type Party, payment, PREFIX, soon, Stage, XRP } from './stage.js'

let stage: Stage

before(async () => {
  stage = await Stage.open()
})
after(() => stage.end())

describe('a transfer', () => {
  it('is prepared, fulfilled, and told to both sides, and the books agree', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    const { transfer, fulfillment } = await payment(stage, bob)
    await stage.settled(alice.plugin.sendTransfer(transfer))
    const [incoming] = (await bob.next('incoming_prepare')) as [Transfer]
    assert.equal(incoming.id, transfer.id)
    assert.equal(incoming.from, alice.plugin.getAccount())
    assert.equal(incoming.to, bob.plugin.getAccount())
    assert.equal(incoming.ledger, PREFIX)
    assert.equal(incoming.amount, '1000')
    assert.equal(incoming.ilp, transfer.ilp)
    assert.equal(incoming.executionCondition, transfer.executionCondition)
    assert.equal(Date.parse(incoming.expiresAt), Math.floor(Date.parse(transfer.expiresAt) / 1000) * 1000)
    assert.equal(await stage.escrows(bob.address), 1)
    await stage.settled(bob.plugin.fulfillCondition(transfer.id, fulfillment))
    const [told, preimage] = (await alice.next('outgoing_fulfill')) as [Transfer, string]
    assert.equal(told.id, transfer.id)
    assert.equal(preimage, fulfillment)
    assert.equal(await stage.balance(alice.address), 100n * XRP - 1000n - 10n)
    assert.equal(await stage.balance(bob.address), 100n * XRP + 1000n - 350n)
    assert.equal(await alice.plugin.getBalance(), String(await stage.balance(alice.address)))
    assert.equal(await alice.plugin.getFulfillment(transfer.id), fulfillment)
    assert.equal(await bob.plugin.getFulfillment(transfer.id), fulfillment)
    assert.equal(await stage.escrows(bob.address), 0)
  })

  it('that nobody fulfils comes back past its expiry', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    const { transfer, fulfillment } = await payment(stage, bob, { seconds: 30 })
    await stage.settled(alice.plugin.sendTransfer(transfer))
    await alice.next('outgoing_cancel')
    await bob.next('incoming_cancel')
    assert.equal(await stage.balance(alice.address), 100n * XRP - 20n)
    await assert.rejects(bob.plugin.fulfillCondition(transfer.id, fulfillment), { name: 'AlreadyRolledBackError' })
  })

  it('that is rejected comes back with the reason, past its expiry', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    const { transfer, fulfillment } = await payment(stage, bob, { seconds: 60 })
    await stage.settled(alice.plugin.sendTransfer(transfer))
    await bob.next('incoming_prepare')
    await stage.settled(bob.plugin.rejectIncomingTransfer(transfer.id, { code: 'F06', message: 'unknown user' }))
    await assert.rejects(bob.plugin.fulfillCondition(transfer.id, fulfillment), { name: 'AlreadyRolledBackError' })
    const [told, reason] = (await alice.next('outgoing_reject')) as [Transfer, { code: string; message: string }]
    assert.equal(told.id, transfer.id)
    assert.equal(reason.code, 'F06')
    assert.equal(reason.message, 'unknown user')
    assert.equal(await stage.balance(alice.address), 100n * XRP - 20n + 1n)
    assert.equal(await stage.balance(bob.address), 100n * XRP - 11n)
  })

  it('with a wrong fulfillment is refused without a transaction', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    const { transfer } = await payment(stage, bob)
    await stage.settled(alice.plugin.sendTransfer(transfer))
    await bob.next('incoming_prepare')
    const wrong = randomBytes(32).toString('base64url')
    await assert.rejects(bob.plugin.fulfillCondition(transfer.id, wrong), { name: 'NotAcceptedError' })
    await stage.close()
    assert.equal(await stage.balance(bob.address), 100n * XRP)
  })
})

describe('a send that the ledger refuses', () => {
  async function refusal(alice: Party, transfer: Transfer): Promise<{ name: string; message: string }> {
    return stage.settled(
      alice.plugin.sendTransfer(transfer).then(
        () => assert.fail('it was accepted'),
        (error: Error) => error,
      ),
    )
  }

  it('says so for each reason, and the next one passes', async () => {
    const [alice, bob] = [await stage.party({ drops: 2n * XRP, limits: soon }), await stage.party()]
    const nobody = `${PREFIX}rrrrrrrrrrrrrrrrrrrrBZbvji`
    const cases: [Partial<Transfer>, string, RegExp][] = [
      [{ to: nobody }, 'AccountNotFoundError', /XRP_DESTINATION/],
      [{ to: `${PREFIX}bob` }, 'AccountNotFoundError', /XRP_DESTINATION/],
      [{ amount: '900000' }, 'InsufficientBalanceError', /XRP_FUNDS/],
      [{ amount: '0' }, 'InsufficientBalanceError', /XRP_FUNDS/],
      [{ expiresAt: new Date(Date.now() - 100_000).toISOString() }, 'InvalidFieldsError', /XRP_EXPIRED/],
      [{ ilp: Buffer.alloc(800).toString('base64url') }, 'InvalidFieldsError', /XRP_MEMO/],
    ]
    for (const [change, name, message] of cases) {
      const error = await refusal(alice, { ...(await payment(stage, bob)).transfer, ...change })
      assert.equal(error.name, name, error.message)
      assert.match(error.message, message)
    }
    await stage.settled(alice.plugin.sendTransfer((await payment(stage, bob)).transfer))
  })

  it('for the reserve, before anything is sent', async () => {
    const [poor, bob] = [await stage.party({ drops: XRP + 200_000n }), await stage.party()]
    const error = await refusal(poor, (await payment(stage, bob, { amount: '1' })).transfer)
    assert.equal(error.name, 'InsufficientBalanceError')
    assert.match(error.message, /XRP_RESERVE/)
    assert.equal(await stage.balance(poor.address), XRP + 200_000n)
  })

  it('where the receiver asks for a destination tag', async () => {
    const [alice, bob] = [await stage.party(), await stage.party()]
    await stage.transact(bob.secret, { TransactionType: 'AccountSet', SetFlag: 1 })
    const error = await refusal(alice, (await payment(stage, bob)).transfer)
    assert.equal(error.name, 'AccountNotFoundError')
    assert.match(error.message, /XRP_DESTINATION.*tecDST_TAG_NEEDED/)
    await stage.settled(alice.plugin.sendTransfer((await payment(stage, await stage.party())).transfer))
  })
})

it('an account with deposit authorisation finishes what is sent to it', async () => {
  const [alice, bob] = [await stage.party(), await stage.party()]
  await stage.transact(bob.secret, { TransactionType: 'AccountSet', SetFlag: 9 })
  const { transfer, fulfillment } = await payment(stage, bob)
  await stage.settled(alice.plugin.sendTransfer(transfer))
  await bob.next('incoming_prepare')
  await stage.settled(bob.plugin.fulfillCondition(transfer.id, fulfillment))
  await alice.next('outgoing_fulfill')
})

it('requests are answered, and refused by what the handler throws', async () => {
  const [alice, bob] = [await stage.party(), await stage.party()]
  bob.plugin.registerRequestHandler(async (message) => ({
    to: message.from ?? '',
    custom: { pong: message.custom?.['ping'] },
  }))
  const asked = { to: bob.plugin.getAccount(), custom: { ping: 7 } }
  const answer = await stage.settled(alice.plugin.sendRequest(asked))
  assert.deepEqual(answer.custom, { pong: 7 })
  assert.equal(answer.from, bob.plugin.getAccount())
})

it('nothing that is logged or inspected has the secret', async () => {
  const lines: string[] = []
  const write = (message: string, facts?: object): void => {
    lines.push(message, inspect(facts, { depth: 9 }))
  }
  const log = { debug: write, info: write, warn: write, error: write }
  const [alice, bob] = [await stage.party({ log }), await stage.party()]
  await stage.settled(alice.plugin.sendTransfer((await payment(stage, bob)).transfer))
  assert.ok(lines.length > 0)
  const seen = lines.join('\n') + inspect(alice.plugin, { depth: 9, showHidden: true }) + JSON.stringify(alice.plugin)
  assert.equal(seen.includes(alice.secret), false)
})

it('fifty transfers sent at once all settle', async () => {
  const [alice, bob] = [await stage.party(), await stage.party()]
  const payments = await Promise.all(Array.from({ length: 50 }, async () => payment(stage, bob)))
  const byId = new Map(payments.map(({ transfer, fulfillment }) => [transfer.id, fulfillment]))
  bob.plugin.on('incoming_prepare', ({ id }) => {
    bob.plugin.fulfillCondition(id, byId.get(id) ?? '').catch(() => undefined)
  })
  await stage.settled(Promise.all(payments.map(async ({ transfer }) => alice.plugin.sendTransfer(transfer))))
  await stage.until(() => alice.events.filter(([name]) => name === 'outgoing_fulfill').length === 50)
  assert.equal(await stage.balance(alice.address), 100n * XRP - 50n * 1010n)
  assert.equal(await stage.balance(bob.address), 100n * XRP + 50n * 650n)
})

describe('the constructor', () => {
  const secret = 'ssGjGT4sz4rp2xahcDj87P71rTYXo'
  const server = 'ws://localhost:1'

  it('takes both key types, and the address of the secret only', () => {
    assert.ok(new XrpEscrowPlugin({ secret, server, account: 'rrhnXcox5bEmZfJCHzPxajUtwdt772zrCW', log }))
    assert.ok(
      new XrpEscrowPlugin({
        secret: 'sEd7xKqnUmMDrnbWAYHtYBkcMezergv',
        server,
        address: 'rfcRQeDWAEnAbAebw95BnBJ2MEndGBQ2dq',
        log,
      }),
    )
    for (const bad of [
      { secret, server, address: 'rGtqDAJNTDMLaNNfq1RVYgPT8onFMj19Aj' },
      { secret: `${secret}x`, server },
      { secret, server: 'http://localhost' },
      { secret, server, prefix: '!' },
      { secret, server, feeDropsMax: '1.5' },
    ]) {
      assert.throws(
        () => new XrpEscrowPlugin({ ...bad, log }),
        (error) => error instanceof InvalidFieldsError && !error.message.includes(secret),
      )
    }
  })
})

const ignore = (): void => undefined
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore }
