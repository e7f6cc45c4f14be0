/**
 * The documents do what they say: every `js` block runs against the built package, every command of a `sh` block is run or
 * is a script of package.json, in the order of the document; each with free ports in place of 8000 and 9000. A block that
 * listens serves the blocks after it, until the next one that listens; an example that is started by `node examples/…`
 * stands beside it, at 9000. A `text` block is what the block before it prints. `console` blocks are captures, and not run.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { listPaths, readText, ROOT } from './tree.js'

interface Block {
  readonly language: string
  readonly text: string
}

/** Commands that a reader types and a test does not: they fetch, or move about. */
const TYPED_ONLY = /^(git clone|cd|npm ci|npm install|npm test)\b/
const SCRIPTS = Object.keys((JSON.parse(readText('package.json')) as { scripts: object }).scripts)
const CLI = join(ROOT, 'dist/cli/main.js')
const START = /^(?:npm start --|npx sluice demo)(.*)$/
const EXAMPLE = /^node (examples\/[\w-]+\.js)$/
const LISTENS = /\blisten(er)?\b/
const LISTENED = /(?:listen\(|port: )(8000|9000)\b/g
const PORT_WAIT_MS = 25

function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => ({
    language,
    text,
  }))
}

const givenPorts = new Set<number>()

/** Never the same twice: documents are read side by side. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  assert.ok(typeof address === 'object' && address !== null)
  const { port } = address
  if (givenPorts.has(port)) return freePort()
  givenPorts.add(port)
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, 'localhost')
    const settle = (open: boolean): void => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}

/** Runs the blocks of one document in a directory of its own. */
class Reader {
  readonly #directory: string
  #ports = new Map<string, number>()
  #servers: ChildProcess[] = []
  #output = ''
  #files = 0

  constructor(path: string) {
    this.#directory = join(ROOT, 'build/docs', path.replaceAll(/\W/g, '-'))
  }

