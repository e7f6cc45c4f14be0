/**
 * The programs of the tutorials as files to run: the documents' own code, unchanged, where the folder that holds them lies
 * next to the repository (or is named by the variable SLUICE_SEEDS), and our equivalents, which take the same paths, everywhere.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../interop/old-peers.js'

const documentsFolder = process.env['SLUICE_SEEDS'] ?? join(repositoryRoot, '../shared/seeds')
const pluginName = 'ilp-plugin-payment-channel-framework'

/** A shop and its buyer: file names and their text; the first file of each is the one to run. */
export interface Programs {
  readonly name: string
  readonly shop: Readonly<Record<string, string>>
  readonly client: Readonly<Record<string, string>>
  /** Delays of the client's timers to change, in milliseconds. */
  readonly pace: Readonly<Record<number, number>>
  /** Whether the client catches what `sendTransfer` rejects with: without that it ends when its shop does. */
  readonly catches: boolean
  /** Whether the shop hosts the ledger. Default: it does. */
  readonly hosted?: boolean
}

/** The letter shop over the XRP Ledger and its tool, with their server's address changed. */
export function xrpPrograms(server: string): readonly Programs[] {
  const programs = (name: string, shop: string, tool: string): Programs => ({
    name,
    shop: { 'shop2.js': at(server, shop) },
    client: { 'tool.js': at(server, tool) },
    // The documents' half second, as fast as the tests close ledgers.
    pace: { 500: 100 },
    catches: true,
    hosted: false,
  })
  const ours = programs('our letter shop and tool over the XRP Ledger', own('xrp-shop'), own('xrp-tool'))
  if (!existsSync(documentsFolder)) return [ours]
  const [shop2, tool] = codeOf(document('002')).filter((code) => code.includes('ilp-plugin-xrp-escrow'))
  if (!shop2 || !tool) throw new Error(`${documentsFolder} holds other documents than these tests know`)
  return [ours, programs('shop2.js and tool.js', shop2, tool)]
}

/** The one change to the programs: where the ledger is. */
function at(server: string, program: string): string {
  if (program.split(TEST_NET).length !== 2) throw new Error('the program does not name its server once')
  return program.replace(TEST_NET, server)
}

const TEST_NET = 'wss://s.altnet.rippletest.net:51233'

/** The documents' one payment a second, ten milliseconds apart instead, as the hosted ledgers tutorial proposes. */
const faster = { 1000: 10 }

export function allPrograms(): readonly Programs[] {
  return existsSync(documentsFolder) ? [...ownPrograms(), ...documentPrograms()] : ownPrograms()
}

/** A shop with three-field headers and its tool, and a streaming shop with four-field headers and its client. */
export function ownPrograms(): readonly Programs[] {
  return [
    {
      name: 'our letter shop and tool',
      shop: { 'shop.js': own('letter-shop') },
      client: { 'tool.js': own('letter-tool') },
      pace: {},
      catches: true,
    },
    {
      name: 'our streaming shop and client',
      shop: { 'shop.js': own('streaming-shop'), 'plugin.js': own('shop-plugin') },
      client: { 'client.js': own('streaming-client'), 'plugin.js': own('client-plugin'), 'pay.js': own('pay') },
      pace: faster,
      catches: true,
    },
  ]
}

function documentPrograms(): readonly Programs[] {
  const [hostedClient, hostedShop] = codeOf(document('000')).filter((code) => code.includes(pluginName))
  const [shop3, tool2] = codeOf(document('002')).filter((code) => code.includes(pluginName))
  const [payLoop] = codeOf(document('003')).filter((code) => code.includes('interledger-psk'))
  const plugins = /^const HostedLedgerPlugin = [^]*?(?=^To run )/m.exec(document('001'))?.[0]
  if (!hostedClient || !hostedShop || !shop3 || !tool2 || !payLoop || !plugins) {
    throw new Error(`${documentsFolder} holds other documents than these tests know`)
  }
  const pay = `module.exports = function ({ IlpPacket, base64url, hmac, sha256, plugin, uuid, parts }) {\n${payLoop}\n}\n`
  const choose = (side: string): string => `module.exports = require('./plugins.js').xrp.${side}()\n`
  return [
    {
      name: 'shop3.js and tool2.js',
      shop: { 'shop3.js': shop3 },
      client: { 'tool2.js': tool2 },
      pace: {},
      catches: true,
    },
    {
      name: 'the hosted ledgers configuration with the streaming fragment',
      shop: { 'shop.js': own('streaming-shop'), 'plugin.js': exportsPlugin(hostedShop) },
      client: { 'client.js': own('streaming-client'), 'plugin.js': exportsPlugin(hostedClient), 'pay.js': pay },
      pace: faster,
      catches: false,
    },
    {
      name: 'the plugins file of the older hosted ledgers tutorial',
      shop: { 'shop.js': own('streaming-shop'), 'plugin.js': choose('Shop'), 'plugins.js': plugins },
      client: {
        'client.js': own('streaming-client'),
        'plugin.js': choose('Customer'),
        'plugins.js': plugins,
        'pay.js': own('pay'),
      },
      pace: faster,
      catches: true,
    },
  ]
}

function own(name: string): string {
  return readFileSync(join(repositoryRoot, 'test/seeds/fixtures', `${name}.cjs`), 'utf8')
}

function document(number: string): string {
  const file = readdirSync(documentsFolder).find((name) => name.startsWith(`${number}_`))
  if (file === undefined) throw new Error(`${documentsFolder} has no document ${number}`)
  return readFileSync(join(documentsFolder, file), 'utf8')
}

/** The fenced JavaScript of a document. */
function codeOf(text: string): readonly string[] {
  return [...text.matchAll(/^```js\n([^]*?)^```$/gm)].map((match) => match[1] ?? '')
}

function exportsPlugin(configuration: string): string {
  return `${configuration}\nmodule.exports = plugin\n`
}
