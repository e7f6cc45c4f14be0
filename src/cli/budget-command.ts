/** The options and help of `sluice budget`. */
import type { Command } from 'commander'
import type { SetBudgetOptions, ShowBudgetOptions } from './budget.js'
import { finish } from './options.js'

const DAYS = `
Every sluice get keeps them, beside its own --max-spend. Days are those of UTC, a site is scheme, host and port.`

export function addBudgetCommand(sluice: Command): void {
  const budget = sluice
    .command('budget')
    .description('standing limits of the wallet: what may be spent in a day, and at one site')
    .addHelpText(
      'after',
      `${DAYS}

Examples:
  sluice budget set USD --day 1 --site 0.2
  sluice budget show`,
    )
  budget
    .command('show')
    .description('limits by asset, and what counts against them today')
    .option('--json', 'JSON instead of a table; with what counts by site')
    .addHelpText('after', `${DAYS}\n\nExamples:\n  sluice budget show --json`)
    .action(async (options: ShowBudgetOptions) => {
      const { showBudget } = await import('./budget.js')
      finish(await showBudget(options))
    })
  budget
    .command('set')
    .description('set limits in an asset; those that are not named stay')
    .argument('<asset>', 'such as USD')
    .option('--day <amount>', 'the most in a day, in units of the asset; "none": no limit')
    .option('--site <amount>', 'the most at one site in a day; "none": no limit')
    .addHelpText(
      'after',
      `${DAYS}

Examples:
  sluice budget set USD --day 1 --site 0.2
  sluice budget set USD --day none`,
    )
    .action(async (asset: string, options: SetBudgetOptions) => {
      const { setBudget } = await import('./budget.js')
      finish(await setBudget(asset, options))
    })
}
