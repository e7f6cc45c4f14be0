/**
 * The tutorials' programs on a plugin: letters flow as fast as the programs' timers ask, nobody leaves a rejection
 * unhandled, and killing one side never ends the other.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { installOldPeers, oldModules, ourModules, type PartyModules } from '../interop/old-peers.js'
import { allPrograms, type Programs } from './programs.js'
import { Stall, untilLetters } from './stall.js'

const pollMs = 20

interface Implementation {
  readonly name: string
  readonly modules: PartyModules
  readonly programs: readonly Programs[]
  /** Whether a side outlives the other's sudden end; the 2017 plugin leaves the socket's error to nobody. */
  readonly survives: boolean
}

const implementations: readonly Implementation[] = [
  // One is enough to show that the harness leaves the programs as they are.
  { name: 'the 2017 plugin', modules: oldModules, programs: allPrograms().slice(0, 1), survives: false },
  { name: 'Sluice', modules: ourModules, programs: allPrograms(), survives: true },
]

before(installOldPeers)

for (const { name, modules, programs: tried, survives } of implementations) {
  for (const programs of tried) {
    describe(`${programs.name} on ${name}`, () => {
      let stall: Stall

      before(async () => {
        stall = await Stall.open(programs, modules)
      })
      after(() => stall.close())

      it('hands over a letter for every tick of the timer', async () => {
        const buyer = await stall.buyer()
        await untilLetters(buyer, 20)
        const { ticks } = await buyer.report()
        await untilLetters(buyer, ticks)
        assert.deepEqual(buyer.faults, [])
        assert.deepEqual(stall.shop.faults, [])
        await buyer.kill()
      })

      if (!survives) return

      it('serves the next buyer after one was killed', async () => {
        const buyer = await stall.buyer()
        await untilLetters(buyer, 10)
        await buyer.kill()
        const next = await stall.buyer()
        await untilLetters(next, 20)
        await next.kill()
        assert.equal(stall.shop.running, true)
        assert.deepEqual(stall.shop.faults, [])
      })

      if (!programs.catches) return

      it('does not take the buyer down with the shop', async () => {
        const buyer = await stall.buyer()
        await untilLetters(buyer, 10)
        await stall.shop.kill()
        const { ticks } = await buyer.report()
        while ((await buyer.report()).ticks < ticks + 50) await pause(pollMs)
        assert.equal(buyer.running, true)
        assert.deepEqual(buyer.faults, [])
      })
    })
  }
}
