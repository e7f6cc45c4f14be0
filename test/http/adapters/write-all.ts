/** How a handler of node:http writes what it makes as it is read, and stops when nobody reads any more. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'

export async function writeAll(response: ServerResponse, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const gone = new AbortController()
  const iterator = chunks[Symbol.asyncIterator]()
  response.once('close', () => {
    gone.abort()
    void iterator.return?.()
  })
  for (;;) {
    const step = await iterator.next()
    if (gone.signal.aborted) return
    if (step.done === true) break
    if (!response.write(step.value)) await once(response, 'drain', { signal: gone.signal })
  }
  response.end()
}
