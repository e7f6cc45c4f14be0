/** What is asked of a URL, from options that mean what they mean to curl. */
import { readFile } from 'node:fs/promises'
import { concat, utf8 } from '../bytes/index.js'
import { CliError } from './errors.js'

export interface RequestOptions {
  /** The method; default GET, POST with data, HEAD with `head`. */
  readonly request?: string
  /** `Name: value`; `Name:` sends none, `Name;` an empty one, `@file` those of a file's lines. */
  readonly header?: readonly string[]
  /** Text, `@file` without its line ends, or `@-` for standard input; joined by `&`. */
  readonly data?: readonly string[]
  readonly head?: boolean
  readonly location?: boolean
}

export interface WebRequest {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer> | undefined
  readonly redirect: 'follow' | 'manual'
}

/** Reads a file, or standard input for `-`. */
export type ReadSource = (name: string) => Promise<Uint8Array>

/** A method as RFC 9110 has it. */
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const FORM = 'application/x-www-form-urlencoded'

/** The address as a person writes it: without a scheme it is http. @throws {CliError} `CLI_URL`, `CLI_PROTOCOL` */
function parseAddress(text: string): string {
  const [, scheme] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text) ?? []
  const url = scheme === undefined ? `http://${text}` : text
  if (scheme !== undefined && !/^https?$/i.test(scheme)) {
    throw new CliError('CLI_PROTOCOL', `${scheme} is not spoken here: use http:// or https://`)
  }
  if (!URL.canParse(url)) throw new CliError('CLI_URL', `"${text}" is no URL`)
  return url
}

/** @throws {CliError} `CLI_URL`, `CLI_PROTOCOL`, `CLI_USAGE`, `CLI_READ` */
export async function prepareRequest(
  address: string,
  options: RequestOptions,
  read: ReadSource = readSource,
): Promise<WebRequest> {
  const url = parseAddress(address)
  const { request, data = [], head = false, location = false } = options
  if (head && data.length > 0)
    throw new CliError('CLI_USAGE', 'data are sent by POST, and --head asks by HEAD: leave one')
  const method = request ?? (head ? 'HEAD' : data.length > 0 ? 'POST' : 'GET')
  if (!METHOD.test(method)) throw new CliError('CLI_USAGE', `"${method}" is no method`)
  const body = data.length === 0 ? undefined : await joinData(data, read)
  if (body !== undefined && /^(GET|HEAD)$/i.test(method)) {
    throw new CliError('CLI_USAGE', `a ${method} request has no data here: use POST`)
  }
  const headers = new Headers({ Accept: '*/*', 'User-Agent': 'sluice' })
  if (body !== undefined) headers.set('Content-Type', FORM)
  for (const line of await headerLines(options.header ?? [], read)) setHeader(headers, line)
  return { url, method, headers, body, redirect: location ? 'follow' : 'manual' }
}

async function joinData(data: readonly string[], read: ReadSource): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = []
  for (const [at, part] of data.entries()) {
    if (at > 0) parts.push(utf8('&'))
    parts.push(part.startsWith('@') ? withoutLineEnds(await read(part.slice(1))) : utf8(part))
  }
  return new Uint8Array(concat(...parts))
}

function withoutLineEnds(bytes: Uint8Array): Uint8Array {
  return bytes.filter((byte) => byte !== 0x0a && byte !== 0x0d && byte !== 0)
}

async function headerLines(headers: readonly string[], read: ReadSource): Promise<string[]> {
  const lines: string[] = []
  for (const header of headers) {
    if (!header.startsWith('@')) lines.push(header)
    else lines.push(...new TextDecoder().decode(await read(header.slice(1))).split(/\r?\n/))
  }
  return lines.filter((line) => line.trim() !== '')
}

function setHeader(headers: Headers, line: string): void {
  const [, name, colon, value = ''] = /^([^:;\s]+)(:|;$)(.*)$/.exec(line) ?? []
  if (name === undefined) throw new CliError('CLI_USAGE', `"${line}" is no header: write "Name: value"`)
  try {
    if (colon === ':' && value.trim() === '') headers.delete(name)
    else if (ONCE.test(name)) headers.set(name, value.trim())
    else headers.append(name, value.trim())
  } catch (cause) {
    throw new CliError('CLI_USAGE', `"${line}" is no header: write "Name: value"`, { cause })
  }
}

/** Headers that we set ourselves, which the user's replace. */
const ONCE = /^(accept|content-type|user-agent)$/i

/** @throws {CliError} `CLI_READ` */
async function readSource(name: string): Promise<Uint8Array> {
  try {
    if (name !== '-') return await readFile(name)
    const parts: Uint8Array[] = []
    const input: AsyncIterable<Uint8Array> = process.stdin
    for await (const part of input) parts.push(part)
    return concat(...parts)
  } catch (cause) {
    throw new CliError('CLI_READ', `${name} cannot be read: ${cause instanceof Error ? cause.message : ''}`, { cause })
  }
}
