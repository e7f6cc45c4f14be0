/** `sluice shop` and `sluice get` as two processes that know only each other's addresses. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { CuttingProxy } from '../exact/cutting-proxy.js'
import { sluice, type Run } from './sluice.js'

const PORTS = ['--port', '0', '--btp-port', '0', '--log-level', 'error']

/** The addresses that a shop says it is at. */
async function addressesOf(shop: Run): Promise<{ url: string; ledger: string }> {
  const [, url = ''] = await shop.saw(/letters at (\S+) for/)
  const [, ledger = ''] = await shop.saw(/ledger at (\S+),/)
  return { url, ledger }
}

describe('a shop', () => {
  let shop: Run
  let url: string
  let ledger: string
  before(async () => {
    shop = sluice(['shop', '--memory', ...PORTS])
    ;({ url, ledger } = await addressesOf(shop))
  })
  after(async () => {
    shop.child.kill('SIGINT')
    assert.equal(await shop.ended, 0, shop.stderr)
    assert.match(shop.stdout, /^stopped: \d+ accounts, /m)
  })

  test('sells to a buyer that knows only the URL', async () => {
    const run = sluice(['get', url, '--letters', '50', '--max-spend', '0.0000001 USD'])
    assert.equal(await run.ended, 0, run.stderr)
    assert.match(run.stdout, /^[A-Z]{50}$/)
    assert.match(
      run.stderr,
      /^sluice: 50 letters for 0\.00000005 USD · balance -0\.00000005 USD · the budget is spent$/m,
    )
  })

  test('sells over the ledger that the buyer names, and not beyond --max-spend', async () => {
    const run = sluice(['get', url, '--max-spend', '7', '--ledger', ledger])
    // A part must not look like the whole.
    assert.equal(await run.ended, 18, run.stderr)
    assert.match(run.stdout, /^[A-Z]{7}$/)
    assert.match(run.stderr, /CLI_INCOMPLETE: --max-spend allows no more; if a part .* --letters/)
  })

  test('sells nothing without a budget, above --max-price, for other money, or to a bad address', async () => {
    const cases = [
      [[url], 2, /CLI_BUDGET: the seller asks for 0\.000000001 USD per letter, .*--max-spend/],
      [[url, '--max-spend', 'all'], 2, /MONEY_SYNTAX/],
      [[url, '--max-spend', '1 EUR'], 2, /MONEY_ASSET: the amount must be in USD/],
      [[url, '--max-spend', '10', '--max-price', '0'], 110, /FETCH_PRICE/],
      [[url, '--max-spend', '10', '--letters', 'many'], 2, /whole number/],
      [[url, '--max-spend', '10', '--ledger', 'http://x/'], 112, /btp\+ws/],
      [['ftp://x/', '--max-spend', '10'], 1, /CLI_PROTOCOL/],
      [['http://[/'], 3, /CLI_URL/],
      [['http://127.0.0.1:1/', '--max-spend', '10'], 7, /fetch failed/],
      [['http://127.0.0.1:1/', '-sS'], 7, /fetch failed/],
      [['http://127.0.0.1:1/', '-s'], 7, /^$/],
      [[], 2, /missing required argument/],
    ] as const
    for (const [args, code, said] of cases) {
      const run = sluice(['get', ...args])
      const exit = await run.ended
      assert.match(run.stderr, said)
      assert.equal(exit, code, run.stderr)
      assert.equal(run.stdout, '')
    }
  })

  test('shows a doctor what buyers meet, for nothing or for a few units', async () => {
    const looks = sluice(['doctor', url])
    const buys = sluice(['doctor', url, '--max-spend', '9', '--json'])
    assert.equal(await looks.ended, 0, looks.stdout + looks.stderr)
    assert.match(looks.stdout, /^price +0\.000000001 USD per letter$[^]*^ledger answers +yes$[^]*^all well$/m)
    assert.equal(await buys.ended, 0, buys.stdout + buys.stderr)
    const { checks, price } = JSON.parse(buys.stdout) as { checks: Record<string, string>; price: string }
    assert.deepEqual([checks['bought'], checks['tls'], price], ['4 units, of which 4 arrived', 'no', '1'])
    assert.deepEqual([checks['buffering'], checks['ledger spoke']], ['no: units arrive one by one', 'BTP 1.0'])
    assert.equal(await sluice(['doctor', 'http://127.0.0.1:1/']).ended, 7)
  })

  test('shows a doctor what holds the response back', async (t) => {
    const proxy = await CuttingProxy.open(Number(new URL(url).port))
    t.after(() => proxy.close())
    const see = async (...args: string[]): Promise<{ code: number | string; checks: Record<string, string> }> => {
      const run = sluice(['doctor', `http://127.0.0.1:${proxy.port}/`, '--json', '--max-time', '1', ...args])
      const code = await run.ended
      const { checks, advice } = JSON.parse(run.stdout) as { checks: Record<string, string>; advice: string[] }
      assert.equal(advice.length, 1, run.stdout)
      return { code, checks }
    }
    // The head is more than a block, the first units are less.
    proxy.blockBytes = 300
    const units = await see('--max-spend', '9')
    assert.deepEqual([units.code, units.checks['bought']], [111, '1 units, of which 0 arrived'])
    assert.match(units.checks['buffering'] ?? '', /^yes: /)
    proxy.blockBytes = 100_000
    const head = await see()
    assert.deepEqual([head.code, head.checks['answer']], [111, 'none within 1 s'])
  })

  test('keeps the standing limits of the wallet, from whichever account is paid', async (t) => {
    const home = await mkdtemp(join(tmpdir(), 'sluice-budget-'))
    t.after(() => rm(home, { recursive: true, force: true }))
    const run = async (code: number, ...args: string[]): Promise<{ stdout: string; stderr: string }> => {
      const child = sluice(args, { SLUICE_HOME: home })
      assert.equal(await child.ended, code, child.stderr)
      return child
    }
    await run(0, 'budget', 'set', 'usd', '--day', '0.00000001', '--site', '0.5')
    const first = await run(0, 'get', url, '--letters', '4', '--max-spend', '1 USD')
    assert.match(first.stdout, /^[A-Z]{4}$/)
    const second = await run(18, 'get', url, '--max-spend', '1 USD')
    assert.match(second.stdout, /^[A-Z]{6}$/)
    assert.match(second.stderr, /CLI_INCOMPLETE: the standing limits of your wallet allow no more today/)
    assert.equal((await run(18, 'get', url, '--max-spend', '1 USD', '--ledger', ledger)).stdout, '')
    const [set, shown] = await Promise.all([
      run(0, 'budget', 'set', 'EUR', '--day', '2'),
      run(0, 'budget', 'show', '--json'),
      run(2, 'budget', 'set', 'USD', '--day', '1 EUR'),
    ])
    assert.equal(set.stdout, 'EUR: 2 EUR a day, no limit a site\n')
    const { today } = JSON.parse(shown.stdout) as { today: unknown }
    assert.deepEqual(today, [{ site: new URL(url).origin, asset: 'USD', scale: 9, amount: '10' }])
    await run(0, 'budget', 'set', 'USD', '--day', 'none')
    assert.match((await run(0, 'budget', 'show')).stdout, /^USD +- +0\.5 USD +0\.00000001 USD$/m)
    await writeFile(join(home, 'wallet', 'limits.json'), '{}')
    assert.match((await run(26, 'get', url, '--max-spend', '1')).stderr, /CLI_LIMITS/)
  })

  test('loses nothing to a reader that leaves', async () => {
    const run = sluice(['get', url, '--max-spend', '100000'])
    await run.saw(/[A-Z]{10}/)
    run.child.stdout?.destroy()
    const [code] = (await once(run.child, 'exit')) as [number]
    assert.equal(code, 23, run.stderr)
    assert.match(run.stderr, /· stopped$/m)
  })

  test('Ctrl-C keeps what was bought', async () => {
    const run = sluice(['get', url, '--max-spend', '1000000'])
    await run.saw(/[A-Z]{10}/)
    run.child.kill('SIGINT')
    assert.equal(await run.ended, 0, run.stderr)
    const [, units] = /^sluice: (\d+) letters for .* · stopped$/m.exec(run.stderr) ?? []
    assert.equal(Number(units), run.stdout.length)
  })
})

