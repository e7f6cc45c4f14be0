export { OerError } from './errors.js'
export { Reader } from './reader.js'
export { isTime } from './time.js'
export { Writer } from './writer.js'
