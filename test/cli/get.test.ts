/** `sluice get` where it overlaps with curl: what is sent, where the answer goes, and how it ends. Nothing is paid here. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { sluice } from './sluice.js'

let server: Server
let origin: string
let dir: string

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-get-'))
  server = createServer((request, response) => {
    const { url, method, headers } = request
    switch (url) {
      case '/moved':
        response.writeHead(302, { Location: '/echo' }).end('moved')
        return
      case '/loop':
        response.writeHead(302, { Location: '/loop' }).end()
        return
      case '/missing':
        response.writeHead(404, { 'Content-Type': 'text/plain' }).end('no such thing\n')
        return
      case '/priced':
        response.writeHead(402, {
          'Pay-Terms': 'unit=request, price="50", asset="USD", scale=2, window="50", accounts=known',
          Pay: 'interledger-psk 50 example.shop.server.client AAAAAAAAAAAAAAAAAAAAAA',
        })
        response.end('pay first')
        return
      case '/drop':
        request.socket.destroy()
        return
      case '/cut':
        response.writeHead(200, { 'Content-Length': '100' })
        response.write('half', () => request.socket.destroy())
        break
      case '/hang':
        break
      default: {
        let body = ''
        request.setEncoding('latin1').on('data', (part: string) => (body += part))
        request.on('end', () => {
          response.writeHead(200, { 'X-Seen': 'yes' })
          const { accept, 'user-agent': agent, 'content-type': type, 'x-a': a } = headers
          response.end(JSON.stringify({ method, url, body, accept, agent, type, a }))
        })
      }
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  origin = `http://127.0.0.1:${address.port}`
})
after(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(dir, { recursive: true, force: true })
})

async function run(...args: string[]): Promise<{ code: number | string; stdout: string; stderr: string }> {
  const child = sluice(['get', ...args])
  const code = await child.ended
  return { code, stdout: child.stdout, stderr: child.stderr }
}

test('sends method, headers and data, and needs no budget for what is free', async () => {
  const file = join(dir, 'data.txt')
  await writeFile(file, 'b=2\r\n&c=3\n')
  const [plain, posted, custom] = await Promise.all([
    run(`${origin.slice('http://'.length)}/echo?q=1`),
    run(`${origin}/echo`, '-d', 'a=1', '--data', `@${file}`),
    run(`${origin}/echo`, '-X', 'PUT', '-H', 'X-A: b', '-H', 'User-Agent: me', '-H', 'Content-Type: text/x', '-d', 'z'),
  ])
  const echoed = ({ code, stdout, stderr }: typeof plain): Record<string, unknown> => {
    assert.deepEqual([code, stderr], [0, ''])
    return JSON.parse(stdout) as Record<string, unknown>
  }
  assert.deepEqual(echoed(plain), { method: 'GET', url: '/echo?q=1', body: '', accept: '*/*', agent: 'sluice' })
  const { method, body, type } = echoed(posted)
  assert.deepEqual([method, body, type], ['POST', 'a=1&b=2&c=3', 'application/x-www-form-urlencoded'])
  const put = echoed(custom)
  assert.deepEqual([put['method'], put['a'], put['agent'], put['type'], put['body']], ['PUT', 'b', 'me', 'text/x', 'z'])
})

test('follows redirects with -L only, and shows headers with -i and -I', async () => {
  const [stays, follows, loops, heads] = await Promise.all([
    run(`${origin}/moved`, '-i'),
    run(`${origin}/moved`, '-L'),
    run(`${origin}/loop`, '-L'),
    run(`${origin}/echo`, '-I'),
  ])
  assert.match(stays.stdout, /^HTTP\/1\.1 302 Found\r\n[^]*location: \/echo\r\n[^]*\r\n\r\nmoved$/)
  assert.match(follows.stdout, /^\{"method":"GET","url":"\/echo"/)
  assert.equal(loops.code, 47)
  assert.match(heads.stdout, /^HTTP\/1\.1 200 OK\r\n[^]*x-seen: yes\r\n\r\n$/)
})

test('an error page is content, unless --fail says otherwise', async () => {
  const [shown, failed, silent, verbose] = await Promise.all([
    run(`${origin}/missing`),
    run(`${origin}/missing`, '-f'),
    run(`${origin}/missing`, '-f', '-s'),
    run(`${origin}/missing`, '-v'),
  ])
  assert.deepEqual([shown.code, shown.stdout, shown.stderr], [0, 'no such thing\n', ''])
  assert.deepEqual([failed.code, failed.stdout], [22, ''])
  assert.match(failed.stderr, /^sluice: CLI_STATUS: the seller answered 404 Not Found$/m)
  assert.deepEqual([silent.code, silent.stderr], [22, ''])
  assert.match(verbose.stderr, /^> GET \/missing HTTP\/1\.1$[^]*^< HTTP\/1\.1 404 Not Found$/m)
})

test("writes to files, and ends with curl's exit codes", async () => {
  const target = join(dir, 'out')
  const cases: [expected: number, args: string[]][] = [
    [0, [`${origin}/echo`, '-o', target]],
    [23, [`${origin}/echo`, '-o', join(dir, 'no', 'such')]],
    [23, [`${origin}/`, '-O']],
    [26, [`${origin}/echo`, '-d', '@/no/such/file']],
    [28, [`${origin}/hang`, '-m', '0.2']],
    [52, [`${origin}/drop`]],
    [18, [`${origin}/cut`]],
    [2, [`${origin}/echo`, '-I', '-d', 'x']],
    [2, [`${origin}/echo`, '-H', 'no colon']],
    [110, [`${origin}/priced`, '--max-spend', '0.49 USD']],
  ]
  const codes = await Promise.all(cases.map(async ([, args]) => (await run(...args)).code))
  assert.deepEqual(
    codes,
    cases.map(([expected]) => expected),
  )
  assert.match(await readFile(target, 'utf8'), /"method":"GET"/)
  assert.deepEqual((await readdir(dir)).toSorted(), ['data.txt', 'out'])
})

test('--dry-run shows the terms and asks no ledger', async () => {
  const [table, json, free] = await Promise.all([
    run(`${origin}/priced`, '--dry-run'),
    run(`${origin}/priced`, '--dry-run', '--json'),
    run(`${origin}/echo`, '--dry-run', '-X', 'DELETE'),
  ])
  assert.match(table.stdout, /^price +0\.5 USD per request$/m)
  assert.match(table.stdout, /^payment +psk, once, before the response$/m)
  const terms = JSON.parse(json.stdout) as Record<string, unknown>
  assert.deepEqual(
    [json.code, terms['status'], terms['price'], terms['asset'], terms['scale'], terms['accounts']],
    [0, 402, '50', 'USD', 2, 'known'],
  )
  assert.match(free.stdout, /^price +free/m)
})
