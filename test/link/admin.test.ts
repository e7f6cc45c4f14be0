/** Operators at a ledger that another process has open: what they may ask, who may, and what is left behind. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { Ledger } from 'sluice/ledger'
import { ADMIN_LINE_CHARS_MAX, type AdminAnswer, type AdminRequest, AdminSocket, askAdmin } from 'sluice/link/admin'
import { HostedLedger } from 'sluice/link/hosted'
import { hashToken } from 'sluice/session'
import { FakeClock } from 'sluice/testing'
import { LevelStore } from 'sluice/store/level'
import { condition, fulfillment, id, quietStore } from '../ledger/book.js'

const HOUR_MS = 3_600_000
const POST = '018f0000-0000-7000-8000-000000000001'

let directory: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-admin-'))
})
after(() => rm(directory, { recursive: true, force: true }))

/** An open ledger in memory that operators can reach below `name`. */
async function door(name: string): Promise<{
  ledger: Ledger
  clock: FakeClock
  socket: AdminSocket
  path: string
  ask: (request: AdminRequest) => Promise<AdminAnswer>
  close: () => Promise<void>
}> {
  const path = join(directory, name)
  await mkdir(path, { recursive: true })
  const clock = new FakeClock()
  const ledger = new Ledger({ store: quietStore(), clock })
  await ledger.open()
  const socket = new AdminSocket({ ledger, directory: path })
  await socket.open()
  const ask = async (request: AdminRequest): Promise<AdminAnswer> => {
    const answer = await askAdmin(path, request)
    assert.ok(answer, 'nobody is at the door')
    return answer
  }
  const close = async (): Promise<void> => {
    await socket.close()
    await ledger.close()
  }
  return { ledger, clock, socket, path, ask, close }
}

function row(answer: AdminAnswer) {
  assert.ok(answer.ok, JSON.stringify(answer))
  const [account] = answer.accounts
  assert.ok(account)
  return account
}

const code = (answer: AdminAnswer): string => (answer.ok ? 'ok' : answer.code)

test('accounts are opened, limited, funded once per id, frozen, and closed when they are empty', async () => {
  const { ledger, clock, ask, close } = await door('accounts')
  const open = { do: 'open', account: 'alice', creditLimit: '5', balanceMax: '100' } as const
  assert.deepEqual(row(await ask({ ...open, tokenHash: hashToken('secret') })), {
    account: 'alice',
    frozen: false,
    balance: '0',
    heldOut: '0',
    heldIn: '0',
    creditLimit: '5',
    balanceMax: '100',
    fulfilledIn: '0',
    fulfilledOut: '0',
    posted: '0',
    live: 0,
    remembered: 0,
  })
  assert.equal(ledger.note('token.alice')?.length, 32)
  assert.equal(code(await ask(open)), 'ACCOUNT_EXISTS')
  assert.equal(code(await ask({ ...open, account: 'server' })), 'INVALID')

  const { creditLimit, balanceMax } = row(await ask({ do: 'limit', account: 'alice', creditLimit: '7' }))
  assert.deepEqual([creditLimit, balanceMax], ['7', '100'])
  assert.equal(code(await ask({ do: 'limit', account: 'bob' })), 'ACCOUNT_NOT_FOUND')

  const fund = { do: 'fund', account: 'alice', id: POST, amount: '50', expiresAt: clock.now() + HOUR_MS } as const
  assert.equal(row(await ask(fund)).balance, '50')
  const again = await ask(fund)
  assert.deepEqual([again.ok && again.repeated, row(again).balance], [true, '50'])
  assert.equal(code(await ask({ ...fund, amount: '51' })), 'DUPLICATE_ID')

  assert.equal(row(await ask({ do: 'freeze', account: 'alice', frozen: true })).frozen, true)
  assert.equal(row(await ask({ do: 'show', account: 'alice' })).frozen, true)
  assert.equal(row(await ask({ do: 'freeze', account: 'alice', frozen: false })).frozen, false)

  assert.equal(code(await ask({ do: 'close', account: 'alice' })), 'ACCOUNT_IN_USE')
  const withdrawn = await ask({ ...fund, id: POST.replace(/1$/, '2'), amount: '-50' })
  assert.equal(row(withdrawn).balance, '0')
  assert.equal(code(await ask({ do: 'close', account: 'alice' })), 'ok')
  assert.equal(code(await ask({ do: 'show', account: 'alice' })), 'ACCOUNT_NOT_FOUND')
  assert.equal(ledger.note('token.alice'), undefined)
  await close()
})

