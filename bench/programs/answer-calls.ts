/** The child's side of a call: {id, call, args} over IPC is answered with {id, result} or {id, error}. */
import { writeFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import type { ProcessCalls } from '../protocol.js'

type Calls = Readonly<Record<string, (args: never) => Promise<unknown>>>

/** Says {ready: true} and serves from now on. */
export function answerCalls(calls: object): void {
  const all = { ...processCalls(), ...calls } as Calls
  process.on('message', (message: { id?: number; call?: string; args?: never }) => {
    const { id, call, args } = message
    const answer = call === undefined ? undefined : all[call]
    if (answer === undefined) return
    answer(args as never).then(
      (result) => process.send?.({ id, result }),
      (error: unknown) => process.send?.({ id, error: String(error) }),
    )
  })
  process.send?.({ ready: true })
}

function processCalls(): ProcessCalls {
  const session = new Session()
  return {
    async memory() {
      // Twice: what the first collection finds unreachable may free more.
      globalThis.gc?.()
      globalThis.gc?.()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    },
    async profile() {
      session.connect()
      await session.post('Profiler.enable')
      await session.post('Profiler.setSamplingInterval', { interval: 200 })
      await session.post('Profiler.start')
    },
    async endProfile({ file }) {
      const { profile } = await session.post('Profiler.stop')
      session.disconnect()
      await writeFile(file, JSON.stringify(profile))
    },
  }
}

/** What the parent passed. */
export function programOptions<Options>(): Options {
  return JSON.parse(process.argv[2] ?? '{}') as Options
}
