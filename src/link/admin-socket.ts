/**
 * The door for operators: a ledger's directory has one owner, so the process that has it open answers them on a local
 * socket (a named pipe on Windows), one JSON object a line, and the command line asks there. The socket is in a directory
 * that only the owner's user can enter; the file `admin.address` beside the ledger says where, because the path of a socket
 * has room for about 100 bytes only. Whoever may enter may do everything: there is no further authentication.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { utf8 } from '../bytes/index.js'
import type { Ledger } from '../ledger/index.js'
import { type Log, silentLog } from '../log/index.js'
import { type AdminAnswer, administer } from './admin.js'
import { AdminError, type AdminRequest, parseAdminRequest } from './admin-request.js'

export * from './admin.js'
export * from './admin-request.js'

/** Characters of a line that is not complete. */
export const ADMIN_LINE_CHARS_MAX = 65_536
/** Operators at once; more are turned away. */
export const ADMIN_CONNECTIONS_MAX = 16
/** How long an answer is waited for, and how long a connection may be silent. */
export const ADMIN_TIMEOUT_MS = 10_000

const ADDRESS_FILE = 'admin.address'
const SOCKET_PATH_BYTES_MAX = 100
const FOLDER_PREFIX = 'admin-'

export interface AdminSocketOptions {
  /** Open. */
  readonly ledger: Ledger
  /** The ledger's own directory. */
  readonly directory: string
  readonly log?: Log
}

export class AdminSocket {
  readonly #ledger: Ledger
  readonly #directory: string
  readonly #log: Log
  #server: Server | undefined
  #address = ''
  readonly #connections = new Set<Socket>()

  constructor({ ledger, directory, log = silentLog }: AdminSocketOptions) {
    this.#ledger = ledger
    this.#directory = resolve(directory)
    this.#log = log
  }

  /** Twice is fine. @throws {AdminError} `ADMIN_SOCKET` */
  async open(): Promise<void> {
    if (this.#server !== undefined) return
    const server = createServer((socket) => void this.#serve(socket))
    server.maxConnections = ADMIN_CONNECTIONS_MAX
    this.#server = server
    const addressFile = join(this.#directory, ADDRESS_FILE)
    try {
      // We own the ledger, so whoever had the former address is dead.
      await removeSocket(await readFile(addressFile, 'utf8').catch(() => ''))
      this.#address = await newAddress(this.#directory)
      server.listen(this.#address)
      await once(server, 'listening')
      if (!isPipe(this.#address)) await chmod(this.#address, 0o600)
      await writeFile(`${addressFile}.new`, this.#address, { mode: 0o600 })
      await rename(`${addressFile}.new`, addressFile)
    } catch (cause) {
      await this.close()
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new AdminError('ADMIN_SOCKET', `operators cannot be let in at ${this.#directory}: ${why}`, { cause })
    }
  }

  /** Twice is fine. */
  async close(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    for (const socket of this.#connections) socket.destroy()
    if (server.listening) await new Promise((resolved) => server.close(resolved))
    await rm(join(this.#directory, ADDRESS_FILE), { force: true })
    await removeSocket(this.#address)
  }

  async #serve(socket: Socket): Promise<void> {
    this.#connections.add(socket)
    socket.setTimeout(ADMIN_TIMEOUT_MS, () => socket.destroy())
    try {
      for await (const line of linesOf(socket)) socket.write(`${JSON.stringify(await this.#answer(line))}\n`)
    } catch {
      // Whoever asked has gone, or sends no lines.
    } finally {
      this.#connections.delete(socket)
      socket.end()
    }
  }

  async #answer(line: string): Promise<AdminAnswer> {
    try {
      const request = parseAdminRequest(line)
      this.#log.info('an operator asks', { do: request.do, ...('account' in request && { account: request.account }) })
      return await administer(this.#ledger, request)
    } catch (error) {
      const code = error instanceof AdminError ? error.code : 'ADMIN_REQUEST'
      return { ok: false, code, message: error instanceof Error ? error.message : String(error) }
    }
  }
}

/**
 * The answer of the process that has the ledger in this directory open; `undefined` when no process lets operators in.
 * @throws {AdminError} `ADMIN_SOCKET`, `ADMIN_TIMEOUT`
 */
export async function askAdmin(
  directory: string,
  request: AdminRequest,
  timeoutMs = ADMIN_TIMEOUT_MS,
): Promise<AdminAnswer | undefined> {
  const address = await readFile(join(directory, ADDRESS_FILE), 'utf8').catch(() => '')
  if (address === '') return undefined
  const socket = connect(address)
  let late = false
  socket.setTimeout(timeoutMs, () => {
    late = true
    socket.destroy()
  })
  try {
    await once(socket, 'connect')
  } catch {
    socket.destroy()
    return undefined
  }
  try {
    socket.write(`${JSON.stringify(request)}\n`)
    for await (const line of linesOf(socket, Number.POSITIVE_INFINITY)) return readAnswer(line)
  } catch (cause) {
    if (!late) throw new AdminError('ADMIN_SOCKET', 'the process that owns the ledger broke off', { cause })
  } finally {
    socket.destroy()
  }
  const code = late ? 'ADMIN_TIMEOUT' : 'ADMIN_SOCKET'
  throw new AdminError(code, `the process that owns ${directory} did not answer: see what it is doing`)
}

function readAnswer(line: string): AdminAnswer {
  try {
    return JSON.parse(line) as AdminAnswer
  } catch (cause) {
    throw new AdminError('ADMIN_SOCKET', 'what answers there speaks something else', { cause })
  }
}

async function* linesOf(socket: Socket, charsMax = ADMIN_LINE_CHARS_MAX): AsyncGenerator<string> {
  let rest = ''
  for await (const part of socket.setEncoding('utf8')) {
    const lines = (rest + String(part)).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > charsMax) throw new AdminError('ADMIN_REQUEST', 'a line is too long')
    yield* lines
  }
}

/** What `mkdtemp` appends. */
const MKDTEMP_CHARS = 6

/** An address that nobody else can have taken, or enter. */
async function newAddress(directory: string): Promise<string> {
  if (process.platform === 'win32') return `${PIPES}sluice-${randomUUID()}`
  const fits =
    utf8(socketIn(join(directory, FOLDER_PREFIX + '0'.repeat(MKDTEMP_CHARS)))).length <= SOCKET_PATH_BYTES_MAX
  return socketIn(await mkdtemp(join(fits ? directory : tmpdir(), FOLDER_PREFIX)))
}

function socketIn(folder: string): string {
  return join(folder, 'socket')
}

const PIPES = '\\\\.\\pipe\\'

function isPipe(address: string): boolean {
  return address.startsWith(PIPES)
}

/** Takes a socket and its folder away; anything else, which only a damaged file could name, stays. */
async function removeSocket(address: string): Promise<void> {
  const folder = dirname(address)
  if (isPipe(address) || !/[\\/]admin-\w{6}[\\/]socket$/.test(address)) return
  await rm(address, { force: true })
  await rmdir(folder).catch(() => {})
}
