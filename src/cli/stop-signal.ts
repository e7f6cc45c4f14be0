/** Ctrl-C: the first asks to end cleanly, a later one ends at once. A parent process may ask by the message `stop`. */

const INTERRUPTED = 130
/** `npm` and `timeout` pass on a signal that the terminal has sent us, too: what comes so soon is the same Ctrl-C. */
const SAME_SIGNAL_MS = 1000

export interface StopSignal {
  readonly signal: AbortSignal
  /** As Ctrl-C does. Again does nothing. */
  stop(): void
  /** Takes the handlers away. */
  release(): void
}

export function watchStop(): StopSignal {
  const controller = new AbortController()
  let interruptedAt: number | undefined
  const onSignal = (): void => {
    interruptedAt ??= performance.now()
    if (performance.now() - interruptedAt > SAME_SIGNAL_MS) process.exit(INTERRUPTED)
    controller.abort()
  }
  const onMessage = (message: unknown): void => {
    if (message === 'stop') controller.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  if (process.send !== undefined) process.on('message', onMessage)
  return {
    signal: controller.signal,
    stop: () => controller.abort(),
    release() {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
      process.off('message', onMessage)
    },
  }
}
