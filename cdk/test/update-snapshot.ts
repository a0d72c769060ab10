/** Writes the snapshot: `npm run snapshot --workspace cdk`. Review its changes. */
import * as fs from 'node:fs';
import { SNAPSHOT, defaultTemplate } from './default-template';

fs.writeFileSync(SNAPSHOT, `${JSON.stringify(defaultTemplate(), null, 2)}\n`);
