/**
 * The packed tarball as users get it: what is in it, that every export loads by `import` and by `require()` without a warning,
 * that the types hold without `skipLibCheck`, that the level store opens though no install script ran, that the command starts.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { readText, ROOT } from '../tree.js'
import { makeConsumer } from './package-copy.js'

const consumer = makeConsumer()
after(() => {
  consumer.remove()
})

const { exports, bin } = JSON.parse(readText('package.json')) as {
  exports: Record<string, string | { types: string; default: string }>
  bin: { sluice: string }
}
const SUBPATHS = Object.keys(exports)
  .filter((path) => path !== './package.json')
  .map((path) => `sluice${path.slice(1)}`)

/** Exports that need an optional peer, which this consumer did not install. */
const NEEDS_PEER: ReadonlyMap<string, string> = new Map([
  ['sluice/http/metrics', 'prom-client'],
  ['sluice/xrp', 'xrpl'],
  ['sluice/testing/xrp', 'xrpl'],
])
const LOADABLE = SUBPATHS.filter((name) => !NEEDS_PEER.has(name))

/** Runs Node in the consumer's folder. @returns standard output; fails on any other exit, and on any warning */
function runNode(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: consumer.folder, encoding: 'utf8' })
  assert.equal(stderr, '')
  assert.equal(status, 0)
  return stdout
}

test('the tarball has the compiled files, their sources, and the papers, and nothing else', () => {
  const papers = ['package.json', 'LICENSE', 'README.md', 'CHANGELOG.md']
  for (const paper of papers) assert.ok(consumer.packed.includes(paper), `${paper} is missing`)
  const sources = consumer.packed.filter((path) => path.startsWith('src/'))
  const compiled = sources.flatMap((path) => {
    const stem = path.replace(/^src\//, 'dist/').replace(/\.ts$/, '')
    return ['.js', '.js.map', '.d.ts', '.d.ts.map'].map((suffix) => stem + suffix)
  })
  assert.deepEqual(consumer.packed.toSorted(), [...papers, ...sources, ...compiled].toSorted())
})

test('every file that package.json names is in the tarball', () => {
  const named = Object.values(exports).flatMap((target) =>
    typeof target === 'string' ? [target] : [target.types, target.default],
  )
  for (const path of [...named, bin.sluice]) assert.ok(consumer.packed.includes(path.slice(2)), `${path} is missing`)
})

test('every export loads by import', () => {
  const program = LOADABLE.map((name) => `await import('${name}')`).join('\n')
  runNode('--input-type=module', '--eval', program)
})

test('every export loads by require', () => {
  writeFileSync(join(consumer.folder, 'all.cjs'), LOADABLE.map((name) => `require('${name}')`).join('\n'))
  runNode('all.cjs')
})

for (const [name, peer] of NEEDS_PEER) {
  test(`${name} says that it needs ${peer}`, () => {
    const program = `import('${name}').catch((error) => console.log(error.code, error.message))`
    assert.match(runNode('--input-type=module', '--eval', program), new RegExp(`ERR_MODULE_NOT_FOUND .*'${peer}'`))
  })
}

test('without the OpenTelemetry API there are no spans', () => {
  const program = `
    import { sellerTracing } from 'sluice/http/tracing'
    console.log(Object.keys(await sellerTracing()).length)`
  assert.equal(runNode('--input-type=module', '--eval', program), '0\n')
})

test('the types hold for a strict program that checks libraries too', () => {
  consumer.add('@types/node')
  consumer.add('undici-types')
  consumer.add('@opentelemetry/api')
  consumer.add('prom-client')
  // A user of an adapter has its framework, and with it the types.
  for (const name of ['@types/express', 'fastify', 'hono']) consumer.add(name)
  const uses = SUBPATHS.map((name, at) => `export * as all${at} from '${name}'`)
  writeFileSync(join(consumer.folder, 'program.mts'), uses.join('\n'))
  writeFileSync(
    join(consumer.folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        module: 'nodenext',
        target: 'es2023',
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        exactOptionalPropertyTypes: true,
        types: ['node'],
      },
      files: ['program.mts'],
    }),
  )
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', consumer.folder], { encoding: 'utf8' })
  assert.equal(stdout, '')
  assert.equal(status, 0)
})

test('the level store opens though no install script ran', () => {
  const program = `
    import { LevelStore } from 'sluice/store/level'
    const store = new LevelStore('book')
    await store.open()
    await store.append({ seq: 1, bytes: new Uint8Array(1) })
    await store.close()
    console.log('durable')`
  assert.equal(runNode('--input-type=module', '--eval', program), 'durable\n')
})

test('the command starts and says how to use it', () => {
  assert.match(runNode(join('node_modules/sluice', bin.sluice), '--help'), /^Usage: sluice/)
})