test('a shop that dies leaves the buyer with an answer, and at most the window lost', async () => {
  const shop = sluice(['shop', '--memory', ...PORTS])
  const { url } = await addressesOf(shop)
  const run = sluice(['get', url, '--max-spend', '100000000', '--window', '40'])
  await run.saw(/[A-Z]{100}/)
  shop.child.kill('SIGKILL')
  assert.equal(await run.ended, 18, run.stderr)
  assert.match(run.stderr, /FETCH_INTERRUPTED/)
  const [, units] = /^sluice: (\d+) letters for/m.exec(run.stderr) ?? []
  const [, open = '0'] = /(\S+) USD still held or in doubt/.exec(run.stderr) ?? []
  // The last captures may not have been told: what is in doubt counts as paid.
  const lost = Number(units) + Math.round(Number(open) * 1e9) - run.stdout.length
  assert.ok(lost >= 0 && lost <= 40, `${lost} lost: ${run.stderr}`)
  await shop.ended
})

test('books on disk survive a restart', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-cli-'))
  try {
    for (const captured of ['0.000000005 USD', '0.00000001 USD']) {
      const shop = sluice(['shop', '--dir', dir, '--token', 'secret', ...PORTS])
      const { url, ledger } = await addressesOf(shop)
      const refused = sluice(['get', url, '--max-spend', '5'])
      assert.equal(await refused.ended, 111, refused.stderr)
      const from = ['--ledger', ledger.replace('//', '//:secret@')]
      const run = sluice(['get', url, '--letters', '5', '--max-spend', '5', ...from])
      assert.equal(await run.ended, 0, run.stderr)
      shop.child.kill('SIGTERM')
      assert.equal(await shop.ended, 0, shop.stderr)
      assert.ok(shop.stdout.includes(`1 accounts, ${captured} captured`), shop.stdout)
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
})

test('a shop for strangers without a token is refused', async () => {
  const open = sluice(['shop', '--memory', '--host', '0.0.0.0', ...PORTS])
  assert.equal(await open.ended, 2)
  assert.match(open.stderr, /CLI_UNSAFE: .*--token/)
})
