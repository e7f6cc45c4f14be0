/**
 * Packs what would be published and lets publint and attw judge the tarball, as a user's tools would see it.
 */
import { execFileSync } from 'node:child_process'
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
  execFileSync('publint', ['run', tarball, '--strict'], { stdio: 'inherit' })
  execFileSync('attw', [tarball, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii'], {
    stdio: 'inherit',
  })
} finally {
  rmSync(folder, { recursive: true })
}
