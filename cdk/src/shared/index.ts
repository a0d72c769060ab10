export { ShippedCode } from './shipped-code';
