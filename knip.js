/** Dead code: what nothing reaches from the package's exports and command, the tests, scripts, benches and examples. */
import { readFileSync } from 'node:fs'

const { exports, bin, imports } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
const built = [exports, bin, imports].flatMap((targets) =>
  Object.values(targets).flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target))),
)
const sources = built
  .filter((path) => path.endsWith('.js'))
  .map((path) => path.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts'))

export default {
  entry: [
    ...new Set(sources),
    'test/**/*.test.ts',
    'test/**/main.ts',
    'test/soak/*.ts',
    'bench/{main,streams-main}.ts',
    'bench/programs/{link,plugin,letter,data,file}-*.ts',
    'examples/*.{ts,js,mjs}',
    'compat/**/*.{js,mjs,d.ts}',
    'scripts/*.mjs',
  ],
  project: ['{src,test,bench,examples,compat,scripts}/**/*.{ts,js,mjs}'],
  ignoreDependencies: ['@arethetypeswrong/cli', 'publint'],
  ignoreExportsUsedInFile: { interface: true, type: true },
}