  async open(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true })
    await mkdir(this.#directory, { recursive: true })
  }

  async close(): Promise<void> {
    const running = this.#servers.filter(({ exitCode }) => exitCode === null)
    this.#servers = []
    for (const server of running) {
      const ended = new Promise((resolve) => server.once('close', resolve))
      server.kill('SIGKILL')
      await ended
    }
  }

  async run({ language, text }: Block): Promise<void> {
    switch (language) {
      case 'js':
        return this.#program(text)
      case 'sh':
        for (const line of text.trim().split('\n')) {
          for (const command of line.replace(/ +# .*$/, '').split(' && ')) await this.#command(command.trim())
        }
        return
      case 'text':
        return assert.equal(this.#output.trim(), text.trim())
      case 'console':
        return
      default:
        assert.fail(`a block is marked ${language || 'as nothing'}: mark it js, sh, text or console`)
    }
  }

  async #program(text: string): Promise<void> {
    const listens = LISTENS.test(text)
    if (listens) await this.#newPorts()
    const file = join(this.#directory, `${++this.#files}.mjs`)
    await writeFile(file, this.#withPorts(text))
    const listened = [...text.matchAll(LISTENED)].map(([, shown = '']) => this.#ports.get(shown) ?? 0)
    if (listens) return this.#serve([file], listened)
    return this.#finish([file])
  }

  async #command(command: string): Promise<void> {
    if (TYPED_ONLY.test(command)) return
    const script = /^npm (?:run )?([\w:-]+)/.exec(command)?.[1]
    if (script !== undefined) assert.ok(SCRIPTS.includes(script), `package.json has no script ${script}`)
    const options = START.exec(command)?.[1]
    if (options !== undefined) return this.#finish([CLI, 'demo', ...words(options)])
    if (command.startsWith('npm ')) return
    const example = EXAMPLE.exec(command)?.[1]
    if (example !== undefined) {
      const port = this.#ports.get('9000') ?? 0
      return this.#serve([join(ROOT, example)], [port], { PORT: String(port) })
    }
    assert.match(command, /^npx sluice /, `nobody knows how to test: ${command}`)
    const args = words(command.slice('npx sluice '.length))
    if (args[0] !== 'shop') return this.#finish([CLI, ...args.map((arg) => this.#withPorts(arg))])
    await this.#newPorts()
    const ports = [...this.#ports.values()]
    return this.#serve([CLI, ...args, '--port', String(ports[0]), '--btp-port', String(ports[1])], ports)
  }

  async #newPorts(): Promise<void> {
    await this.close()
    this.#ports = new Map([
      ['8000', await freePort()],
      ['9000', await freePort()],
    ])
  }

  #withPorts(text: string): string {
    return text.replaceAll(/\b(8000|9000)\b/g, (shown) => String(this.#ports.get(shown) ?? shown))
  }

  /** Starts a program that goes on, and waits for its ports. */
  async #serve(args: readonly string[], ports: readonly number[], env: NodeJS.ProcessEnv = {}): Promise<void> {
    const { child, output } = this.#start(args, env)
    this.#servers.push(child)
    for (const port of ports) {
      while (!(await accepts(port))) {
        assert.equal(child.exitCode, null, `it ended: ${output()}`)
        await new Promise((resolve) => setTimeout(resolve, PORT_WAIT_MS))
      }
    }
  }

  async #finish(args: readonly string[]): Promise<void> {
    const { child, output } = this.#start(args)
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
    assert.equal(code, 0, output())
    this.#output = output()
  }

  #start(args: readonly string[], env: NodeJS.ProcessEnv = {}): { child: ChildProcess; output: () => string } {
    const child = spawn(process.execPath, ['--no-warnings', ...args], {
      cwd: this.#directory,
      env: { ...process.env, SLUICE_HOME: this.#directory, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.on('data', (part: Buffer) => (output += part.toString()))
    child.stderr.on('data', (part: Buffer) => (output += part.toString()))
    return { child, output: () => output }
  }
}

/** Words of a command line; quotes keep spaces together. */
function words(line: string): string[] {
  const found = line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)
  return [...found].map(([, double, single, plain]) => double ?? single ?? plain ?? '')
}

async function readAloud(t: TestContext, path: string, blocks: readonly Block[]): Promise<void> {
  const reader = new Reader(path)
  t.after(() => reader.close())
  await reader.open()
  for (const block of blocks) await reader.run(block)
}

const documents = ['README.md', ...listPaths('docs').filter((path) => path.endsWith('.md'))]

describe('documents', { concurrency: 2 }, () => {
  for (const path of documents) {
    const blocks = blocksOf(readText(path)).filter(({ language }) => language !== 'console')
    if (blocks.length > 0 && !path.startsWith('docs/reference/')) {
      test(`${path} does what it says`, { timeout: 120_000 }, async (t) => readAloud(t, path, blocks))
    }
  }
})

test('a block that fails, prints something else or is no command is noticed', async (t) => {
  const fails = (language: string, text: string): Promise<void> =>
    assert.rejects(readAloud(t, 'planted.md', [{ language, text }]))
  await fails('js', 'import { noSuchName } from "sluice"\n')
  await fails('js', 'process.exitCode = 3\n')
  await fails('text', 'something\n')
  await fails('sh', 'npm run no-such-script\n')
  await fails('sh', 'rm something\n')
  await fails('ts', 'const a = 1\n')
})

/** The part of commander's `Command` that is used. */
interface CliCommand {
  readonly name: () => string
  readonly commands: readonly CliCommand[]
  readonly configureOutput: (output: object) => CliCommand
  readonly outputHelp: () => void
}

function helpOf(command: CliCommand): string {
  let help = ''
  const writeOut = (text: string): void => void (help += text)
  command.configureOutput({ writeOut, getOutHelpWidth: () => 80, getOutHasColors: () => false }).outputHelp()
  return help
}

test('docs/reference/cli.md shows the help of every command, and each has an example', async () => {
  const module: unknown = await import(pathToFileURL(join(ROOT, 'dist/cli/program.js')).href)
  const sluice = (module as { program: () => CliCommand }).program()
  const shown = new Set(blocksOf(readText('docs/reference/cli.md')).map(({ text }) => text.trim()))
  const check = (command: CliCommand, path: string): void => {
    const help = helpOf(command)
    assert.ok(shown.has(help.trim()), `the document does not have the help of ${path}:\n${help}`)
    if (command !== sluice) assert.match(help, /^Examples:\n  sluice /m, `${path} has no example`)
    for (const below of command.commands) check(below, `${path} ${below.name()}`)
  }
  check(sluice, 'sluice')
  assert.ok(sluice.commands.length >= 5)
})
