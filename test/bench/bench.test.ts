/**
 * The bench runs, every contender in it, and its figures are there. How high they are is nobody's business here: that
 * depends on what else the machine does. That the books are exact is checked by the bench itself, which fails otherwise.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = dirname(fileURLToPath(import.meta.resolve('sluice/package.json')))

interface Line {
  readonly contender?: string
  readonly side?: string
  readonly host?: string
  readonly [figure: string]: unknown
}

/** The figures for programs that a quick run of this bench prints. */
async function quickly(main: string): Promise<Line[]> {
  const args = [join(root, 'build/bench/bench', main), '--quick']
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
}

test('the quick bench gives every figure of every contender', async () => {
  const lines = await quickly('main.js')
  const rows = lines.filter(({ contender }) => contender !== undefined)
  assert.deepEqual(
    rows.map(({ contender }) => contender),
    [
      '2017 plugin, memory',
      'v1 face, memory',
      'v1 face, level',
      'link, memory',
      'link, level',
      'letters, memory',
      'letters, level',
      'v2: ilp-plugin-btp',
      'v2: BtpPlugin',
      'v2: HostPlugin, memory',
      'v2: HostPlugin, level',
      'v2, 500 holders: mini-accounts',
      'v2, 500 holders: HostPlugin, memory',
      'v2, 500 holders: HostPlugin, level',
    ],
  )
  for (const row of rows) {
    const name = String(row.contender)
    const figures = ['paymentsPerSecond', 'p50Ms', 'p99Ms', 'payerCpuUs', 'payeeCpuUs', 'timesRate', 'timesCpu']
    if (/, (memory|level)$/.test(name) && !name.startsWith('2017')) figures.push('paymentsPerCommit')
    if (name.startsWith('letters')) figures.push('lettersPerSecond')
    for (const figure of figures) assert.ok(Number(row[figure]) > 0, `${name}: ${figure} is ${String(row[figure])}`)
  }

  const sides = lines.filter(({ side }) => side !== undefined)
  assert.deepEqual(
    sides.map(({ side }) => side),
    ['payer', 'payee'],
  )
  for (const { bytesPerLive } of sides) assert.ok(Number(bytesPerLive) > 0)

  // Bytes on a heap are the same however busy the machine is.
  const ours = lines.find(({ host }) => host === 'HostPlugin')
  const bytes = Number(ours?.['bytesPerIdleHolder'])
  assert.ok(bytes > 0 && bytes <= 12 * 1024, `an idle holder takes ${bytes} bytes`)
})

test('the quick bench of streams measures a distance beside mppx, and a file beside its free download', async () => {
  const lines = await quickly('streams-main.js')
  assert.deepEqual(
    lines.map(({ contender }) => contender),
    ['mppx 0.11.0, session stream', 'sluice', 'free', 'paid'],
  )
  for (const { ms } of lines) assert.ok(Number(ms) > 0)
})
