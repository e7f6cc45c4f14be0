/**
 * The repository's own files, for the tests of structure and style. What .gitignore names is left out, and so is .git:
 * these tests also run where there is no git.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(fileURLToPath(import.meta.resolve('sluice/package.json')))

function ignoredNames(): (name: string) => boolean {
  const lines = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')
  const names = new Set(['.git', ...lines.map((line) => line.replace(/\/$/, '')).filter((line) => line !== '')])
  return (name) => names.has(name) || [...names].some((known) => known.startsWith('*') && name.endsWith(known.slice(1)))
}

/** Paths of all files below `folder` ('' is the root), sorted. */
export function listPaths(folder = ''): string[] {
  const ignored = ignoredNames()
  const walk = (below: string): string[] =>
    readdirSync(join(ROOT, below), { withFileTypes: true })
      .filter((entry) => !ignored(entry.name))
      .flatMap((entry) => {
        const path = below === '' ? entry.name : `${below}/${entry.name}`
        if (entry.isDirectory()) return walk(path)
        return entry.isFile() ? [path] : []
      })
  return walk(folder).toSorted()
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}
