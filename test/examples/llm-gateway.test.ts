/** The example of an LLM gateway before the fake of a model, each a process of its own, and `sluice proxy` before the same. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { payingFetch } from 'sluice'
import { holderAt } from 'sluice/link/ws'
import { ROOT } from '../tree.js'

/** Resolves with what it matched of the output. */
function start(t: TestContext, args: readonly string[], env: Record<string, string>, pattern: RegExp): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [...args], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  return new Promise((resolve, reject) => {
    let out = ''
    const read = (part: Buffer): void => {
      out += part.toString()
      const found = pattern.exec(out)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.on('close', () => reject(new Error(`it ended: ${out}`)))
  })
}

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-llm-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Asks for twelve tokens, and pays for them. */
async function buy(t: TestContext, url: string, stream: boolean): Promise<{ body: string; units: number }> {
  const { port } = new URL(url)
  const link = holderAt(`btp+ws://:a-secret-of-the-buyer@127.0.0.1:${port}/btp`)
  t.after(() => link.close())
  const body = JSON.stringify({ max_tokens: 12, stream, stream_options: { include_usage: true }, messages: [] })
  const headers = { 'Content-Type': 'application/json', Authorization: 'Bearer unused' }
  const response = await payingFetch(url, { method: 'POST', headers, body, link, budget: '0.001 USD' })
  assert.equal(response.status, 200)
  const text = await response.text()
  await response.payment.settled()
  return { body: text, units: response.payment.units }
}

const fake = (t: TestContext): Promise<string> =>
  start(t, [join(ROOT, 'examples/fake-llm.js')], {}, /fake model at (\S+)/)

test('examples/llm-gateway.js sells the tokens of examples/fake-llm.js', async (t) => {
  const env = { UPSTREAM: await fake(t), LEDGER: await directory(t) }
  const url = await start(t, [join(ROOT, 'examples/llm-gateway.js')], env, /open at (\S+)/)
  const { body, units } = await buy(t, `${url}v1/chat/completions`, true)
  assert.equal(units, 12)
  assert.match(body, /"content":"Money".*"finish_reason":"stop".*"completion_tokens":12.*\[DONE\]\n\n$/s)
})

test('sluice proxy sells them, too, streamed and whole; what is free is free', async (t) => {
  const keys = join(await directory(t), 'keys')
  await writeFile(keys, 'Authorization: Bearer of-the-shop\n')
  const prices = ['--price', '0.01 USD per 1k tokens', '--free', '/models', '--upstream-header-file', keys]
  const args = ['proxy', await fake(t), ...prices, '--memory', '--port', '0']
  const url = await start(t, [join(ROOT, 'dist/cli/main.js'), ...args], {}, /selling \S+ at (\S+) for/)
  const streamed = await buy(t, `${url}chat/completions`, true)
  assert.deepEqual([streamed.units, streamed.body.endsWith('data: [DONE]\n\n')], [12, true])
  const whole = await buy(t, `${url}chat/completions`, false)
  assert.equal(whole.units, 12)
  assert.match(whole.body, /"object":"chat.completion"/)
  assert.match(await (await fetch(`${url}models`)).text(), /"object":"list"/)
})
