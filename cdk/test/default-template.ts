/** The template of a gateway without props, without hashes of assets. */
import * as path from 'node:path';
import { PACKAGE, gatewayTemplate, withoutHashes } from './support';

export const SNAPSHOT = path.join(PACKAGE, 'test', 'default-template.json');

export function defaultTemplate(): unknown {
  return withoutHashes(gatewayTemplate());
}
