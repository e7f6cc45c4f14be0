/**
 * The published programs of 2017 that we are tested against: installed on first use into test/interop/old-peers, apart
 * from the packages that users of Sluice get. Test files run in parallel; one of them installs, the others wait.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const repositoryRoot = findRoot(dirname(fileURLToPath(import.meta.url)))
export const oldPeersFolder = join(repositoryRoot, 'test/interop/old-peers')

const installTimeoutMs = 180_000
const pollMs = 200

/** Which modules a party is made of; absolute paths that `require` takes. */
export interface PartyModules {
  readonly plugin: string
  readonly packet: string
}

export const oldModules: PartyModules = {
  plugin: join(oldPeersFolder, 'node_modules/ilp-plugin-payment-channel-framework'),
  packet: join(oldPeersFolder, 'node_modules/ilp-packet'),
}

/** Ours, under the old names. */
export const ourModules: PartyModules = {
  plugin: join(repositoryRoot, 'compat/ilp-plugin-payment-channel-framework'),
  packet: join(repositoryRoot, 'compat/ilp-packet'),
}

/** Compiled files lie at more than one depth: for the tests and for the benches. */
function findRoot(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findRoot(dirname(folder))
}

/** Resolves once the old peers are installed as their lock file says. */
export function installOldPeers(): Promise<void> {
  return installPeers(oldPeersFolder)
}

/** Resolves once the folder's packages are installed as its lock file says. */
export async function installPeers(folder: string): Promise<void> {
  const lockText = await readFile(join(folder, 'package-lock.json'))
  const wanted = createHash('sha256').update(lockText).digest('hex')
  const mark = join(folder, 'node_modules/.installed')
  const latch = join(repositoryRoot, `build/${basename(folder)}.lock`)
  await mkdir(join(repositoryRoot, 'build'), { recursive: true })

  const installed = async (): Promise<boolean> => (await readFile(mark, 'utf8').catch(() => '')) === wanted
  const giveUpAt = Date.now() + installTimeoutMs
  while (!(await installed())) {
    if (Date.now() > giveUpAt) throw new Error(`Another process is still installing; remove ${latch} if there is none`)
    const handle = await open(latch, 'wx').catch(() => undefined)
    if (handle === undefined) {
      await removeIfStale(latch)
      await pause(pollMs)
      continue
    }
    try {
      // Whoever had the latch before may have just installed, and their tests already use it.
      if (!(await installed())) {
        await runNpmCi(folder)
        await writeFile(mark, wanted)
      }
    } finally {
      await handle.close()
      await rm(latch, { force: true })
    }
  }
}

/** A run that was killed leaves its latch behind. */
async function removeIfStale(latch: string): Promise<void> {
  const found = await stat(latch).catch(() => undefined)
  if (found !== undefined && Date.now() - found.mtimeMs > installTimeoutMs) await rm(latch, { force: true })
}

function runNpmCi(folder: string): Promise<void> {
  // An npm that runs us tells its child where its own project is; this install has another.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== 'npm_config_local_prefix'))
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  return new Promise((resolve, reject) => {
    const npm = spawn('npm', args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
    let complaint = ''
    npm.stderr.on('data', (text: Buffer) => (complaint += text.toString()))
    npm.on('error', reject)
    npm.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ci in ${folder} ended with ${code}: ${complaint}`)),
    )
  })
}
