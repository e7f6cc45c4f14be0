/** The parent's side of one process of the bench; protocol.ts says what it can be asked. */
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { WatchedProcess } from '../test/interop/watched-process.js'
import type { Books, PayeeMark, PayerMark } from './protocol.js'

class Party {
  readonly process: WatchedProcess
  #calls = 0

  constructor(process: WatchedProcess) {
    this.process = process
  }

  async call(call: string, args: object = {}): Promise<unknown> {
    const id = ++this.#calls
    const answer = await this.process.ask({ id, call, args }, (told) => told['id'] === id)
    if (answer['error'] !== undefined) throw new Error(`${call}: ${JSON.stringify(answer['error'])}`)
    return answer['result']
  }

  books(): Promise<Books> {
    return this.call('books') as Promise<Books>
  }

  memory(): Promise<number> {
    return this.call('memory') as Promise<number>
  }

  async profile(): Promise<void> {
    await this.call('profile')
  }

  async endProfile(file: string): Promise<void> {
    await this.call('endProfile', { file })
  }

  /** Ends the process; fails when it left a rejection or exception to nobody. */
  async stop(): Promise<void> {
    await this.process.kill()
    assert.deepEqual(this.process.faults, [])
  }
}

export class Payer extends Party {
  static async start(program: string, options: object, ports: Record<number, number> = {}): Promise<Payer> {
    return new Payer(await run(program, options, ports))
  }

  async fill(window: number): Promise<void> {
    await this.call('start', { window })
  }

  mark(): Promise<PayerMark> {
    return this.call('mark') as Promise<PayerMark>
  }

  async drain(): Promise<void> {
    await this.call('stop')
  }
}

export class Payee extends Party {
  static async start(program: string, options: object, ports: Record<number, number> = {}): Promise<Payee> {
    return new Payee(await run(program, options, ports))
  }

  mark(): Promise<PayeeMark> {
    return this.call('mark') as Promise<PayeeMark>
  }
}

/** Runs bench/programs/`program`.js; `ports` moves those that a plugin names. Resolves once it serves. */
async function run(program: string, options: object, ports: Record<number, number>): Promise<WatchedProcess> {
  const script = fileURLToPath(new URL(`programs/${program}.js`, import.meta.url))
  const started = WatchedProcess.start(script, { args: [JSON.stringify(options)], ports })
  await started.ready()
  return started
}
