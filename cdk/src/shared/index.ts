export { HttpAuth } from './http-auth';
export { ShippedCode } from './shipped-code';
