/** What a URL's path names below a directory that is served: nothing hidden, and nothing that a link leads out to. */
import { realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { CliError } from './errors.js'

/** What no name has: separators, and on Windows what begins a drive or a stream. */
const NO_NAME = sep === '/' ? /[\0/]/ : /[\0/\\:]/

/** The directory itself, without links. @throws {CliError} `CLI_READ` */
export async function servedRoot(directory: string): Promise<string> {
  try {
    return await realpath(directory)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('CLI_READ', `${directory} cannot be served: ${why}`, { cause })
  }
}

/**
 * The file or directory, or `undefined` when there is none to be shown.
 * @param root without links
 * @param path of a URL, encoded
 */
export async function servedPath(root: string, path: string): Promise<string | undefined> {
  let names: string[]
  try {
    names = path.split('/').map(decodeURIComponent)
  } catch {
    return undefined
  }
  names = names.filter((name) => name !== '')
  if (!names.every(isShown)) return undefined
  const named = join(root, ...names)
  const found = await realpath(named).catch(() => undefined)
  if (found === undefined || found === root) return found
  const below = relative(root, found).split(sep)
  return below.every(isShown) ? named : undefined
}

function isShown(name: string): boolean {
  return !name.startsWith('.') && !NO_NAME.test(name)
}
