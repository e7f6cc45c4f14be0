/**
 * The body of a response that is paid while it is read. It asks upstream only when the application asks it, so that
 * a slow reader pays slowly, and what it hands over counts as read.
 */
import { FetchError } from './errors.js'
import type { StreamPayer } from './stream-payer.js'

export function paidBody(
  upstream: ReadableStream<Uint8Array>,
  payer: StreamPayer,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = upstream.getReader()
  // Ends a read that waits upstream; the seller sees its response closed.
  const leave = (): void => {
    reader.cancel().catch(() => {})
  }
  const onAbort = (): void => {
    payer.finish('cancelled')
    leave()
  }
  const end = (): void => signal.removeEventListener('abort', onAbort)
  signal.addEventListener('abort', onAbort, { once: true })
  payer.onDrained = leave

  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
      payer.start()
      payer.wait(true)
      try {
        const { done, value } = await reader.read()
        payer.wait(false)
        if (!done) {
          controller.enqueue(value)
          payer.read(value.length)
          return
        }
        end()
        if (signal.aborted) {
          controller.error(signal.reason)
          return
        }
        payer.complete()
        if (payer.failure !== undefined) controller.error(payer.failure)
        else controller.close()
      } catch (cause) {
        payer.wait(false)
        end()
        if (signal.aborted) {
          payer.finish('cancelled')
          controller.error(signal.reason)
          return
        }
        const why = cause instanceof Error ? cause.message : String(cause)
        const message = `the response broke off (${why}): what was read is good; ask again for the rest`
        payer.finish('failed', new FetchError('FETCH_INTERRUPTED', message, { cause }))
        controller.error(payer.failure)
      }
    },
    cancel(): void {
      payer.finish('cancelled')
      end()
      leave()
    },
  }
  // No read-ahead: what this stream holds in advance would count as read although nobody has read it.
  return new ReadableStream(source, { highWaterMark: 0 })
}
