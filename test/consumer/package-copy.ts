/**
 * A program's folder that depends on the packed package and on nothing else: the tarball unpacked below node_modules, its
 * production dependencies linked beside it. No optional peer and no development dependency can be reached, no install script has run.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readText, ROOT } from '../tree.js'

export interface Consumer {
  readonly folder: string
  /** Paths in the tarball, below the package. */
  readonly packed: readonly string[]
  /** Links one more package of ours, by name: what a user would install for themselves. */
  add(name: string): void
  remove(): void
}

interface LockFile {
  readonly packages: Record<string, { readonly dev?: boolean; readonly peer?: boolean }>
}

export function makeConsumer(): Consumer {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-consumer-'))
  const modules = join(folder, 'node_modules')
  const add = (name: string): void => {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'junction')
  }
  const output = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [pack] = JSON.parse(output) as [{ filename: string; files: { path: string }[] }]
  mkdirSync(join(modules, 'sluice'), { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, pack.filename), '-C', join(modules, 'sluice'), '--strip-components=1'])
  const { packages } = JSON.parse(readText('package-lock.json')) as LockFile
  for (const [path, { dev, peer }] of Object.entries(packages)) {
    const name = path.slice('node_modules/'.length)
    if (path !== '' && dev !== true && peer !== true && !name.includes('node_modules/')) add(name)
  }
  return {
    folder,
    packed: pack.files.map(({ path }) => path),
    add,
    remove: () => {
      rmSync(folder, { recursive: true })
    },
  }
}
