/**
 * Runs a shop and its buyers, each in a process of its own, in a folder whose node_modules holds the names that the
 * programs require: the plugin and the packet codec to be tested, and the 2017 companions (node-fetch 2, uuid 3).
 */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { oldPeersFolder, type PartyModules, repositoryRoot } from '../interop/old-peers.js'
import { WatchedProcess } from '../interop/watched-process.js'
import type { Programs } from './programs.js'

/** What the programs name. */
const named = { ledger: 9000, http: 8000 }
const fragmentChatter = /Calculating hmac using shared secret: \S+\n/g

export class Stall {
  readonly shop: WatchedProcess
  readonly #folder: string
  readonly #programs: Programs
  readonly #ports: Readonly<Record<number, number>>
  readonly #clients: WatchedProcess[] = []

  private constructor(folder: string, programs: Programs, shop: WatchedProcess, ports: Record<number, number>) {
    this.#folder = folder
    this.#programs = programs
    this.shop = shop
    this.#ports = ports
  }

  static async open(programs: Programs, modules: PartyModules): Promise<Stall> {
    const folder = await makeFolder(modules)
    const shop = await run(folder, 'shop', programs.shop, { ports: { [named.ledger]: 0, [named.http]: 0 } })
    try {
      const ledger = programs.hosted === false ? 0 : await shop.port(named.ledger)
      const ports = { [named.ledger]: ledger, [named.http]: await shop.port(named.http) }
      return new Stall(folder, programs, shop, ports)
    } catch (error) {
      await shop.kill()
      await rm(folder, { recursive: true, force: true })
      throw error
    }
  }

  /** Where the shop really listens. */
  port(which: keyof typeof named): number {
    return this.#ports[named[which]] ?? 0
  }

  async buyer(): Promise<WatchedProcess> {
    const name = `client-${this.#clients.length}`
    const client = await run(this.#folder, name, this.#programs.client, {
      ports: this.#ports,
      pace: this.#programs.pace,
    })
    this.#clients.push(client)
    return client
  }

  async close(): Promise<void> {
    for (const child of [...this.#clients, this.shop]) await child.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** A buyer alone, of a shop that is not a program of these: where that one's ports are. */
export async function lonelyBuyer(
  programs: Programs,
  modules: PartyModules,
  ports: { readonly ledger: number; readonly http: number },
): Promise<{ readonly buyer: WatchedProcess; readonly close: () => Promise<void> }> {
  const folder = await makeFolder(modules)
  const moved = { [named.ledger]: ports.ledger, [named.http]: ports.http }
  const buyer = await run(folder, 'client', programs.client, { ports: moved, pace: programs.pace })
  const close = async (): Promise<void> => {
    await buyer.kill()
    await rm(folder, { recursive: true, force: true })
  }
  return { buyer, close }
}

async function makeFolder(modules: PartyModules): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-stall-'))
  const links = {
    'ilp-plugin-payment-channel-framework': modules.plugin,
    'ilp-packet': modules.packet,
    'ilp-plugin-xrp-escrow': join(repositoryRoot, 'compat/ilp-plugin-xrp-escrow'),
    'node-fetch': join(oldPeersFolder, 'node_modules/node-fetch'),
    uuid: join(oldPeersFolder, 'node_modules/uuid'),
  }
  for (const [name, target] of Object.entries(links)) {
    const link = join(folder, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(target, link, 'dir')
  }
  return folder
}

async function run(
  folder: string,
  name: string,
  files: Readonly<Record<string, string>>,
  options: { ports: Readonly<Record<number, number>>; pace?: Readonly<Record<number, number>> },
): Promise<WatchedProcess> {
  const cwd = join(folder, name)
  await mkdir(cwd)
  for (const [file, text] of Object.entries(files)) await writeFile(join(cwd, file), text)
  const [main = ''] = Object.keys(files)
  return WatchedProcess.start(join(cwd, main), { cwd, ...options })
}

/** How many letters a buyer has printed: everything after the header that it shows, but what its program adds. */
export function lettersOf(buyer: WatchedProcess): number {
  const { output } = buyer
  const body = output.slice(output.indexOf(']\n') + 2).replace(fragmentChatter, '')
  return output.includes(']\n') ? (body.match(/[A-Z]/g)?.length ?? 0) : 0
}

/** Resolves once the buyer has printed that many. */
export async function untilLetters(buyer: WatchedProcess, count: number): Promise<void> {
  await buyer.until(() => (lettersOf(buyer) >= count ? true : undefined))
}
