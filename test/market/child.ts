/**
 * A program of ours in a process of its own: asked over IPC, frozen, thawed and killed by its id. The program's side of
 * the questions is {@link serveParent}. What a test needs to know after a kill -9 must not travel this way: see tally.ts.
 */
import { fork, type ChildProcess } from 'node:child_process'

/** The questions that a program answers. */
export type Calls<T> = { readonly [K in keyof T]: (...args: never[]) => unknown }

interface Question {
  readonly number: number
  readonly name: string
  readonly args: readonly unknown[]
}

interface Answer {
  readonly number: number
  readonly value?: unknown
  readonly error?: string
}

const ANSWER_TIMEOUT_MS = 30_000

export interface ChildOptions {
  readonly execArgv?: readonly string[]
  /** Arguments of the program, as on a command line. */
  readonly args: readonly string[]
}

export class Child<T extends Calls<T>> {
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { answered: (answer: Answer) => void; fail: (error: Error) => void }>()
  readonly #readers = new Set<() => void>()
  #number = 0
  #output = ''

  constructor(script: string, { args, execArgv = [] }: ChildOptions) {
    this.#process = fork(script, [...args], {
      execArgv: [...execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (text: Buffer) => {
        this.#output = (this.#output + text.toString()).slice(-20_000)
        for (const reader of this.#readers) reader()
      })
    }
    this.#process.on('message', (message) => {
      const answer = message as Answer
      this.#waiting.get(answer.number)?.answered(answer)
    })
    this.ended = new Promise((resolve) => {
      this.#process.once('close', (code, signal) => {
        const how = code ?? signal ?? 'unknown'
        for (const { fail } of this.#waiting.values()) fail(new Error(`the process ended (${how}): ${this.#output}`))
        resolve(how)
      })
    })
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** What it has printed last. */
  get output(): string {
    return this.#output
  }

  /** Resolves when it has printed this; rejects when it ends before. */
  printed(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(this.#output)) return
        this.#readers.delete(look)
        resolve()
      }
      this.#readers.add(look)
      look()
      void this.ended.then((how) => reject(new Error(`the process ended (${how}): ${this.#output}`)))
    })
  }

  /** Resolves with the program's answer; rejects when it fails, ends, or takes too long. */
  ask<K extends keyof T & string>(name: K, ...args: Parameters<T[K]>): Promise<Awaited<ReturnType<T[K]>>> {
    return new Promise((resolve, reject) => {
      const number = ++this.#number
      const end = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(number)
      }
      const fail = (error: Error): void => {
        end()
        reject(error)
      }
      const late = (): void => fail(new Error(`no answer to ${name} in time: ${this.#output}`))
      const timer = setTimeout(late, ANSWER_TIMEOUT_MS)
      const answered = ({ value, error }: Answer): void => {
        if (error !== undefined) return fail(new Error(`${name}: ${error}`))
        end()
        resolve(value as Awaited<ReturnType<T[K]>>)
      }
      this.#waiting.set(number, { answered, fail })
      const question: Question = { number, name, args }
      // A send that fails is that of a process that has ended, which is told above.
      this.#process.send(question, () => {})
    })
  }

  /** SIGSTOP: from here on it does nothing; what it has handed to the kernel still travels. */
  freeze(): void {
    this.#process.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process.kill('SIGCONT')
  }

  /** As Ctrl-C does. */
  interrupt(): void {
    this.#process.kill('SIGINT')
  }

  /** SIGKILL; resolves when the process has ended. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.ended
  }
}

/** Answers the parent's questions, and ends with the parent. */
export function serveParent<T extends Calls<T>>(calls: T): void {
  const answer = async ({ number, name, args }: Question): Promise<void> => {
    try {
      const call: unknown = calls[name as keyof T]
      if (typeof call !== 'function') throw new Error('no such question')
      const value: unknown = await Reflect.apply(call, undefined, args)
      process.send?.({ number, value })
    } catch (error) {
      process.send?.({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
    }
  }
  process.on('message', (message) => void answer(message as Question))
  process.on('disconnect', () => process.exit())
}
