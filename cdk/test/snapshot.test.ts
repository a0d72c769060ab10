/**
 * The default template, whole. Logical IDs are a contract: a change replaces a user's resources. A test run never writes
 * the snapshot; `npm run snapshot --workspace cdk` does, and the change is reviewed.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { SNAPSHOT, defaultTemplate } from './default-template';

test('the default template is the one that was reviewed', () => {
  assert.deepEqual(defaultTemplate(), JSON.parse(fs.readFileSync(SNAPSHOT, 'utf8')));
});
