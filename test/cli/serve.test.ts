/** `sluice serve`: files and their ranges are sold by the byte, directories are listed for nothing, and nothing else is shown. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sluice } from './sluice.js'

const STEP = 65_536

test('sells files by the step, whole and in ranges, and lists what it sells', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-serve-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const content = randomBytes(3 * STEP + 1)
  await mkdir(join(dir, 'public', 'more'), { recursive: true })
  await writeFile(join(dir, 'public', 'big.bin'), content)
  await writeFile(join(dir, 'public', 'more', '<b>.txt'), 'bold')
  await writeFile(join(dir, 'public', '.secret'), 'secret\n')
  await writeFile(join(dir, 'outside'), 'outside\n')
  await symlink('../outside', join(dir, 'public', 'leads-out'))
  await symlink('..', join(dir, 'public', 'up'))
  await symlink('.secret', join(dir, 'public', 'hidden'))
  await symlink('../big.bin', join(dir, 'public', 'more', 'again.bin'))

  const shop = sluice(['serve', join(dir, 'public'), '--port', '0', '--memory', '--price', '1 USD per GB'])
  t.after(() => shop.child.kill('SIGKILL'))
  const [, url = ''] = await shop.saw(/ at (\S+)\n/)
  const buy = async (path: string, ...args: string[]): Promise<string> => {
    const run = sluice(['get', `${url}${path}`, '--max-spend', '1 USD', ...args])
    assert.equal(await run.ended, 0, run.stderr)
    return run.stdout
  }
  const book = await buy('big.bin', '--json', '-o', join(dir, 'all'))
  const { spent } = JSON.parse(book) as { spent: string }
  assert.deepEqual(await readFile(join(dir, 'all')), content)
  assert.equal(spent, String(4 * STEP))

  const ranged = await buy('big.bin', '--json', '-H', 'Range: bytes=65530-65549', '-o', join(dir, 'part'))
  assert.deepEqual(await readFile(join(dir, 'part')), content.subarray(65_530, 65_550))
  assert.equal((JSON.parse(ranged) as { spent: string }).spent, String(STEP))

  const ask = (path: string, accept = '*/*') => fetch(`${url}${path}`, { headers: { accept } })
  assert.equal(
    await (await ask('')).text(),
    'file      bytes            price\nbig.bin  196609  0.000262144 USD\nmore/\n',
  )
  // What was paid for is not paid for again where it has not changed.
  const head = await fetch(`${url}big.bin`, { method: 'HEAD' })
  const modified = head.headers.get('last-modified') ?? ''
  // Not by fetch, which wants no cached answer when it sends this header.
  const asks = get(`${url}big.bin`, { headers: { 'If-Modified-Since': modified } })
  const [again] = (await once(asks, 'response')) as [IncomingMessage]
  assert.deepEqual([again.resume().statusCode, again.headers['pay']], [304, undefined])
  const options = await fetch(`${url}big.bin`, { method: 'OPTIONS' })
  for (const { headers } of [head, options])
    assert.match(headers.get('pay-terms') ?? '', /^unit=byte;step=65536, price="65536"/)
  assert.deepEqual([head.status, head.headers.get('etag'), head.headers.get('content-length')], [200, null, null])
  assert.equal((await fetch(`${url}big.bin`, { method: 'POST', body: 'x' })).status, 405)

  const page = await (await ask('more/', 'text/html')).text()
  assert.match(page, /<a href="\.\/%3Cb%3E\.txt">&lt;b&gt;\.txt<\/a><td>4<td>0\.000065536 USD/)
  for (const path of [
    '.secret',
    '%2e%2e/outside',
    '..%2foutside',
    '..%2f',
    '%2e%2e%2f',
    '.secret/',
    'none',
    '%ff/',
  ].concat(['leads-out', 'up/', 'up/outside', 'hidden', 'more%2fagain.bin', 'big.bin/'])) {
    const response = await ask(path)
    assert.ok(response.status >= 400 && response.status < 500, `${path}: ${response.status}`)
    assert.doesNotMatch(await response.text(), /secret\n|outside\n/)
  }
  assert.equal((await fetch(`${url}more/again.bin`, { method: 'HEAD' })).status, 200)
  shop.child.kill('SIGTERM')
  assert.equal(await shop.ended, 0, shop.stderr)
})
