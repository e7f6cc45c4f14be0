/**
 * A TCP proxy that cuts a connection after a number of bytes in one direction: the bytes before it arrive, those after it
 * never do. Other connections pass whole. It can also keep what flows down to itself, as a proxy that buffers responses.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

export interface Cut {
  /** From the client (`up`) or to it (`down`). */
  readonly direction: 'up' | 'down'
  readonly afterBytes: number
  /** Both ends see the connection end, or reset. */
  readonly how: 'fin' | 'rst'
}

/** What one connection carried in each direction, piece by piece as it arrived. */
export interface Traffic {
  readonly up: Buffer[]
  readonly down: Buffer[]
}

export class CuttingProxy {
  /** For the next connection only. */
  cut: Cut | undefined
  /** What flows down leaves in blocks of at least so many bytes, or when it ends. */
  blockBytes = 0
  /** What each connection carried. */
  readonly connections: Traffic[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(targetPort: number): Promise<CuttingProxy> {
    const server = createServer({ allowHalfOpen: true })
    const proxy = new CuttingProxy(server)
    server.on('connection', (socket) => proxy.#carry(socket, targetPort))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #carry(client: Socket, targetPort: number): void {
    const { cut } = this
    this.cut = undefined
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const traffic: Traffic = { up: [], down: [] }
    this.connections.push(traffic)
    const end = (): void => {
      for (const socket of [client, target]) {
        if (cut?.how === 'rst') socket.resetAndDestroy()
        else {
          socket.end()
          socket.destroySoon()
        }
      }
    }
    for (const socket of [client, target]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        this.#sockets.delete(socket)
        const other = socket === client ? target : client
        other.end()
        other.destroySoon()
      })
    }
    let block: Buffer[] = []
    const flush = (): void => {
      for (const bytes of block) client.write(bytes)
      block = []
    }
    const carried = { up: 0, down: 0 }
    const forward = (direction: 'up' | 'down', bytes: Buffer): void => {
      const left = cut?.direction === direction ? cut.afterBytes - carried[direction] : Infinity
      const passed = bytes.subarray(0, Math.min(bytes.length, left))
      carried[direction] += passed.length
      traffic[direction].push(passed)
      if (direction === 'up') target.write(passed)
      else {
        block.push(passed)
        if (sizeOf(block) >= this.blockBytes) flush()
      }
      if (bytes.length >= left) end()
    }
    client.on('data', (bytes) => forward('up', bytes))
    target.on('data', (bytes) => forward('down', bytes))
    client.on('end', () => target.end())
    target.on('end', () => {
      flush()
      client.end()
    })
    if (cut?.afterBytes === 0) end()
  }
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0)
}
