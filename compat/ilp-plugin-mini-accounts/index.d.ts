export { IlpPluginMiniAccounts as default } from '../../dist/compat/ilp-plugin-mini-accounts.js'
