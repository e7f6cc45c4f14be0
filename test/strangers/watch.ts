/** Loaded into a program before its own code (`--import`): answers what its memory and its sockets are. */
import { setImmediate as turn } from 'node:timers/promises'
import { serveParent } from '../market/child.js'

export interface WatchCalls {
  /** Bytes, after two collections of garbage. */
  memory(): Promise<{ readonly heapUsed: number; readonly rss: number }>
  /** TCP sockets, those that listen left out. */
  sockets(): number
}

serveParent<WatchCalls>({
  memory: async () => {
    for (let times = 0; times < 2; times++) {
      globalThis.gc?.()
      await turn()
    }
    const { heapUsed, rss } = process.memoryUsage()
    return { heapUsed, rss }
  },
  sockets: () => process.getActiveResourcesInfo().filter((resource) => resource === 'TCPSocketWrap').length,
})
// Being asked is no reason for the program to live on.
process.channel?.unref()
