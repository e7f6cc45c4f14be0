export { IlpPluginBtp as default } from '../../dist/compat/ilp-plugin-btp.js'
