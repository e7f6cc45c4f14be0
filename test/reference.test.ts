/**
 * The reference pages name what the code has: plugin methods and events, BTP errors and frames, the everyday names; and
 * ARCHITECTURE.md its files and the reason of each dependency.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import { BTP_ERROR_CODES, encodeFrame, octetEntry } from 'sluice/btp'
import { toHex } from 'sluice/bytes'
import { encodeEndOffset, formatPayTerms, parsePayTerms } from 'sluice/http'
import { encodePacket } from 'sluice/ilp'
import * as plugin from 'sluice/plugin'
import { listPaths, readText } from './tree.js'

/** The first cells of the table below a heading, without the heads. */
function firstCells(path: string, heading: string): string[] {
  const section =
    readText(path)
      .split(new RegExp(`^#+ ${heading}$`, 'm'))[1]
      ?.split(/^#/m)[0] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((row) => row.split('|')[1]?.trim() ?? '')
}

/** The fields of an interface. */
function keysOf(path: string, name: string): string[] {
  const body = new RegExp(`interface ${name}[^{]*\\{([\\s\\S]*?)\\n\\}`).exec(readText(path))?.[1] ?? ''
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map((key) => key[1] ?? '')
}

const named = (cells: readonly string[]): string[] =>
  cells.flatMap((cell) => [...cell.matchAll(/`(?:new )?(\w+)/g)].map((name) => name[1] ?? ''))

test('lpi-v1.md has every method of the plugin, and no other', () => {
  const methods = Object.getOwnPropertyNames(plugin.PluginV1.prototype).filter((name) => name !== 'constructor')
  assert.deepEqual(
    named(firstCells('docs/reference/lpi-v1.md', 'Methods')).toSorted(),
    [...methods, 'Plugin'].toSorted(),
  )
})

test('lpi-v1.md has every option of the plugin', () => {
  const options = [
    ...keysOf('src/plugin/hosted-ledger-plugin.ts', 'HostedLedgerPluginOptions').filter((key) => key !== 'listener'),
    ...keysOf('src/plugin/listener.ts', 'AccessOptions'),
    ...keysOf('src/plugin/listener.ts', 'ListenerOptions').map((key) => `listener.${key}`),
  ]
  const cells = firstCells('docs/reference/lpi-v1.md', 'Options').join(' ')
  const documented = [...cells.matchAll(/`([\w.]+)`/g)].map((option) => option[1] ?? '')
  assert.ok(options.length >= 15)
  assert.deepEqual(documented.toSorted(), options.toSorted())
})

test('lpi-v1.md has every event that the plugin emits', () => {
  const types = /interface PluginEvents \{([^}]*)\}/.exec(readText('src/plugin/v1-types.ts'))?.[1] ?? ''
  const events = [...types.matchAll(/^ +(\w+):/gm)].map((event) => event[1] ?? '')
  const documented = named(firstCells('docs/reference/lpi-v1.md', 'Events'))
  assert.ok(documented.length > 10)
  assert.deepEqual(documented.toSorted(), events.filter((event) => documented.includes(event)).toSorted())
  const emitted =
    readText('src/plugin/v1-face.ts') + readText('src/plugin/v1-incoming.ts') + readText('src/plugin/v1-outgoing.ts')
  assert.deepEqual(events.filter((event) => emitted.includes(`'${event}'`)).toSorted(), documented.toSorted())
})

test('lpi-v2.md has every method of the plugin, and no other', () => {
  const methods = Object.getOwnPropertyNames(plugin.PluginV2.prototype).filter((name) => name !== 'constructor')
  assert.deepEqual(
    named(firstCells('docs/reference/lpi-v2.md', 'Methods')).toSorted(),
    [...methods, 'Plugin'].toSorted(),
  )
})

test('lpi-v1.md and lpi-v2.md name errors that exist', () => {
  const text = readText('docs/reference/lpi-v1.md') + readText('docs/reference/lpi-v2.md')
  const names = [...text.matchAll(/`(\w+Error)`/g)].map((name) => name[1] ?? '')
  assert.deepEqual(
    [...new Set(names)].filter((name) => !(name in plugin) && !(name in globalThis)),
    [],
  )
})

test('btp.md has the codes and names of the errors', () => {
  const text = readText('docs/reference/btp.md').split('## Errors')[1] ?? ''
  const rows = [...text.matchAll(/^\| (\w\d\d) +\| `(\w+)`/gm)].map(([, code, name]) => [name, code])
  assert.deepEqual(Object.fromEntries(rows), BTP_ERROR_CODES)
})

test('the bytes that btp.md shows are those of the codec', () => {
  const text = readText('docs/reference/btp.md')
  const shown = (pattern: RegExp): string =>
    (pattern.exec(text)?.[1] ?? '').replaceAll('"balance"', toHex(Buffer.from('balance'))).replaceAll(/[ ·]/g, '')
  const balance = { type: 6, requestId: 0x12345678, entries: [octetEntry('balance', Uint8Array.of(0))] } as const
  assert.equal(shown(/Example, `balance` asked: `([^`]*)`/), toHex(encodeFrame(balance, 1)))
  assert.equal(shown(/end offset 35: `([^`]*)`/), toHex(encodePacket({ type: 9, data: encodeEndOffset(35) })))
})

test('the names that the documentation recommends are exported where it says', async () => {
  const section = readText('docs/README.md').split('## Which one do I use?')[1]?.split('\n## ')[0] ?? ''
  let found = 0
  for (const line of section.split('\n')) {
    const [, , use = '', from = ''] = line.split('|')
    const entries = [...from.matchAll(/`(sluice[\w/]*)`/g)].map((entry) => entry[1] ?? '')
    if (entries.length === 0) continue
    const modules = (await Promise.all(entries.map((entry) => import(entry)))) as object[]
    for (const name of [...use.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '')) {
      assert.ok(
        modules.some((module) => name in module),
        `${name} is not in ${entries.join(', ')}`,
      )
      found++
    }
  }
  assert.ok(found >= 10)
})

test('the files that ARCHITECTURE.md names are there', () => {
  const files = [...readText('ARCHITECTURE.md').matchAll(/`([\w/-]+\.ts)`/g)].map((name) => name[1] ?? '')
  const paths = new Set([...listPaths('src').map((path) => path.slice('src/'.length)), ...listPaths()])
  assert.ok(files.length > 20)
  assert.deepEqual(
    files.filter((name) => !paths.has(name)),
    [],
  )
})

test('ARCHITECTURE.md says why each dependency is there', () => {
  const { dependencies } = JSON.parse(readText('package.json')) as { dependencies: Record<string, string> }
  const table = readText('ARCHITECTURE.md').split('## Decisions')[1] ?? ''
  for (const name of Object.keys(dependencies)) assert.ok(table.includes(`\`${name}\``), `${name} has no reason`)
})

