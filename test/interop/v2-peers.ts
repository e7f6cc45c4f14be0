/**
 * Published programs for version 2 of the plugin interface (RFC-24), loaded into the test's own process: ours under their
 * names, and theirs, installed apart.
 */
import { once } from 'node:events'
import { symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer, connect, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { LedgerPluginV2, PluginServices } from 'sluice/plugin'
import { installPeers, repositoryRoot } from './old-peers.js'

export const v2PeersFolder = join(repositoryRoot, 'test/interop/v2-peers')
const require = createRequire(import.meta.url)

export type PluginClass = new (opts: object, api?: PluginServices) => LedgerPluginV2

export type Maker = 'ours' | 'theirs'

/** Theirs; and ours beside them, where they find it by the package's name. */
export async function installV2Peers(): Promise<void> {
  await installPeers(v2PeersFolder)
  await symlink(repositoryRoot, join(v2PeersFolder, 'node_modules/sluice'), 'dir').catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  })
}

/** The plugin class of that package name, as `require` gives it. */
export function pluginClass(maker: Maker, name: 'ilp-plugin-btp' | 'ilp-plugin-mini-accounts'): PluginClass {
  return require(
    join(maker === 'ours' ? join(repositoryRoot, 'compat') : join(v2PeersFolder, 'node_modules'), name),
  ) as PluginClass
}

/** As much of `ilp-protocol-stream` as the tests use. */
export interface MoneyStream {
  readonly totalSent: string
  readonly totalReceived: string
  setReceiveMax(amount: string): void
  sendTotal(amount: string, options?: { timeout?: number }): Promise<void>
  on(event: 'money', listener: (amount: string) => void): unknown
}

export interface StreamConnection {
  createStream(): MoneyStream
  on(event: 'stream', listener: (stream: MoneyStream) => void): unknown
  destroy(): Promise<void>
}

export interface StreamServer {
  generateAddressAndSecret(): { destinationAccount: string; sharedSecret: Buffer }
  on(event: 'connection', listener: (connection: StreamConnection) => void): unknown
  close(): Promise<void>
}

export interface StreamModule {
  readonly createServer: (options: { plugin: LedgerPluginV2; serverSecret: Buffer }) => Promise<StreamServer>
  readonly createConnection: (options: {
    plugin: LedgerPluginV2
    destinationAccount: string
    sharedSecret: Buffer
  }) => Promise<StreamConnection>
}

export function streamModule(): StreamModule {
  return require(join(v2PeersFolder, 'node_modules/ilp-protocol-stream')) as StreamModule
}

/** From now on timers do not keep the process: published programs leave some behind. The result takes that back. */
export function unrefTimers(): () => void {
  const original = globalThis.setTimeout
  const unreffed = (run: () => void, ms?: number): NodeJS.Timeout => original(run, ms).unref()
  globalThis.setTimeout = Object.assign(unreffed, original)
  return () => {
    globalThis.setTimeout = original
  }
}

/** A port that was free a moment ago: the published plugins do not tell which one they took. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

/** A wire between two programs that tests can cut. */
export class Wire {
  readonly port: number
  readonly #server: Server
  readonly #sockets: Set<Socket>

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server
    this.#sockets = sockets
    this.port = portOf(server)
  }

  static async to(port: number): Promise<Wire> {
    const sockets = new Set<Socket>()
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      for (const [from, into] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from)
        from.on('error', () => into.destroy())
        from.on('close', () => {
          sockets.delete(from)
          into.destroy()
        })
        from.pipe(into)
      }
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Wire(server, sockets)
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
