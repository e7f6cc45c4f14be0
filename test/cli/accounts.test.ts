/** `sluice accounts` and `sluice transfers`: on a ledger that a shop has open, and on one that nobody has. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cliModule } from './cli-module.js'
import { sluice } from './sluice.js'

const { accountsTable, newDepositId, repeatableUntil, transfersTable } = await cliModule('accounts')
const { columns } = await cliModule('table')

let dir: string
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-accounts-'))
})
after(() => rm(dir, { recursive: true, force: true }))

/** What a command prints as JSON. */
async function told(...args: string[]): Promise<Record<string, unknown>> {
  const run = sluice([...args, '--dir', dir, '--json'])
  assert.equal(await run.ended, 0, run.stderr)
  return JSON.parse(run.stdout) as Record<string, unknown>
}

async function refused(pattern: RegExp, code: number, ...args: string[]): Promise<void> {
  const run = sluice([...args, '--dir', dir])
  assert.equal(await run.ended, code, run.stdout)
  assert.match(run.stderr, pattern)
}

test('an account is opened, used while a shop runs, frozen, and still so when nobody has the ledger', async () => {
  await refused(/CLI_NO_LEDGER/, 2, 'accounts', 'list')
  const opened = await told('accounts', 'open', 'alice', '--credit', '5')
  assert.deepEqual([opened['account'], opened['creditLimit'], typeof opened['secret']], ['alice', '5', 'string'])

  const shop = sluice(['shop', '--dir', dir, '--port', '0', '--btp-port', '0', '--log-level', 'error'])
  const [, url = ''] = await shop.saw(/letters at (\S+) for/)
  const [, ledger = ''] = await shop.saw(/ledger at (\S+),/)
  const pay = (secret: string) => {
    return sluice(['get', url, '--max-spend', '20', '--ledger', ledger.replace('//', `//alice:${secret}@`)])
  }
  const first = told('accounts', 'fund', 'alice', '0.000000010 USD')
  const [stranger, funded] = [pay('guess'), await first]
  assert.deepEqual([funded['balance'], funded['repeated']], ['10', false])
  const [again, asked] = await Promise.all([
    told('accounts', 'fund', 'alice', '10', '--id', String(funded['id'])),
    told('accounts', 'limit', 'alice', '--credit', '2'),
  ])
  assert.deepEqual([again['balance'], again['repeated'], asked['creditLimit']], ['10', true, '2'])
  assert.notEqual(await stranger.ended, 0)

  const holder = pay(String(opened['secret']))
  await holder.ended
  assert.match(holder.stdout, /^[A-Z]{12}$/)
  const [shown, transfers] = await Promise.all([
    told('accounts', 'show', 'alice'),
    told('transfers', '--account', 'alice', '--limit', '100'),
    refused(/ACCOUNT_IN_USE/, 111, 'accounts', 'close', 'alice'),
  ])
  assert.deepEqual([shown['balance'], shown['fulfilledOut'], shown['live']], ['-2', '12', 0])
  const states = Object.values(transfers).map((row) => (row as { state: string }).state)
  assert.equal(states.filter((state) => state === 'fulfilled').length, 12)
  assert.equal(states.filter((state) => state === 'posted').length, 1)

  const frozen = await told('accounts', 'freeze', 'alice')
  assert.equal(frozen['frozen'], true)
  shop.child.kill('SIGTERM')
  assert.equal(await shop.ended, 0, shop.stderr)
  const list = sluice(['accounts', 'list', '--dir', dir])
  assert.equal(await list.ended, 0, list.stderr)
  assert.match(list.stdout, /^alice +-0\.000000002 USD .* frozen$/m)
})

test('tables line up, leave out nothing silently, and let no name move the cursor', () => {
  assert.deepEqual(
    columns(
      [
        ['a', 'n'],
        ['long name', '5'],
        ['x\u001b[2J', '50'],
      ],
      new Set(['n']),
    ),
    ['a           n', 'long name   5', 'x?[2J      50'],
  )
  const zeros = { heldOut: '0', heldIn: '0', creditLimit: '0', balanceMax: '0', fulfilledIn: '0', fulfilledOut: '0' }
  const account = { account: 'bob', frozen: false, balance: '1500', ...zeros, posted: '0', live: 2, remembered: 0 }
  const transfer = { account: 'bob', id: 'id', state: 'rejected', expiresAt: 0 }
  const answer = { ok: true, accounts: [account], transfers: [transfer], left: 3, repeated: false } as const
  assert.match(accountsTable(answer).join('\n'), /^bob +1500 +0 +0 +0 +0 +2 +open\nand 3 more: add --limit 4$/m)
  const usd = { code: 'USD', scale: 3 }
  assert.match(accountsTable({ ...answer, asset: usd }).join('\n'), /^bob +1\.5 USD /m)
  assert.match(
    transfersTable(answer).join('\n'),
    /^bob +id +rejected +– +– +1970-01-01T00:00:00\.000Z\nand 3 more that are live/m,
  )
})

test('the id of a deposit says until when it may be repeated', () => {
  const now = 1_800_000_000_123
  const id = newDepositId(now)
  assert.match(id, /^01a3185c-507b-7/)
  assert.equal(repeatableUntil(id), now + 30 * 60_000)
  for (const other of ['', 'order-17', 'b4c838f6-80b1-47f8-a82e-b1fcfbed89d5']) {
    assert.throws(() => repeatableUntil(other), { code: 'CLI_USAGE' })
  }
})