test('the shops that a newcomer opens at one address have the same books, so that one wallet buys from all', () => {
  const texts = ['README.md', 'docs/getting-started.md', 'docs/guides/buying.md', 'docs/guides/frameworks.md']
  const opened = texts.flatMap((path) => [...readText(path).matchAll(/openSeller\(\{ dir: '([^']*)'/g)])
  assert.ok(opened.length >= 9)
  assert.deepEqual([...new Set(opened.map(([, directory]) => directory))], ['books'])
})

test('the speeds that README.md names are those of the bench', () => {
  const text = readText('README.md').replaceAll(/\s+/g, ' ')
  const claim = /([\d,]+) units a second at 20 ms, where Sluice sold ([\d,]+) with 100/.exec(text)
  const [, theirs = '', ours = ''] = (claim ?? []).map((figure) => figure.replaceAll(',', ''))
  const figures = readText('bench/README.md')
  assert.match(figures, new RegExp(`^mppx .*: ${theirs} letters/s`, 'm'))
  assert.match(figures, new RegExp(`^sluice, window 100: ${ours} letters/s`, 'm'))
})

test('headers.md has the codes of the problem documents', () => {
  const sources = listPaths('src/http').map(readText).join('\n')
  const calls = sources.matchAll(/(?:problem\(\s*\d+,\s*|paymentRequired\()'([a-z-]+)'/g)
  const documented = readText('docs/reference/headers.md').matchAll(/^\| \d{3} +\| `([a-z-]+)`/gm)
  const codes = [...new Set([...calls].map((call) => call[1] ?? ''))]
  assert.ok(codes.length >= 6)
  assert.deepEqual([...documented].map((row) => row[1] ?? '').toSorted(), codes.toSorted())
})

test('headers.md has every member of Pay-Terms, and shows terms as they are written', () => {
  const cells = firstCells('docs/reference/headers.md', '`Pay-Terms` \\(response\\)').map((cell) =>
    cell.replaceAll('`', ''),
  )
  const members = keysOf('src/http/pay-terms.ts', 'PayTerms').filter((key) => key !== 'step')
  assert.deepEqual(cells.toSorted(), [...members, 'unit;step', 'ledger;v'].toSorted())
  const [shown = ''] = /^unit=.*$/m.exec(readText('docs/reference/headers.md')) ?? []
  assert.equal(formatPayTerms(parsePayTerms(shown)), shown)
})

test('btp.md has the messages of Sluice', () => {
  const sources = listPaths('src').map(readText).join('\n')
  const names = [...sources.matchAll(/^(?:export )?const [A-Z]+ = '(sluice\.\w+)'$/gm)].map((name) => name[1] ?? '')
  const text = readText('docs/reference/btp.md')
  assert.ok(new Set(names).size >= 5)
  for (const name of names) assert.ok(text.includes(`\`${name}\``), `${name} is not in btp.md`)
})

test('stability.md has the version of everything that is written to disk', () => {
  const rows = readText('docs/stability.md').matchAll(/\| (\d+) +\| `([\w/-]+\.ts)`/g)
  const versions = listPaths('src').flatMap((path) => {
    if (path.startsWith('src/testing/')) return []
    const found = /^const (?:FORMAT|VERSION) = (?:utf8\('[a-z-]+ (\d+)'\)|(\d+))$/m.exec(readText(path))
    return found ? [`${path.slice('src/'.length)}: ${found[1] ?? found[2]}`] : []
  })
  assert.ok(versions.length >= 7)
  const documented = [...rows].map(([, version, file]) => `${file}: ${version}`)
  assert.deepEqual(documented.toSorted(), versions.toSorted())
})

test('testing.md has the soaks that there are', () => {
  const soaks = /SOAKS[^{]*\{([^}]*)\}/.exec(readText('test/soak/main.ts'))?.[1] ?? ''
  const names = [...soaks.matchAll(/^ +'?([\w-]+)'?:/gm)].map((name) => name[1] ?? '')
  const documented = firstCells('docs/testing.md', 'Long runs').map((cell) => cell.replaceAll('`', ''))
  assert.ok(names.length >= 5)
  assert.deepEqual(documented.toSorted(), names.toSorted())
})

test('the guide of selling and buying has every option', () => {
  const path = 'docs/guides/selling-and-buying.md'
  const documented = (heading: string): string[] => firstCells(path, heading).map((cell) => cell.replaceAll('`', ''))
  const shop = keysOf('src/http/shop.ts', 'ShopOptions')
  const pay = keysOf('src/fetch/options.ts', 'PayOptions')
  assert.ok(shop.length >= 9 && pay.length >= 12)
  assert.deepEqual(documented('Options of a streaming shop').toSorted(), shop.toSorted())
  assert.deepEqual(documented('Options of `payingFetch`').toSorted(), pay.toSorted())
})
