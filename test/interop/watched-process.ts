/**
 * A program that this repository did not write, in a process of its own, started under old-peers/preload.cjs: its ports
 * moved to free ones, its unhandled rejections and exceptions collected, its memory and timer ticks readable.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { oldPeersFolder } from './old-peers.js'

export interface WatchedOptions {
  readonly args?: readonly string[]
  readonly cwd?: string
  /** From the port that the program names to the one that it gets; 0: a free one. */
  readonly ports: Readonly<Record<number, number>>
  /** Timer delays to change, in milliseconds. */
  readonly pace?: Readonly<Record<number, number>>
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
}

/** Ticks of intervals; bytes; CPU in microseconds; since the start. */
export interface ProcessReport {
  readonly ticks: number
  /** On the heap and beside it. */
  readonly bytesUsed: number
  readonly rss: number
  readonly cpu: { readonly user: number; readonly system: number }
}

type Message = Readonly<Record<string, unknown>>

export class WatchedProcess {
  /** Stacks of what nobody caught. */
  readonly faults: string[] = []
  readonly #child: ChildProcess
  readonly #messages: Message[] = []
  #waiting: (() => void)[] = []
  #output = ''
  #ended = false

  private constructor(child: ChildProcess) {
    this.#child = child
    const onText = (text: Buffer): void => {
      this.#output += text.toString()
      this.#wake()
    }
    child.stdout?.on('data', onText)
    child.stderr?.on('data', onText)
    child.on('message', (message) => {
      const told = message as Message
      const fault = told['unhandled'] ?? told['uncaught']
      if (fault !== undefined) this.faults.push(String(fault))
      this.#messages.push(told)
      this.#wake()
    })
    child.on('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  static start(script: string, { args = [], cwd, ports, pace = {}, env = {} }: WatchedOptions): WatchedProcess {
    const table = (entries: object): string =>
      Object.entries(entries)
        .map(([from, to]) => `${from}:${to}`)
        .join(',')
    const child = fork(script, [...args], {
      ...(cwd === undefined ? {} : { cwd }),
      execArgv: ['--expose-gc', '--require', join(oldPeersFolder, 'preload.cjs')],
      env: { ...process.env, ...env, MOVE_PORTS: table(ports), MOVE_PACE: table(pace) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    return new WatchedProcess(child)
  }

  /** All that it has printed. */
  get output(): string {
    return this.#output
  }

  get running(): boolean {
    return !this.#ended
  }

  /** Where a port that the program names really is, once it listens. */
  async port(named: number): Promise<number> {
    const message = await this.until(() => this.#messages.find((told) => told['listening'] === named))
    return Number(message['port'])
  }

  /** Resolves once the program has said so by {ready}; rejects when it says {failed}. */
  async ready(): Promise<void> {
    const told = await this.until(() => this.#messages.find((one) => 'ready' in one || 'failed' in one))
    if ('failed' in told) throw new Error(`The program failed to start: ${String(told['failed'])}`)
  }

  /** Resolves with what the program says by {told}; rejects when it says {failed}. */
  async told(): Promise<unknown> {
    const said = await this.until(() => this.#messages.find((one) => 'told' in one || 'failed' in one))
    if ('failed' in said) throw new Error(`The program failed: ${String(said['failed'])}`)
    return said['told']
  }

  async report({ collect = false } = {}): Promise<ProcessReport> {
    return (await this.ask({ report: true, collect }, (told) => told['report'] !== undefined))[
      'report'
    ] as ProcessReport
  }

  /** Sends a message and resolves with the first later one that `answers` accepts. */
  async ask(message: Message, answers: (told: Message) => boolean): Promise<Message> {
    const from = this.#messages.length
    // That the program has ended meanwhile is told below.
    this.#child.send(message, () => undefined)
    const answer = await this.until(() => this.#messages.slice(from).find(answers))
    this.#messages.splice(this.#messages.indexOf(answer), 1)
    return answer
  }

  /** Resolves with what `look` finds, looking again whenever the program prints or tells something; rejects when it ends. */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (this.#ended) throw new Error(`The program ended: ${this.faults.join('\n')}\n${this.#output.slice(-2000)}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#ended) return
    const ended = once(this.#child, 'close')
    this.#child.kill(signal)
    await ended
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
