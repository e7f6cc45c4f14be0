/** Where the response goes: standard output, or a file (`-o`, `-O`); with its headers before it (`-i`), or alone (`-I`). */
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { utf8 } from '../bytes/index.js'
import { CliError } from './errors.js'
import { openScreen, type Screen } from './screen.js'

export interface OutputOptions {
  /** A file; `-` is standard output. */
  readonly output?: string
  /** A file named as the last part of the URL's path. */
  readonly remoteName?: boolean
  readonly include?: boolean
  readonly head?: boolean
  readonly silent?: boolean
}

export interface Destination {
  readonly screen: Screen
  write(bytes: Uint8Array): Promise<void>
  /** What could not be written, if anything. */
  readonly failure: CliError | undefined
  /** Everything is written, and the live line gone. Twice is fine. @throws {CliError} `CLI_WRITE` */
  close(): Promise<void>
}

/** The file to write, or `undefined` for standard output. @throws {CliError} `CLI_WRITE` */
export function fileOf({ output, remoteName }: OutputOptions, url: string): string | undefined {
  if (output !== undefined) return output === '-' ? undefined : output
  if (remoteName !== true) return undefined
  const name = new URL(url).pathname.split('/').at(-1) ?? ''
  if (name === '' || name === '.' || name === '..' || name.includes('\\')) {
    throw new CliError('CLI_WRITE', `${url} has no name for a file: say one with -o`)
  }
  return name
}

/** @param onFailure whoever reads our output has gone, or the disk is full: no more need be bought */
export async function openDestination(
  file: string | undefined,
  { silent }: OutputOptions,
  onFailure: () => void,
): Promise<Destination> {
  let failure: CliError | undefined
  const out: WriteStream | NodeJS.WriteStream = file === undefined ? process.stdout : createWriteStream(file)
  out.on('error', (cause: Error) => {
    failure ??= new CliError('CLI_WRITE', `${file ?? 'standard output'} cannot be written: ${cause.message}`, { cause })
    onFailure()
  })
  if (file !== undefined) await once(out, 'open').catch(() => {})
  const screen = await openScreen(out, silent === true ? undefined : process.stderr)
  let closed = false
  return {
    screen,
    get failure() {
      return failure
    },
    async write(bytes) {
      if (failure !== undefined) throw failure
      await screen.write(bytes).catch((cause: unknown) => {
        throw failure ?? cause
      })
    },
    async close() {
      if (closed) return
      closed = true
      screen.end()
      // Standard output is not ours to close.
      if (file !== undefined && failure === undefined) {
        out.end()
        await once(out, 'close').catch(() => {})
      }
      if (failure !== undefined) throw failure
    },
  }
}

/** The response's head as it would stand on the wire. Which version of HTTP it was is not known here. */
export function headOf({ status, statusText, headers }: Response): Uint8Array {
  const lines = [`HTTP/1.1 ${status} ${statusText}`.trimEnd(), ...headerLines(headers)]
  return utf8(`${lines.join('\r\n')}\r\n\r\n`)
}

export function headerLines(headers: Headers): string[] {
  return [...headers].map(([name, value]) => `${name}: ${value}`)
}
