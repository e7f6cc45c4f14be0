/** Every shop in examples/ sells to the buyer in examples/, as a user would start them. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ROOT } from './tree.js'

interface Run {
  readonly child: ChildProcess
  readonly out: () => string
  readonly until: (pattern: RegExp) => Promise<RegExpExecArray>
  readonly exited: Promise<number | null>
}

function run(t: TestContext, cwd: string, file: string, ...args: string[]): Run {
  const child = spawn(process.execPath, ['--no-warnings', join(ROOT, 'examples', file), ...args], {
    cwd,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let out = ''
  let wake: () => void = () => {}
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      out += part.toString()
      wake()
    })
  }
  let over = false
  const exited = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      over = true
      wake()
      resolve(code)
    })
  })
  const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(out)
      if (found) return found
      if (over) throw new Error(`${file} ended without ${pattern}: ${out}`)
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  return { child, out: () => out, until, exited }
}

for (const [shop, path, bought, sold] of [
  ['streaming-shop.js', '', /^[A-Z]{25}\npaid 25000, ended by: budget\n$/, /^25 letters, 25000 USD \(\w+\)$/m],
  ['letter-shop.js', '', /^Your letter: [A-Z]\n\npaid 10000, ended by: source\n$/, undefined],
  ['prepaid-shop.js', 'page', /^Here is what you paid for at \/page\n\npaid 10000, ended by: source\n$/, undefined],
] as const) {
  test(`examples/${shop} sells to examples/buyer.js`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'sluice-examples-'))
    t.after(() => rm(directory, { recursive: true, force: true }))
    const seller = run(t, directory, shop)
    const [, url = ''] = await seller.until(/open at (\S+)/)
    const buyer = run(t, directory, 'buyer.js', `${url}${path}`, '0.000025 USD')
    assert.equal(await buyer.exited, 0, buyer.out())
    assert.match(buyer.out(), bought)
    if (sold) await seller.until(sold)
    assert.equal(seller.child.exitCode, null)
  })
}
