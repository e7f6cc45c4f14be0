/** `sluice receipt verify`, as its users run it: a good receipt, and others that are not. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { toBase64url } from 'sluice/bytes'
import { receiptMembers, receiptSigner, termsHashOf, type Receipt } from 'sluice/http'
import { sluice } from './sluice.js'

const MAIN = fileURLToPath(new URL('dist/cli/main.js', import.meta.resolve('sluice/package.json')))

const RECEIPT: Receipt = {
  issuer: 'example.shop.server',
  account: 'example.shop.alice',
  stream: 'example.shop.server.AbCdEfGhIjk',
  termsHash: termsHashOf('some terms'),
  unit: 'letter',
  units: 7n,
  price: 3n,
  amount: 21n,
  asset: 'USD',
  scale: 9,
  endOffset: 12,
  time: Date.UTC(2026, 10, 21),
}

const signer = await receiptSigner(new Uint8Array(32).fill(6))
const text = await signer.sign(RECEIPT)
const KEY = Buffer.from(signer.key).toString('base64')
let folder = ''
let file = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-receipt-'))
  file = join(folder, 'receipt.jws')
  await writeFile(file, `${text}\n`)
})
after(() => rm(folder, { recursive: true }))

function verify(
  args: readonly string[],
  input = '',
  env: Record<string, string> = {},
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, 'receipt', 'verify', ...args], {
    input,
    encoding: 'utf8',
    env: { ...process.env, SLUICE_HOME: join(folder, 'nobody'), ...env },
  })
}

test('a good receipt, from a file or standard input, is shown with exit code 0', () => {
  const shown = verify([file, '--key', KEY])
  assert.deepEqual([shown.status, shown.stderr], [0, ''])
  assert.deepEqual(shown.stdout.split('\n'), [
    'The receipt is good.',
    'seller   example.shop.server',
    'buyer    example.shop.alice',
    'stream   example.shop.server.AbCdEfGhIjk',
    'bought   7 letters at 0.000000003 USD',
    'paid     0.000000021 USD',
    'content  12 bytes',
    `terms    SHA-256 ${RECEIPT.termsHash}`,
    `signed   2026-11-21T00:00:00.000Z by ${toBase64url(signer.key)}`,
    '',
  ])
  assert.equal(verify(['--key', toBase64url(signer.key)], text).stdout, shown.stdout)
  assert.equal(verify(['-', '--key', `:${KEY}:`], text).stdout, shown.stdout)
})

test('the receipt of a purchase is good offline, by the key that the wallet pinned', async () => {
  const shop = sluice(['shop', '--memory', '--port', '0', '--btp-port', '0', '--log-level', 'error'])
  const [, url = ''] = await shop.saw(/letters at (\S+) for/)
  const [, ledger = ''] = await shop.saw(/ledger at (\S+),/)
  const home = { SLUICE_HOME: join(folder, 'buyer') }
  const buy = sluice(['get', url, '--letters', '5', '--max-spend', '5', '--json', '-o', join(folder, 'letters')], home)
  assert.equal(await buy.ended, 0, buy.stderr)
  shop.child.kill('SIGINT')
  assert.equal(await shop.ended, 0, shop.stderr)
  const { receipt, spent } = JSON.parse(buy.stdout) as { receipt: string; spent: string }
  assert.equal(spent, '5')
  const shown = verify([], receipt, home)
  assert.equal(shown.status, 0, shown.stderr)
  assert.match(shown.stdout, /^bought   5 letters at /m)
  assert.ok(shown.stdout.includes(`\nkey of   ${ledger}, in your wallet\n`), shown.stdout)
  const json = verify(['--json'], receipt, home)
  assert.equal(json.stderr, `signed by the key of ${ledger}\n`)
  // Changed, of a seller that is not in the wallet, none at all.
  const changed = receipt.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A'))
  for (const [input, status, said] of [
    [changed, 1, /RECEIPT_SIGNATURE/],
    [text, 2, /CLI_USAGE: no seller in the wallet .*--key/],
    ['none', 1, /RECEIPT_SYNTAX/],
  ] as const) {
    const refused = verify([], input, home)
    assert.deepEqual([refused.status, refused.stdout], [status, ''], refused.stderr)
    assert.match(refused.stderr, said)
  }
})

test('--json prints the members', () => {
  const { status, stdout } = verify([file, '--json', '--key', KEY])
  assert.equal(status, 0)
  assert.deepEqual(JSON.parse(stdout), receiptMembers(RECEIPT))
})

test('a changed receipt, another key, text that is none and endless text are refused with exit code 1', () => {
  const other = toBase64url(new Uint8Array(32).fill(1))
  for (const [input, key, said] of [
    [text.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')), KEY, /^sluice: RECEIPT_SIGNATURE: /],
    [text, other, /^sluice: RECEIPT_KEY: /],
    ['not a receipt', KEY, /^sluice: RECEIPT_SYNTAX: /],
    ['', KEY, /^sluice: RECEIPT_SYNTAX: /],
    ['a'.repeat(100_000), KEY, /^sluice: RECEIPT_TOO_LONG: /],
  ] as const) {
    const { status, stdout, stderr } = verify(['--key', key], input)
    assert.deepEqual([status, stdout], [1, ''], stderr)
    assert.match(stderr, said)
  }
  assert.equal(verify([join(folder, 'no such file'), '--key', KEY]).status, 1)
})

test('without the key of the seller nothing is good', () => {
  for (const args of [[file], [file, '--key', 'short'], [file, '--key', '?']]) {
    const { status, stdout } = verify(args)
    assert.deepEqual([status, stdout], [2, ''])
  }
})
