/**
 * What an XRP Ledger server does, case by case: on the simulator with both API versions; or, if `XRPL_TEST_SERVER` names
 * one, on a real server in standalone mode that allows `ledger_accept`, with the API version of `XRPL_API_VERSION` (1 or 2,
 * default 2). Nothing here leans on the simulator.
 */
import { after, before, suite, test } from 'node:test'
import { standaloneXrpLedger, type StandaloneXrpLedger } from 'sluice/testing/xrp'
import { ESCROW_CASES } from './escrow-cases.js'
import { STREAM_CASES } from './stream-cases.js'
import { SUBMIT_CASES } from './submit-cases.js'
import { TestServer } from './test-server.js'

const CASES = [...SUBMIT_CASES, ...ESCROW_CASES, ...STREAM_CASES]

/** @param start gives the server's URL */
function runCases(name: string, version: 1 | 2, start: () => Promise<string>, stop: () => Promise<void>): void {
  suite(`${name}, API version ${version}`, () => {
    let server: TestServer | undefined
    before(async () => {
      server = new TestServer(await start(), version)
      await server.open()
    })
    after(async () => {
      await server?.close()
      await stop()
    })
    for (const { name: what, run } of CASES) {
      test(what, async () => {
        if (server === undefined) throw new Error('the server did not start')
        await run(server)
      })
    }
  })
}

const named = process.env['XRPL_TEST_SERVER']
if (named === undefined) {
  for (const version of [1, 2] as const) {
    let ledger: StandaloneXrpLedger | undefined
    const start = async (): Promise<string> => (ledger = await standaloneXrpLedger()).url
    runCases('the simulator', version, start, async () => ledger?.close())
  }
} else {
  const version = process.env['XRPL_API_VERSION'] === '1' ? 1 : 2
  runCases(
    named,
    version,
    () => Promise.resolve(named),
    () => Promise.resolve(),
  )
}
