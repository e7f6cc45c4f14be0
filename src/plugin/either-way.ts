/** One peer that is dialled and waited for, both at once, as ilp-plugin-btp does: whichever comes first will do. */
import { LinkError, type PeerConnection } from '../link/index.js'
import type { PeerListener } from './peer-listener.js'

export class EitherWay implements PeerConnection {
  readonly #client: PeerConnection
  readonly #listener: PeerListener
  #wanted = false

  constructor(client: PeerConnection, listener: PeerListener) {
    this.#client = client
    this.#listener = listener
  }

  /** A first attempt that fails ends both. Default: no limit of time. */
  async open({ timeoutMs = Infinity }: { readonly timeoutMs?: number }): Promise<void> {
    const wasOpen = this.#wanted
    this.#wanted = true
    try {
      await this.#listener.listen()
      if (!this.#wanted) throw new LinkError('LINK_CLOSED', 'closed before the peer connected')
      // The client goes on dialling when the peer has come by the other way: only the listener counts the time.
      await Promise.race([this.#client.open({ timeoutMs: Infinity }), this.#listener.open({ timeoutMs })])
    } catch (error) {
      if (!wasOpen) await this.close()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#wanted = false
    await Promise.all([this.#client.close(), this.#listener.close()])
  }
}
