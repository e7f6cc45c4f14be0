/** Content that costs nothing, from a source to a sink: as fast as it is read, and no faster. */
import type { ResponseEvents } from './exchange.js'
import type { Sink } from './meter.js'
import type { Source } from './source.js'

/** Begins at once. `onError` hears what the source threw; the body then breaks off. */
export function pump(source: Source, sink: Sink, onError: (error: unknown) => void = () => {}): ResponseEvents {
  let over = false
  let wake: () => void = () => {}
  const run = async (): Promise<void> => {
    for (;;) {
      const bytes = await source.next()
      if (over) return
      if (bytes === undefined) break
      if (!sink.write(bytes)) await new Promise<void>((resolve) => (wake = resolve))
      if (over) return
    }
    over = true
    sink.end()
  }
  run().catch((error: unknown) => {
    if (over) return
    over = true
    onError(error)
    sink.fail()
  })
  return {
    drained: () => wake(),
    closed: () => {
      if (over) return
      over = true
      source.cancel()
      wake()
    },
  }
}
