export { XrpEscrowPlugin as default } from '../../dist/xrp/index.js'
