/**
 * Shows that the simulator finds bugs: plants each patch of test/sim/planted in a copy of the sources, builds that, and
 * runs the simulator on it. `npm run planted -- [--seeds N] [--write] [name…]`. Prints a Markdown table of how many seeds
 * show each bug, and with --write puts it into docs/testing.md; exit 1 when a patch does not apply or no seed shows its bug.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const PATCHES = 'test/sim/planted'
/** What the simulator is built from. */
const COPIED = ['src', 'test/sim', 'test/soak/sim.ts', 'test/tsconfig.json', 'tsconfig.base.json', 'package.json']

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seeds: { type: 'string', default: '50' }, write: { type: 'boolean', default: false } },
})
const wanted = (name) => positionals.length === 0 || positionals.includes(name)
const patches = readdirSync(PATCHES).filter((file) => file.endsWith('.patch') && wanted(basename(file, '.patch')))

const copy = mkdtempSync(join(tmpdir(), 'sluice-planted-'))
process.on('exit', () => rmSync(copy, { recursive: true, force: true }))
const filter = (path) => !path.endsWith('.test.ts')
for (const path of COPIED) cpSync(path, join(copy, path), { recursive: true, filter })
symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))

/** Runs a program in the copy. */
function inCopy(command, ...args) {
  return spawnSync(command, args, { cwd: copy, encoding: 'utf8', maxBuffer: 2 ** 28 })
}

function must(what, { status, stdout, stderr, error }) {
  if (status === 0) return
  console.error(`${what} failed:\n${error ?? ''}${stdout}${stderr}`)
  process.exit(1)
}

/** What the simulator reports; a program that ends otherwise has shown the bug by that. */
function simulate() {
  must('building', inCopy(process.execPath, resolve('node_modules/typescript/bin/tsc'), '-b', 'src', 'test'))
  const { stdout, stderr } = inCopy(process.execPath, 'build/test/soak/sim.js', '--json', '--seeds', values.seeds)
  const line = stdout.trim().split('\n').at(-1) ?? ''
  return line.startsWith('{') ? JSON.parse(line) : { seeds: 0, failed: 1, reasons: [stderr.trim().split('\n').at(-1)] }
}

const rows = [{ name: '(none)', ...simulate() }]
for (const file of patches) {
  const patch = resolve(PATCHES, file)
  must(`applying ${file}`, inCopy('git', 'apply', patch))
  rows.push({ name: basename(file, '.patch'), ...simulate() })
  must(`taking ${file} back`, inCopy('git', 'apply', '-R', patch))
}

const table = [
  '| planted bug | seeds that show it | how the first of them does |',
  '| --- | --- | --- |',
  ...rows.map(({ name, failed, seeds, reasons }) => {
    const how = (reasons[0] ?? 'nothing').replace(/\b([0-9a-f]{8})[0-9a-f]{24}\b/g, '$1').replaceAll('|', '/')
    return `| ${name} | ${failed} of ${seeds} | ${how} |`
  }),
].join('\n')
console.log(table)

if (values.write) {
  const docs = 'docs/testing.md'
  const section = `$1\n\nAs of ${new Date().toISOString().slice(0, 10)}, seeds 1 to ${values.seeds}:\n\n${table}\n\n$2`
  const text = readFileSync(docs, 'utf8').replace(/(<!-- planted bugs -->)[^]*(<!-- \/planted bugs -->)/, section)
  writeFileSync(docs, text)
  spawnSync(process.execPath, ['node_modules/prettier/bin/prettier.cjs', '--write', docs])
}

const [clean, ...planted] = rows
if (clean.failed > 0 || planted.some(({ failed }) => failed === 0)) process.exitCode = 1
