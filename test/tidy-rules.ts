/**
 * The rules of style that no other tool checks, one object each, after tigerbeetle's tidy.zig. A rule reads one file;
 * `planted` is a file that breaks it, which tidy.test.ts uses to see that the rule can fail.
 */
import { posix } from 'node:path'

export interface TidyFile {
  /** Relative to the root, with `/` between its parts. */
  readonly path: string
  readonly text: string
}

/** What a rule may ask about the rest. */
export interface TidyTree {
  /** Is there a file or folder of this path? */
  readonly exists: (path: string) => boolean
  /** The names of package.json's scripts. */
  readonly scripts: ReadonlySet<string>
}

export interface TidyRule {
  readonly name: string
  readonly appliesTo: (path: string) => boolean
  /** What is wrong, one line per fault. */
  readonly faults: (file: TidyFile, tree: TidyTree) => readonly string[]
  readonly planted: TidyFile
}

const LINES_MAX = 400

const isSource = (path: string): boolean => path.startsWith('src/') && path.endsWith('.ts')
const isCode = (path: string): boolean => /\.(ts|mjs|cjs|js)$/.test(path)
const isMarkdown = (path: string): boolean => path.endsWith('.md')
const isAny = (): boolean => true
const isProse = (path: string): boolean => !path.endsWith('package-lock.json') && !path.endsWith('.patch')

/** Re-exports and nothing else: the folder's other files say what they are. */
const isOnlyExports = (text: string): boolean =>
  text.replace(/export (\*|(type )?\{[^}]*\})( from '[^']*')?/g, '').trim() === ''

/** A rule that forbids a pattern, line by line. */
function forbid(name: string, appliesTo: TidyRule['appliesTo'], pattern: RegExp, planted: TidyFile): TidyRule {
  return {
    name,
    appliesTo,
    planted,
    faults: ({ text }) =>
      text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${at + 1}: ${line.trim().slice(0, 100)}`] : [])),
  }
}

/** Spelt apart, so that this file does not break the rules that it states. */
const word = (...letters: string[]): string => letters.join('')

export const TIDY_RULES: readonly TidyRule[] = [
  {
    name: 'file and folder names are in kebab-case',
    appliesTo: (path) => /^(src|test|bench|examples|scripts|docs|compat)\//.test(path),
    faults: ({ path }) =>
      path
        .split('/')
        .filter((part) => !/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(part) && part !== 'README.md')
        .map((part) => `${part} is not in kebab-case`),
    planted: { path: 'src/oer/varUint.ts', text: '' },
  },
  {
    name: 'no folder for leftovers',
    appliesTo: isAny,
    faults: ({ path }) =>
      path
        .split('/')
        .filter((part) => /^(utils?|helpers?|common|misc)(\.ts)?$/.test(part))
        .map((part) => `name what is in ${part}`),
    planted: { path: 'src/utils/text.ts', text: '' },
  },
  {
    name: 'source files open with a comment that says what they are',
    appliesTo: (path) => isCode(path) && /^(src|test|bench|examples|scripts)\//.test(path),
    faults: ({ text }) =>
      /^(#!.*\n|'use strict'\n)?\/\*\*?\s[\s\S]*?\*\//.test(text) || isOnlyExports(text)
        ? []
        : ['no /** … */ at the top'],
    planted: { path: 'src/oer/reader.ts', text: "import { x } from './x.js'\n/** late */\n" },
  },
  {
    name: `source files have at most ${LINES_MAX} lines`,
    appliesTo: isSource,
    faults: ({ text }) => {
      const lines = text.split('\n').length - 1
      return lines > LINES_MAX ? [`${lines} lines: which of its jobs can stand alone?`] : []
    },
    planted: { path: 'src/oer/reader.ts', text: '\n'.repeat(LINES_MAX + 1) },
  },
  forbid(
    'nothing is marked as unfinished',
    isProse,
    new RegExp(`\\b(${word('TO', 'DO')}|FIX${'ME'}|X{3}|HA${'CK'})\\b`),
    {
      path: 'docs/guide.md',
      text: `${word('TO', 'DO')}: write this\n`,
    },
  ),
  forbid('no merge was left half done', isAny, /^(<{7}|>{7}|={7})( |$)/, {
    path: 'package.json',
    text: `${'<'.repeat(7)} HEAD\n`,
  }),
  forbid('no test is skipped or focused', isCode, /\.(only|skip|todo)\(|\b(only|skip|todo): *(true|'|")/, {
    path: 'test/oer/reader.test.ts',
    text: `test.${word('sk', 'ip')}('x', () => {})\n`,
  }),
  forbid(
    'no check is switched off',
    isCode,
    /@ts-(ignore|nocheck|expect-error)|(oxlint|eslint|prettier)-(disable|ignore)/,
    {
      path: 'src/oer/reader.ts',
      text: `// @ts-${word('ig', 'nore')}\n`,
    },
  ),
  forbid(
    'no any, enum, namespace or default export in source',
    isSource,
    /: any\b|\bas any\b|<any\b|^\s*(export )?(const )?enum |^(export )?namespace |^export default /,
    {
      path: 'src/oer/reader.ts',
      text: 'export default 1\n',
    },
  ),
  forbid('no trailing space, tab or carriage return', isProse, /[ \t]$|\t|\r/, { path: 'LICENSE', text: 'a \n' }),
  {
    name: 'text ends with one newline',
    appliesTo: isProse,
    faults: ({ text }) => (text === '' || /[^\n]\n$/.test(text) ? [] : ['ends otherwise']),
    planted: { path: 'NOTICE', text: 'a\n\n' },
  },
  forbid('no path of one machine', isAny, /(?<![\w.:/])\/(home|Users|root)\/\w/, {
    path: 'docs/guide.md',
    text: `see ${word('/ho', 'me')}/ann/code\n`,
  }),
  forbid('lock files name no registry', (path) => path.endsWith('package-lock.json'), /"resolved": *"(https?|git)/, {
    path: 'package-lock.json',
    text: '"resolved": "https://registry.example/ws.tgz",\n',
  }),
  {
    name: 'links between documents resolve',
    appliesTo: isMarkdown,
    faults: ({ path, text }, { exists }) =>
      [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/\]\((?!\w+:|#)([^)\s#]+)(#[^)]*)?\)/g)]
        .map((match) => posix.join(posix.dirname(path), match[1] ?? ''))
        .filter((target) => !exists(target.replace(/\/$/, '')))
        .map((target) => `${target} does not exist`),
    planted: { path: 'docs/README.md', text: '[errors](reference/no-such-file.md#x)\n' },
  },
  {
    name: 'commands that documents name are scripts of package.json',
    appliesTo: isMarkdown,
    faults: ({ text }, { scripts }) =>
      [...text.matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)]
        .map((match) => match[1] ?? match[2] ?? '')
        .filter((script) => !scripts.has(script))
        .map((script) => `package.json has no script ${script}`),
    planted: { path: 'README.md', text: 'type `npm run no-such-script`\n' },
  },
  {
    name: 'tests import the package by its name, as users do',
    appliesTo: (path) => /^(test|bench|examples)\//.test(path) && isCode(path),
    faults: ({ text }) =>
      [...text.matchAll(/^[^'"]* from '((?:\.\.\/)+(?:src|dist)\/[^']*)'/gm)].map((match) => `imports ${match[1]}`),
    planted: { path: 'test/oer/reader.test.ts', text: "import { x } from '../../src/oer/reader.js'\n" },
  },
]
