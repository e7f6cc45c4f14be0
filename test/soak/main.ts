/** Runs a soak by its name: what is too long for CI. `npm run soak -- NAME [its options]`. */
const SOAKS: Readonly<Record<string, string>> = {
  'kill-shop': 'kill -9 of a shop under load, 200 rounds [--rounds N] [--seed N]',
  'kill-buyer': 'kill -9 of a buyer under load, 200 rounds [--rounds N] [--seed N]',
  'hosted-packets': 'kill -9 of a host of version 2 plugins under load, 200 rounds [--rounds N] [--seed N]',
  cuts: 'a short stream whose connections are cut at every byte [--stride N]',
  strangers: 'a thousand strangers at both ports of a shop while a buyer buys [--strangers N] [--seconds N]',
  sim: 'simulated worlds with every fault, 500 seeds [--seeds N] [--first SEED] [--seconds S] [--lines N]',
  seeds: "the tutorials' programs for a minute [--seconds N] [--only TEXT]",
  'old-peer': 'ten thousand payments each way with the plugin of 2017 [--payments N] [--only TEXT]',
  xrp: 'transfers sent at once over the XRP Ledger, all of which settle [--transfers N] [--close-ms N]',
  packets: 'memory of a host and its holder over a million packets that expire in two seconds [--packets N]',
}

const [name = ''] = process.argv.splice(2, 1)
if (Object.hasOwn(SOAKS, name)) {
  await import(`./${name}.js`)
} else {
  console.error('npm run soak -- NAME [options], where NAME is one of')
  for (const [known, what] of Object.entries(SOAKS)) console.error(`  ${known.padEnd(16)}${what}`)
  process.exitCode = 2
}
