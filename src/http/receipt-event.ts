/**
 * A receipt as the last event of a stream of server-sent events (HTML Living Standard section 9.2), for clients that see
 * neither trailers nor the ledger. It is no content: it stands behind the last end offset and costs nothing.
 */
import { utf8 } from '../bytes/index.js'
import type { Sink } from './meter.js'

/** Writes the event before a good end. `receipt` is asked then; without one the body just ends. */
export function withReceiptEvent(sink: Sink, receipt: () => Promise<string | undefined>): Sink {
  return {
    write: (bytes) => sink.write(bytes),
    fail: () => sink.fail(),
    end: () => {
      receipt()
        .then((text) => {
          // The empty lines end what the last unit may have left open.
          if (text !== undefined) sink.write(utf8(`\n\nevent: receipt\ndata: ${text}\n\n`))
        })
        .catch(() => {
          // The ledger has gone; what was bought is whole all the same.
        })
        .finally(() => sink.end())
        .catch(() => {
          // The response has gone, too.
        })
    },
  }
}
