/**
 * Packs what would be published and lets publint and attw judge the tarball, as a user's tools would see it.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folder = mkdtempSync(join(tmpdir(), 'sluice-pack-'))
try {
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const tarball = join(folder, JSON.parse(packed)[0].filename)
  const judges = [
    ['publint', 'run', tarball, '--strict'],
    ['attw', tarball, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii'],
  ]
  for (const [command, ...args] of judges) {
    if (spawnSync(command, args, { stdio: 'inherit' }).status !== 0) process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true })
}
