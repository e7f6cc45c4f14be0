export * from './headers.js'
export { payTokenFor, sharedSecretFor } from './pay-token.js'