test('lists are bounded and say what they leave out; transfers are live or remembered, the latest first', async () => {
  const { ledger, clock, ask, close } = await door('lists')
  for (const account of ['c', 'a', 'b']) {
    ledger.execute({ type: 'open', account, creditLimit: 100n, balanceMax: 0n })
  }
  const two = await ask({ do: 'list', most: 2 })
  assert.ok(two.ok)
  assert.deepEqual([two.accounts.map(({ account }) => account), two.left], [['a', 'b'], 1])

  for (const [number, account] of [
    [1, 'a'],
    [2, 'a'],
    [3, 'b'],
    [4, 'b'],
  ] as const) {
    const expiresAt = clock.now() + number * 60_000
    const memo = new Uint8Array(0)
    const held = { account, id: id(number), payer: 'holder', amount: 9n, expiresAt, memo } as const
    assert.ok(ledger.execute({ type: 'prepare', ...held, condition: condition(number) }).ok)
  }
  const data = new Uint8Array(0)
  for (const [number, account] of [
    [1, 'a'],
    [3, 'b'],
  ] as const) {
    ledger.execute({ type: 'fulfill', account, id: id(number), by: 'host', fulfillment: fulfillment(number), data })
  }
  ledger.execute({ type: 'reject', account: 'b', id: id(4), by: 'host', reason: data })
  const states = async (request: Omit<Extract<AdminRequest, { do: 'transfers' }>, 'do'>): Promise<unknown> => {
    const answer = await ask({ do: 'transfers', ...request })
    assert.ok(answer.ok)
    return [
      answer.transfers.map(({ account, id: uuid, state, amount }) => [account, uuid.slice(-1), state, amount]),
      answer.left,
    ]
  }
  const ended = [
    ['b', '4', 'rejected', undefined],
    ['b', '3', 'fulfilled', undefined],
    ['a', '1', 'fulfilled', undefined],
  ]
  assert.deepEqual(await states({ most: 9 }), [[['a', '2', 'prepared', '9'], ...ended], 0])
  assert.deepEqual(await states({ most: 2 }), [[['a', '2', 'prepared', '9'], ended[0]], 0])
  assert.deepEqual(await states({ most: 0 }), [[], 1])
  assert.deepEqual(await states({ most: 9, account: 'b' }), [ended.slice(0, 2), 0])
  assert.deepEqual(await states({ most: 9, account: 'nobody' }), [[], 0])
  await close()
})

test('only its owner can enter, long paths have room elsewhere, and nothing is left behind', async () => {
  for (const name of ['short', 'long/'.repeat(30)]) {
    const { path, socket, close } = await door(name)
    await socket.open()
    const address = await readFile(join(path, 'admin.address'), 'utf8')
    assert.equal((await stat(dirname(address))).mode & 0o777, 0o700)
    assert.equal((await stat(address)).mode & 0o777, 0o600)
    assert.ok(address.length <= 107, address)
    await close()
    await close()
    assert.deepEqual(await readdir(path), [])
    await assert.rejects(stat(dirname(address)), { code: 'ENOENT' })
    assert.equal(await askAdmin(path, { do: 'list', most: 1 }), undefined)
  }
})

test('what a killed process left is taken over, and an address that is not ours is not removed', async () => {
  const first = await door('taken')
  const dead = await readFile(join(first.path, 'admin.address'), 'utf8')
  const second = new AdminSocket({ ledger: first.ledger, directory: first.path })
  await second.open()
  await assert.rejects(stat(dead), { code: 'ENOENT' })
  assert.equal((await askAdmin(first.path, { do: 'list', most: 1 }))?.ok, true)
  await second.close()
  await first.close()

  const precious = join(directory, 'precious')
  await writeFile(precious, '')
  await writeFile(join(first.path, 'admin.address'), precious)
  assert.equal(await askAdmin(first.path, { do: 'list', most: 1 }), undefined)
  const third = new AdminSocket({ ledger: first.ledger, directory: first.path })
  await third.open()
  await third.close()
  assert.ok(await stat(precious))
})

test('whatever is written to it is answered or ends the connection, and the ledger goes on', async () => {
  const { path, ask, close } = await door('strangers')
  const address = await readFile(join(path, 'admin.address'), 'utf8')
  const lines = [
    '',
    'nonsense',
    '[]',
    '{"do":"everything"}',
    '{"do":"show"}',
    '{"do":"list","most":-1}',
    '{"do":"fund","account":"a","id":"1","amount":"1","expiresAt":1}',
    '{"do":"open","account":"a","creditLimit":"1.5","balanceMax":"1"}',
    '{"do":"open","account":"a","creditLimit":"1","balanceMax":"1","tokenHash":"short"}',
  ]
  const socket = connect(address)
  socket.write(lines.map((line) => `${line}\n`).join(''))
  let answers = ''
  for await (const part of socket.setEncoding('utf8')) {
    answers += String(part)
    if (answers.split('\n').length > lines.length) break
  }
  const codes = answers
    .trim()
    .split('\n')
    .map((line) => code(JSON.parse(line) as AdminAnswer))
  assert.deepEqual(
    codes,
    lines.map(() => 'ADMIN_REQUEST'),
  )

  const long = connect(address)
  long.on('error', () => {})
  long.write('x'.repeat(ADMIN_LINE_CHARS_MAX + 1))
  await once(long.resume(), 'close')
  assert.equal((await ask({ do: 'list', most: 1 })).ok, true)
  await close()
})

test('a hosted ledger lets operators in while it is open, and writes its asset down', async () => {
  const path = join(directory, 'hosted')
  const options = { prefix: 'g.shop.', assetCode: 'USD', assetScale: 9, adminDirectory: path } as const
  for (const _run of [1, 2]) {
    const hosted = new HostedLedger({ ...options, store: new LevelStore(path) })
    await hosted.open()
    const answer = await askAdmin(path, { do: 'list', most: 1 })
    assert.deepEqual(answer?.ok && answer.asset, { code: 'USD', scale: 9 })
    await hosted.close()
    assert.equal(await askAdmin(path, { do: 'list', most: 1 }), undefined)
  }
})
