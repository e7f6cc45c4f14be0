/**
 * Removes compiled files whose source is gone, which `tsc -b` leaves behind: they would be tested and packed otherwise.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const OUTPUT = /(\.d\.ts|\.js)(\.map)?$/

/** @param {string} outputs @param {string} sources */
function prune(outputs, sources) {
  if (!existsSync(outputs)) return
  for (const name of readdirSync(outputs, { recursive: true, encoding: 'utf8' })) {
    if (OUTPUT.test(name) && !existsSync(join(sources, name.replace(OUTPUT, '.ts')))) rmSync(join(outputs, name))
  }
}

prune('dist', 'src')
prune('build/test', 'test')
