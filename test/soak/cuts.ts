/** A short stream whose connections are cut at every byte, by FIN and by RST in turns. `--stride N`: at every Nth byte. */
import { parseArgs } from 'node:util'
import { buyAtEveryCut } from '../exact/every-cut.js'

const { values } = parseArgs({ options: { stride: { type: 'string', default: '1' } } })
const started = performance.now()
const figures = await buyAtEveryCut(Number(values.stride))
console.table(figures.ends)
console.log(JSON.stringify({ ...figures, secondsAll: Math.round((performance.now() - started) / 100) / 10 }))
