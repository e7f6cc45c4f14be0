export * from './types.js'
export { LinkError } from './errors.js'
export { linkPair, type LinkPair, type LinkPairOptions } from './pair.js'
