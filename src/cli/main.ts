#!/usr/bin/env node
/** The command `sluice`: runs what was asked for, and says how it ended. */
import { CommanderError } from 'commander'
import { describeError, EXIT, exitCodeOf } from './errors.js'
import { finish } from './options.js'
import { program } from './program.js'

// Who reads our output may leave. What is lost then is only text.
process.stdout.on('error', () => {})

program()
  .parseAsync()
  .catch((error: unknown) => {
    // It has printed what is wrong, or the help or version that was asked for.
    if (error instanceof CommanderError) return finish(error.exitCode === 0 ? EXIT.ok : EXIT.usage)
    process.stderr.write(`sluice: ${describeError(error)}\n`)
    finish(exitCodeOf(error))
  })
