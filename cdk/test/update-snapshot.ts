/** Writes the snapshot: `npm run snapshot --workspace cdk`. Its difference is to be reviewed. */
import * as fs from 'node:fs';
import { SNAPSHOT, defaultTemplate } from './default-template';

fs.writeFileSync(SNAPSHOT, `${JSON.stringify(defaultTemplate(), null, 2)}\n`);
