/** Runs the command `sluice` as its users do: as a process, with its output in pipes. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('dist/cli/main.js', import.meta.resolve('sluice/package.json')))

/** In place of the user's own wallet: one for all runs of a test file. */
const HOME = mkdtempSync(join(tmpdir(), 'sluice-home-'))
process.once('exit', () => rmSync(HOME, { recursive: true, force: true }))

export interface Run {
  readonly child: ChildProcess
  readonly stdout: string
  readonly stderr: string
  /** Resolves when standard output matches; rejects when the process ends before. */
  saw(pattern: RegExp): Promise<RegExpExecArray>
  /** The exit code; a signal's name when one ended it. */
  readonly ended: Promise<number | string>
}

export function sluice(args: readonly string[], env: Record<string, string> = {}): Run {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SLUICE_HOME: HOME, ...env },
  })
  let stdout = ''
  let stderr = ''
  const watchers = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const watch of watchers) watch()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  return {
    child,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    saw: (pattern) =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          const match = pattern.exec(stdout)
          if (match === null) return
          watchers.delete(watch)
          resolve(match)
        }
        watchers.add(watch)
        watch()
        void ended.then(() => reject(new Error(`ended before ${String(pattern)}: ${stdout}${stderr}`)))
      }),
    ended,
  }
}
