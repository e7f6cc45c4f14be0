/**
 * Kill -9 under load: whatever was told is in the book, once, and the book balances. Rounds by KILL_ROUNDS, for long
 * runs; each goes on with the store that the kills before it left.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ledger } from 'sluice/ledger'
import { LevelStore } from 'sluice/store/level'
import { id } from './book.js'

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 3)
const CHILD = fileURLToPath(new URL('./kill-child.js', import.meta.url))

/** Lets the child run until it has said so many lines, and kills it there and then. */
async function linesUntilKilled(directory: string, linesMax: number): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk: string) => {
    said += chunk
    if (said.split('\n').length > linesMax) child.kill('SIGKILL')
  })
  await new Promise((resolve) => child.on('close', resolve))
  assert.equal(child.signalCode, 'SIGKILL', 'it did not end by itself')
  // What follows the last line end was cut.
  return said.split('\n').slice(0, -1)
}

test('what was told before a kill is in the book after it', { timeout: 60_000 + ROUNDS * 10_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sluice-kill-'))
  try {
    let captured = 0
    for (let round = 0; round < ROUNDS; round++) {
      const lines = await linesUntilKilled(directory, 50 + Math.floor(Math.random() * 1500))
      const ledger = new Ledger({ store: new LevelStore(directory), limits: { rememberMs: 600_000 } })
      await ledger.open()
      ledger.check()
      const account = ledger.account('a')
      assert.ok(account !== undefined)
      for (const line of lines) {
        const found = ledger.transfer('a', id(Number(line.slice(1))))
        assert.ok(found !== undefined, `${line} is known`)
        if (line.startsWith('f')) assert.equal(found.state === 'finished' && found.outcome.state, 'fulfilled', line)
      }
      captured += lines.filter((line) => line.startsWith('f')).length
      assert.ok(account.fulfilledOut >= BigInt(captured), 'nothing that was told is lost')
      assert.equal(account.fulfilledOut, BigInt(account.remembered), 'each capture moved 1, once')
      assert.equal(account.heldOut, BigInt(account.live))
      assert.equal(ledger.position(), account.fulfilledOut)
      await ledger.close()
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
